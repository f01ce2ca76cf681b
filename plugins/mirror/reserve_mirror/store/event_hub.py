"""The events of mirrors, on their way to the pages and waiters of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from reserve_core.kit import Waiter

from .interface import Unavailable
from .mirror_event import MirrorEvent

# What may wait for one watcher, in events and in characters. More means that it has to look at the store again.
MAX_EVENTS = 256
MAX_SIZE = 1024 * 1024
# Watchers of a process: pages that are open, and those who wait.
MAX_WATCHERS = 5000


class EventQueue:
    """The events of one mirror for one watcher, bounded."""

    def __init__(self) -> None:
        self._events: deque[MirrorEvent] = deque()
        self._size = 0
        self._lost = False
        self._waiter = Waiter("The events of a mirror")

    async def next(self) -> MirrorEvent | None:
        """The next event; None when some were lost: then the store knows what is."""
        while not self._events and not self._lost:
            await self._waiter.wait()
        if self._lost:
            self._lost = False
            return None
        event = self._events.popleft()
        self._size -= len(event.text)
        return event

    def put(self, event: MirrorEvent) -> None:
        if self._lost:
            return
        self._events.append(event)
        self._size += len(event.text)
        if len(self._events) > MAX_EVENTS or self._size > MAX_SIZE:
            self.lose()
        else:
            self._waiter.wake()

    def lose(self) -> None:
        """Forgets the events that wait, and has the watcher look at the store."""
        self._events.clear()
        self._size = 0
        self._lost = True
        self._waiter.wake()


Join = Callable[[str], Awaitable[None]]


class EventHub:
    """Hands the events of mirrors to their watchers.

    `join` is called with the code of a mirror before it is watched, `leave` when nobody watches it any more: a store
    whose events come from elsewhere subscribes to them there.
    """

    def __init__(self, join: Join | None = None, leave: Callable[[str], None] | None = None) -> None:
        self._join = join
        self._leave = leave
        self._queues: dict[str, set[EventQueue]] = {}
        self._count = 0

    @property
    def codes(self) -> list[str]:
        """The mirrors that are watched."""
        return list(self._queues)

    def is_watched(self, code: str) -> bool:
        return code in self._queues

    @asynccontextmanager
    async def watch(self, code: str) -> AsyncIterator[EventQueue]:
        """Watches a mirror: all that happens to it from now on is an event.

        Raises `Unavailable` when there are too many watchers, and what `join` raises.
        """
        if self._count >= MAX_WATCHERS:
            raise Unavailable("Too many pages are open: try again later")
        self._count += 1
        queue = EventQueue()
        queues = self._queues.setdefault(code, set())
        queues.add(queue)
        try:
            if self._join is not None:
                await self._join(code)
            yield queue
        finally:
            self._count -= 1
            queues.discard(queue)
            if not queues and self._queues.get(code) is queues:
                del self._queues[code]
                if self._leave is not None:
                    self._leave(code)

    def publish(self, code: str, event: MirrorEvent) -> None:
        """Tells the watchers of a mirror."""
        for queue in self._queues.get(code, ()):
            queue.put(event)

    def lose(self, codes: Iterable[str]) -> None:
        """Events of these mirrors may have been lost: their watchers have to look at the store."""
        for code in codes:
            for queue in self._queues.get(code, ()):
                queue.lose()
