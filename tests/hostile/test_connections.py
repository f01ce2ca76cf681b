"""Many connections: so many are held, one more gets 503, and when there is room again all is well."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import TEXT, Client, frame
from tests.hostile.program import MB, probing, reached

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.hostile.program import Launch

ECHO = """\
async def echo(request, response):
    socket = await request.upgrade()
    async for message in socket:
        await socket.send(message)
"""
MAPPINGS = [{"match": "^/ping$", "status": 200}, {"match": "^/echo$", "custom": "./site.py:echo"}]
AT_ONCE = 200


async def in_turns(calls: Iterable[Awaitable[object]]) -> None:
    """Awaits all of them, a few at once: a thousand handshakes in one moment would be another test."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def call(awaitable: Awaitable[object]) -> None:
        async with turn:
            await awaitable

    await asyncio.gather(*map(call, calls))


@asynccontextmanager
async def many(port: int, number: int) -> AsyncIterator[list[Client]]:
    clients = [Client(port) for _ in range(number)]
    try:
        await in_turns(client.open() for client in clients)
        yield clients
    finally:
        for client in clients:
            client.close()
        await asyncio.sleep(0)


async def pinged(client: Client) -> None:
    assert (await client.ask(b"/ping")).status == 200


async def upgraded(client: Client) -> None:
    assert await client.upgrade(b"/echo") == 101


async def echoed(client: Client) -> None:
    client.writer.write(frame(TEXT, b"still here"))
    assert await client.receive() == (TEXT, b"still here")


@pytest.fixture
def many_descriptors() -> None:
    """This process needs them: as many as the tests of the server."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert hard >= 16_000, f"this check needs 16,000 file descriptors: ulimit -Hn says {hard}"


@pytest.mark.timeout(240)
async def test_so_many_are_held_and_one_more_is_refused(
    launch: Launch, scale: Scale, score: Score, many_descriptors: None
) -> None:
    idle, sockets = scale(500, 10_000), scale(100, 2000)
    limit = idle + sockets + 2  # and who asks, from outside and from inside
    limits = {"max-connections": limit, "idle-timeout": 600}
    program = await launch(MAPPINGS, files={"site.py": ECHO}, limits=limits)
    before = program.memory()
    tasks = (await program.inside()).tasks
    async with many(program.port, idle) as idlers, many(program.port, sockets) as talkers:
        await in_turns(map(pinged, idlers))
        await in_turns(map(upgraded, talkers))
        async with probing(program.port, "/ping") as others:
            await asyncio.sleep(1)
            await in_turns(map(echoed, talkers))
            await in_turns(map(pinged, idlers))
        inside = await program.inside()
        grown = program.memory() - before
        assert program.descriptors() >= idle + sockets
        async with many(program.port, 2) as last:
            await in_turns(map(pinged, last))
            async with Client(program.port) as refused, asyncio.timeout(10):
                assert (await refused.answer()).status == 503
                await refused.ended()
            for client in last:
                await pinged(client)
        await in_turns(map(echoed, talkers[:50]))
    await reached(lambda: program.descriptors() < 100)
    async with Client(program.port) as client:
        await pinged(client)
    score(
        f"{idle} idle connections and {sockets} WebSockets held in {grown / MB:.0f} MB, "
        f"{grown / (idle + sockets) / 1024:.1f} KB each; one more: 503; then well again"
    )
    score(f"meanwhile the p99 of another client is {others.quantile(0.99) * 1000:.1f} ms")
    assert others.failed == 0
    assert (await program.inside()).tasks == tasks
    assert inside.tasks >= sockets


async def test_without_descriptors_it_waits_until_there_are_some(launch: Launch, scale: Scale, score: Score) -> None:
    """The system lets a process open no more files than it wants to: what can't be accepted waits, or is refused."""
    program = await launch(MAPPINGS, files={"site.py": ECHO})
    own = program.descriptors()
    resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, (own + 20, own + 20))
    async with many(program.port, 60) as clients:
        for client in clients[:10]:
            await pinged(client)
        await asyncio.sleep(1)
    await reached(lambda: program.descriptors() < own + 10)
    async with asyncio.timeout(10):
        for _ in range(20):
            async with Client(program.port) as client:
                await pinged(client)
    lines = program.log().count("\n")
    score(f"without file descriptors: {lines} lines in the log, then well again")
    assert lines < 100
