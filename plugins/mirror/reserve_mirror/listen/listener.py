"""Sends what comes to a mirror on, in its order and at least once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..conditions import RequestConditions
from ..json_shapes import ListenerResponse, Mirror, MirrorMessage, RequestSummary
from ..sending.outgoing_request import request_target, why_not_whole
from ..store import is_after
from .delivery import Delivery, Undelivered, forwarded_response, pauses
from .mirror_api import MirrorAPI, MirrorAway

if TYPE_CHECKING:
    from .cursor_file import CursorFile
    from .listen_report import ListenReport


class MirrorListener:
    """Sends on what comes to a mirror and meets the conditions. Where it stands is in the file.

    `begin` is the id after which it starts where the file says nothing; None: from now on.
    """

    def __init__(
        self,
        api: MirrorAPI,
        file: CursorFile,
        delivery: Delivery,
        report: ListenReport,
        conditions: RequestConditions,
        begin: str | None,
    ) -> None:
        self._api = api
        self._file = file
        self._delivery = delivery
        self._report = report
        self._conditions = conditions
        self._begin = begin
        self._ahead: Mirror | None = None  # the mirror as it was, until all it kept then is passed

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
            forwarded = await self._deliver(summary)
            self._file.cursor.after = summary["id"]
            if self._file.cursor.passed is not None:
                self._file.cursor.passed += 1
            self._file.save()
            if forwarded is not None:
                await self._tell(summary["id"], forwarded)
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

    async def _tell(self, request_id: str, forwarded: ListenerResponse) -> None:
        """Has the mirror keep what came of a request. It is sent on, whatever comes of this."""
        try:
            await self._api.keep_response(request_id, forwarded)
        except MirrorAway as error:
            self._report.not_kept(str(error))

    async def _deliver(self, summary: RequestSummary) -> ListenerResponse | None:
        """Sends a request on if it is whole and one of those that are meant, and returns what came of it. Raises
        `MirrorAway`.
        """
        if self._conditions.judge(summary) is False:
            return None
        try:
            body = await self._body(summary)
            if await self._conditions.body_misses(summary, body):
                return None
            response, tries = await self._delivery.deliver(summary, body, self._report.in_the_way)
        except (LookupError, Undelivered) as error:
            self._report.skipped(summary, str(error.args[0]))
            return None
        target = request_target(summary, self._delivery.to)
        self._report.delivered(summary, target, response, tries)
        return forwarded_response(f"{self._delivery.to.scheme}://{self._delivery.to.netloc}{target}", response)

    async def _body(self, summary: RequestSummary) -> bytes:
        """The whole body of a request. Raises LookupError, saying why there is none, and `MirrorAway`."""
        body = await self._api.body(summary["id"]) if summary["size"] else b""
        reason = why_not_whole(summary, body)
        if reason:
            raise LookupError(reason)
        return body
