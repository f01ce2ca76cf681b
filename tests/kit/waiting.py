"""How long a test waits for what must come, and how.

A right machine never waits that long, however busy: a test that fails does. No test may show anything by it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60  # seconds; the `timeout` of pytest leaves room for two of them


async def until(condition: Callable[[], object], pause: float = 0.005) -> None:
    """Waits until `condition()` holds; looks every `pause` seconds, 0 for each turn of the event loop.

    TimeoutError: it never did.
    """
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(pause)


async def settled(value: Callable[[], int], pause: float = 0.02) -> int:
    """The value once it has come to rest: greater than 0, and the same for ten looks.

    TimeoutError: it never did.
    """
    seen = [0]
    async with asyncio.timeout(PATIENCE):
        while not seen[-1] or len(seen) < 10 or len(set(seen[-10:])) > 1:
            await asyncio.sleep(pause)
            seen.append(value())
    return seen[-1]


def wait_until(condition: Callable[[], object], pause: float = 0.02) -> None:
    """`until` where no event loop runs: for what another process or thread does.

    TimeoutError: it never did.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(pause)
