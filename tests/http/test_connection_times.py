"""Timeouts: what a client may ask of the server's patience. The server's clock is the test's: nobody waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import CHUNKED, GET, POST, get, hello, others_are_well, read_body, read_stream, refused

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve

LONG = 3600  # seconds: no timeout is as long


@pytest.mark.parametrize(
    "part",
    [b"G", b"GET / HTTP/1.1\r\nHost: a\r\nX: a", b"GET / HTTP/1.1\r\nHost: a\r\n\r"],
    ids=["first byte", "header", "last byte missing"],
)
async def test_slow_headers(serve: Serve, part: bytes) -> None:
    site = await serve(hello)
    fresh, used = await site.connect(), await site.connect()
    assert (await used.ask(GET)).status == 200
    for wire in (fresh, used):
        await wire.send(part)
    for wire in (fresh, used):
        await site.after_a_while(refused(wire, 408))
    await others_are_well(site)


async def test_headers_that_trickle_are_slow_too(serve: Serve) -> None:
    site = await serve(hello, header_timeout=10)
    wire = await site.connect()
    await wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    receiving = asyncio.create_task(wire.response())
    while not receiving.done():
        await wire.send(b"a")
        site.pass_time(0.5)
        await asyncio.sleep(0.001)
    assert (await receiving).status == 408


@pytest.mark.parametrize("handler", [read_body, read_stream])
@pytest.mark.parametrize("head", [POST + b"Content-Length: 10\r\n\r\n01234", CHUNKED + b"a\r\n01234", CHUNKED])
async def test_slow_bodies(serve: Serve, handler: object, head: bytes) -> None:
    site = await serve(handler)
    wire = await site.connect()
    await wire.send(head)
    response = await site.after_a_while(wire.response())
    assert (response.status, response.closes) == (408, True)
    await wire.closed()
    await others_are_well(site)


async def test_a_body_that_trickles_is_in_time(serve: Serve) -> None:
    read = 0

    async def handler(request: Request, response: Response) -> None:
        nonlocal read
        async for chunk in request.stream():
            read += len(chunk)
        response.send("all of it")

    site = await serve(handler, body_timeout=30, min_body_rate=0)
    wire = await site.connect()
    await wire.send(POST + b"Content-Length: 6\r\n\r\n")
    await site.until(lambda: site.named("incoming"))
    for count in range(1, 7):
        site.pass_time(29)
        await wire.send(b"a")
        await site.until(lambda count=count: read == count)  # type: ignore[misc]
    assert (await wire.response()).body == b"all of it"


@pytest.mark.parametrize(
    ("size", "seconds", "status"),
    [
        (1, 1, 408),
        (200, 1, 408),
        (240, 1, 200),
        (2400, 10, 200),
        (2400, 11, 408),
        (7200, 29, 200),
        (100_000, 29, 200),
    ],
)
async def test_a_body_has_a_least_rate(serve: Serve, size: int, seconds: float, status: int) -> None:
    """So many bytes every so many seconds, a thousand times over: nothing that came fast before makes up for it."""
    read = 0

    async def handler(request: Request, response: Response) -> None:
        nonlocal read
        async for chunk in request.stream():
            read += len(chunk)
        response.send("all of it")

    site = await serve(handler, body_timeout=30, min_body_rate=240)
    wire = await site.connect()
    pieces = 1000 if status == 408 else 20
    await wire.send(POST + b"Content-Length: %d\r\n\r\n" % (100_000 + pieces * size) + bytes(100_000))
    for sent in range(pieces + 1):
        await site.until(lambda sent=sent: read == 100_000 + sent * size or site.named("redirected"))  # type: ignore[misc]
        if sent == pieces or site.named("redirected"):
            break
        site.pass_time(seconds)
        await asyncio.sleep(0)
        await wire.send(bytes(size))
    assert (await wire.response()).status == status
    assert (read < 100_000 + pieces * size) == (status == 408)


async def test_a_slow_body_nobody_reads(serve: Serve) -> None:
    site = await serve(hello)
    wire = await site.connect()
    assert (await wire.ask(POST + b"Content-Length: 10\r\n\r\n01234")).status == 200
    await site.after_a_while(wire.closed())


async def test_idle_connections_are_closed_silently(serve: Serve) -> None:
    site = await serve(hello, idle_timeout=75)
    wire = await site.connect()
    assert (await wire.ask(GET)).status == 200
    for _ in range(2):
        site.pass_time(74)
        assert (await wire.ask(GET)).status == 200
    site.pass_time(75)
    await wire.closed()
    await others_are_well(site)


async def test_a_slow_handler_is_no_idle_connection(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        site.pass_time(LONG)
        await asyncio.sleep(0)
        site.pass_time(LONG)
        response.send("late")

    site = await serve(handler)
    wire = await site.connect()
    assert (await wire.ask(GET)).body == b"late"
    assert (await wire.ask(POST + b"Content-Length: 3\r\n\r\nabc")).body == b"late"


async def test_a_handler_may_take_its_time_before_it_reads_the_body(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        (connection,) = site.server._http.connections
        await site.until(lambda: not connection.reading)  # it has as much as it holds
        site.pass_time(LONG)
        response.send(str(len(await request.body())))

    site = await serve(handler)
    wire = await site.connect()
    data = bytes(5_000_000)
    sending = asyncio.create_task(wire.send(POST + b"Content-Length: 5000000\r\n\r\n" + data))
    assert (await wire.response()).body == b"5000000"
    await sending


@pytest.mark.parametrize("behind", [b"GET / HTTP/1.1\r\nHo", b"nonsense\r\n\r\n"], ids=["slow head", "malformed"])
async def test_an_error_behind_a_request_lets_it_be_answered(serve: Serve, behind: bytes) -> None:
    async def handler(request: Request, response: Response) -> None:
        for _ in range(10):
            site.pass_time(LONG)
            await asyncio.sleep(0.001)
        response.send("late")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(GET + behind)
    assert (await wire.response()).body == b"late"
    received = await wire.response()
    assert received.status in (400, 408)
    assert received.closes
    await wire.closed()


async def test_what_comes_behind_the_last_request_takes_no_time_from_it(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        for _ in range(10):
            site.pass_time(LONG)
            await asyncio.sleep(0.001)
        response.send("late")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get(extra="Connection: close\r\n") + GET)
    received = await wire.response()
    assert (received.body, received.closes) == (b"late", True)
    await wire.closed()


@pytest.mark.parametrize("read", [False, True], ids=["unread", "read"])
async def test_a_body_too_slow_for_a_slow_handler(serve: Serve, read: bool) -> None:
    async def handler(request: Request, response: Response) -> None:
        site.pass_time(LONG)
        if read:
            await request.body()
        response.send("late")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(POST + b"Content-Length: 10\r\n\r\n01234")
    received = await site.after_a_while(wire.response())
    assert (received.status, received.closes) == (408 if read else 200, True)
    await wire.closed()


@pytest.mark.parametrize("streamed", [False, True], ids=["sent", "streamed"])
async def test_a_client_that_does_not_read_is_cut(serve: Serve, streamed: bool) -> None:
    async def handler(request: Request, response: Response) -> None:
        if request.path != "/large":
            response.send("small")
        elif streamed:
            while True:
                await response.write(bytes(65536))
        else:
            response.send(bytes(50_000_000))

    site = await serve(handler)
    wire = await site.connect(receive_buffer=4096)
    await wire.send(GET.replace(b"/", b"/large", 1))
    await site.after_a_while(site.until(lambda: site.named("incoming") and site.connections == 0))
    with pytest.raises((EOFError, ConnectionError)):
        await wire.response()
    await others_are_well(site)
    if streamed:
        assert [event.url for event in site.named("aborted")] == ["/large"]


async def test_a_client_that_reads_slowly_is_in_time(serve: Serve) -> None:
    size = 30_000_000

    def handler(request: Request, response: Response) -> None:
        response.send(bytes(size))

    site = await serve(handler, write_timeout=60)
    wire = await site.connect()
    await wire.send(GET)
    await site.until(lambda: site.named("incoming"))
    (connection,) = site.server._http.connections
    got = 0
    while unsent := connection.transport.get_write_buffer_size():
        site.pass_time(59)
        while connection.transport.get_write_buffer_size() == unsent:
            got += len(await wire.read_some())
    while got < size:
        got += len(await wire.read_some())
