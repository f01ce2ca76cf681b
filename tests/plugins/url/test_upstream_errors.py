"""What goes wrong with an upstream server or a client, each for real."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from reserve_url.dial import Dialer
from reserve_url.proxy import BODY_AHEAD
from reserve_url.upstream_errors import UpstreamError
from reserve_url.upstream_url import parse_origin
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.kit.clock import Clock
    from tests.kit.upstream import Message, Peer
    from tests.plugins.url.conftest import Serve, Site, Until, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /path?secret HTTP/1.1\r\nHost: a\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (BODY_AHEAD + 9, bytes(BODY_AHEAD))
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"

BAD = "The upstream server can't be reached, or gives no valid response"
SLOW = "The upstream server takes too long"


def failed(response: Message, status: int, text: str, caplog: pytest.LogCaptureFixture, line: str) -> None:
    """The client is told what, the log why, in this one line; neither is told a query."""
    assert (response.status, response.body.decode()) == (status, text)
    assert response.headers["content-type"].startswith("text/plain")
    assert [record.getMessage() for record in caplog.records if record.name == "reserve"] == [line]
    assert "secret" not in line
    caplog.clear()


# What the system adds where the other side has reset the connection.
RESET = f": [Errno {errno.ECONNRESET}] {os.strerror(errno.ECONNRESET)}"


def why_unknown(host: str) -> str:
    """What the system says of a host without an address."""
    with pytest.raises((OSError, UnicodeError)) as caught:
        socket.getaddrinfo(host, 80)
    return getattr(caught.value, "strerror", None) or str(caught.value)


async def well_again(site: Site) -> None:
    assert (await site.get("/well")).body == b"ok"


# Before the head.


async def test_refused(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = closed.getsockname()
        url = f"http://127.0.0.1:{address[1]}"
        site = await serve(url)
        response = await site.get("/path?secret")
    failed(response, 502, BAD, caplog, f"GET {url}/path: no connection: Connect call failed {address}")
    assert site.named("error") == []


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64 + ".invalid"])
async def test_unresolvable(host: str, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    response = await (await serve(f"http://{host}")).get()
    failed(response, 502, BAD, caplog, f"GET http://{host}/: no connection: {why_unknown(host)}")


async def test_a_connection_that_does_not_come_about(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The kernel takes no connection beyond the backlog of a socket that nobody accepts from."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        site = await serve({"match": "^(.*)", "url": f"http://127.0.0.1:{port}$1", "connect-timeout": 0.2})
        failed(await site.get(), 504, SLOW, caplog, f"GET http://127.0.0.1:{port}/: no connection within 0.2 s")


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("request_", [GET, POST])
async def test_closed_without_a_response(
    how: str, request_: bytes, upstream: Upstream, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        if (await peer.message()).target == "/well":
            await peer.send(OK)
        elif how == "reset":
            peer.reset()

    backend = await upstream(script)
    site = await serve(backend.url)
    response = await (await site.connect()).ask(request_)
    asked = f"GET {backend.url}/path" if request_ == GET else f"POST {backend.url}/"
    why = "it closed the connection without a response" + (RESET if how == "reset" else "")
    failed(response, 502, BAD, caplog, f"{asked}: {why}")
    assert backend.connections == 1
    await well_again(site)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_closed_within_the_head(
    how: str, upstream: Upstream, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-", b"Length")
        if how == "reset":
            peer.reset()

    backend = await upstream(script)
    why = "it closed the connection within its response" + (RESET if how == "reset" else "")
    failed(await (await serve(backend.url)).get(), 502, BAD, caplog, f"GET {backend.url}/: {why}")
    assert backend.connections == 1


async def test_no_response_in_time(
    upstream: Upstream, serve: Serve, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        assert await peer.rest() == b""

    backend = await upstream(script)
    site = await serve({"match": "^(.*)", "url": f"{backend.url}$1", "timeout": 0.2})
    why = "it timed out: 0.2 s without a byte"
    failed(await site.get(), 504, SLOW, caplog, f"GET {backend.url}/: {why}")
    failed(await (await site.connect()).ask(POST), 504, SLOW, caplog, f"POST {backend.url}/: {why}")
    await until(lambda: backend.open == 0)


async def test_a_head_that_drips_is_in_time(upstream: Upstream, serve: Serve, clock: Clock) -> None:
    """The time is that between two bytes."""

    async def script(peer: Peer) -> None:
        await peer.message()
        for begin in range(0, len(OK), 4):
            await peer.send(OK[begin : begin + 4])
            await clock.forward(5)

    site = await serve({"match": "^(.*)", "url": f"{(await upstream(script)).url}$1", "timeout": 10})
    assert (await site.get()).body == b"ok"


async def test_no_reading_of_a_body_in_time(upstream: Upstream, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    backend = await upstream(script)
    site = await serve({"match": "^(.*)", "url": f"{backend.url}$1", "timeout": 0.3})
    peer = await site.connect()
    size = 50_000_000
    await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)

    async def pour() -> None:
        for _ in range(size // 100_000):
            peer.writer.write(b"x" * 100_000)
            await peer.writer.drain()

    pouring = asyncio.create_task(pour())
    why = "it timed out: 0.3 s without a byte"
    failed(await peer.message(), 504, SLOW, caplog, f"POST {backend.url}/: {why}")
    pouring.cancel()
    await asyncio.wait([pouring])


async def test_a_client_may_take_its_time(upstream: Upstream, serve: Serve, clock: Clock) -> None:
    """While it's the client's turn, the upstream server's time stands still."""
    turn = asyncio.Semaphore(0)  # of the client: all it has sent has arrived

    async def script(peer: Peer) -> None:
        await peer.head()
        for size in (BODY_AHEAD, 2, 2, 2, 2, 2):
            await peer.exactly(size)
            turn.release()
        await peer.send(OK)

    backend = await upstream(script)
    site = await serve({"match": "^(.*)", "url": f"{backend.url}$1", "timeout": 5}, limits={"min-body-rate": 0})
    peer = await site.connect()
    await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (BODY_AHEAD + 10) + bytes(BODY_AHEAD))
    for _ in range(5):
        await turn.acquire()
        await clock.forward(10)
        await peer.send(b"xx")
    assert (await peer.message()).body == b"ok"


# Within the body.


@pytest.mark.parametrize("how", ["close", "reset", "silence"])
@pytest.mark.parametrize(
    ("head", "pieces"),
    [
        (b"Content-Length: 100", [b"begun"]),
        (b"Content-Length: 100", [b""]),
        (b"Transfer-Encoding: chunked", [b"5\r\nbegun\r\n"]),
        (b"Transfer-Encoding: chunked", [b"64\r\nbegun"]),
        (b"Transfer-Encoding: chunked", [b"5\r\nbegun\r\n", b"0\r\n"]),
        (b"Transfer-Encoding: chunked", [b"5\r\nbegun\r\n", b"XYZ\r\n"]),
        (b"Transfer-Encoding: chunked", [b"5\r\nbegun\r\n", b"5\r\nbegunX\r\n"]),
    ],
)
async def test_a_body_that_breaks_off_is_never_ended(
    how: str,
    head: bytes,
    pieces: list[bytes],
    upstream: Upstream,
    serve: Serve,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        if (await peer.message()).target == "/well":
            await peer.send(OK)
            return
        await peer.send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % head)
        await go_on.wait()
        for piece in pieces:
            await peer.send(piece)
        if how == "reset":
            peer.reset()
        elif how == "silence":
            await peer.rest()

    backend = await upstream(script)
    site = await serve({"match": "^/(.*)", "url": f"{backend.url}/$1", "timeout": 10})
    peer = await site.connect()
    await peer.send(GET)
    response = await peer.head()
    assert response.status == 200
    go_on.set()
    try:
        rest = await clock.hurry(peer.rest())
    except ConnectionError:
        rest = b""
    assert len(rest) < 100
    assert b"0\r\n" not in rest
    assert caplog.messages
    assert "secret" not in caplog.text
    await well_again(site)


async def test_a_reset_does_not_end_a_body_without_length(upstream: Upstream, serve: Serve) -> None:
    """Only an orderly close ends it (RFC 9112 6.3, 8)."""
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nbegun")
        await go_on.wait()
        peer.reset()

    peer = await (await serve((await upstream(script)).url)).connect()
    await peer.send(GET)
    await peer.head()
    assert await peer.exactly(10) == b"5\r\nbegun\r\n"
    go_on.set()
    try:
        assert await peer.rest() == b""
    except ConnectionError:
        pass


# The client goes.


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("when", ["waiting", "answering", "sending"])
async def test_a_client_that_goes_takes_the_upstream_request_along(
    how: str, when: str, upstream: Upstream, serve: Serve, until: Until
) -> None:
    ended: list[str] = []
    reached = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        if when == "answering":
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
        reached.set()
        try:
            ended.append((await peer.rest()).decode())
        except ConnectionError:
            ended.append("")

    site = await serve((await upstream(script)).url)
    peer = await site.connect()
    await peer.send(GET if when != "sending" else UPLOAD)
    await asyncio.wait_for(reached.wait(), PATIENCE)
    if when == "answering":
        await peer.head()
    getattr(peer, how)()
    await until(lambda: ended)
    assert len(ended) == 1
    assert len(ended[0]) <= BODY_AHEAD
    await until(lambda: site.named("aborted"))
    assert site.named("error") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n10000\r\n%b\r\nXYZ\r\n" % bytes(BODY_AHEAD), 400),
        (b"Content-Length: 99999\r\n\r\n%b" % bytes(BODY_AHEAD), 408),
    ],
)
async def test_a_body_that_breaks_at_the_client_ends_the_upstream_request(
    body: bytes, status: int, upstream: Upstream, serve: Serve
) -> None:
    """The upstream server never takes it for complete."""
    seen = asyncio.get_running_loop().create_future()

    async def script(peer: Peer) -> None:
        await peer.head()
        try:
            seen.set_result(await peer.rest())
        except ConnectionError:
            seen.set_result(b"")

    site = await serve((await upstream(script)).url, limits={"body-timeout": 0.3})
    response = await (await site.connect()).ask(b"POST / HTTP/1.1\r\nHost: a\r\n" + body)
    assert response.status == status
    assert b"\r\n0\r\n" not in await asyncio.wait_for(seen, PATIENCE)


# Responses before the body is through.


@pytest.mark.parametrize("close", [False, True])
async def test_an_early_response_comes_down(close: bool, upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        if (await peer.head()).target == "/well":
            await peer.send(OK)
            return
        head = b"HTTP/1.1 413 Too Large\r\n%bContent-Length: 2\r\n\r\nno" % (b"Connection: close\r\n" if close else b"")
        await peer.send(head)
        if not close:
            await peer.rest()

    backend = await upstream(script)
    site = await serve(backend.url)
    peer = await site.connect()
    await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000)
    response = await peer.message()
    assert (response.status, response.body) == (413, b"no")
    await well_again(site)
    assert backend.connections == 2


async def test_a_response_with_a_reset_behind_it_comes_down(upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        peer.reset()

    site = await serve((await upstream(script)).url)
    for _ in range(30):
        peer = await site.connect()
        await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000)
        response = await peer.message()
        assert (response.status, response.body) == (413, b"no")
        peer.close()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno", 413),
        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno", None),
        (b"HTTP/1.1 413 Too Large\r\n", None),
        (b"what?", None),
        (b"", None),
    ],
)
async def test_what_has_come_is_read_before_the_connection_counts_as_broken(said: bytes, status: int | None) -> None:
    """The server has answered and reset the connection when the next part of the body is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = parse_origin("http", f"127.0.0.1:{listener.getsockname()[1]}")
        connection = await Dialer(PATIENCE, PATIENCE).dial(origin, public_only=False)
        accepted, _ = listener.accept()
    with accepted:
        connection.begin(b"POST / HTTP/1.1\r\n\r\n", body_follows=True)
        accepted.recv(100)
        accepted.send(said)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    while connection.silent:  # nothing of it is left to the event loop
        pass
    with contextlib.suppress(UpstreamError):
        await connection.write(b"x")

    async def read_response() -> tuple[int, bytes]:
        while not connection.has_head():
            await connection.news()
        body = b""
        while chunk := await connection.read():
            body += chunk
        return connection.parser.status, body

    if status is None:
        with pytest.raises(UpstreamError):
            await read_response()
    else:
        assert await read_response() == (status, b"no")


@pytest.mark.parametrize("banner", [b"SSH-2.0-x\r\n", b"220 mail.example ESMTP\r\n", b"\x00"])
async def test_a_server_that_speaks_first(banner: bytes, upstream: Upstream, serve: Serve, until: Until) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(banner)
        await peer.rest()

    backend = await upstream(script)
    site = await serve(backend.url)
    assert (await site.get()).status == 502
    await until(lambda: backend.open == 0)
