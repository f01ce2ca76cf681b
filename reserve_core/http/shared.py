"""What all connections of a server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import HTTPError
    from ..limits import Limits
    from .connection import Connection
    from .request import Request
    from .response import Response


class Shared:
    """The handler of requests, the limits, the clock, and the connections and tasks there are.

    `refused` is told of the requests that a connection refuses, which never reach the handler.
    """

    def __init__(
        self,
        handle: Callable[[Request, Response], Coroutine[None, None, None]],
        refused: Callable[[Request, HTTPError], None],
        limits: Limits,
        scheme: str,
    ) -> None:
        self.handle = handle
        self.refused = refused
        self.limits = limits
        self.scheme = scheme
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.closing = False
        # Seconds of the loop's clock and the Date line, both renewed by `tick`: no clock is read per request.
        self.now = 0.0
        self.date = ""
        self._second = 0

    def tick(self, now: float, time: float) -> None:
        """To be called about twice a second: ends what took too long. `now` is the loop's time, `time` the epoch's."""
        self.now = now
        if int(time) != self._second:
            self._second = int(time)
            self.date = f"date: {formatdate(self._second, usegmt=True)}\r\n"
        for connection in [each for each in self.connections if each.deadline <= now or each.writing]:
            connection.check_time(now)
