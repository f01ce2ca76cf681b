"""Soak: a mixed load of clients that come, go, and hang up in the middle; then all is as it was."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import PING, TEXT, Client, frame
from tests.hostile.program import MB, reached

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.hostile.program import Launch, Program

SITE = """\
import asyncio

async def echo(request, response):
    response.send(await request.body())

async def slow(request, response):
    await asyncio.sleep(0.05)
    async for chunk in request.stream():
        await response.write(chunk)
    await response.end(b"done")

async def talk(request, response):
    socket = await request.upgrade()
    async for message in socket:
        await socket.send(message)

def fails(request, response):
    raise HTTPError(418)

from reserve_core import HTTPError
"""
BODY = b"a" * 20_000
CLIENTS = 24
# What the allocator keeps back differs from one moment to the next.
MAY_GROW = 12 * MB


@pytest.mark.timeout(300)
async def test_all_is_as_it_was(launch: Launch, scale: Scale, score: Score) -> None:
    program = await mixed(launch)
    seconds = scale(2, 90)
    asked = await load(program, seconds / 3, seed=1)  # pools, caches, the allocator's arenas
    before = await at_rest(program)
    asked += await load(program, seconds, seed=2)
    after = await at_rest(program)
    score(
        f"{asked:,} requests in {seconds * 4 / 3:.0f} s: memory {before[0] / MB:.1f} MB, then {after[0] / MB:.1f} MB; "
        f"descriptors {before[1]}, then {after[1]}; tasks {before[2]}, then {after[2]}"
    )
    assert after[1] <= before[1]
    assert after[2] <= before[2]
    assert after[0] - before[0] < MAY_GROW


async def mixed(launch: Launch) -> Program:
    """A server with a mapping of every handler."""
    backend = await launch(
        [{"match": f"^/{name}$", "custom": f"./site.py:{name}"} for name in ("echo", "slow", "talk")],
        files={"site.py": SITE},
        limits={"idle-timeout": 1},
    )
    program = await launch(
        [
            {"match": "^/tapped", "tap": "orders"},
            *(
                {"match": f"^(/tapped)?/{name}$", "custom": f"./site.py:{name}"}
                for name in ("echo", "slow", "talk", "fails")
            ),
            {"match": "^/files/(.*)", "file": "./$1"},
            {"match": "^/url/(.*)", "url": f"http://127.0.0.1:{backend.port}/$1", "max-connections": 16},
            {"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["orders"], "max-requests": 20},
            {"match": "^/(nothing|else)$", "status": 404},
        ],
        files={"site.py": SITE},
        limits={"idle-timeout": 1, "header-timeout": 1, "body-timeout": 1, "write-timeout": 1},
    )
    (program.folder / "large").write_bytes(bytes(2 * MB))
    return program


async def at_rest(program: Program) -> tuple[int, int, int]:
    """Memory, descriptors and tasks, once nothing moves any more."""
    await reached(lambda: program.descriptors() <= 40)
    seen: list[tuple[int, int, int]] = []
    async with asyncio.timeout(30):
        while len(seen) < 3 or len({counts[1:] for counts in seen[-3:]}) > 1:
            await asyncio.sleep(0.5)
            inside = await program.inside(collect=True)
            seen.append((program.memory(), program.descriptors(), inside.tasks))
    return seen[-1]


async def load(program: Program, seconds: float, seed: int) -> int:
    """How many requests were sent."""
    end = time.monotonic() + seconds
    asked = 0

    async def work(number: int) -> None:
        nonlocal asked
        chance = random.Random(seed * 1000 + number)
        while time.monotonic() < end:
            client = Client(program.port, receive_buffer=chance.choice((None, 4096)))
            try:
                await client.open()
                while time.monotonic() < end and chance.random() > 0.1:
                    asked += 1
                    turn = asyncio.create_task(chance.choice(TURNS)(client))
                    if chance.random() < 0.2:
                        await asyncio.wait([turn], timeout=chance.random() * 0.02)
                        turn.cancel()
                        await asyncio.gather(turn, return_exceptions=True)
                        chance.choice((client.close, client.reset))()
                        break
                    await turn
            except (EOFError, ConnectionError):
                pass
            finally:
                client.close()

    await asyncio.gather(*map(work, range(CLIENTS)))
    return asked


async def simple(client: Client) -> None:
    for path in (b"/nothing", b"/echo", b"/fails", b"/unknown", b"/url/echo", b"/mirror/v/orders"):
        await client.ask(path)


async def bodies(client: Client) -> None:
    for path in (b"/echo", b"/slow", b"/url/echo", b"/url/slow", b"/mirror/r/orders/x", b"/tapped/echo"):
        await client.ask(path, BODY)


async def files(client: Client) -> None:
    await client.ask(b"/files/large", None, b"range: bytes=0-100000\r\n")
    await client.ask(b"/files/missing")
    await client.ask(b"/files/../reserve.json")


async def pipelined(client: Client) -> None:
    await client.ask_all([b"/nothing", b"/slow", b"/url/slow", b"/files/site.py"] * 4)


async def malformed(client: Client) -> None:
    client.writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    await client.ended()
    raise EOFError


async def half_a_body(client: Client) -> None:
    path = random.choice((b"echo", b"slow", b"url/slow", b"mirror/r/orders", b"tapped/slow"))
    client.writer.write(b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n%b" % (path, BODY))
    await asyncio.sleep(0.02)
    client.reset()
    raise EOFError


async def sockets(client: Client) -> None:
    await client.upgrade(random.choice((b"/talk", b"/url/talk")))
    client.writer.write(frame(TEXT, BODY) + frame(PING, b"?"))
    for _ in range(2):
        await client.receive()
    raise EOFError  # that it doesn't close is its way to end


async def pages(client: Client) -> None:
    await client.upgrade(b"/mirror/ws/orders")
    for _ in range(3):
        await client.receive()
    raise EOFError


TURNS = [simple, simple, bodies, bodies, files, pipelined, malformed, half_a_body, sockets, pages]
