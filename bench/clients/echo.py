"""WebSockets that get back what they send: each sends its next message when it has the one before."""

from __future__ import annotations

import asyncio
from functools import partial
from time import perf_counter
from typing import cast

import uvloop

from ..peers import HOST
from ..results import Load, Refused
from .base import WITHIN, Client, Request, percentile
from .websocket import PING, PONG, TEXT, client_frame, handshake, server_frame, take_frames, take_head, upgraded


class Echo(Client):
    """Sends `sent` as text, and awaits `body`: 125 bytes at most."""

    def check(self, port: int, request: Request) -> None:
        self.load(port, request, 1, 0)

    def load(self, port: int, request: Request, connections: int, seconds: float) -> Load:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(_load(port, request, connections, seconds))
        except OSError as error:  # also TimeoutError
            raise Refused(f"fails with {connections} WebSockets open: {error!r}") from error


async def _load(port: int, request: Request, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    course = _Course(request, connections)
    hello = handshake(port, request.path)
    transports: list[asyncio.Transport] = []
    try:
        for _ in range(connections):
            transport, _ = await loop.create_connection(partial(_Socket, course, hello), HOST, port)
            transports.append(transport)
        started = perf_counter()
        loop.call_later(seconds, course.stop)
        async with asyncio.timeout(seconds + WITHIN):
            await course.ended
        took = perf_counter() - started
    finally:
        course.ended.cancel()  # from now on a WebSocket that is closed is no failure
        for transport in transports:
            transport.abort()
    return Load(len(course.times), took, percentile(course.times, 0.5), percentile(course.times, 0.99))


class _Course:
    """What all WebSockets share: the message, the times of its returns in milliseconds, and the end."""

    def __init__(self, request: Request, connections: int) -> None:
        self.message = client_frame(TEXT, request.sent)
        self.echo = server_frame(TEXT, request.body)
        self.times: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connections = connections
        self._stopped = False

    def stop(self) -> None:
        """No message is sent any more; those that are on their way are awaited."""
        self._stopped = True

    def goes_on(self) -> bool:
        """Asked by a WebSocket that has its message back."""
        if self._stopped:
            self._connections -= 1
            if not self._connections and not self.ended.done():
                self.ended.set_result(None)
        return not self._stopped

    def fail(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(Refused(reason))


class _Socket(asyncio.Protocol):
    def __init__(self, course: _Course, hello: bytes) -> None:
        self._course = course
        self._handshake = hello
        self._upgraded = False
        self._buffer = bytearray()
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's isn't an instance of it
        self._transport.write(self._handshake)

    def data_received(self, data: bytes) -> None:
        if data == self._course.echo and not self._buffer:  # nearly always: the client has to be faster than the server
            self._take_echo()
            return
        self._buffer += data
        if not self._upgraded and not self._upgrade():
            return
        for opcode, payload in take_frames(self._buffer):
            if opcode == PING:
                self._transport.write(client_frame(PONG, payload))
            elif server_frame(opcode, payload) == self._course.echo:
                self._take_echo()
            else:
                self._course.fail(f"sends another message back: {payload[:40]!r}")

    def connection_lost(self, error: Exception | None) -> None:
        self._course.fail("closes a WebSocket")

    def _upgrade(self) -> bool:
        line = take_head(self._buffer)
        self._upgraded = upgraded(line)
        if self._upgraded:
            self._send()
        elif line:
            self._course.fail(f"refuses a WebSocket: {line}")
        return self._upgraded

    def _send(self) -> None:
        self._sent = perf_counter()
        self._transport.write(self._course.message)

    def _take_echo(self) -> None:
        self._course.times.append((perf_counter() - self._sent) * 1000)
        if self._course.goes_on():
            self._send()
