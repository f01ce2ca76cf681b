"""Senders to many mirrors, who know what was acknowledged to them: each request has a path of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.hostile.client import Client
from tests.kit.waiting import PATIENCE

SENDERS = 12
AT_ONCE = 8  # requests that a sender sends in one piece
PAUSE = 0.02  # seconds that a sender waits after one that failed

Capture = tuple[str, str]  # a mirror's code, and a path


class Stored(NamedTuple):
    """What is stored, against what was acknowledged."""

    lost: int
    twice: int
    unknown: int  # never sent


class CaptureLoad:
    """Sends to all `codes` at `port` in turn, until `wanted` requests were acknowledged and nobody looks any more."""

    def __init__(self, port: int, codes: Sequence[str], wanted: int) -> None:
        self.acknowledged: list[Capture] = []
        self.refused: set[Capture] = set()  # with 503
        self.failed: set[Capture] = set()  # in any other way: the connection was lost, or a proxy's was
        self._last: dict[str, float] = {}  # when each mirror has acknowledged something last, by the monotonic clock
        self._port = port
        self._codes = codes
        self._wanted = wanted
        self._captures = ((code, f"/{n}") for n, code in enumerate(itertools.cycle(codes)))
        self._observed = True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Meanwhile it sends; at the end all that is wanted was acknowledged."""
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send())
            yield
            self._observed = False

    async def reaches(self, count: int) -> None:
        """Waits until so many were acknowledged."""
        async with asyncio.timeout(2 * PATIENCE):
            while len(self.acknowledged) < count:
                await asyncio.sleep(0.005)

    async def goes_on(self, codes: Sequence[str], since: float) -> float:
        """Waits until each of these mirrors has acknowledged something since then, a time of the monotonic clock.

        Returns how many seconds after it that was.
        """
        async with asyncio.timeout(PATIENCE):
            while any(self._last.get(code, 0.0) <= since for code in codes):
                await asyncio.sleep(0.005)
        return time.monotonic() - since

    async def stored(self) -> Stored:
        """Looks at what is stored."""
        found: Counter[Capture] = Counter()
        async with Client(self._port) as client:
            for code in self._codes:
                after = ""
                while requests := await _requests(client, code, after):
                    after = requests[-1]["id"]
                    found.update((code, request["path"]) for request in requests)
        acknowledged = set(self.acknowledged)
        assert len(acknowledged) == len(self.acknowledged)
        # What failed may be there all the same: the reply of Redis was lost, not the capture.
        known = acknowledged | self.refused | self.failed
        twice = sum(1 for count in found.values() if count > 1)
        return Stored(len(acknowledged - found.keys()), twice, len(found.keys() - known))

    def told(self, stored: Stored) -> str:
        """What was found, in words."""
        return (
            f"of {len(self.acknowledged):,} acknowledged {stored.lost:,} lost, {stored.twice} twice;"
            f" {len(self.refused):,} got 503"
        )

    async def _send(self) -> None:
        while self._observed or len(self.acknowledged) < self._wanted:
            captures = list(itertools.islice(self._captures, AT_ONCE))
            client = Client(self._port)
            try:
                await client.open()
                while self._observed or len(self.acknowledged) < self._wanted:
                    await self._ask(client, captures)
                    captures = list(itertools.islice(self._captures, AT_ONCE))
            except (EOFError, OSError):
                self.failed.update(captures)
                await asyncio.sleep(PAUSE)
            finally:
                client.close()

    async def _ask(self, client: Client, captures: list[Capture]) -> None:
        targets = [f"/r/{code}{path}".encode() for code, path in captures]
        for capture, answer in zip(captures, await client.ask_all(targets, b"body of " + targets[0]), strict=True):
            if answer.status == 200:
                self.acknowledged.append(capture)
                self._last[capture[0]] = time.monotonic()
            else:
                (self.refused if answer.status == 503 else self.failed).add(capture)
        if answer.status != 200:
            await asyncio.sleep(PAUSE)


async def _requests(client: Client, code: str, after: str) -> list[dict[str, str]]:
    answer = await client.ask(f"/api/mirrors/{code}/requests?limit=1000&after={after}".encode())
    assert answer.status == 200, answer
    requests: list[dict[str, str]] = json.loads(answer.body)["requests"]
    return requests
