"""Bounded memory: what one side doesn't take isn't kept for it, however many stall and however much is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import TEXT, Client, frame, request
from tests.hostile.program import MB, settled
from tests.plugins.conftest import own_redis

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.hostile.program import Launch, Program
    from tests.kit.redis_server import RedisServer

__all__ = ["own_redis"]

MAY_GROW = 64 * MB
MAY_GROW_BY_CAPTURES = 16 * MB
LARGE = 16 * MB
CHUNK = bytes(64 * 1024)

SITE = """\
CHUNK = bytes(64 * 1024)

async def stream(request, response):
    for _ in range(256):
        await response.write(CHUNK)
    await response.end()

async def echo(request, response):
    socket = await request.upgrade(max_message_size=1024 * 1024)
    async for message in socket:
        await socket.send(message)

async def slow(request, response):
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    response.send(str(size))
"""
NEVER = {"write-timeout": 600, "body-timeout": 600}


async def serve_all(launch: Launch) -> Program:
    """A server with all that can be read from, and a second one behind `/url`."""
    names = ("stream", "echo", "slow")
    backend = await launch(
        [{"match": f"^/{name}$", "custom": f"./site.py:{name}"} for name in names],
        files={"site.py": SITE},
        limits=NEVER,
    )
    program = await launch(
        [
            {"match": "^/files/(.*)", "file": "./$1"},
            {"match": "^/custom$", "custom": "./site.py:stream"},
            {"match": "^/echo$", "custom": "./site.py:echo"},
            {"match": "^/slow$", "custom": "./site.py:slow"},
            {"match": "^/url/(.*)", "url": f"http://127.0.0.1:{backend.port}/$1"},
            {"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["orders"], "max-requests": 20},
        ],
        files={"site.py": SITE},
        limits=NEVER,
    )
    with (program.folder / "large").open("wb") as file:
        file.truncate(LARGE)
    for target in (b"/files/large", b"/custom", b"/url/stream"):  # what the first one takes, it takes once
        async with Client(program.port) as client:
            assert (await client.ask(target)).status == 200
    async with Client(program.port) as client:
        for _ in range(200):
            assert (await client.ask(b"/mirror/r/orders", bytes(1000))).status == 200
    return program


async def stalled_reader(program: Program, target: bytes) -> Client:
    client = Client(program.port, receive_buffer=4096)
    await client.open()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    client.writer.write(request(target))
    return client


async def stalled_websocket(program: Program, target: bytes) -> Client:
    """Sends messages to an echo whose answers it doesn't read, as many as are taken."""
    client = Client(program.port, receive_buffer=4096)
    await client.open()
    assert await client.upgrade(target) == 101
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    message = frame(TEXT, b"a" * 10_000)
    try:
        async with asyncio.timeout(1):
            for _ in range(LARGE // len(message)):
                client.writer.write(message)
                await client.writer.drain()
    except TimeoutError:
        pass
    return client


async def stalled_page(program: Program, target: bytes) -> Client:
    """A page that is open and takes no message."""
    client = Client(program.port, receive_buffer=4096)
    await client.open()
    assert await client.upgrade(target) == 101
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return client


Stall = Callable[["Program", bytes], Awaitable[Client]]
STALLED: list[tuple[Stall, bytes]] = [
    (stalled_reader, b"/files/large"),
    (stalled_reader, b"/custom"),
    (stalled_reader, b"/url/stream"),
    (stalled_websocket, b"/echo"),
    (stalled_websocket, b"/url/echo"),
    (stalled_page, b"/mirror/ws/orders"),
]


@pytest.mark.hostile
@pytest.mark.timeout(180)
async def test_stalled_readers(launch: Launch, score: Score) -> None:
    number = 60
    grown = {}
    for stall, target in STALLED:
        program = await serve_all(launch)  # a new one: what the one before has freed would hide what is taken
        before = program.memory()
        clients = await asyncio.gather(*(stall(program, target) for _ in range(number)))
        if stall is stalled_page:
            await capture(program, 30_000)
        await settled(lambda program=program: program.memory() // MB, pause=0.2)  # type: ignore[misc]
        grown[target.decode()] = program.memory() - before
        for client in clients:
            client.reset()
    for name, growth in grown.items():
        score(f"{number} stalled readers of {name}: +{growth / MB:.1f} MB, {growth / number / 1024:.0f} KB each")
    assert max(grown.values()) < MAY_GROW


@pytest.mark.timeout(180)
@pytest.mark.parametrize("engine", ["memory", "Redis"])
async def test_captures(
    engine: str, launch: Launch, own_redis: Callable[..., RedisServer], scale: Scale, score: Score
) -> None:
    """A mirror keeps the last ones only, and their memory is taken again."""
    total = scale(4_000, 100_000)
    store = {"redis-url": own_redis().url} if engine == "Redis" else {}
    mirror = {"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["orders"], "max-requests": 20, **store}
    program = await launch([mirror])
    await capture(program, total // 5)
    before = program.memory()
    await capture(program, total - total // 5)
    grown = program.memory() - before
    score(f"{total:,} captures, the last 20 of them kept in {engine}: +{grown / MB:.1f} MB")
    assert grown < MAY_GROW_BY_CAPTURES


async def capture(program: Program, number: int) -> None:
    """Requests with 4 KB of headers and body each: what every page is told."""
    headers = b"x-large: %b\r\n" % (b"a" * 2000)

    async def send() -> None:
        async with Client(program.port) as client:
            for _ in range(number // 4 // 20):
                answers = await client.ask_all([b"/mirror/r/orders/path"] * 20, bytes(2000), headers)
                assert {answer.status for answer in answers} == {200}

    await asyncio.gather(*(send() for _ in range(4)))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_an_upload_to_a_slow_backend(framing: str, launch: Launch, scale: Scale, score: Score) -> None:
    total = scale(128, 1024) * MB
    taken = 0
    go_on = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await reader.readuntil(b"\r\n\r\n")
        await go_on.wait()
        while taken < total and (data := await reader.read(1024 * 1024)):
            taken += len(data)
            if taken % 7 == 0:
                await asyncio.sleep(0.002)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    backend = await asyncio.start_server(take, "127.0.0.1", 0)
    port = backend.sockets[0].getsockname()[1]
    proxy = await launch([{"match": "^/(.*)", "url": f"http://127.0.0.1:{port}/$1"}], limits=NEVER)
    before = most = proxy.memory()
    sent = 0
    is_chunked = framing == "chunked"
    piece = b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK) if is_chunked else CHUNK
    field = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % total
    async with backend, Client(proxy.port) as client:
        client.writer.write(b"POST /upload HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\n" % field)

        async def pour() -> None:
            nonlocal sent
            while sent < total:
                client.writer.write(piece)
                await client.writer.drain()
                sent += len(CHUNK)
            if is_chunked:
                client.writer.write(b"0\r\n\r\n")

        pouring = asyncio.create_task(pour())
        waiting = await settled(lambda: sent)
        most = max(most, proxy.memory())
        go_on.set()
        while not pouring.done():
            await asyncio.wait([pouring], timeout=0.05)
            most = max(most, proxy.memory())
        assert await client.answer() == (200, b"ok")
    grown = most - before
    score(f"{total // MB} MB to a slow backend ({framing}): +{grown / MB:.1f} MB")
    assert waiting < MAY_GROW
    assert taken >= total
    assert grown < MAY_GROW
