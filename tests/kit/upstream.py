"""Scripted upstream servers, and the ends of their connections: real sockets, on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from multidict import CIMultiDict

from tests.kit.waiting import PATIENCE
from tests.kit.wire import parse_fields

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Message:
    """A request or a response as it was on the wire."""

    first_line: str
    headers: CIMultiDict[str]
    body: bytes = b""
    trailers: CIMultiDict[str] = field(default_factory=CIMultiDict)

    @property
    def status(self) -> int:
        return int(self.first_line.split()[1])

    @property
    def target(self) -> str:
        return self.first_line.split()[1]


class Peer:
    """An end of a connection, that reads as strictly as RFC 9112 allows.

    EOFError: the other side closed within a message.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *data: bytes) -> None:
        """Sends bytes; several ones each in a segment of its own."""
        async with asyncio.timeout(PATIENCE):
            for piece in data:
                self.writer.write(piece)
                await self.writer.drain()
                if len(data) > 1:
                    await asyncio.sleep(0.02)

    async def head(self) -> Message:
        async with asyncio.timeout(PATIENCE):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = text[:-4].split("\r\n")
        return Message(first, parse_fields(lines))

    async def message(self, *, bodiless: bool = False) -> Message:
        """The next message, whole."""
        message = await self.head()
        headers = message.headers
        assert not ("content-length" in headers and "transfer-encoding" in headers), "RFC 9112 6.2"
        is_response = message.first_line.startswith("HTTP/")
        async with asyncio.timeout(PATIENCE):
            if bodiless or (is_response and (message.status < 200 or message.status in (204, 304))):
                pass
            elif "transfer-encoding" in headers:
                assert headers["transfer-encoding"] == "chunked"
                await self._chunks(message)
            elif "content-length" in headers:
                message.body = await self.reader.readexactly(int(headers["content-length"]))
            elif is_response:
                assert headers["connection"] == "close"
                message.body = await self.reader.read()
        return message

    async def _chunks(self, message: Message) -> None:
        while size := int(await self._line(), 16):
            message.body += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        lines = []
        while line := await self._line():
            lines.append(line)
        message.trailers = parse_fields(lines)

    async def _line(self) -> str:
        return (await self.reader.readuntil(b"\r\n"))[:-2].decode("latin-1")

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(size)

    async def some(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(65536)

    async def rest(self) -> bytes:
        """All that comes until the other side closes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def ask(self, data: bytes, *, bodiless: bool = False) -> Message:
        await self.send(data)
        return await self.message(bodiless=bodiless)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Closes with a TCP reset, as a process that crashes."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def serving(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Backend]:
    """An upstream server that runs `script(peer)` for each connection, as long as it's entered."""
    backend = Backend(script)
    await backend.start(context)
    try:
        yield backend
    finally:
        await backend.stop()


class Backend:
    """An upstream server that does what a script says with each connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.port = 0
        self.requests: list[Message] = []  # what `answering` scripts have read
        self.connections = 0
        self.open = 0
        self.failures: list[BaseException] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    async def start(self, context: ssl.SSLContext | None) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=context, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(Peer(reader, writer)))
        self._tasks.add(task)

    async def _serve(self, peer: Peer) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self.script(peer)
        except (EOFError, ConnectionError):
            pass
        except Exception as error:
            self.failures.append(error)
        finally:
            self.open -= 1
            peer.writer.close()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert self.failures == []
