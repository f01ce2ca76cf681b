"""What the connection does with requests that are well-formed: how long it stays, in what order it answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import GET, OLD, OLD_KEPT, get, hello

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve


@pytest.mark.parametrize("streamed", [False, True], ids=["sent", "streamed"])
async def test_a_handler_can_close_the_connection(serve: Serve, streamed: bool) -> None:
    seen: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        seen.append(request.path)
        response.headers["Connection"] = "close"
        if streamed:
            await response.write("by")
            await response.end("e")
        else:
            response.send("bye")

    wire = await (await serve(handler)).connect()
    await wire.send(get("/1") + get("/2") + get("/3"))
    (received,) = await wire.responses()
    assert (received.body, received.closes) == (b"bye", True)
    assert seen == ["/1"]


async def test_1_0_closes_unless_asked_to_stay(serve: Serve) -> None:
    site = await serve(hello)
    wire = await site.connect()
    for _ in range(2):
        response = await wire.ask(OLD_KEPT)
        assert (response.body, response.headers["connection"].lower()) == (b"hello", "keep-alive")
    response = await wire.ask(OLD)
    assert (response.body, response.closes) == (b"hello", True)
    await wire.closed()


# Pipelining.


async def test_responses_come_in_the_order_of_their_requests(serve: Serve) -> None:
    release = asyncio.Event()
    running: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        running.append(request.path)
        if request.path == "/slow":
            await release.wait()
        response.send(request.path)

    site = await serve(handler)
    wire, other = await site.connect(), await site.connect()
    await wire.send(get("/slow") + get("/2") + get("/3", "Connection: close\r\n") + get("/4"))
    await site.until(lambda: running)
    assert (await other.ask(get("/other"))).body == b"/other"
    assert running == ["/slow", "/other"]
    release.set()
    assert [received.body for received in await wire.responses()] == [b"/slow", b"/2", b"/3"]


async def test_hundreds_of_pipelined_requests(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        if request.path.endswith("7"):
            await asyncio.sleep(0)
        if request.path.endswith("3"):
            await response.write(request.path)
            await response.end()
        else:
            response.send(request.path)

    wire = await (await serve(handler)).connect()
    sending = asyncio.create_task(wire.send(b"".join(get(f"/{number}") for number in range(500))))
    for number in range(500):
        assert (await wire.response()).body == f"/{number}".encode()
    await sending


@pytest.mark.no_cover
async def test_a_flood_of_pipelined_requests_leaves_others_their_turn(serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    turns = [0]

    def next_turn() -> None:
        turns.append(0)
        loop.call_soon(next_turn)

    def handler(request: Request, response: Response) -> None:
        turns[-1] += 1
        response.send("hello")

    wire = await (await serve(handler)).connect()
    next_turn()
    sending = asyncio.create_task(wire.send(GET * 5000))
    for _ in range(5000):
        await wire.response()
    await sending
    assert max(turns) <= 100


# What the request tells.


@pytest.mark.parametrize("value", [b" a", b"a ", b"\t a\t ", b"a", b" a\t\t"])
async def test_white_space_around_a_header_value_is_no_part_of_it(serve: Serve, value: bytes) -> None:
    """RFC 9112 5.1."""

    def handler(request: Request, response: Response) -> None:
        response.send(repr(request.headers["x"]))

    wire = await (await serve(handler)).connect()
    assert (await wire.ask(b"GET / HTTP/1.1\r\nHost: a\r\nX:" + value + b"\r\n\r\n")).body == b"'a'"


async def test_what_the_handler_sees(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send(
            {
                "version": request.http_version,
                "raw": request.raw_target,
                "url": request.url,
                "host": request.host,
                "remote": request.client.address,
                "scheme": request.scheme,
                "x": request.headers.getall("x"),
                "cookies": request.cookies,
                "query": list(request.query.items()),
            }
        )

    wire = await (await serve(handler)).connect()
    received = await wire.ask(
        b"GET /%41/../b?c=%26&c=2 HTTP/1.1\r\nHost: a:1\r\nX: 1\r\nCookie: k=v\r\nx: \xe9\r\nCookie: l=w\r\n\r\n"
    )
    assert received.body.decode() == (
        '{"version":"1.1","raw":"/%41/../b?c=%26&c=2","url":"/b?c=%26&c=2","host":"a:1","remote":"127.0.0.1",'
        '"scheme":"http","x":["1","é"],"cookies":{"k":"v","l":"w"},"query":[["c","&"],["c","2"]]}'
    )
