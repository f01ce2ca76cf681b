"""Tasks that belong together."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from reserve_core.kit import until_one_ends


class Work:
    """Runs until it is let go; `ended` says that it is over, however that came."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.ended = False
        self._raises = raises

    async def run(self) -> None:
        self.begun.set()
        try:
            await self.go.wait()
            if self._raises is not None:
                raise self._raises
        finally:
            self.ended = True


async def test_the_end_of_one_is_the_end_of_all() -> None:
    first, second = Work(), Work()
    second.go.set()
    await until_one_ends(first.run(), second.run())
    assert first.begun.is_set()
    assert first.ended
    assert second.ended


async def test_what_one_raises_is_raised_once_all_are_over() -> None:
    first, second = Work(), Work(raises=LookupError("gone"))
    second.go.set()
    with pytest.raises(LookupError, match="gone"):
        await until_one_ends(first.run(), second.run())
    assert first.ended


async def test_whoever_is_cancelled_ends_them_all() -> None:
    works = [Work(), Work()]
    task = asyncio.create_task(until_one_ends(*(work.run() for work in works)))
    for work in works:
        await work.begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert all(work.ended for work in works)
