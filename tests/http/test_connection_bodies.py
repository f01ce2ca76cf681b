"""Request bodies: framing, streaming, what happens to those nobody reads, and 100-continue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import CHUNKED, GET, POST, get, hello
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve

EXPECT = POST + b"Expect: 100-continue\r\n"


async def read_body(request: Request, response: Response) -> None:
    response.send(await request.body())


@pytest.mark.parametrize("how", ["body", "stream"])
@pytest.mark.parametrize("size", [1, 70_000, 2_000_000])
async def test_bodies_come_in_whole(serve: Serve, how: str, size: int) -> None:
    data = bytes(index % 251 for index in range(size))

    async def handler(request: Request, response: Response) -> None:
        got = await request.body() if how == "body" else b"".join([chunk async for chunk in request.stream()])
        response.send(f"{request.body_length} {got == data}")

    wire = await (await serve(handler)).connect()
    length = POST + f"Content-Length: {size}\r\n\r\n".encode()
    assert (await wire.ask(length + data)).body == f"{size} True".encode()
    await wire.send(CHUNKED)
    for start in range(0, size, 50_000):
        part = data[start : start + 50_000]
        await wire.send(b"%x;name=value\r\n%b\r\n" % (len(part), part))
    await wire.send(b"0\r\n\r\n")
    assert (await wire.response()).body.endswith(b" True")
    assert (await wire.ask(length + data)).status == 200


@pytest.mark.parametrize("how", ["body", "stream"])
@pytest.mark.parametrize("times", [1, 2])
async def test_what_is_read_ahead_is_there_for_the_reader(serve: Serve, how: str, times: int) -> None:
    ready = asyncio.Event()

    async def handler(request: Request, response: Response) -> None:
        for _ in range(times):
            await request.read_ahead(5)
        ready.set()
        got = await request.body() if how == "body" else b"".join([chunk async for chunk in request.stream()])
        await request.read_ahead(5)  # of what is read already there is no more to wait for
        response.send(f"{request.body_length} ".encode() + got)

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(POST + b"Content-Length: 9\r\n\r\nabcd")
    await site.until(lambda: site.named("incoming"))
    assert not ready.is_set()
    await wire.send(b"e")
    async with asyncio.timeout(PATIENCE):
        await ready.wait()
    await wire.send(b"fghi")
    assert (await wire.response()).body == b"9 abcdefghi"
    assert (await wire.ask(POST + b"Content-Length: 3\r\n\r\nabc")).body == b"3 abc"
    assert (await wire.ask(POST + b"Content-Length: 0\r\n\r\n")).body == b"0 "


async def test_chunks_reach_the_handler_as_they_come(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        async for chunk in request.stream():
            await response.write(chunk.upper())
        await response.end()

    wire = await (await serve(handler)).connect()
    await wire.send(CHUNKED)
    data = b""
    for word in (b"one", b"two"):
        await wire.send(b"3\r\n%b\r\n" % word)
        while word.upper() not in data:
            data += await wire.read_some()
    await wire.send(b"0\r\n\r\n")
    while not data.endswith(b"0\r\n\r\n"):
        data += await wire.read_some()


async def test_trailers_are_kept_apart(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        await request.body()
        response.send([list(request.trailers.items()), request.headers["x"]])

    wire = await (await serve(handler)).connect()
    head = CHUNKED[:-2] + b"X: head\r\n\r\n"
    received = await wire.ask(head + b"1\r\na\r\n0\r\nX: tail\r\nY: b\r\n\r\n")
    assert received.body == b'[[["X","tail"],["Y","b"]],"head"]'
    assert (await wire.ask(head + b"0\r\n\r\n")).body == b'[[],"head"]'


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 10\r\n\r\n0123456789", b"Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"],
)
async def test_a_small_body_nobody_reads_does_not_harm_the_connection(serve: Serve, framing: bytes) -> None:
    wire = await (await serve(hello)).connect()
    head = POST + framing
    await wire.send(head * 3)
    for _ in range(3):
        response = await wire.response()
        assert (response.body, response.closes) == (b"hello", False)


async def test_a_small_body_nobody_reads_may_come_later(serve: Serve) -> None:
    wire = await (await serve(hello)).connect()
    assert (await wire.ask(POST + b"Content-Length: 10\r\n\r\n01234")).body == b"hello"
    assert (await wire.ask(b"56789" + GET)).body == b"hello"


async def test_a_large_body_nobody_reads_ends_the_connection(serve: Serve) -> None:
    site = await serve(hello)
    wire = await site.connect()
    response = await wire.ask(POST + b"Content-Length: 100000000\r\n\r\n01234")
    assert (response.body, response.closes) == (b"hello", True)
    await site.after_a_while(wire.send_until_hung_up(bytes(65536)))


async def test_an_endless_chunked_body_nobody_reads_ends_the_connection(serve: Serve) -> None:
    site = await serve(hello)
    wire = await site.connect()
    assert (await wire.ask(CHUNKED)).body == b"hello"
    await site.after_a_while(wire.send_until_hung_up(b"10000\r\n" + bytes(0x10000) + b"\r\n"))


async def test_no_request_is_read_behind_the_last_response(serve: Serve) -> None:
    """The end of a body that isn't worth reading, and a request behind it, come with the bytes that are too many."""
    targets: list[str] = []

    def handler(request: Request, response: Response) -> None:
        targets.append(request.url)
        response.send("hello")

    site = await serve(handler)
    wire = await site.connect()
    assert (await wire.ask(CHUNKED)).body == b"hello"
    (connection,) = site.server._http.connections
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    connection.data_received(4 * chunk + b"1\r\na\r\n0\r\n\r\n" + get("/next"))
    await wire.closed()
    assert targets == ["/"]


# 100-continue, RFC 9110 10.1.1.


async def test_100_continue_comes_when_the_body_is_asked_for(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def handler(request: Request, response: Response) -> None:
        await go_on.wait()
        response.send(await request.body())

    wire = await (await serve(handler)).connect()
    for framing, body in (
        (b"Content-Length: 3\r\n\r\n", b"abc"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    ):
        go_on.clear()
        await wire.send(EXPECT + framing)
        waiting = asyncio.create_task(wire.read_some())
        await asyncio.sleep(0.02)
        assert not waiting.done()
        go_on.set()
        assert await waiting == b"HTTP/1.1 100 Continue\r\n\r\n"
        received = await wire.ask(body)
        assert (received.status, received.body, received.closes) == (200, b"abc", False)


async def test_no_100_continue_for_a_response_without_the_body(serve: Serve) -> None:
    wire = await (await serve(hello)).connect()
    response = await wire.ask(EXPECT + b"Content-Length: 3\r\n\r\n")
    assert (response.interim, response.body, response.closes) == ([], b"hello", True)
    await wire.closed()


async def test_no_100_continue_for_a_body_that_is_there(serve: Serve) -> None:
    wire = await (await serve(read_body)).connect()
    for _ in range(2):
        response = await wire.ask(EXPECT + b"Content-Length: 3\r\n\r\nabc")
        assert (response.interim, response.body, response.closes) == ([], b"abc", False)


async def test_no_100_continue_without_a_body(serve: Serve) -> None:
    wire = await (await serve(read_body)).connect()
    response = await wire.ask(EXPECT + b"\r\n")
    assert (response.interim, response.status) == ([], 200)


async def test_another_expectation_is_refused(serve: Serve) -> None:
    wire = await (await serve(hello)).connect()
    assert (await wire.ask(POST + b"Expect: more\r\n\r\n")).status == 417


async def test_1_0_gets_no_100_continue(serve: Serve) -> None:
    wire = await (await serve(read_body)).connect()
    await wire.send(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    response = await wire.response()
    assert (response.interim, response.body) == ([], b"abc")
