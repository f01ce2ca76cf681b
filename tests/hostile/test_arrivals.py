"""Before the first byte of a request: clients that say nothing are timed and counted, too."""

from __future__ import annotations

import asyncio
import resource
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.client import Client
from tests.hostile.program import probing, reached, settled
from tests.hostile.test_tls import KEYS, certificate

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within
    from tests.hostile.program import Launch

# Half a ClientHello: a record of 512 bytes, of which the first few come.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
MUTE, LINE = b"", b"\r\n"
# What a port waits behind, and what ends at once, since no request can follow.
WAITS = {"http": (MUTE, LINE), "https": (MUTE, HELLO, LINE)}
ENDS = {"http": HELLO, "https": LINE * 4}
# Beyond its timeout: the server looks twice a second, and this machine is busy.
MARGIN = 5.0
PING = [{"match": "^/ping$", "status": 200}]


def tls(scheme: str, folder: Path) -> dict[str, Any]:
    return {"ssl": certificate(folder, KEYS["ECDSA"]())} if scheme == "https" else {}


async def refused(port: int, scheme: str) -> bool:
    """Whether one more connection is: by https before its handshake, without a word."""
    async with Client(port) as client:
        received = await client.ended()
    return received.startswith(b"HTTP/1.1 503 ") if scheme == "http" else received == b""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_who_asks_nothing_goes_by_the_header_timeout(
    scheme: str, launch: Launch, scale: Scale, within: Within, score: Score, tmp_path: Path
) -> None:
    timeout = scale(2, 5)
    held = scale(100, 1000)
    limits = {"header-timeout": timeout, "idle-timeout": 3600, "max-connections": held + 1}  # and the prober's
    program = await launch(PING, limits=limits, **tls(scheme, tmp_path))
    descriptors = program.descriptors()

    async def begin(stack: AsyncExitStack, data: bytes) -> Client:
        client = await stack.enter_async_context(Client(program.port))
        client.writer.write(data)
        return client

    async with probing(program.port, "/ping", scheme) as others, AsyncExitStack() as stack:
        await reached(lambda: program.descriptors() > descriptors)
        async with AsyncExitStack() as ending, asyncio.timeout(60):
            for client in [await begin(ending, ENDS[scheme]) for _ in range(held // 3)]:
                await client.ended()
        descriptors = await settled(program.descriptors)
        kinds = WAITS[scheme]
        clients = [await begin(stack, kinds[index % len(kinds)]) for index in range(held)]
        begun = time.monotonic()
        await reached(lambda: program.descriptors() >= descriptors + held)
        counted = await refused(program.port, scheme)
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(client.ended() for client in clients))
        waited = time.monotonic() - begun
    p99 = others.quantile(0.99) * 1000
    score(
        f"{scheme}: {held} that ask nothing held, and closed after {waited:.1f} s (timeout {timeout} s), "
        f"{'counted' if counted else 'not counted'}; of {len(others.values)} other requests the p99 is {p99:.1f} ms"
    )
    assert counted
    assert set(answers) == {b""}
    assert waited < within(timeout + MARGIN)
    assert others.failed == 0
    assert p99 < within(100)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_without_descriptors_they_go_too(scheme: str, launch: Launch, score: Score, tmp_path: Path) -> None:
    """As many as the system lets the process have, and more: the log says so once."""
    limits = {"header-timeout": 2, "idle-timeout": 3600}
    program = await launch(PING, limits=limits, **tls(scheme, tmp_path))
    own = program.descriptors()
    resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, (128, 128))
    await asyncio.sleep(1)  # the server looks twice a second
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        clients = [await stack.enter_async_context(Client(program.port)) for _ in range(200)]
        received = await asyncio.gather(*(client.ended() for client in clients))
    async with probing(program.port, "/ping", scheme) as others:
        await reached(lambda: program.descriptors() < own + 10)
        await asyncio.sleep(0.5)
    warnings = program.log().count("Too few file descriptors")
    score(
        f"{scheme}, 128 file descriptors: {sum(map(bool, received))} of 200 told that there are too many, "
        f"{warnings} lines in the log, then well again"
    )
    assert warnings == 1
    assert program.log().count("\n") == 2  # and where it is
    assert others.failed == 0
