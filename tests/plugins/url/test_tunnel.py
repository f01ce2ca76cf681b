"""WebSockets through the proxy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.kit.aiohttp_server import aiohttp_server
from tests.kit.waiting import PATIENCE, settled

if TYPE_CHECKING:
    from tests.kit.clock import Clock
    from tests.kit.upstream import Message, Peer
    from tests.plugins.url.conftest import Serve, Site, Until, Upstream

KEY = base64.b64encode(b"0123456789abcdef")
HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: site.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\nSec-WebSocket-Protocol: a, b\r\n\r\n" % KEY
)
ACCEPT = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %b\r\n"
    b"Sec-WebSocket-Protocol: a\r\nX-Y: 1\r\n\r\n" % ACCEPT
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


# A real server and a real client.


@pytest.fixture
def codes() -> list[int | None]:
    """The close codes that the server has seen."""
    return []


@pytest.fixture
async def echo(codes: list[int | None]) -> AsyncIterator[str]:
    """The URL of aiohttp's server: it echoes messages, and closes with the code it's told: "close 4000 reason"."""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(protocols=("b", "c"), autoping=True, max_msg_size=0)
        await websocket.prepare(request)
        async for message in websocket:
            if message.type is WSMsgType.BINARY:
                await websocket.send_bytes(message.data)
            elif message.data.startswith("close "):
                _, code, reason = message.data.split()
                await websocket.close(code=int(code), message=reason.encode())
            elif message.data == "ping":
                await websocket.ping(b"are you there")
                await websocket.send_str("pinged")
            else:
                await websocket.send_str(f"{message.data} {request.headers.get('x-forwarded-for')}")
        codes.append(websocket.close_code)
        return websocket

    async with aiohttp_server(handler) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_messages_of_every_kind(echo: str, client: aiohttp.ClientSession, serve: Serve) -> None:
    site = await serve(echo)
    url = f"ws://127.0.0.1:{site.server.port}/echo"
    async with client.ws_connect(url, protocols=("a", "b"), autoping=False, max_msg_size=0) as websocket:
        assert websocket.protocol == "b"
        await websocket.send_str("hé")
        assert await websocket.receive_str() == "hé 127.0.0.1"
        for size in (0, 1, 125, 126, 65_535, 65_536, 3_000_000):
            data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            await websocket.send_bytes(data)
            assert await websocket.receive_bytes() == data
        await websocket.ping(b"hello")
        message = await websocket.receive()
        assert (message.type, message.data) == (WSMsgType.PONG, b"hello")
        await websocket.send_str("ping")
        message = await websocket.receive()
        assert (message.type, message.data) == (WSMsgType.PING, b"are you there")
        await websocket.pong(message.data)
        assert await websocket.receive_str() == "pinged"
        await websocket.send_str("close 4001 enough")
        message = await websocket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4001, "enough")


async def test_the_client_may_close(
    echo: str, codes: list[int | None], client: aiohttp.ClientSession, serve: Serve, until: Until
) -> None:
    site = await serve(echo)
    async with client.ws_connect(f"ws://127.0.0.1:{site.server.port}/echo") as websocket:
        await websocket.send_str("x")
        await websocket.receive_str()
        await websocket.close(code=4002)
    await until(lambda: codes)
    assert codes == [4002]


async def test_many_at_once(echo: str, client: aiohttp.ClientSession, serve: Serve) -> None:
    """They are not counted as connections, and each gets its own messages."""
    site = await serve({"match": "^/(.*)", "url": f"{echo}/$1", "max-connections": 2})

    together = asyncio.Barrier(30)

    async def talk(number: int) -> None:
        async with client.ws_connect(f"ws://127.0.0.1:{site.server.port}/echo") as websocket:
            await together.wait()
            for turn in range(5):
                await websocket.send_bytes(b"%d %d" % (number, turn))
                assert await websocket.receive_bytes() == b"%d %d" % (number, turn)

    await asyncio.gather(*(talk(number) for number in range(30)))


# Bytes.


async def ask(site: Site) -> tuple[Peer, Message]:
    peer = await site.connect()
    await peer.send(HANDSHAKE)
    return peer, await peer.head()


async def test_the_handshake(upstream: Upstream, serve: Serve) -> None:
    seen: list[Message] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.head())
        await peer.send(SWITCH + b"at once")
        while data := await peer.some():
            await peer.send(data.upper())

    site = await serve((await upstream(script)).url)
    peer, response = await ask(site)
    assert response.status == 101
    assert list(response.headers.items()) == [
        ("Sec-WebSocket-Accept", ACCEPT.decode()),
        ("Sec-WebSocket-Protocol", "a"),
        ("X-Y", "1"),
        ("via", "1.1 reserve"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
    ]
    assert await peer.exactly(7) == b"at once"
    await peer.send(b"hello")
    assert await peer.exactly(5) == b"HELLO"
    headers = seen[0].headers
    assert headers.getall("connection") == ["Upgrade"]
    assert headers.getall("upgrade") == ["websocket"]
    assert headers["sec-websocket-key"] == KEY.decode()
    assert headers["sec-websocket-protocol"] == "a, b"
    assert headers["x-forwarded-host"] == "site.example"
    assert "content-length" not in headers
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize(
    "handshake",
    [
        HANDSHAKE.replace(b"WebSocket\r\n", b"h2c, websocket\r\n", 1),
        HANDSHAKE.replace(b"WebSocket\r\n", b"websocket\r\nUpgrade: TLS/1.0\r\n", 1),
    ],
)
async def test_of_several_protocols_websocket_alone_is_asked_for(
    handshake: bytes, upstream: Upstream, serve: Serve
) -> None:
    seen: list[Message] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.head())
        await peer.send(SWITCH + b"bytes")

    site = await serve((await upstream(script)).url)
    peer = await site.connect()
    await peer.send(handshake)
    assert (await peer.head()).status == 101
    assert await peer.exactly(5) == b"bytes"
    assert seen[0].headers.getall("upgrade") == ["websocket"]


async def test_a_malformed_handshake_opens_no_tunnel(upstream: Upstream, serve: Serve) -> None:
    """A server that takes it would go on with bytes that nobody has agreed on (RFC 6455 4.2.1)."""
    backend = await upstream(SWITCH)
    peer = await (await serve(backend.url)).connect()
    assert (await peer.ask(HANDSHAKE.replace(b"Sec-WebSocket-Key", b"X", 1))).status == 502
    assert backend.requests[0].headers["upgrade"] == "websocket"


async def test_a_cookie_of_a_handshake_is_for_this_server(upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH.replace(b"X-Y: 1", b"Set-Cookie: id=1; Domain=127.0.0.1; Path=/v1"))

    site = await serve({"match": "^/(.*)", "url": f"{(await upstream(script)).url}/v1/$1"})
    peer = await site.connect()
    await peer.send(HANDSHAKE)
    assert (await peer.head()).headers["set-cookie"] == "id=1; Path=/"


async def test_what_follows_the_handshake_at_once_goes_along(upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH)
        await peer.send(await peer.exactly(5))

    peer = await (await serve((await upstream(script)).url)).connect()
    await peer.send(HANDSHAKE + b"early")
    await peer.head()
    assert await peer.exactly(5) == b"early"


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_an_upstream_server_that_goes_takes_the_client_along(how: str, upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH + b"last words")
        if how == "reset":
            await peer.exactly(1)
            peer.reset()

    site = await serve((await upstream(script)).url)
    peer, _ = await ask(site)
    assert await peer.exactly(10) == b"last words"
    if how == "reset":
        await peer.send(b"x")
    try:
        assert await peer.rest() == b""
    except ConnectionError:
        assert how == "reset"
    assert site.named("error") == []


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_goes_takes_the_upstream_connection_along(
    how: str, upstream: Upstream, serve: Serve, until: Until
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH)
        await peer.rest()

    backend = await upstream(script)
    site = await serve(backend.url)
    peer, _ = await ask(site)
    getattr(peer, how)()
    await until(lambda: backend.open == 0)
    assert site.named("error") == []


async def test_a_server_that_stops_closes_the_tunnel(upstream: Upstream, serve: Serve, until: Until) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH)
        await peer.rest()

    backend = await upstream(script)
    site = await serve(backend.url)
    peer, _ = await ask(site)
    await site.server.close()
    assert await peer.rest() == b""
    await until(lambda: backend.open == 0)


async def test_silence_is_no_timeout_in_a_tunnel(upstream: Upstream, serve: Serve, clock: Clock) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH)
        await peer.send(await peer.exactly(5))

    site = await serve({"match": "^/(.*)", "url": f"{(await upstream(script)).url}/$1", "timeout": 10})
    peer, _ = await ask(site)
    await clock.forward(40)
    await peer.send(b"still")
    assert await peer.exactly(5) == b"still"


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_side_that_does_not_read_holds_the_other_one_back(
    direction: str, upstream: Upstream, serve: Serve, until: Until
) -> None:
    """Not more than the buffers hold waits on its way, and it all arrives in the end."""
    total = 30_000_000
    sent = 0
    read_on = asyncio.Event()

    async def pour(peer: Peer) -> None:
        nonlocal sent
        while sent < total:
            peer.writer.write(b"x" * 100_000)
            await peer.writer.drain()
            sent += 100_000

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH)
        if direction == "down":
            await pour(peer)
            await peer.rest()
            return
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await read_on.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.exactly(total)
        await peer.send(b"done")

    site = await serve((await upstream(script)).url)
    peer, _ = await ask(site)
    pouring = asyncio.create_task(pour(peer)) if direction == "up" else None
    if direction == "down":
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await settled(lambda: sent)
    assert 0 < sent < 20_000_000
    if pouring is None:
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await peer.exactly(total) == b"x" * total
    else:
        read_on.set()
        await pouring
        assert await peer.exactly(4) == b"done"


async def test_an_upstream_server_that_does_not_read_is_given_up_when_the_client_has_gone(
    upstream: Upstream, serve: Serve, until: Until
) -> None:
    reset = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(SWITCH)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: pour.done())
        # What can't be sent isn't: its sender cuts the connection, which a paused transport sees when it writes.
        while not peer.writer.transport.is_closing():
            peer.writer.write(b"x")
            await asyncio.sleep(0.02)
        reset.set()

    async def fill() -> None:
        peer, _ = await ask(site)
        try:
            async with asyncio.timeout(1):
                while True:
                    await peer.send(b"x" * 100_000)
        except TimeoutError:
            peer.reset()

    backend = await upstream(script)
    site = await serve({"match": "^/(.*)", "url": f"{backend.url}/$1", "timeout": 0.3})
    pour = asyncio.create_task(fill())
    async with asyncio.timeout(PATIENCE):
        await reset.wait()
    await pour


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 403 Forbidden\r\nX-Y: 1\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 403 Forbidden\r\nX-Y: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Y: 1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
    ],
)
async def test_a_refusal_comes_down(refusal: bytes, upstream: Upstream, serve: Serve) -> None:
    """What the client has pipelined behind its handshake is no tunnel's content but requests (RFC 9110 7.8)."""
    backend = await upstream(refusal, OK)
    site = await serve({"match": "^/hidden", "status": 403}, backend.url)
    peer = await site.connect()
    await peer.send(HANDSHAKE + b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n")
    response = await peer.message()
    assert (response.status, response.body) == (int(refusal.split()[1]), b"no")
    assert response.headers["x-y"] == "1"
    assert "upgrade" not in response.headers
    assert (await peer.message()).status == 403
    assert (await peer.message()).body == b"ok"
    assert [request.target for request in backend.requests] == ["/chat", "/open"]


async def test_an_upgrade_that_is_required_is_named(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(
        b"HTTP/1.1 426 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"
    )
    response = await (await serve(backend.url)).get()
    assert response.status == 426
    assert response.headers["upgrade"] == "websocket"
    assert response.headers["connection"] == "Upgrade"


@pytest.mark.parametrize(
    "switch",
    [
        SWITCH.replace(ACCEPT, base64.b64encode(b"x" * 20)),
        SWITCH.replace(b"Sec-WebSocket-Accept", b"X"),
        SWITCH.replace(b"\r\nX-Y: 1", b"\r\nSec-WebSocket-Accept: " + ACCEPT),
        SWITCH.replace(b"websocket", b"h2c"),
        SWITCH.replace(b"Upgrade: websocket\r\n", b""),
        SWITCH.replace(b"Connection: Upgrade\r\n", b""),
    ],
)
async def test_a_response_to_another_handshake_opens_no_tunnel(switch: bytes, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(switch)
    site = await serve({"match": "^/hidden", "status": 403}, backend.url)
    peer = await site.connect()
    await peer.send(HANDSHAKE + b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await peer.message()).status == 502
    assert (await peer.message()).status == 403
    assert [request.target for request in backend.requests] == ["/chat"]


@pytest.mark.parametrize(
    "request_",
    [
        HANDSHAKE.replace(b"WebSocket\r\n", b"h2c\r\nHTTP2-Settings: x\r\n", 1),
        HANDSHAKE.replace(b"WebSocket\r\n", b"TLS/1.0\r\n", 1),
        HANDSHAKE.replace(b"GET", b"POST", 1),
        HANDSHAKE.replace(b"keep-alive, Upgrade", b"keep-alive", 1),
        HANDSHAKE.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\nbody"),
    ],
)
async def test_other_upgrades_stay_behind(request_: bytes, upstream: Upstream, serve: Serve) -> None:
    """Behind another protocol, requests would pass that no mapping has seen; a server may ignore an upgrade."""
    backend = await upstream()
    peer = await (await serve(backend.url)).connect()
    assert (await peer.ask(request_)).body == b"ok"
    headers: Any = backend.requests[0].headers
    assert not {"upgrade", "connection", "http2-settings"} & {name.lower() for name in headers}


async def test_an_upstream_server_that_can_not_be_reached(serve: Serve) -> None:
    peer = await (await serve("http://127.0.0.1:1")).connect()
    await peer.send(HANDSHAKE)
    assert (await peer.message()).status == 502
