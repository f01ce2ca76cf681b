"""The clock of an event loop in a test's hands: what takes its time takes none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from tests.kit.waiting import PATIENCE

T = TypeVar("T")


class Clock:
    """Of the loop that runs, which must be Python's own. Put forward, all timers that are due by then go off."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._real = self._loop.time
        self._ahead = 0.0
        self._loop.time = self._now  # type: ignore[method-assign]

    def _now(self) -> float:
        return self._real() + self._ahead

    async def forward(self, seconds: float) -> None:
        """Lets time pass, and what is on its way arrive.

        What the test itself waits for meanwhile must have the patience.
        """
        assert seconds < PATIENCE
        self._ahead += seconds
        await asyncio.sleep(0.01)

    async def hurry(self, what: Awaitable[T]) -> T:
        """What comes when time passes: ten times as much as else, and more."""
        coming = asyncio.ensure_future(what)
        while not coming.done():
            self._ahead += 0.1
            await asyncio.sleep(0.001)
        return await coming
