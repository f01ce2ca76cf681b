"""WebSocket clients that can break every rule, and the handlers they talk to (RFC 6455, RFC 7692)."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reserve_core.http.websocket import WebSocket
    from tests.http.conftest import Site
    from tests.kit.wire import Wire, WireResponse


FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
MORE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of the sample in RFC 6455 1.3
HANDSHAKE = {
    "Host": "example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}


def head(fields: dict[str, str | list[str] | None], line: str = "GET / HTTP/1.1") -> bytes:
    """A handshake. A list gives several lines of that name, None none."""
    lines = [line]
    for name, value in {**HANDSHAKE, **fields}.items():
        lines += [f"{name}: {each}" for each in ([value] if isinstance(value, str) else value or [])]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(first: int, payload: bytes = b"", *, masked: bool = True, length: bytes | None = None) -> bytes:
    """A frame as a client sends it. `first` is its first byte, `length` a length field unlike the shortest."""
    size = len(payload)
    if length is None:
        small = size < 126
        length = bytes([size]) if small else b"\x7e" + size.to_bytes(2) if size < 65536 else b"\x7f" + size.to_bytes(8)
    if not masked:
        return bytes([first]) + length + payload
    mask = os.urandom(4)
    repeated = (mask * (size // 4 + 1))[:size]
    hidden = (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)
    return bytes([first, length[0] | 0x80]) + length[1:] + mask + hidden


def deflated(data: bytes, bits: int = 15) -> bytes:
    """`data` as permessage-deflate sends it (RFC 7692 7.2.1)."""
    compressor = zlib.compressobj(wbits=-bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def inflated(data: bytes, bits: int = 15) -> bytes:
    return zlib.decompressobj(-bits).decompress(data + b"\0\0\xff\xff")


class Peer:
    """A client that can send what no library would."""

    def __init__(self, wire: Wire, response: WireResponse) -> None:
        self.wire = wire
        self.response = response

    async def send(self, *data: bytes) -> None:
        await self.wire.send(b"".join(data))

    async def read(self) -> tuple[int, bytes]:
        """The first byte and the payload of the next frame."""
        first, size = await self.wire._exactly(2)
        assert size < 128, "a server doesn't mask (RFC 6455 5.1)"
        if size > 125:
            size = int.from_bytes(await self.wire._exactly(2 if size == 126 else 8))
        return first, await self.wire._exactly(size)

    async def closing(self) -> tuple[int, str]:
        """The code and the reason of the close frame that comes next, the last the server says."""
        first, payload = await self.read()
        assert first == FIN | CLOSE, payload
        await self.wire.closed()
        self.wire.close()
        return int.from_bytes(payload[:2]), payload[2:].decode()


class Room:
    """A handler that opens a WebSocket, lets `talk` speak, and remembers both."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.sockets: list[WebSocket] = []
        self.received: list[Any] = []
        self.left = 0
        self.failure: BaseException | None = None

    async def join(self, fields: dict[str, str | list[str] | None] | None = None, **buffers: int) -> Peer:
        wire = await self.site.connect(**buffers)
        response = await wire.ask(head(fields or {}))
        assert response.status == 101, response.body
        return Peer(wire, response)

    async def socket(self) -> WebSocket:
        """The one WebSocket there is, once its handler is through with it. Raises what the handler raised."""
        await self.site.until(lambda: self.left)
        if self.failure is not None:
            raise self.failure
        (socket,) = self.sockets
        return socket


Open = Callable[..., Awaitable[Room]]


async def echo(socket: WebSocket, room: Room) -> None:
    async for message in socket:
        room.received.append(message)
        await socket.send(message)


async def listen(socket: WebSocket, room: Room) -> None:
    async for message in socket:
        room.received.append(message)
    await socket.close()  # has nothing to do, but waits for the end


def frame_tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "FrameProtocol" in repr(task)]
