"""Clients that make load: connections that are kept alive, and WebSockets. A thousand of them cost little."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

from tornado.util import _websocket_mask

from tests.kit.waiting import PATIENCE

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class Answer(NamedTuple):
    status: int
    body: bytes


class Client:
    """A connection to a server of this machine. `async with` opens and closes it; so do `open` and `close`.

    EOFError, ConnectionError: the server has ended it.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.port = port
        self._receive_buffer = receive_buffer
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def open(self) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        if self._receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
                # As much is read ahead as the kernel takes: a client that reads slowly does so.
                limit = self._receive_buffer or 65536
                self.reader, self.writer = await asyncio.open_connection(sock=sock, limit=limit)
        except BaseException:
            sock.close()
            raise

    async def __aenter__(self) -> Client:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Ends it as a client that crashes: with a TCP reset, whatever is on its way."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def ask(self, target: bytes, body: bytes | None = None, headers: bytes = b"") -> Answer:
        """One request: a GET, or with a body a POST. `headers`: lines that end with CR LF."""
        return (await self.ask_all([target], body, headers))[0]

    async def ask_all(self, targets: Iterable[bytes], body: bytes | None = None, headers: bytes = b"") -> list[Answer]:
        """Requests that go out at once, and their answers in order."""
        data = [request(target, body, headers) for target in targets]
        async with asyncio.timeout(PATIENCE):
            self.writer.write(b"".join(data))
            return [await self.answer() for _ in data]

    async def answer(self) -> Answer:
        """The next answer, which must have a length or chunks."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        status = int(lines[0].split(b" ", 2)[1])
        for line in lines:
            if line.startswith(b"content-length:"):
                return Answer(status, await self.reader.readexactly(int(line.split()[1])))
        if status in (101, 204, 304):
            return Answer(status, b"")
        chunks = []
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            chunks.append((await self.reader.readexactly(size + 2))[:-2])
        await self.reader.readexactly(2)
        return Answer(status, b"".join(chunks))

    async def ended(self) -> bytes:
        """What still comes until the server ends the connection, in order or not."""
        chunks = []
        try:
            while chunk := await self.reader.read(65536):
                chunks.append(chunk)
        except ConnectionError:
            pass
        return b"".join(chunks)

    # WebSockets.

    async def upgrade(self, target: bytes, headers: bytes = b"") -> int:
        """Asks for a WebSocket; the status is 101 when there is one."""
        self.writer.write(
            b"GET %b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%b\r\n" % (target, headers)
        )
        async with asyncio.timeout(PATIENCE):
            return (await self.answer()).status

    async def receive(self) -> tuple[int, bytes]:
        """The next frame: its opcode and what is in it."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)


def request(target: bytes, body: bytes | None = None, headers: bytes = b"") -> bytes:
    """A request as it goes over the wire: a GET, or with a body a POST."""
    if body is None:
        return b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (target, headers)
    return b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%b\r\n%b" % (target, len(body), headers, body)


def frame(opcode: int, data: bytes = b"") -> bytes:
    """A whole message as a client sends it, masked (RFC 6455 5.2)."""
    size = len(data)
    head = bytes((0x80 | opcode, 0x80 | (size if size < 126 else 126 if size < 65536 else 127)))
    if size >= 65536:
        head += struct.pack("!Q", size)
    elif size >= 126:
        head += struct.pack("!H", size)
    mask = os.urandom(4)
    return head + mask + _websocket_mask(mask, data)
