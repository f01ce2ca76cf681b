"""Scripted upstream servers, a server in front of them, and a client of raw bytes: all real, all on loopback."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from reserve_core import Event, Server, check, load_plugins
from tests.kit.clock import Clock
from tests.kit.upstream import OK, Backend, Message, Peer, Script
from tests.kit.waiting import until as wait


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
        response = await peer.ask(
            f"{method} {path} HTTP/1.1\r\nHost: site.example\r\n{lines}\r\n".encode(), bodiless=method == "HEAD"
        )
        peer.close()
        return response

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]


Upstream = Callable[..., Awaitable[Backend]]
Serve = Callable[..., Awaitable[Site]]
Until = Callable[[Callable[[], Any]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """`await until(condition)`: waits until it holds."""
    return wait


@pytest.fixture
async def clock() -> Clock:
    """The clock of the event loop: `await clock.forward(seconds)`."""
    return Clock()


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
        responses = [each for each in script or (OK,) if isinstance(each, bytes)]

        async def answering(peer: Peer) -> None:
            while True:
                try:
                    request = await peer.message()
                except TimeoutError:  # kept alive in the pool, and nobody asked any more
                    return
                backend.requests.append(request)
                await peer.send(responses.pop(0) if len(responses) > 1 else responses[0])

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
