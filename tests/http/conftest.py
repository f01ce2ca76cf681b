"""A real server and a client of raw bytes, for all that touches the wire."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import trustme
import uvloop

from reserve_core.config import check
from reserve_core.events import Event
from reserve_core.plugins import load_plugins
from reserve_core.server import Server
from tests.http.websockets import Room
from tests.kit.clock import Clock
from tests.kit.waiting import PATIENCE, until
from tests.kit.wire import Wire

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from reserve_core.http.websocket import WebSocket
    from tests.http.websockets import Open

T = TypeVar("T")


class Site:
    """A running server, the clients that a test connects to it, and the events it emitted."""

    def __init__(self, server: Server, events: list[Event]) -> None:
        self.server = server
        self.events = events
        self._wires: list[Wire] = []

    async def connect(self, *, receive_buffer: int | None = None) -> Wire:
        """A new client. `receive_buffer`: bytes that its kernel takes in without the client reading."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        wire = Wire(sock)
        self._wires.append(wire)
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.server.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return wire

    @property
    def connections(self) -> int:
        """How many connections the server counts as open."""
        return len(self.server._http.connections)

    def named(self, name: str) -> list[Event]:
        """The events called `name`."""
        return [event for event in self.events if event.name == name]

    async def until(self, condition: Callable[[], Any]) -> None:
        """Waits until `condition` holds."""
        await until(condition)

    def pass_time(self, seconds: float) -> None:
        """Puts the server's clock forward; from now on it goes no other way. What took too long ends at once."""
        assert self.server._ticker is not None
        self.server._ticker.cancel()
        self.server._http.tick(self.server._http.now + seconds, time.time())

    async def after_a_while(self, what: Awaitable[T]) -> T:
        """What comes once the server has waited long enough: half a second passes for it each millisecond."""
        coming = asyncio.ensure_future(what)
        async with asyncio.timeout(PATIENCE):
            while not coming.done():
                self.pass_time(0.5)
                await asyncio.sleep(0.001)
        return await coming

    def hang_up(self) -> None:
        for wire in self._wires:
            wire.close()


Handler = Callable[..., Any]
Serve = Callable[..., Awaitable[Site]]


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}


BOTH = ("test_connection", "test_exchange", "test_runner", "test_sendfile")


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What is tested of the connection is tested on both event loops: Python's, and the command's where it is there."""
    return LOOPS if item.path.name.startswith(BOTH) else {"asyncio": LOOPS["asyncio"]}


@pytest.fixture
async def serve(quiet: None) -> AsyncIterator[Serve]:
    """Starts a server whose only mapping is a custom handler: `site = await serve(handler, max_headers=1000)`.

    With a `certificate`, the setting `ssl`, it speaks https.
    """
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, *, certificate: dict[str, str] | None = None, **limits: float) -> Site:
            settings: dict[str, Any] = {
                "port": 0,
                "mappings": [{"custom": handler}],
                "limits": {name.replace("_", "-"): value for name, value in limits.items()},
            }
            if certificate is not None:
                settings["ssl"] = certificate
            configuration = await check(settings, load_plugins())
            server = Server(configuration)
            events: list[Event] = []
            server.on("*", events.append)
            site = Site(await stack.enter_async_context(server), events)
            stack.callback(site.hang_up)
            return site

        yield start


@pytest.fixture
async def clock() -> Clock:
    """The clock of the event loop: `await clock.forward(seconds)`."""
    return Clock()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """The setting `ssl`."""
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing a client does may log a warning or an error: neither ours nor asyncio's."""
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    loud = [record for record in records if record.levelno >= logging.WARNING]
    assert not loud, [record.getMessage() for record in loud]


@pytest.fixture
def opened(serve: Serve) -> Open:
    """Starts a server for WebSockets: `room = await opened(talk, ping_interval=1)`."""

    async def start(talk: Callable[[WebSocket, Room], Awaitable[None]], **options: Any) -> Room:
        async def handler(request: Request, response: Response) -> None:
            socket = await request.upgrade(**options)
            room.sockets.append(socket)
            try:
                await talk(socket, room)
            except BaseException as error:
                room.failure = error
                raise
            finally:
                room.left += 1

        room = Room(await serve(handler))
        return room

    return start
