"""Scripted upstream servers, a server in front of them, and a client of raw bytes: all real, all on loopback."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from multidict import CIMultiDict

from reserve_core import Event, Server, check, load_plugins

# How long anybody waits for what must come: only a test that fails gets to know it.
PATIENCE = 15

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Message:
    """A request or an answer as it was on the wire."""

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
        return Message(first, _fields(lines))

    async def message(self, *, bodiless: bool = False) -> Message:
        """The next message, whole."""
        message = await self.head()
        headers = message.headers
        assert not ("content-length" in headers and "transfer-encoding" in headers), "RFC 9112 6.2"
        is_answer = message.first_line.startswith("HTTP/")
        async with asyncio.timeout(PATIENCE):
            if bodiless or (is_answer and (message.status < 200 or message.status in (204, 304))):
                pass
            elif "transfer-encoding" in headers:
                assert headers["transfer-encoding"] == "chunked"
                await self._chunks(message)
            elif "content-length" in headers:
                message.body = await self.reader.readexactly(int(headers["content-length"]))
            elif is_answer:
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
        message.trailers = _fields(lines)

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


class Site:
    """A running server and the clients that a test connects to it."""

    def __init__(self, server: Server, stack: AsyncExitStack) -> None:
        self.server = server
        self.events: list[Event] = []
        self._stack = stack

    async def connect(self, *, receive_buffer: int | None = None) -> Peer:
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.server.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=65536 if receive_buffer else 2**20)
        peer = Peer(reader, writer)
        self._stack.callback(peer.close)
        return peer

    async def get(self, path: str = "/", *headers: str, method: str = "GET") -> Message:
        """One request on a connection of its own."""
        lines = "".join(f"{header}\r\n" for header in headers)
        peer = await self.connect()
        answer = await peer.ask(
            f"{method} {path} HTTP/1.1\r\nHost: site.example\r\n{lines}\r\n".encode(), bodiless=method == "HEAD"
        )
        peer.close()
        return answer

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]


def _fields(lines: list[str]) -> CIMultiDict[str]:
    fields: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*", line)
        assert match, f"not a header line: {line!r}"
        fields.add(match[1], match[2])
    return fields


async def _until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


Upstream = Callable[..., Awaitable[Backend]]
Serve = Callable[..., Awaitable[Site]]
Until = Callable[[Callable[[], Any]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """`await until(condition)`: waits until it holds."""
    return _until


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def upstream(stack: AsyncExitStack) -> Upstream:
    """Starts an upstream server.

    `await upstream(script)` runs `script(peer)` for each connection. `await upstream(OK, ...)` answers each request
    with the next of those bytes, the last one again and again, and records the requests.
    """

    async def start(*script: Script | bytes, context: ssl.SSLContext | None = None) -> Backend:
        answers = [each for each in script or (OK,) if isinstance(each, bytes)]

        async def answering(peer: Peer) -> None:
            while True:
                try:
                    request = await peer.message()
                except TimeoutError:  # kept alive in the pool, and nobody asked any more
                    return
                backend.requests.append(request)
                await peer.send(answers.pop(0) if len(answers) > 1 else answers[0])

        first = script[0] if script else OK
        backend = Backend(answering if isinstance(first, bytes) else first)
        await backend.start(context)
        stack.push_async_callback(backend.stop)
        return backend

    return start


@pytest.fixture
async def serve(stack: AsyncExitStack, tmp_path: Any) -> Serve:
    """Starts a server: `site = await serve({"url": ...}, ...)`. Other settings are keyword arguments."""

    async def start(*mappings: dict[str, Any] | str, **settings: Any) -> Site:
        configuration = await check(
            {
                "port": 0,
                "cwd": str(tmp_path),
                "mappings": [
                    {"match": "^/(.*)", "url": f"{each}/$1"} if isinstance(each, str) else each for each in mappings
                ],
                **settings,
            },
            load_plugins(),
        )
        server = Server(configuration)
        site = Site(server, stack)
        server.on("*", site.events.append)
        await server.start()
        stack.push_async_callback(server.close, force=True)
        return site

    return start


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever an upstream server or a client does, nothing may log an error: neither ours nor asyncio's."""
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    loud = [record for record in records if record.levelno >= logging.ERROR]
    assert not loud, [record.getMessage() for record in loud]
