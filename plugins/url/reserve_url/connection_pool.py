"""Connections that are kept for the next request, and how many there may be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from .upstream_connection import UpstreamConnection
from .upstream_errors import UpstreamBusyError, UpstreamError
from .upstream_url import Origin

DialOrigin = Callable[[Origin], Awaitable[UpstreamConnection]]

# Origins without connections are forgotten when there are more than so many: clients may choose them.
MAX_ORIGINS = 1000


class ConnectionPool:
    """Connections that are opened in the same way: at most `limit` to each origin, and as many unused ones in all.

    Who finds none waits for `patience` seconds.
    """

    def __init__(self, dial: DialOrigin, limit: int, patience: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.dial = dial
        self.limit = limit
        self.patience = patience
        self.idle = 0
        self._origins: dict[Origin, OriginConnections] = {}

    def to(self, origin: Origin) -> OriginConnections:
        connections = self._origins.get(origin)
        if connections is None:
            if len(self._origins) >= MAX_ORIGINS:
                self._origins = {origin: found for origin, found in self._origins.items() if found.count}
            connections = self._origins[origin] = OriginConnections(self, origin)
        return connections

    def close(self) -> None:
        """Closes the connections that aren't in use, and keeps none from now on."""
        self.limit = 0
        for connections in self._origins.values():
            connections.close_idle()


class OriginConnections:
    """The connections to one origin."""

    def __init__(self, pool: ConnectionPool, origin: Origin) -> None:
        self.count = 0  # open, being opened, or promised to who waits
        self._pool = pool
        self._origin = origin
        self._idle: list[UpstreamConnection] = []
        self._waiters: deque[asyncio.Future[UpstreamConnection | None]] = deque()

    def take(self, *, surely: bool) -> UpstreamConnection | None:
        """The unused connection that was used last, if there is one.

        `surely`: it has to be open now, as the request can't be sent again. That costs a system call.
        """
        while self._idle:
            upstream = self._idle.pop()
            self._pool.idle -= 1
            upstream.idle = False
            if upstream.reusable and (not surely or upstream.silent):
                return upstream
            upstream.abort()
        return None

    async def connect(self) -> UpstreamConnection:
        """A new connection; or the next one that isn't needed any more, when there may be no new one.

        Raises `UpstreamError`.
        """
        while self.count >= self._pool.limit:
            upstream = await self._wait()
            if upstream is None:
                break
            if upstream.reusable and upstream.silent:
                return upstream
            upstream.abort()
        else:
            self.count += 1
        try:
            upstream = await self._pool.dial(self._origin)
            if not upstream.reusable:
                upstream.abort()
                raise UpstreamError("it closed the connection, or sent something, before it was sent a request")
        except BaseException:
            self._give_room()
            raise
        upstream.on_lost = self._lost
        return upstream

    def release(self, upstream: UpstreamConnection) -> None:
        """Keeps the connection for others, or cuts it if its exchange hasn't come to a good end."""
        if not upstream.reusable:
            upstream.abort()
        elif (waiter := self._next_waiter()) is not None:
            waiter.set_result(upstream)
        elif self._pool.idle >= self._pool.limit:
            upstream.close()
        else:
            upstream.park()
            self._idle.append(upstream)
            self._pool.idle += 1

    def detach(self, upstream: UpstreamConnection) -> None:
        """The connection doesn't count any more: it carries a tunnel to its end."""
        upstream.on_lost = None
        self._give_room()

    def close_idle(self) -> None:
        while self._idle:
            self._pool.idle -= 1
            self._idle.pop().close()

    def _lost(self, upstream: UpstreamConnection) -> None:
        if upstream in self._idle:
            self._idle.remove(upstream)
            self._pool.idle -= 1
        self._give_room()

    def _give_room(self) -> None:
        """One connection less: who waits may open another one."""
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(None)
        else:
            self.count -= 1

    def _next_waiter(self) -> asyncio.Future[Any] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    async def _wait(self) -> UpstreamConnection | None:
        """A connection that was released, or None: there is room for a new one, and it counts already."""
        waiter = self._pool.loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._pool.patience):
                upstream: UpstreamConnection | None = await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # It came in the moment in which nobody waited any more.
                if waiter.result() is None:
                    self._give_room()
                else:
                    self.release(waiter.result())
            if isinstance(error, TimeoutError):
                raise UpstreamBusyError(f"all {self._pool.limit} connections to it are in use") from error
            raise
        return upstream
