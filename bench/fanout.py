"""A stream of captures to many open pages: how long it takes until the last page has each.

The pages are bare connections: a full WebSocket client in Python would take longer than the server that is measured.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import cast

import uvloop

from .peers import HOST
from .results import Refused, Round

PAGES = 200
LEAST = 50  # captures in a round
WITHIN = 10  # seconds, for whatever is waited for

_TEXT = 1
_PING = 9
_PONG = 0x8A  # with FIN


def fan_out(port: int, path: str, sent: bytes, body: bytes, follow: str, seconds: float) -> Round:
    """Sends captures one after another for some seconds, each when all pages that follow have the one before.

    The times are those from the answer, which has `body`, until the last page has the message; 0 if it had it before.
    Raises `Refused` when an answer is wrong, or a page is closed or misses a message.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_fan_out(port, path, sent, body, follow, seconds))
    except OSError as error:  # also TimeoutError
        raise Refused(f"fails with {PAGES} pages open: {error!r}") from error


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the values that `share` of them don't exceed."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def take_frames(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Takes the whole frames off the buffer: opcodes and payloads, unmasked as a server sends them (RFC 6455 5.2)."""
    frames = []
    while len(buffer) >= 2:
        length, start = buffer[1] & 0x7F, 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(buffer[2:start])
            if len(buffer) < start:
                break
        end = start + length
        if len(buffer) < end:
            break
        frames.append((buffer[0] & 0x0F, bytes(buffer[start:end])))
        del buffer[:end]
    return frames


async def _fan_out(port: int, path: str, sent: bytes, body: bytes, follow: str, seconds: float) -> Round:
    loop = asyncio.get_running_loop()
    audience = _Audience()
    transports: list[asyncio.Transport] = []
    try:
        ready = audience.expect(b'"hello"')
        for number in range(PAGES):
            page = partial(_Page, audience, number, port, follow)
            transports.append((await loop.create_connection(page, HOST, port))[0])
        await _within(ready, audience)
        transport, sender = await loop.create_connection(lambda: _Sender(port, sent, body), HOST, port)
        transports.append(transport)
        return await _send_captures(sender, audience, path, seconds)
    finally:
        audience.leave()
        for transport in transports:
            transport.abort()


async def _send_captures(sender: _Sender, audience: _Audience, path: str, seconds: float) -> Round:
    times: list[float] = []
    started = perf_counter()
    while len(times) < LEAST or perf_counter() - started < seconds:
        marker = secrets.token_hex(8)
        complete = audience.expect(marker.encode())
        async with asyncio.timeout(WITHIN):
            answered = await sender.send(f"{path}/{marker}")
        times.append(max(await _within(complete, audience) - answered, 0) * 1000)
    rate = len(times) / (perf_counter() - started)
    return Round(rate, percentile(times, 0.5), percentile(times, 0.99))


async def _within(complete: asyncio.Future[float], audience: _Audience) -> float:
    try:
        async with asyncio.timeout(WITHIN):
            return await complete
    except TimeoutError:
        raise Refused(f"{len(audience.missing)} of {PAGES} pages miss a message after {WITHIN} s") from None


class _Audience:
    """All pages, and the message that they are waiting for."""

    def __init__(self) -> None:
        self.missing: set[int] = set()  # the pages that don't have it yet
        self._marker = b""
        self._complete: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def expect(self, marker: bytes) -> asyncio.Future[float]:
        """The time at which the last page will have got a message that holds `marker`."""
        self.missing = set(range(PAGES))
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

    def __init__(self, audience: _Audience, number: int, port: int, path: str) -> None:
        self._audience = audience
        self._number = number
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()
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
            if opcode == _TEXT:
                self._audience.receive(self._number, payload)
            elif opcode == _PING:  # masked with zeros, which change nothing
                self._transport.write(bytes((_PONG, 0x80 | len(payload), 0, 0, 0, 0)) + payload)

    def connection_lost(self, error: Exception | None) -> None:
        self._audience.fail(f"closes one of {PAGES} pages")

    def _upgrade(self) -> bool:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return False
        if not head.startswith(b"HTTP/1.1 101 "):
            line = head.partition(b"\r\n")[0].decode(errors="replace")
            self._audience.fail(f"refuses a page: {line}")
            return False
        self._buffer = rest
        self._upgraded = True
        return True


class _Sender(asyncio.Protocol):
    """Sends captures on one connection. It looks at the clock as soon as an answer is there."""

    def __init__(self, port: int, sent: bytes, body: bytes) -> None:
        self._head = f"HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
        self._sent = f"Content-Length: {len(sent)}\r\n\r\n".encode() + sent
        self._end = b"\r\n\r\n" + body
        self._buffer = bytearray()
        self._answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def send(self, path: str) -> float:
        """The time at which the answer was there."""
        self._buffer.clear()
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(f"POST {path} {self._head}".encode() + self._sent)
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's isn't an instance of it

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._answered.done():
            return
        if not self._buffer.startswith(b"HTTP/1.1 200 "[: len(self._buffer)]):
            line = self._buffer.partition(b"\r\n")[0].decode(errors="replace")
            self._answered.set_exception(Refused(f"answers a capture with {line}"))
        elif self._buffer.endswith(self._end):
            self._answered.set_result(perf_counter())

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(Refused("closes the connection instead of answering a capture"))
