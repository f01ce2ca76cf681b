"""Sends on its part of what comes to a mirror that several listeners share."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from secrets import token_hex

from ..group_shapes import GroupTurnTaken, GroupTurnWanted
from ..json_shapes import RequestSummary
from .delivery import pauses
from .forwarder import Forwarder
from .mirror_api import MirrorAway

# How often a lease is renewed in its time: two of them may get lost.
_RENEWALS = 3


class GroupListener:
    """A listener of the group with this name. The mirror knows where the group stands, and who has which request.

    `begin` is the id after which a group starts that is new, or "now".
    """

    def __init__(self, forwarder: Forwarder, group: str, begin: str) -> None:
        self._forwarder = forwarder
        self._api = forwarder.api
        self._report = forwarder.report
        self._group = group
        self._turn = GroupTurnWanted(listener=token_hex(8), done="", begin=begin)
        self._waiting = pauses()
        self._news = asyncio.Event()  # there may be something to do
        self.has_begun = False

    async def run(self, *, once: bool) -> None:
        """Sends on what comes, or `once` until nothing is left to take. Raises `MirrorGone`, and `MirrorAway` if
        `once`.
        """
        while True:
            try:
                newest = (await self._api.mirror())["newest"]
                if once:
                    await self._send_all()
                    return
                await self._send_what_comes(newest)
            except MirrorAway as error:
                if once:
                    raise
                self._report.in_the_way(f"The mirror doesn't respond: {error}")
            await asyncio.sleep(next(self._waiting))

    async def _send_what_comes(self, newest: str) -> None:
        """Sends on what is there and what comes, as long as the mirror tells of it. Raises `MirrorAway`."""
        watch = asyncio.create_task(self._watch(newest))
        try:
            while not watch.done():
                self._news.clear()
                await self._wait(await self._send_all())
            await watch
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _send_all(self) -> float | None:
        """Sends on until nothing is left to take. Returns the seconds after which there may be something, None: after
        none.
        """
        while True:
            taken = await self._take()
            self._report.goes_on()
            if taken["request"] is None:
                return taken["retry_after"]
            await self._send_on(taken["request"], taken["lease"])

    async def _watch(self, newest: str) -> None:
        """Notices what comes, until the connection ends."""
        try:
            async with aclosing(self._api.follow(newest)) as messages:
                async for message in messages:
                    if message["type"] in ("hello", "request"):
                        self._waiting = pauses()
                        self._news.set()
        finally:
            self._news.set()

    async def _wait(self, timeout: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._news.wait()

    async def _take(self) -> GroupTurnTaken:
        """Gives back what is done, and gets the next request, or the one in hand for longer."""
        taken = await self._api.take_turn(self._group, self._turn)
        self.has_begun = True
        # If the mirror is made anew, all that it has came after the beginning.
        self._turn["done"] = self._turn["begin"] = ""
        if taken["lost"]:
            self._report.lost(taken["lost"])
        return taken

    async def _send_on(self, summary: RequestSummary, lease: float) -> None:
        keeping = asyncio.create_task(self._keep(lease))
        try:
            forwarded = await self._forwarder.deliver(summary)
            if forwarded is not None:
                await self._forwarder.tell(summary["id"], forwarded)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        self._turn["done"] = summary["id"]

    async def _keep(self, lease: float) -> None:
        """Keeps the request in hand, however long it takes."""
        while True:
            await asyncio.sleep(lease / _RENEWALS)
            with suppress(MirrorAway):
                await self._take()
