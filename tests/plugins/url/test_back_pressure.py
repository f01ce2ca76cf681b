"""Backpressure: what one side doesn't take isn't read from the other one. The server is a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kit.waiting import settled

if TYPE_CHECKING:
    from tests.kit.upstream import Peer
    from tests.plugins.url.conftest import Upstream

MB = 1024 * 1024
TOTAL = 256 * MB
MAY_GROW = 64 * MB
CHUNK = bytes(256) * 1024


class Server:
    """A running `reserve` command."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    def memory(self) -> int:
        """Its resident memory in bytes."""
        return 1024 * int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(self.process.pid)]))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


Run = Callable[[str], Awaitable[Server]]


@pytest.fixture
async def run(command: Path, tmp_path: Path) -> AsyncIterator[Run]:
    """Runs `reserve` with one mapping that forwards to a URL: `await run(url)`."""
    processes: list[asyncio.subprocess.Process] = []

    async def start(url: str) -> Server:
        mapping = {"match": "^/(.*)", "url": f"{url}/$1"}
        (tmp_path / "reserve.json").write_text(json.dumps({"port": 0, "mappings": [mapping]}))
        process = await asyncio.create_subprocess_exec(command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE)
        processes.append(process)
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        return Server(process, int(line.rstrip().rstrip("/").rpartition(":")[2]))

    yield start
    for process in processes:
        process.terminate()
        await process.communicate()


@pytest.mark.parametrize("framing", [f"Content-Length: {TOTAL}", "Transfer-Encoding: chunked"])
async def test_a_download_to_a_client_that_stalls(framing: str, upstream: Upstream, run: Run) -> None:
    sent = 0
    is_chunked = "chunked" in framing

    async def script(peer: Peer) -> None:
        nonlocal sent
        if (await peer.message()).target == "/warm-up":
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        peer.writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        while sent < TOTAL:
            peer.writer.write(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK) if is_chunked else CHUNK)
            await peer.writer.drain()
            sent += len(CHUNK)
        await peer.send(b"0\r\n\r\n" if is_chunked else b"")

    server = await run((await upstream(script)).url)
    await warm_up(server)
    before = server.memory()
    reader, writer = await server.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    assert 0 < await settled(lambda: sent, pause=0.05) < MAY_GROW
    most = server.memory()
    received = 0
    while data := await reader.read(MB):
        received += len(data)
        if received // (32 * MB) > (received - len(data)) // (32 * MB):
            most = max(most, server.memory())
    assert received >= TOTAL
    assert most - before < MAY_GROW
    writer.close()


@pytest.mark.parametrize("framing", [f"Content-Length: {TOTAL}", "Transfer-Encoding: chunked"])
async def test_an_upload_to_a_server_that_stalls(framing: str, upstream: Upstream, run: Run) -> None:
    read_on = asyncio.Event()
    is_chunked = "chunked" in framing
    size = 0

    async def script(peer: Peer) -> None:
        nonlocal size
        if (await peer.head()).target == "/warm-up":
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        await read_on.wait()
        while size < TOTAL:
            size += len(await peer.some())
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    server = await run((await upstream(script)).url)
    await warm_up(server)
    before = server.memory()
    reader, writer = await server.connect()
    writer.write(f"POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode())
    sent = 0

    async def pour() -> None:
        nonlocal sent
        while sent < TOTAL:
            writer.write(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK) if is_chunked else CHUNK)
            await writer.drain()
            sent += len(CHUNK)
        if is_chunked:
            writer.write(b"0\r\n\r\n")

    pouring = asyncio.create_task(pour())
    assert 0 < await settled(lambda: sent, pause=0.05) < MAY_GROW
    most = server.memory()
    read_on.set()
    while not pouring.done():
        await asyncio.wait([pouring], timeout=0.1)
        most = max(most, server.memory())
    assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200")
    assert most - before < MAY_GROW
    writer.close()


async def warm_up(server: Server) -> None:
    for _ in range(20):
        reader, writer = await server.connect()
        writer.write(b"GET /warm-up HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
