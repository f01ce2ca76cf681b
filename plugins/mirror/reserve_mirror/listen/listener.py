"""Sends what comes to a mirror on, in its order and at least once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..json_shapes import Mirror, MirrorMessage
from ..store import is_after
from .delivery import pauses
from .forwarder import Forwarder
from .mirror_api import MirrorAway

if TYPE_CHECKING:
    from .cursor_file import CursorFile


class MirrorListener:
    """Sends on what comes to a mirror and meets the conditions. Where it stands is in the file.

    `begin` is the id after which it starts where the file says nothing; None: from now on.
    """

    def __init__(
        self,
        forwarder: Forwarder,
        file: CursorFile,
        begin: str | None,
    ) -> None:
        self._forwarder = forwarder
        self._api = forwarder.api
        self._report = forwarder.report
        self._file = file
        self._begin = begin
        self._ahead: Mirror | None = None  # the mirror as it was, until all it kept then is passed

    @property
    def has_begun(self) -> bool:
        """Whether the mirror has been there, in this run or an earlier one."""
        return self._file.cursor.after is not None

    async def run(self, *, once: bool) -> None:
        """Sends on what comes, or `once` what is there. Raises `MirrorGone`, and `MirrorAway` if `once`."""
        waiting = pauses()
        while True:
            try:
                mirror = await self._api.mirror()
                self._go_on(mirror)
                if once and self._has_passed(mirror["newest"]):
                    return
                async with aclosing(self._api.follow(self._file.cursor.after or "")) as messages:
                    async for message in messages:
                        waiting = pauses()
                        await self._take(message)
                        if once and self._has_passed(mirror["newest"]):
                            return
            except MirrorAway as error:
                if once:
                    raise
                self._report.in_the_way(f"The mirror doesn't respond: {error}")
            await asyncio.sleep(next(waiting))

    def _go_on(self, mirror: Mirror) -> None:
        """Begins, or goes on, with a mirror that is there."""
        cursor = self._file.cursor
        self._report.goes_on()
        if cursor.after is None:
            cursor.created = mirror["created"]
            cursor.after = mirror["newest"] if self._begin is None else self._begin
            if self._begin is None:
                cursor.passed = mirror["received"]
                if mirror["count"]:
                    self._report.say(f"{mirror['count']} came before: --from-start sends them on, too")
        elif cursor.created != mirror["created"]:
            self._report.made_anew()
            cursor.created, cursor.after, cursor.passed = mirror["created"], "", 0
        self._file.save()
        self._ahead = mirror
        self._count_lost()

    async def _take(self, message: MirrorMessage) -> None:
        if message["type"] == "hello":
            self._ahead = message["mirror"]
            self._count_lost()
        elif message["type"] == "request":
            summary = message["request"]
            if self._ahead is not None and is_after(summary["id"], self._ahead["newest"]):
                self._file.cursor.after = self._ahead["newest"]  # which was deleted meanwhile
                self._count_lost()
            forwarded = await self._forwarder.deliver(summary)
            self._file.cursor.after = summary["id"]
            if self._file.cursor.passed is not None:
                self._file.cursor.passed += 1
            self._file.save()
            if forwarded is not None:
                await self._forwarder.tell(summary["id"], forwarded)
            self._count_lost()

    def _has_passed(self, request_id: str) -> bool:
        return not is_after(request_id, self._file.cursor.after or "")

    def _count_lost(self) -> None:
        """When all is passed that the mirror had kept, what it has received besides is lost."""
        if self._ahead is None or not self._has_passed(self._ahead["newest"]):
            return
        cursor, received = self._file.cursor, self._ahead["received"]
        self._ahead = None
        if cursor.passed is not None and cursor.passed < received:
            self._report.lost(received - cursor.passed)
        cursor.passed = received
        self._file.save()
