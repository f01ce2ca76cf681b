"""Limits and backpressure: what a client may ask of the server's memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import CHUNKED, GET, POST, hello, others_are_well, read_body, read_stream, refused
from tests.kit.waiting import settled

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve

# Sizes.


def with_target(size: int) -> bytes:
    return b"GET /" + b"a" * (size - 1) + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def with_headers(size: int) -> bytes:
    """A request whose header block, the lines with their ends, has `size` bytes."""
    block = b"Host: a\r\n"
    while len(block) < size - 1100:
        block += b"X: " + b"a" * 995 + b"\r\n"
    return b"GET / HTTP/1.1\r\n" + block + b"X: " + b"a" * (size - len(block) - 5) + b"\r\n\r\n"


@pytest.mark.parametrize(("make", "limit", "status"), [(with_target, 8192, 414), (with_headers, 65536, 431)])
async def test_the_head_may_have_its_limit_and_no_byte_more(
    serve: Serve, make: Callable[[int], bytes], limit: int, status: int
) -> None:
    site = await serve(hello)
    for size in (limit - 1, limit):
        wire = await site.connect()
        assert (await wire.ask(make(size))).status == 200
        assert (await wire.ask(GET)).status == 200
    wire = await site.connect()
    await wire.send(GET + make(limit + 1) + GET)
    assert (await wire.response()).status == 200
    await refused(wire, status)
    await others_are_well(site)


async def test_a_head_in_small_pieces_counts_once(serve: Serve) -> None:
    wire = await (await serve(hello)).connect()
    head = with_headers(60_000)
    await wire.send_in_pieces([head[start : start + 500] for start in range(0, len(head), 500)])
    assert (await wire.response()).status == 200


@pytest.mark.parametrize("size", [100_000, 200_000])
@pytest.mark.parametrize("end", [10, len(GET)], ids=["in a head", "behind a head"])
async def test_what_comes_before_a_head_does_not_count(serve: Serve, size: int, end: int) -> None:
    """However much of a body or of other requests comes in one piece with the begin of a head."""
    wire = await (await serve(read_body)).connect()
    # Once this has gone through, the kernel takes in large pieces.
    assert (await wire.ask(POST + b"Content-Length: 9000000\r\n\r\n" + bytes(9_000_000))).status == 200
    request = with_headers(1200)
    for length in (size, size - 5000, 5):
        count = (size - length) // len(request)
        await wire.send_in_pieces([POST + f"Content-Length: {length}\r\n\r\n".encode()])
        sending = asyncio.create_task(wire.send(bytes(length) + request * count + GET[:end]))
        for expected in [str(length), *["0"] * count]:
            response = await wire.response()
            assert (response.status, response.body.decode()) == (200, expected)
        await sending
        assert (await wire.ask(GET[end:])).status == 200


@pytest.mark.parametrize(
    ("start", "statuses"),
    [
        (b"GET /", (414, 431)),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", (431,)),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX", (431,)),
        (b"GET / HTTP/1.1\r\nX: a\r\nHost: ", (431, 400)),
    ],
    ids=["target", "value", "name", "host"],
)
async def test_a_head_that_never_ends_is_not_kept(serve: Serve, start: bytes, statuses: tuple[int, ...]) -> None:
    site = await serve(hello)
    wire = await site.connect()
    await wire.send(start)
    for _ in range(40):
        await wire.send(b"a" * 8192)
    response = await wire.response()
    assert response.status in statuses
    assert response.closes
    await others_are_well(site)


async def test_many_small_headers_count(serve: Serve) -> None:
    site = await serve(hello, max_headers=1000)
    wire = await site.connect()
    await wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X:\r\n" * 400 + b"\r\n")
    await refused(wire, 431)


async def test_the_response_can_be_read_while_the_client_still_sends(serve: Serve) -> None:
    site = await serve(hello)
    wire = await site.connect()
    await wire.send(b"nonsense\r\n\r\n")
    for _ in range(200):
        await wire.send(bytes(8192))
    await refused(wire, 400)
    await others_are_well(site)


async def test_trailers_have_the_limit_of_headers(serve: Serve) -> None:
    site = await serve(read_body, max_headers=1000)
    wire = await site.connect()
    assert (await wire.ask(CHUNKED + b"0\r\nX: " + b"a" * 500 + b"\r\n\r\n")).status == 200
    await wire.send(CHUNKED + b"0\r\n" + b"X: a\r\n" * 1000 + b"\r\n")
    response = await wire.response()
    assert response.status in (400, 431)
    assert response.closes


@pytest.mark.parametrize(
    "part", [b"5;" + b"x" * 100_000 + b"\r\nabcde\r\n", b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n" * 20_000]
)
async def test_chunk_extensions_have_a_limit(serve: Serve, part: bytes) -> None:
    """RFC 9112 7.1.1: a server ought to limit the length of chunk extensions."""
    site = await serve(read_body)
    wire = await site.connect()
    await wire.send(CHUNKED)
    await wire.send_in_pieces([part[start : start + 8192] for start in range(0, len(part), 8192)])
    response = await wire.response()
    assert response.status in (400, 413)
    assert response.closes
    await others_are_well(site)


async def test_bodies_in_small_chunks_are_no_attack(serve: Serve) -> None:
    wire = await (await serve(read_body)).connect()
    await wire.send(CHUNKED)
    await wire.send_in_pieces([b"1\r\na\r\n" * 1000] * 30)
    assert (await wire.ask(b"0\r\n\r\n")).body == b"30000"


async def test_a_body_read_whole_has_a_limit(serve: Serve) -> None:
    site = await serve(read_body, max_body=1000)
    wire = await site.connect()
    for size in (999, 1000):
        assert (await wire.ask(POST + f"Content-Length: {size}\r\n\r\n".encode() + bytes(size))).body == str(
            size
        ).encode()
        assert (await wire.ask(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size)))).body == str(size).encode()
    for data in (
        POST + b"Content-Length: 1001\r\n\r\n",
        POST + b"Content-Length: 1001\r\n\r\n" + bytes(1001),
        POST + b"Content-Length: 100000000\r\n\r\n" + bytes(10),
        CHUNKED + b"3e8\r\n" + bytes(1000) + b"\r\n1\r\na\r\n",
        CHUNKED + b"3e9\r\n" + bytes(1001) + b"\r\n0\r\n\r\n",
    ):
        wire = await site.connect()
        assert (await wire.ask(data)).status == 413
        wire.close()
    await others_are_well(site)


async def test_a_body_too_large_is_not_asked_for(serve: Serve) -> None:
    wire = await (await serve(read_body, max_body=1000)).connect()
    response = await wire.ask(POST + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
    assert (response.interim, response.status, response.closes) == ([], 413, True)
    await wire.closed()


async def test_a_streamed_body_has_no_limit(serve: Serve) -> None:
    wire = await (await serve(read_stream, max_body=1000)).connect()
    response = await wire.ask(POST + b"Content-Length: 100000\r\n\r\n" + bytes(100_000))
    assert (response.status, response.body) == (200, b"100000")


# The number of connections.


async def test_one_connection_too_many_gets_503(serve: Serve) -> None:
    site = await serve(hello, max_connections=2)
    first, second = await site.connect(), await site.connect()
    assert (await first.ask(GET)).status == 200
    assert (await second.ask(GET)).status == 200
    third = await site.connect()
    await third.send(GET)
    await refused(third, 503)
    assert (await first.ask(GET)).status == 200
    first.close()
    await site.until(lambda: site.connections < 2)
    await others_are_well(site)


async def test_a_refused_connection_does_not_stay(serve: Serve) -> None:
    site = await serve(hello, max_connections=1)
    first = await site.connect()
    assert (await first.ask(GET)).status == 200
    second = await site.connect()
    await refused(second, 503)
    await second.send_until_hung_up(b"more", pause=0.1)


# Backpressure.


async def test_writing_waits_for_a_client_that_does_not_read(serve: Serve) -> None:
    written = 0

    async def handler(request: Request, response: Response) -> None:
        nonlocal written
        for _ in range(200):
            await response.write(bytes(65536))
            written += 65536
        await response.end()

    site = await serve(handler)
    wire = await site.connect(receive_buffer=4096)
    await wire.send(GET)
    await settled(lambda: written)
    assert 0 < written < 200 * 65536 / 2
    assert len((await wire.response()).body) == 200 * 65536


async def test_responses_wait_for_a_client_that_does_not_read(serve: Serve) -> None:
    answered = 0

    def handler(request: Request, response: Response) -> None:
        nonlocal answered
        answered += 1
        response.send(bytes(100_000))

    site = await serve(handler)
    wire = await site.connect(receive_buffer=4096)
    sending = asyncio.create_task(wire.send(GET * 300))
    await settled(lambda: answered)
    assert 0 < answered < 150
    for _ in range(300):
        assert len((await wire.response()).body) == 100_000
    await sending


async def test_requests_wait_for_a_handler_that_takes_its_time(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def handler(request: Request, response: Response) -> None:
        await go_on.wait()
        response.send("hello", headers={"Connection": "close"})

    site = await serve(handler)
    wire = await site.connect()
    large = with_headers(50_000)
    sent = 0

    async def send() -> None:
        nonlocal sent
        while sent < 800:
            await wire.send(large)
            sent += 1

    sending = asyncio.create_task(send())
    await settled(lambda: sent)
    assert sent < 400
    go_on.set()
    assert (await wire.response()).closes
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_body_waits_for_a_handler_that_does_not_read(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def handler(request: Request, response: Response) -> None:
        await go_on.wait()
        response.send(str(sum([len(chunk) async for chunk in request.stream()])))

    site = await serve(handler)
    wire = await site.connect()
    size = 40_000_000
    sent = 0

    async def send() -> None:
        nonlocal sent
        await wire.send(POST + f"Content-Length: {size}\r\n\r\n".encode())
        while sent < size:
            await wire.send(bytes(100_000))
            sent += 100_000

    sending = asyncio.create_task(send())
    await settled(lambda: sent)
    assert sent < size / 2
    go_on.set()
    assert (await wire.response()).body == str(size).encode()
    await sending
