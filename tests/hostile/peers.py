"""Other servers, that get the same bytes as ours: what each of them takes for a request."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from tests.kit.aiohttp_server import aiohttp_server
from tests.kit.nginx import nginx
from tests.kit.waiting import PATIENCE

SILENCE = 1.0  # seconds after which another server than ours is taken to wait for more
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
_SEEN = re.compile(rb"<(\S+) (\S+) ([0-9]+)>")


class Reading(NamedTuple):
    """What a server made of some bytes: the statuses it answered with, the requests it saw (method, target, length
    of the body), and whether it closed the connection then.
    """

    statuses: tuple[int, ...]
    requests: tuple[tuple[str, str, int], ...]
    closed: bool

    def __str__(self) -> str:
        answers = " ".join(map(str, self.statuses)) or "no answer"
        return answers if self.closed else f"{answers}, waits"

    @property
    def verdict(self) -> str:
        """`refused`, or how many requests it let through."""
        return f"{len(self.requests)}" if self.requests else "refused"


async def read_as(port: int, data: bytes, piece: int = 0, silence: float = PATIENCE) -> Reading:
    """Sends `data` to the server at `port`, and reads until it closes or says nothing for `silence` seconds.

    `piece`: how many bytes go out at a time, 0 for all at once.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # At the same time: an answer that is read only after a reset would be lost.
    reading = asyncio.create_task(_read(reader, silence))
    for start in range(0, len(data), piece or len(data)):
        if reading.done():
            break
        writer.write(data[start : start + (piece or len(data))])
        await asyncio.sleep(0)
    received, closed = await reading
    writer.close()
    requests = [
        (method.decode(), target.decode("latin-1"), int(size)) for method, target, size in _SEEN.findall(received)
    ]
    return Reading(tuple(map(int, _STATUS.findall(received))), tuple(requests), closed)


async def _read(reader: asyncio.StreamReader, silence: float) -> tuple[bytes, bool]:
    received = b""
    try:
        while more := await asyncio.wait_for(reader.read(65536), silence):
            received += more
    except TimeoutError:
        return received, False
    except ConnectionError:
        pass
    return received, True


@asynccontextmanager
async def peers(folder: Path) -> AsyncIterator[dict[str, int]]:
    """Node's http, nginx (in front of a server that takes everything) and aiohttp: their ports by name."""
    async with AsyncExitStack() as stack:
        yield {
            "node": await stack.enter_async_context(_node()),
            "nginx": await stack.enter_async_context(_nginx(folder)),
            "aiohttp": await stack.enter_async_context(_aiohttp()),
        }


@asynccontextmanager
async def _node() -> AsyncIterator[int]:
    script = str(Path(__file__).with_name("echo.js"))
    process = await asyncio.create_subprocess_exec("node", script, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _aiohttp() -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"<{request.method} {request.raw_path} {len(await request.read())}>")

    async with aiohttp_server(answer) as port:
        yield port


@asynccontextmanager
async def _nginx(folder: Path) -> AsyncIterator[int]:
    backend = await asyncio.start_server(_take_everything, "127.0.0.1", 0)
    behind = backend.sockets[0].getsockname()[1]
    location = f"location / {{ proxy_pass http://127.0.0.1:{behind}; }}"
    try:
        with nginx(folder, f"server {{ listen 127.0.0.1:PORT; {location} }}") as port:
            yield port
    finally:
        backend.close()


async def _take_everything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """nginx asks with HTTP/1.0, a length and one request a connection, whatever came to it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        method, target = head.split(b" ")[:2]
        answer = b"<%b %b %d>" % (method, target, len(body))
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        await writer.drain()
    except (EOFError, ConnectionError):
        pass
    finally:
        writer.close()
