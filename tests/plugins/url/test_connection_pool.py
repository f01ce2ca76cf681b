"""Connections that are kept: which request gets which, and what is never sent twice."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from reserve_url.connection_pool import ConnectionPool
from reserve_url.dial import Dialer
from reserve_url.upstream_errors import UpstreamError
from reserve_url.upstream_url import Origin, parse_origin

if TYPE_CHECKING:
    from reserve_url.upstream_connection import UpstreamConnection as Connection
    from tests.kit.clock import Clock
    from tests.kit.upstream import Message, Peer
    from tests.plugins.url.conftest import Serve, Until, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_the_connection_used_last_is_used_next(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(backend.url)
    await asyncio.gather(*(site.get() for _ in range(4)))
    opened = backend.connections
    for _ in range(10):
        assert (await site.get()).body == b"ok"
    assert backend.connections == opened <= 4


@pytest.mark.parametrize(
    ("version", "headers", "stays"),
    [
        ("1.1", "Proxy-Connection: close", True),
        ("1.1", "proxy-connection: x, Close\r\nConnection: x", True),
        ("1.1", "Connection: closed", True),
        ("1.1", "Connection: close\r\nProxy-Connection: keep-alive", False),
        ("1.1", "Connection: keep-alive, close", False),
        ("1.0", "Proxy-Connection: keep-alive", False),
        ("1.0", "Connection: keep-alive\r\nProxy-Connection: close", True),
    ],
)
async def test_connection_alone_says_whether_a_connection_stays(
    version: str, headers: str, stays: bool, upstream: Upstream, serve: Serve
) -> None:
    """Proxy-Connection is nobody's (RFC 9112 C.2.2)."""
    sized, chunked = "Content-Length: 2\r\n\r\nok", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    for body in (sized, chunked) if version == "1.1" else (sized,):
        backend = await upstream(f"HTTP/{version} 200 OK\r\n{headers}\r\n{body}".encode())
        site = await serve(backend.url)
        for _ in range(3):
            response = await site.get(method="POST")
            assert (response.status, response.body) == (200, b"ok")
        assert len(backend.requests) == 3
        assert backend.connections == (1 if stays else 3)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("method", "body", "again"),
    [
        ("GET", b"", True),
        ("HEAD", b"", True),
        ("OPTIONS", b"", True),
        ("GET", b"body", False),
        ("POST", b"", False),
        ("POST", b"body", False),
        ("PUT", b"body", False),
        ("DELETE", b"", False),
    ],
)
async def test_what_may_be_sent_again(
    how: str, method: str, body: bytes, again: bool, upstream: Upstream, serve: Serve
) -> None:
    """A kept connection breaks with a request on it: once more on a new one, unless it may have had an effect."""
    seen: list[Message] = []

    async def script(peer: Peer) -> None:
        if backend.connections == 1:
            await peer.message()
            await peer.send(OK)
            seen.append(await peer.message())
            if how == "reset":
                peer.reset()
            return
        seen.append(await peer.message())
        await peer.send(OK.replace(b"ok", b"2!") if method != "HEAD" else OK[:-2])

    backend = await upstream(script)
    site = await serve(backend.url)
    assert (await site.get()).body == b"ok"
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    peer = await site.connect()
    response = await peer.ask(
        f"{method} /x HTTP/1.1\r\nHost: a\r\n{length}\r\n".encode() + body, bodiless=method == "HEAD"
    )
    if again:
        assert response.status == 200
        assert len(seen) == backend.connections == 2
        assert seen[0] == seen[1]
    else:
        assert response.status == 502
        assert len(seen) == backend.connections == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_that_was_closed_meanwhile_is_not_used(
    method: str, upstream: Upstream, serve: Serve, until: Until
) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(OK)

    backend = await upstream(script)
    site = await serve(backend.url)
    for number in range(1, 4):
        assert (await site.get("/", method=method)).body == b"ok"
        await until(lambda: backend.open == 0)
        assert backend.connections == number


async def test_a_request_is_sent_again_only_once(upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        if backend.connections == 1:
            await peer.send(OK)
            await peer.message()

    backend = await upstream(script)
    site = await serve(backend.url)
    await site.get()
    assert (await site.get()).status == 502
    assert backend.connections == 2


async def test_a_request_that_got_a_byte_is_not_sent_again(upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(OK)
        await peer.message()
        await peer.send(b"H")

    backend = await upstream(script)
    site = await serve(backend.url)
    await site.get()
    assert (await site.get()).status == 502
    assert backend.connections == 1


async def test_a_slow_request_is_not_sent_again(upstream: Upstream, serve: Serve, clock: Clock) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(OK)
        await peer.message()
        await peer.rest()

    backend = await upstream(script)
    site = await serve({"url": backend.url, "timeout": 10})
    await site.get()
    assert (await clock.hurry(site.get())).status == 504
    assert backend.connections == 1


@pytest.mark.parametrize(
    "extra", [b"X", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", b"HTTP/1.1 408 Timeout\r\n\r\n"]
)
@pytest.mark.parametrize("when", ["with the response", "at once", "later"])
async def test_what_nobody_asked_for_is_no_response(
    extra: bytes, when: str, upstream: Upstream, serve: Serve, until: Until
) -> None:
    """RFC 9112 9.2, 11.2"""
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.message()
        if when == "with the response":
            await peer.send(OK + extra)
        elif when == "at once":
            peer.writer.write(OK)
            await asyncio.sleep(0)
            await peer.send(extra)
        else:
            await peer.send(OK)
            await go_on.wait()
            await peer.send(extra)
        while True:
            await peer.message()
            await peer.send(OK)

    backend = await upstream(script)
    site = await serve(backend.url)
    assert (await site.get()).body == b"ok"
    if when == "later":
        assert backend.open == 1
        go_on.set()
    if extra != b"\r\n" or when == "later":
        await until(lambda: backend.open == 0)
    for _ in range(3):
        assert (await site.get("/", method="POST")).body == b"ok"


async def test_the_body_of_a_response_to_head_is_no_response(upstream: Upstream, serve: Serve, until: Until) -> None:
    backend = await upstream(OK)
    site = await serve(backend.url)
    assert (await site.get(method="HEAD")).status == 200
    await until(lambda: backend.open == 0)
    assert (await site.get()).body == b"ok"


async def test_there_are_no_more_connections_than_allowed(upstream: Upstream, serve: Serve) -> None:
    most = 0

    async def script(peer: Peer) -> None:
        nonlocal most
        while True:
            await peer.message()
            most = max(most, backend.open)
            await asyncio.sleep(0.01)
            await peer.send(OK)

    backend = await upstream(script)
    site = await serve({"url": backend.url, "max-connections": 3})
    responses = await asyncio.gather(*(site.get() for _ in range(20)))
    assert [response.body for response in responses] == [b"ok"] * 20
    assert (most, backend.connections) == (3, 3)


@pytest.mark.parametrize("framing", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_slow_bodies_take_no_connection(framing: str, upstream: Upstream, serve: Serve, until: Until) -> None:
    backend = await upstream()
    site = await serve({"url": backend.url, "max-connections": 2})
    chunked = "chunked" in framing
    slow = [await site.connect() for _ in range(5)]
    for peer in slow:
        await peer.send(
            f"POST /slow HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode() + (b"4\r\n" if chunked else b"") + b"slow"
        )
    await until(lambda: len(site.named("incoming")) == 5)
    assert (await site.get()).body == b"ok"
    assert backend.connections == 1
    for peer in slow:
        await peer.send(b"\r\n5\r\n body\r\n0\r\n\r\n" if chunked else b" body")
        assert (await peer.message()).body == b"ok"
    assert [request.body for request in backend.requests] == [b"", *[b"slow body"] * 5]


async def test_who_waits_too_long_for_a_connection_is_told(
    upstream: Upstream, serve: Serve, until: Until, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.message()
        await go_on.wait()
        await peer.send(OK)

    backend = await upstream(script)
    site = await serve({"url": backend.url, "max-connections": 1, "connect-timeout": 10})
    first = asyncio.create_task(site.get())
    await until(lambda: backend.open)
    response = await clock.hurry(site.get())
    assert (response.status, response.body) == (503, b"The upstream server has no free connection")
    assert caplog.messages[-1] == f"GET {backend.url}/: all 1 connections to it are in use"
    go_on.set()
    assert (await first).body == b"ok"
    assert (await site.get()).body == b"ok"


@pytest.mark.parametrize("ends", ["well", "badly", "the client goes"])
async def test_who_waits_gets_the_place_of_who_is_done(
    ends: str, upstream: Upstream, serve: Serve, until: Until
) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.message()
            if request.target == "/first":
                await go_on.wait()
                if ends == "badly":
                    return
            await peer.send(OK)

    backend = await upstream(script)
    site = await serve({"match": "^/(.*)", "url": f"{backend.url}/$1", "max-connections": 1})
    client = await site.connect()
    await client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: backend.open)
    waiting = [asyncio.create_task(site.get(f"/{number}")) for number in range(3)]
    gone = await site.connect()
    await gone.send(b"GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: len(site.named("incoming")) == 5)
    gone.close()
    if ends == "the client goes":
        client.close()
    else:
        go_on.set()
    assert [(await each).body for each in waiting] == [b"ok"] * 3
    assert backend.connections == (1 if ends == "well" else 2)


async def test_a_refused_connection_gives_its_place_back(serve: Serve) -> None:
    site = await serve({"url": "http://127.0.0.1:1/", "max-connections": 1})
    responses = await asyncio.gather(*(site.get() for _ in range(5)))
    assert [response.status for response in responses] == [502] * 5


async def test_an_unused_connection_is_closed_in_time(
    upstream: Upstream, serve: Serve, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reserve_url.upstream_connection.IDLE_TIMEOUT", 0.1)
    backend = await upstream()
    site = await serve(backend.url)
    for number in (1, 2):
        assert (await site.get()).body == b"ok"
        assert backend.connections == number
        await until(lambda: backend.open == 0)
        await asyncio.sleep(0)


async def test_mappings_share_connections_that_are_opened_in_the_same_way(upstream: Upstream, serve: Serve) -> None:
    """One may verify certificates, the other one not."""
    backend = await upstream()
    other = {"ignore-unverifiable-certificate": True}
    site = await serve(
        {"match": "^/1", "url": backend.url},
        {"match": "^/2", "url": backend.url},
        {"match": "^/3", "url": backend.url, **other},
    )
    for path in ("/1", "/2", "/1", "/2"):
        await site.get(path)
    assert backend.connections == 1
    await site.get("/3")
    assert backend.connections == 2


async def test_connections_outlive_a_reload_that_uses_them(upstream: Upstream, serve: Serve, until: Until) -> None:
    backend = await upstream()
    site = await serve({"match": "^/1", "url": backend.url})
    await site.get("/1")
    await site.server.configuration.set_mappings(
        [{"status": 204, "match": "^/0"}, {"match": "^/1", "url": backend.url}]
    )
    await site.get("/1")
    assert backend.connections == 1
    await site.server.configuration.set_mappings([{"status": 204}])
    await until(lambda: backend.open == 0)


async def test_origins_without_connections_are_forgotten(
    upstream: Upstream, serve: Serve, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reserve_url.connection_pool.MAX_ORIGINS", 2)
    backends = [await upstream(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) for _ in range(5)]
    site = await serve({"match": "^/(.*)", "url": "http://$1", "allow-private": True})
    for backend in backends:
        assert (await site.get(f"/{backend.authority}")).body == b"ok"
        while backend.open:
            await asyncio.sleep(0.005)
    pool = site.server.configuration.mappings[0].state._pool
    assert len(pool._origins) <= 2


async def test_no_more_unused_connections_are_kept_than_allowed(upstream: Upstream, serve: Serve, until: Until) -> None:
    backends = [await upstream() for _ in range(4)]
    site = await serve({"match": "^/(.*)", "url": "http://$1", "allow-private": True, "max-connections": 2})
    for backend in backends:
        assert (await site.get(f"/{backend.authority}")).body == b"ok"
    await until(lambda: sum(backend.open for backend in backends) == 2)


# Moments that the outside can't bring about for sure.


@pytest.fixture
async def pool(stack: AsyncExitStack) -> ConnectionPool:
    dialer = Dialer(connect_timeout=5, timeout=5)
    pool = ConnectionPool(lambda origin: dialer.dial(origin, public_only=False), limit=1, patience=5)
    stack.callback(pool.close)
    return pool


async def exchange(upstream: Connection) -> None:
    upstream.begin(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    while not upstream.has_head():
        await upstream.news()
    while await upstream.read():
        pass


async def test_an_end_that_the_event_loop_has_not_seen_yet(pool: ConnectionPool, upstream: Upstream) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        while True:
            await peer.message()
            await peer.send(OK)

    connections = pool.to(parse_origin("http", (await upstream(script)).authority))
    connection = await connections.connect()
    await exchange(connection)
    connections.release(connection)
    assert connections.take(surely=True) is connection
    connections.release(connection)
    peers[0].writer.get_extra_info("socket")._sock.shutdown(socket.SHUT_WR)
    assert connection.reusable
    assert connections.take(surely=True) is None
    assert not connection.reusable


@pytest.mark.parametrize("well", [True, False])
async def test_who_goes_in_the_moment_it_would_be_its_turn_takes_nothing_along(
    well: bool, pool: ConnectionPool, upstream: Upstream
) -> None:
    connections = pool.to(parse_origin("http", (await upstream()).authority))
    first = await connections.connect()
    await exchange(first)
    waiting = asyncio.create_task(connections.connect())
    await asyncio.sleep(0)
    if well:
        connections.release(first)
    else:
        first.abort()
        while not first.lost:
            await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    next_one = connections.take(surely=True) or await connections.connect()
    assert (next_one is first) is well
    await exchange(next_one)
    connections.release(next_one)
    assert connections.count == 1


async def test_a_connection_that_is_no_good_from_the_start(upstream: Upstream) -> None:
    """The server speaks before it is asked: what it says could be taken for a response."""

    async def script(peer: Peer) -> None:
        await peer.send(OK)
        await peer.rest()

    dialer = Dialer(connect_timeout=5, timeout=5)

    async def dial(origin: Origin) -> Connection:
        connection = await dialer.dial(origin, public_only=False)
        while connection.reusable:
            await asyncio.sleep(0)
        return connection

    connections = ConnectionPool(dial, limit=1, patience=5).to(parse_origin("http", (await upstream(script)).authority))
    for _ in range(2):
        with pytest.raises(UpstreamError, match="before it was sent a request"):
            await connections.connect()
    assert connections.count == 0
