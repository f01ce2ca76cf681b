"""The bytes behind a 101: read and written with backpressure, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError

from reserve_core.errors import ResponseError
from reserve_core.http.response_head import render_switching
from reserve_core.http.upgraded_stream import HIGH_WATER, LOW_WATER, UpgradedStream

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve, Site
    from tests.kit.wire import Wire

ASK = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n"
FIELDS = [("Connection", "Upgrade"), ("Upgrade", "bytes")]


class Tunnel:
    """A connection upgraded to plain bytes: both its ends, and what came of the handler."""

    def __init__(self, site: Site, wire: Wire, stream: UpgradedStream, talking: asyncio.Future[None]) -> None:
        self.site = site
        self.wire = wire
        self.stream = stream
        self.talking = talking


Dig = Callable[..., Awaitable[Tunnel]]


@pytest.fixture
def dig(serve: Serve) -> Dig:
    """Opens a tunnel at whose server's end `talk` reads and writes: `tunnel = await dig(talk)`."""

    async def start(
        talk: Callable[[UpgradedStream], Awaitable[None]], early: bytes = b"", receive_buffer: int | None = None
    ) -> Tunnel:
        loop = asyncio.get_running_loop()
        given: asyncio.Future[UpgradedStream] = loop.create_future()
        talking: asyncio.Future[None] = loop.create_future()

        async def handler(request: Request, response: Response) -> None:
            assert request.upgrader is not None
            stream = request.upgrader.hand_over(FIELDS)
            given.set_result(stream)
            try:
                await talk(stream)
            except BaseException as error:
                talking.set_exception(error)
            else:
                talking.set_result(None)

        site = await serve(handler)
        wire = await site.connect(receive_buffer=receive_buffer)
        assert (await wire.ask(ASK + early)).status == 101
        return Tunnel(site, wire, await given, talking)

    return start


@pytest.mark.parametrize(
    "field", [("A\r\nB", "x"), ("A", "x\r\nB: y"), ("A", "x\ny"), ("A", "\0"), ("", "x"), ("A B", "x"), ("A", "€")]
)
def test_a_field_that_breaks_the_head_is_refused(field: tuple[str, str]) -> None:
    with pytest.raises(ResponseError):
        render_switching([*FIELDS, field])


def test_the_head() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\nX: \xe9\r\n\r\n"
    assert render_switching([*FIELDS, ("X", "é")]) == head


async def test_bytes_are_read_as_asked(dig: Dig) -> None:
    async def talk(stream: UpgradedStream) -> None:
        assert await stream.read_bytes(0) == b""
        assert await stream.read_bytes(3) == b"ear"
        assert await stream.read_bytes(5) == b"lymor"
        assert await stream.read_chunk() == b"e"
        assert await stream.read_chunk() == b"last"
        assert await stream.read_chunk() == b""
        assert await stream.read_chunk() == b""
        with pytest.raises(StreamClosedError):
            await stream.read_bytes(1)

    tunnel = await dig(talk, b"early")
    await tunnel.wire.send(b"more")
    await tunnel.site.until(lambda: tunnel.stream.received == 9)
    await tunnel.wire.send(b"last")
    tunnel.wire.close()
    await tunnel.talking
    assert tunnel.stream.received == 13


async def test_a_read_larger_than_the_buffer(dig: Dig) -> None:
    data = bytes(range(256)) * 40_000

    async def talk(stream: UpgradedStream) -> None:
        assert await stream.read_bytes(len(data)) == data
        assert await stream.read_bytes(3) == b"end"

    tunnel = await dig(talk)
    await tunnel.wire.send(data + b"end")
    await tunnel.talking


async def test_a_read_that_ends_too_early(dig: Dig) -> None:
    async def talk(stream: UpgradedStream) -> None:
        with pytest.raises(StreamClosedError):
            await stream.read_bytes(10)
        assert await stream.read_chunk() == b"short"

    tunnel = await dig(talk)
    await tunnel.wire.send(b"short")
    tunnel.wire.close()
    await tunnel.talking


async def test_nobody_reads_nothing_is_taken(dig: Dig) -> None:
    go = asyncio.Event()
    data = bytes(range(256)) * 100_000

    async def talk(stream: UpgradedStream) -> None:
        await go.wait()
        received = bytearray()
        while len(received) < len(data):
            received += await stream.read_bytes(1024)
        assert received == data
        assert not stream.paused

    tunnel = await dig(talk)
    sending = asyncio.create_task(tunnel.wire.send(data))
    await tunnel.site.until(lambda: tunnel.stream.paused)
    for _ in range(100):
        await asyncio.sleep(0)
    assert HIGH_WATER < tunnel.stream.received < 3 * HIGH_WATER
    assert not sending.done()
    go.set()
    await tunnel.talking
    await sending


async def test_reading_stops_though_a_reader_waits(dig: Dig) -> None:
    """A transport may give much at once, before the reader that the first of it wakes has its turn."""
    received = bytearray()

    async def talk(stream: UpgradedStream) -> None:
        while len(received) < 5 * HIGH_WATER:
            received.extend(await stream.read_chunk())

    tunnel = await dig(talk)
    stream = tunnel.stream
    given = 0
    while not stream.paused and given < 5 * HIGH_WATER:
        stream.feed(bytes(HIGH_WATER // 4))
        given += HIGH_WATER // 4
    assert given <= 2 * HIGH_WATER
    await tunnel.site.until(lambda: len(received) == given)
    assert not stream.paused
    stream.feed(bytes(5 * HIGH_WATER - given))
    await tunnel.talking


async def test_a_chunk_is_no_larger_than_what_may_wait(dig: Dig) -> None:
    go = asyncio.Event()
    data = bytes(range(256)) * 1000

    async def talk(stream: UpgradedStream) -> None:
        await go.wait()
        chunks: list[bytes] = []
        while sum(map(len, chunks)) < len(data):
            chunks.append(await stream.read_chunk())
        assert b"".join(chunks) == data
        assert max(map(len, chunks)) == HIGH_WATER

    tunnel = await dig(talk)
    tunnel.stream.feed(data)  # all at once, as uvloop may
    go.set()
    await tunnel.talking


async def test_reading_goes_on_below_the_low_mark(dig: Dig) -> None:
    go = asyncio.Event()

    async def talk(stream: UpgradedStream) -> None:
        await go.wait()
        waiting = stream.received
        while stream.paused:
            await stream.read_bytes(1024)
            waiting -= 1024
        assert waiting <= LOW_WATER < waiting + 1024

    tunnel = await dig(talk)
    sending = asyncio.create_task(tunnel.wire.send(b"x" * 2_000_000))
    await tunnel.site.until(lambda: tunnel.stream.paused)
    go.set()
    await tunnel.talking
    tunnel.wire.close()
    await asyncio.wait((sending,))
    sending.exception()


async def test_writes_wait_for_a_client_that_does_not_read(dig: Dig) -> None:
    async def talk(stream: UpgradedStream) -> None:
        assert stream.write(b"small").done()
        large = stream.write(b"x" * 8_000_000)
        assert not large.done()
        assert not stream.write(memoryview(b"y")).done()
        await large
        await stream.drain()
        await stream.write(b"end")

    tunnel = await dig(talk, receive_buffer=65536)
    assert await tunnel.wire.rest() == b"small" + b"x" * 8_000_000 + b"yend"
    await tunnel.talking


@pytest.mark.parametrize("awaited", [False, True])
async def test_writes_to_a_client_that_goes_fail(dig: Dig, awaited: bool) -> None:
    calls: list[str] = []

    async def talk(stream: UpgradedStream) -> None:
        stream.set_close_callback(lambda: calls.append("closed"))
        writing = stream.write(b"x" * 20_000_000)
        if awaited:
            with pytest.raises(StreamClosedError):
                await writing
        else:
            await stream.wait_closed()
        assert stream.closed()
        with pytest.raises(StreamClosedError):
            stream.write(b"x")
        with pytest.raises(StreamClosedError):
            await stream.drain()
        assert not stream.write_eof()
        assert await stream.read_chunk() == b""
        await stream.wait_closed()
        stream.close()
        stream.abort()

    tunnel = await dig(talk)
    tunnel.wire.reset()
    await tunnel.talking
    assert calls == ["closed"]


async def test_closing_sends_what_was_written(dig: Dig) -> None:
    async def talk(stream: UpgradedStream) -> None:
        stream.write(b"x" * 5_000_000)
        stream.close()
        assert stream.closed()
        with pytest.raises(StreamClosedError):
            await stream.read_bytes(1)

    tunnel = await dig(talk, b"dropped")
    assert await tunnel.wire.rest() == b"x" * 5_000_000
    await tunnel.talking


async def test_aborting_wakes_everybody(dig: Dig) -> None:
    async def talk(stream: UpgradedStream) -> None:
        reading = asyncio.create_task(stream.read_bytes(1))
        draining = asyncio.create_task(write(stream))
        await asyncio.sleep(0)
        stream.abort()
        results = await asyncio.gather(reading, draining, return_exceptions=True)
        assert [type(each) for each in results] == [StreamClosedError] * 2

    async def write(stream: UpgradedStream) -> None:
        stream.write(b"x" * 20_000_000)
        await stream.drain()

    tunnel = await dig(talk)
    await tunnel.talking


async def test_a_second_reader_leaves_the_first_one_alone(dig: Dig) -> None:
    refused = asyncio.Event()

    async def talk(stream: UpgradedStream) -> None:
        first = asyncio.create_task(stream.read_bytes(5))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two readers"):
            await stream.read_bytes(1)
        refused.set()
        assert await first == b"hello"

    tunnel = await dig(talk)
    await refused.wait()
    await tunnel.wire.send(b"hello")
    await tunnel.talking


async def test_one_reads_at_a_time(dig: Dig) -> None:
    given_up = asyncio.Event()

    async def talk(stream: UpgradedStream) -> None:
        first = asyncio.create_task(stream.read_bytes(1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two readers"):
            await stream.read_chunk()
        first.cancel()
        await asyncio.wait((first,))
        given_up.set()
        assert await stream.read_chunk() == b"to the second"

    tunnel = await dig(talk)
    await given_up.wait()
    await tunnel.wire.send(b"to the second")
    await tunnel.talking


async def test_it_has_a_loop_of_tornado(dig: Dig) -> None:
    async def talk(stream: UpgradedStream) -> None:
        assert stream.io_loop is IOLoop.current()
        stream.set_nodelay(True)

    await (await dig(talk)).talking
