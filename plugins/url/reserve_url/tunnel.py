"""WebSocket: the handshake, and the bytes both ways behind it (RFC 6455 4)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

from .upstream_connection import UpstreamConnection
from .upstream_errors import UpstreamError

if TYPE_CHECKING:
    from reserve_core import Request
    from reserve_core.kit import UpgradedStream

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def is_accepted(request: Request, upstream: UpstreamConnection) -> bool:
    """Whether a 101 answers the handshake of `request`, and not one that somebody else began."""
    key = request.headers.get("sec-websocket-key", "").encode("latin-1")
    expected = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return [value for name, value in upstream.parser.headers if name.lower() == b"sec-websocket-accept"] == [expected]


async def carry(client: UpgradedStream, upstream: UpstreamConnection) -> None:
    """Carries bytes both ways until one side has ended. The upstream side is closed then; whoever gave the client's
    stream closes that."""

    async def send_down(data: bytes) -> None:
        await client.write(data)

    ways = {
        asyncio.create_task(_pump(client.read_chunk, upstream.write)),
        asyncio.create_task(_pump(upstream.read, send_down)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        upstream.close()


async def _pump(read: Callable[[], Awaitable[bytes]], write: Callable[[bytes], Awaitable[None]]) -> None:
    try:
        while data := await read():
            await write(data)
    except (UpstreamError, StreamClosedError):
        pass  # one side is gone: that's how tunnels end
