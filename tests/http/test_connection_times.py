"""Timeouts: what a client may ask of the server's patience. The server looks at them about twice a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import CHUNKED, GET, POST, hello, others_are_well, read_body, read_stream, refused

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve


@pytest.mark.parametrize(
    "part",
    [b"G", b"GET / HTTP/1.1\r\nHost: a\r\nX: a", b"GET / HTTP/1.1\r\nHost: a\r\n\r"],
    ids=["first byte", "header", "last byte missing"],
)
async def test_slow_headers(serve: Serve, part: bytes) -> None:
    site = await serve(hello, header_timeout=0.2)
    fresh, used = await site.connect(), await site.connect()
    assert (await used.ask(GET)).status == 200
    for wire in (fresh, used):
        await wire.send(part)
    for wire in (fresh, used):
        await refused(wire, 408)
    await others_are_well(site)


async def test_headers_that_trickle_are_slow_too(serve: Serve) -> None:
    wire = await (await serve(hello, header_timeout=0.3)).connect()
    await wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    receiving = asyncio.create_task(wire.answer())
    while not receiving.done():
        await wire.send(b"a")
        await asyncio.sleep(0.02)
    assert (await receiving).status == 408


@pytest.mark.parametrize("handler", [read_body, read_stream])
@pytest.mark.parametrize("head", [POST + b"Content-Length: 10\r\n\r\n01234", CHUNKED + b"a\r\n01234", CHUNKED])
async def test_slow_bodies(serve: Serve, handler: object, head: bytes) -> None:
    site = await serve(handler, body_timeout=0.2)
    wire = await site.connect()
    await wire.send(head)
    answer = await wire.answer()
    assert (answer.status, answer.closes) == (408, True)
    await wire.closed()
    await others_are_well(site)


async def test_a_body_that_trickles_is_in_time(serve: Serve) -> None:
    wire = await (await serve(read_body, body_timeout=1.2)).connect()
    await wire.send(POST + b"Content-Length: 6\r\n\r\n")
    for _ in range(6):
        await asyncio.sleep(0.4)
        await wire.send(b"a")
    assert (await wire.answer()).body == b"6"


async def test_a_slow_body_nobody_reads(serve: Serve) -> None:
    wire = await (await serve(hello, body_timeout=0.2)).connect()
    assert (await wire.ask(POST + b"Content-Length: 10\r\n\r\n01234")).status == 200
    await wire.closed()


async def test_idle_connections_are_closed_silently(serve: Serve) -> None:
    site = await serve(hello, idle_timeout=0.2)
    wire = await site.connect()
    assert (await wire.ask(GET)).status == 200
    await wire.closed()
    await others_are_well(site)


async def test_a_slow_handler_is_no_idle_connection(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        await asyncio.sleep(1.3)
        response.send("late")

    wire = await (
        await serve(handler, idle_timeout=0.1, header_timeout=0.1, body_timeout=0.1, write_timeout=0.1)
    ).connect()
    assert (await wire.ask(GET)).body == b"late"
    assert (await wire.ask(POST + b"Content-Length: 3\r\n\r\nabc")).body == b"late"


async def test_a_handler_may_take_its_time_before_it_reads_the_body(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        await asyncio.sleep(1.3)
        response.send(str(len(await request.body())))

    wire = await (await serve(handler, body_timeout=0.6)).connect()
    data = bytes(5_000_000)
    sending = asyncio.create_task(wire.send(POST + b"Content-Length: 5000000\r\n\r\n" + data))
    assert (await wire.answer()).body == b"5000000"
    await sending


@pytest.mark.parametrize("behind", [b"GET / HTTP/1.1\r\nHo", b"nonsense\r\n\r\n"], ids=["slow head", "malformed"])
async def test_an_error_behind_a_request_lets_it_be_answered(serve: Serve, behind: bytes) -> None:
    async def handler(request: Request, response: Response) -> None:
        await asyncio.sleep(1.7)
        response.send("late")

    wire = await (await serve(handler, header_timeout=0.2)).connect()
    await wire.send(GET + behind)
    assert (await wire.answer()).body == b"late"
    answer = await wire.answer()
    assert answer.status in (400, 408)
    assert answer.closes
    await wire.closed()


@pytest.mark.parametrize("read", [False, True], ids=["unread", "read"])
async def test_a_body_too_slow_for_a_slow_handler(serve: Serve, read: bool) -> None:
    async def handler(request: Request, response: Response) -> None:
        await asyncio.sleep(1.7)
        if read:
            await request.body()
        response.send("late")

    wire = await (await serve(handler, body_timeout=0.2)).connect()
    await wire.send(POST + b"Content-Length: 10\r\n\r\n01234")
    answer = await wire.answer()
    assert (answer.status, answer.closes) == (408 if read else 200, True)
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

    site = await serve(handler, write_timeout=0.2)
    wire = await site.connect(receive_buffer=4096)
    await wire.send(GET.replace(b"/", b"/large", 1))
    await site.until(lambda: site.named("incoming") and site.connections == 0)
    with pytest.raises((EOFError, ConnectionError)):
        await wire.answer()
    await others_are_well(site)
    if streamed:
        assert [event.url for event in site.named("aborted")] == ["/large"]


async def test_a_client_that_reads_slowly_is_in_time(serve: Serve) -> None:
    size = 30_000_000

    def handler(request: Request, response: Response) -> None:
        response.send(bytes(size))

    wire = await (await serve(handler, write_timeout=1.2)).connect()
    await wire.send(GET)
    got = 0
    while got < size:
        await asyncio.sleep(0.3)
        target = min(got + 2_500_000, size)
        while got < target:
            got += len(await wire.read_some())
