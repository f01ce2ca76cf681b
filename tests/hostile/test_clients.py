"""Slow clients: a thousand that take their time are given up in time, and cost the others nothing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import Client
from tests.hostile.program import MB, probing, reached

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within
    from tests.hostile.program import Launch

PAUSE = 0.5
# Beyond its timeout: the server looks twice a second, and this machine is busy.
MARGIN = 5.0


async def slow_headers(client: Client) -> None:
    """Sends a header that never ends."""
    client.writer.write(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX: ")
    while True:
        client.writer.write(b"a")
        await asyncio.sleep(PAUSE)


async def slow_body(client: Client) -> None:
    """Sends a body, and stops in its middle."""
    client.writer.write(b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + b"a" * 500)


async def slow_chunks(client: Client) -> None:
    """Stops in the middle of a chunk's size."""
    client.writer.write(b"POST /read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1")


async def slow_reader(client: Client) -> None:
    """Asks for a file, and takes nothing of it."""
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    client.writer.write(b"GET /files/large HTTP/1.1\r\nHost: localhost\r\n\r\n")


KINDS = (slow_headers, slow_body, slow_chunks, slow_reader)


@pytest.mark.timeout(120)
async def test_slow_clients_are_given_up_and_cost_others_nothing(
    launch: Launch, scale: Scale, within: Within, score: Score
) -> None:
    timeout = scale(1, 3)
    read = "async def read(request, response):\n    response.send(str(len(await request.body())))\n"
    program = await launch(
        [
            {"match": "^/ping$", "status": 200},
            {"match": "^/read$", "custom": "./site.py:read"},
            {"match": "^/files/(.*)", "file": "./$1"},
        ],
        files={"site.py": read},
        limits={"header-timeout": timeout, "body-timeout": timeout, "write-timeout": timeout, "idle-timeout": 60},
    )
    (program.folder / "large").write_bytes(bytes(8 * MB))
    number = scale(100, 1000)
    before = await program.inside()
    descriptors = program.descriptors()
    clients = [Client(program.port, receive_buffer=4096) for _ in range(number)]

    async def be_slow(index: int) -> None:
        client, kind = clients[index], KINDS[index % len(KINDS)]
        sending = asyncio.create_task(kind(client))
        try:
            if kind is slow_reader:  # whom the server tells nothing; it has seen the end, too, when all are gone
                await sending
            else:
                answer = await client.ended()
                assert not answer or answer.startswith(b"HTTP/1.1 408 "), answer
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async with probing(program.port, "/ping") as others:
        for start in range(0, number, 100):
            await asyncio.gather(*(client.open() for client in clients[start : start + 100]))
        begun = time.monotonic()
        async with asyncio.timeout(60):
            await asyncio.gather(*map(be_slow, range(number)))
        await reached(lambda: program.descriptors() <= descriptors + 1)  # the prober's is open still
        waited = time.monotonic() - begun
    for client in clients:
        client.reset()
    p99 = others.quantile(0.99) * 1000
    score(
        f"{number} slow clients closed after {waited:.1f} s (timeout {timeout} s); "
        f"of {len(others.values)} other requests the p99 is {p99:.1f} ms, the slowest {others.values[-1] * 1000:.0f} ms"
    )
    assert others.failed == 0
    assert waited < within(timeout + MARGIN)
    assert p99 < within(100)
    assert (await program.inside()).tasks <= before.tasks
