"""Slow uploads: as many as there are connections to the upstream server, and more, keep nobody else from it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import Client
from tests.hostile.program import probing

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within
    from tests.hostile.program import Launch
    from tests.plugins.url.conftest import Upstream

HEADS = (b"Content-Length: 10000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")


async def upload(client: Client, head: bytes, pause: float) -> bytes:
    """Sends a byte, or a chunk of one, again and again; returns what the server says to it in the end."""
    client.writer.write(b"POST /up/slow HTTP/1.1\r\nHost: localhost\r\n" + head)
    ended = asyncio.create_task(client.ended())
    piece = b"1\r\na\r\n" if b"chunked" in head else b"a"
    try:
        while not (await asyncio.wait((ended,), timeout=pause))[0]:
            client.writer.write(piece)
        return await ended
    finally:
        ended.cancel()


@pytest.mark.timeout(120)
async def test_slow_uploads_keep_nobody_from_the_backend(
    launch: Launch, upstream: Upstream, scale: Scale, within: Within, score: Score
) -> None:
    number, most, timeout = scale(20, 200), scale(10, 100), scale(2, 10)
    backend = await upstream()
    program = await launch(
        [{"match": "^/up/(.*)", "url": f"{backend.url}/$1", "max-connections": most, "connect-timeout": scale(1, 5)}],
        limits={"body-timeout": timeout},
    )
    clients = [Client(program.port) for _ in range(number)]
    for client in clients:
        await client.open()
    async with probing(program.port, "/up/other") as others:
        said = await asyncio.gather(
            *(upload(client, HEADS[index % 2], scale(1, 5) / 5) for index, client in enumerate(clients))
        )
    for client in clients:
        client.reset()
    given_up = sum(answer.startswith(b"HTTP/1.1 408 ") for answer in said)
    slowest = others.values[-1]
    score(
        f"{number} uploads at a byte a second, {most} connections to the backend: {given_up} ended with 408 after "
        f"{timeout} s; {len(others.values)} requests of others meanwhile, {others.failed} failed, the slowest took "
        f"{slowest * 1000:.0f} ms"
    )
    assert given_up == number
    assert others.failed == 0
    assert len(others.values) > timeout
    assert slowest < within(1)
    assert {request.target for request in backend.requests} == {"/other"}
