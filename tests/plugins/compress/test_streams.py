"""Bodies that take their time: events arrive at once, large pieces hold nobody up, and who goes away ends them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_compress import encoders
from reserve_compress.compression import AT_ONCE
from reserve_core import Event, Request, Response, Server
from reserve_core.kit import Decoding
from tests.kit.waiting import PATIENCE, until

Served = Callable[..., Awaitable[Server]]

COMPRESS = {"match": "^/", "compress": True}
GZIP = {"accept-encoding": "gzip"}


class Waiting:
    """An encoder of gzip whose work on more than a little takes until `go_on`."""

    go_on: threading.Event
    threads: list[threading.Thread]

    def __init__(self, level: int, window_log: int) -> None:
        self._encoder = encoders.GzipEncoder(level, window_log)

    def feed(self, data: bytes, flush: bool) -> bytes:
        if len(data) > AT_ONCE:
            self.threads.append(threading.current_thread())
            self.go_on.wait(PATIENCE)
        return self._encoder.feed(data, flush)

    def finish(self) -> bytes:
        return self._encoder.finish()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> type[Waiting]:
    """In the place of gzip."""
    Waiting.go_on, Waiting.threads = threading.Event(), []
    monkeypatch.setitem(encoders.ENCODERS, "gzip", Waiting)
    return Waiting


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
async def test_an_event_arrives_before_the_next_one(served: Served, raw: aiohttp.ClientSession, coding: str) -> None:
    arrived = [asyncio.Event() for _ in range(5)]

    async def events(request: Request, response: Response) -> None:
        response.headers["content-type"] = "text/event-stream"
        for number, event in enumerate(arrived):
            await response.write(f"data: {number}\n\n")
            await event.wait()
        await response.end()

    url = (await served(COMPRESS, {"custom": events})).url
    decoding, received = Decoding(coding), b""
    async with asyncio.timeout(PATIENCE), raw.get(url, headers={"accept-encoding": coding}) as response:
        assert response.headers["content-encoding"] == coding
        async for chunk in response.content.iter_any():
            received += b"".join(decoding.feed(chunk))
            for number, event in enumerate(arrived):
                if f"data: {number}\n\n".encode() in received:
                    event.set()
    assert decoding.complete
    assert received.count(b"data: ") == 5


async def test_what_is_large_is_compressed_in_a_thread(
    served: Served, client: aiohttp.ClientSession, tmp_path: Path, waiting: type[Waiting]
) -> None:
    """While it is at work the loop serves others."""
    content = "".join(map(str, range(50_000))).encode()
    (tmp_path / "large.txt").write_bytes(content)
    small = {"match": "^/small", "custom": ["ok"]}
    url = (await served(COMPRESS, small, {"match": "^/(.*)", "file": "./$1"})).url

    async def download() -> bytes:
        async with client.get(f"{url}large.txt", headers=GZIP) as response:
            assert response.headers["content-encoding"] == "gzip"
            return await response.read()

    coming = asyncio.create_task(download())
    await until(lambda: waiting.threads)
    for _ in range(10):
        async with client.get(f"{url}small", headers=GZIP) as response:
            assert await response.text() == "ok"
    assert not coming.done()
    waiting.go_on.set()
    assert await coming == content
    assert threading.current_thread() not in waiting.threads


@pytest.mark.parametrize("framing", ["one call", "a stream"])
async def test_a_client_that_goes_ends_it(served: Served, waiting: type[Waiting], framing: str) -> None:
    async def endless(request: Request, response: Response) -> None:
        response.headers["content-type"] = "text/plain"
        if framing == "one call":
            response.send(b"x" * 3 * AT_ONCE)
            return
        while True:
            await response.write(b"x" * 3 * AT_ONCE)

    server = await served(COMPRESS, {"custom": endless})
    ended: list[Event] = []
    server.on("aborted", ended.append)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
    await until(lambda: waiting.threads)
    writer.close()
    await until(lambda: ended)
    waiting.go_on.set()
    assert len(waiting.threads) == 1


async def test_the_threads_end_with_the_server(served: Served, client: aiohttp.ClientSession) -> None:
    def large(request: Request, response: Response) -> None:
        response.send("x" * 3 * AT_ONCE)

    server = await served(COMPRESS, {"custom": large})
    async with client.get(server.url, headers=GZIP) as response:
        assert len(await response.read()) == 3 * AT_ONCE
    assert _threads()
    await server.close()
    await until(lambda: not _threads())


async def test_a_cut_body_is_no_whole_one(served: Served, raw: aiohttp.ClientSession) -> None:
    async def fails(request: Request, response: Response) -> None:
        response.headers["content-type"] = "text/plain"
        await response.write("x" * 2000)
        await asyncio.sleep(0)
        raise ValueError("on purpose")

    async with raw.get((await served(COMPRESS, {"custom": fails})).url, headers=GZIP) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


def _threads() -> list[Any]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("compress")]
