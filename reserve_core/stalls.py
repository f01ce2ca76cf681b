"""Notices handlers that hold the event loop, and with it all other requests.

A thread schedules a callback on the loop ten times a second. While the callback hasn't run, the thread looks which
request is running: requests pay nothing for it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from .failures import place, stack

if TYPE_CHECKING:
    from .http import Request

logger: logging.Logger = logging.getLogger("reserve")

# Seconds: between two looks; that the loop is held until a request is blamed; until that is logged while it goes on.
LOOK = 0.1
LIMIT = 0.5
LONG = 5.0

# Finds the request that a task works on, None if it's none of a server's.
Find = Callable[["asyncio.Task[None]"], "Request | None"]

_watchdogs: dict[asyncio.AbstractEventLoop, _Watchdog] = {}
_helpers: WeakKeyDictionary[asyncio.Task[None], Request] = WeakKeyDictionary()


def watch(find: Find) -> Callable[[], None]:
    """Warns of requests that hold the running event loop for more than half a second. Returns what ends it."""
    loop = asyncio.get_running_loop()
    if loop not in _watchdogs:
        _watchdogs[loop] = _Watchdog(loop)
    watchdog = _watchdogs[loop]
    watchdog.finds.append(find)

    def end() -> None:
        watchdog.finds.remove(find)
        if not watchdog.finds:
            watchdog.ended.set()
            del _watchdogs[loop]

    return end


def helps(request: Request) -> None:
    """The current task works on `request`, beside the request's own one."""
    task = asyncio.current_task()
    if task is not None:
        _helpers[task] = request


class _Culprit(NamedTuple):
    """Whose request holds the loop, and where in the code and by which mapping."""

    request: str
    where: str


class _Watchdog:
    """The thread that watches one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.finds: list[Find] = []
        self.ended = threading.Event()
        self._loop = loop
        self._thread_id = threading.get_ident()  # of the loop
        self._callback_has_run = True
        threading.Thread(target=self._watch, name="reserve-stalls", daemon=True).start()

    def _run(self) -> None:
        self._callback_has_run = True

    def _watch(self) -> None:
        held = 0.0  # seconds since the callback should have run
        culprit: _Culprit | None = None
        told = False
        now, used = time.monotonic(), time.process_time()
        while not self.ended.wait(LOOK):
            passed, now = time.monotonic() - now, time.monotonic()
            worked, used = time.process_time() - used, time.process_time()
            if self._callback_has_run:
                if culprit:
                    logger.warning("%s has held up all others for %.1f s%s", culprit.request, held, culprit.where)
                held, culprit, told = 0.0, None, False
                self._callback_has_run = False
                try:
                    self._loop.call_soon_threadsafe(self._run)
                except RuntimeError:  # it is closed
                    return
                continue
            # This thread wakes up too late when code keeps the interpreter busy, or when the whole machine is: the
            # latter is no fault of a request.
            if passed < 2 * LOOK or worked > passed / 2:
                held += passed
            if culprit is None and held > LIMIT - LOOK:
                culprit = self._culprit()
            elif culprit is not None and held > LONG and not told:
                told = True
                logger.warning("%s holds up all others, for %.0f s so far%s", culprit.request, held, culprit.where)

    def _culprit(self) -> _Culprit | None:
        """Who runs now, None if it isn't a request."""
        task = asyncio.current_task(self._loop)
        request = self._request(task) if task is not None else None
        frame = sys._current_frames().get(self._thread_id)
        if request is None or self._callback_has_run:
            return None
        where = place(stack(frame))
        by = f", by {request.mapping.label}" if request.mapping is not None else ""
        # A query may hold secrets.
        name = f"{request.method} {request.url.partition('?')[0]}"
        return _Culprit(name, f"{f' ({where})' if where else ''}{by}")

    def _request(self, task: asyncio.Task[None]) -> Request | None:
        return next((request for find in self.finds if (request := find(task)) is not None), _helpers.get(task))
