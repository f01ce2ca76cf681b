"""What all connections of a server share."""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from .runner import Runner

if TYPE_CHECKING:
    from ..errors import HTTPError
    from ..limits import Limits
    from .connection import Connection
    from .request import Request
    from .response import Response

logger: logging.Logger = logging.getLogger("reserve")

# File descriptors, at most, that new connections leave free for what requests open.
RESERVED = 64
# Seconds between two warnings that there are too few.
SILENCE = 60.0


class ServerState:
    """The runner of requests, the limits, the clock, and the open connections.

    `refused` is called for each request that a connection refuses, which never reaches the handler.
    """

    def __init__(
        self,
        handle: Callable[[Request, Response], Coroutine[Any, Any, None]],
        refused: Callable[[Request, HTTPError], None],
        limits: Limits,
        scheme: str,
    ) -> None:
        self.runner: Runner = Runner(handle)
        self.refused = refused
        self.limits: Limits = limits
        self.scheme: str = scheme
        self.connections: set[Connection] = set()
        self.closing: bool = False
        # Seconds of the loop's clock and the Date line, both renewed by `tick`: no clock is read per request.
        self.now: float = 0.0
        self.date: str = ""
        self._second = 0
        # The highest file descriptor that a new connection may have. The system gives the lowest that is free.
        self._highest = 0
        self._warned = -SILENCE

    def admit(self, connection: Connection, descriptor: int) -> bool:
        """Adds a new connection to those that `tick` checks; False if there is no room for it."""
        if self.closing or len(self.connections) >= self.limits.max_connections:
            return False
        if descriptor > self._highest:
            self.warn_of_descriptors()
            return False
        self.connections.add(connection)
        return True

    def warn_of_descriptors(self) -> None:
        """Warns, once in `SILENCE` seconds, that connections are refused because there are too few file descriptors."""
        if self.now >= self._warned + SILENCE:
            self._warned = self.now
            logger.warning(
                "Too few file descriptors for %d connections: more are refused until others end. "
                "Allow the process more (ulimit -n), or lower the limit max-connections",
                len(self.connections),
            )

    def tick(self, now: float, time: float) -> None:
        """Closes connections whose deadline has passed. Called twice a second: `now` is the loop's time, `time` the
        epoch's."""
        self.now = now
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._highest = sys.maxsize if limit == resource.RLIM_INFINITY else limit - 1 - min(RESERVED, limit // 4)
        if int(time) != self._second:
            self._second = int(time)
            self.date = f"date: {formatdate(self._second, usegmt=True)}\r\n"
        for connection in [each for each in self.connections if each.deadline <= now or each.writing]:
            connection.check_time(now)
