"""A stream of captures to many open pages: how long it takes until the last page has each."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import cast

import uvloop

from ..peers import HOST
from ..results import Load, Refused
from .base import WITHIN, Client, Request, percentile
from .websocket import PING, PONG, TEXT, client_frame, handshake, take_frames, take_head, upgraded

LEAST = 50  # captures in a round


@dataclass(frozen=True, slots=True)
class FanOut(Client):
    """Sends captures one after another, each when all pages that `follow` have the one before.

    The connections are the pages. The times are those from the response until the last page has the message; 0 if it
    had it before. A page that is closed or misses a message is refused.
    """

    follow: str  # the path of the WebSocket

    def load(self, port: int, request: Request, connections: int, seconds: float) -> Load:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(_load(port, request, self.follow, connections, seconds))
        except OSError as error:  # also TimeoutError
            raise Refused(f"fails with {connections} pages open: {error!r}") from error


async def _load(port: int, request: Request, follow: str, pages: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    audience = _Audience(pages)
    transports: list[asyncio.Transport] = []
    try:
        ready = audience.expect(b'"hello"')
        for number in range(pages):
            page = partial(_Page, audience, number, handshake(port, follow))
            transports.append((await loop.create_connection(page, HOST, port))[0])
        await _within(ready, audience)
        transport, sender = await loop.create_connection(lambda: _Sender(port, request), HOST, port)
        transports.append(transport)
        return await _send_captures(sender, audience, request.path, seconds)
    finally:
        audience.leave()
        for transport in transports:
            transport.abort()


async def _send_captures(sender: _Sender, audience: _Audience, path: str, seconds: float) -> Load:
    times: list[float] = []
    started = perf_counter()
    while len(times) < LEAST or perf_counter() - started < seconds:
        marker = secrets.token_hex(8)
        complete = audience.expect(marker.encode())
        async with asyncio.timeout(WITHIN):
            responded = await sender.send(f"{path}/{marker}")
        times.append(max(await _within(complete, audience) - responded, 0) * 1000)
    return Load(len(times), perf_counter() - started, percentile(times, 0.5), percentile(times, 0.99))


async def _within(complete: asyncio.Future[float], audience: _Audience) -> float:
    try:
        async with asyncio.timeout(WITHIN):
            return await complete
    except TimeoutError:
        raise Refused(f"{len(audience.missing)} of {audience.pages} pages miss a message after {WITHIN} s") from None


class _Audience:
    """All pages, and the message that they are waiting for."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.missing: set[int] = set()  # the pages that don't have it yet
        self._marker = b""
        self._complete: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def expect(self, marker: bytes) -> asyncio.Future[float]:
        """The time at which the last page will have got a message that holds `marker`."""
        self.missing = set(range(self.pages))
        self._marker = marker
        self._complete = asyncio.get_running_loop().create_future()
        return self._complete

    def receive(self, page: int, message: bytes) -> None:
        if self._marker in message:
            self.missing.discard(page)
            if not self.missing and not self._complete.done():
                self._complete.set_result(perf_counter())

    def leave(self) -> None:
        """From now on a page that is closed is no failure."""
        self._complete.cancel()

    def fail(self, reason: str) -> None:
        if not self._complete.done():
            self._complete.set_exception(Refused(reason))


class _Page(asyncio.Protocol):
    """A WebSocket that takes what comes, and answers pings."""

    def __init__(self, audience: _Audience, number: int, request: bytes) -> None:
        self._audience = audience
        self._number = number
        self._request = request
        self._buffer = bytearray()
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's isn't an instance of it
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded and not self._upgrade():
            return
        for opcode, payload in take_frames(self._buffer):
            if opcode == TEXT:
                self._audience.receive(self._number, payload)
            elif opcode == PING:
                self._transport.write(client_frame(PONG, payload))

    def connection_lost(self, error: Exception | None) -> None:
        self._audience.fail(f"closes one of {self._audience.pages} pages")

    def _upgrade(self) -> bool:
        line = take_head(self._buffer)
        self._upgraded = upgraded(line)
        if line and not self._upgraded:
            self._audience.fail(f"refuses a page: {line}")
        return self._upgraded


class _Sender(asyncio.Protocol):
    """Sends captures on one connection. It looks at the clock as soon as a response is there."""

    def __init__(self, port: int, request: Request) -> None:
        self._head = f"HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
        self._sent = f"Content-Length: {len(request.sent)}\r\n\r\n".encode() + request.sent
        self._end = b"\r\n\r\n" + request.body
        self._buffer = bytearray()
        self._responded: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def send(self, path: str) -> float:
        """The time at which the response was there."""
        self._buffer.clear()
        self._responded = asyncio.get_running_loop().create_future()
        self._transport.write(f"POST {path} {self._head}".encode() + self._sent)
        return await self._responded

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's isn't an instance of it

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._responded.done():
            return
        if not self._buffer.startswith(b"HTTP/1.1 200 "[: len(self._buffer)]):
            line = self._buffer.partition(b"\r\n")[0].decode(errors="replace")
            self._responded.set_exception(Refused(f"answers a capture with {line}"))
        elif self._buffer.endswith(self._end):
            self._responded.set_result(perf_counter())

    def connection_lost(self, error: Exception | None) -> None:
        if not self._responded.done():
            self._responded.set_exception(Refused("closes the connection instead of answering a capture"))
