"""WebSockets over real sockets: the handshake, every rule of the frames with the close code its breach gives, and the
ways to an end (RFC 6455, RFC 7692)."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from reserve_core.errors import Disconnected, ResponseError
from reserve_core.http import frames

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from reserve_core.http.websocket import WebSocket
    from tests.http.conftest import Answer, Serve, Site, Wire

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

    def __init__(self, wire: Wire, answer: Answer) -> None:
        self.wire = wire
        self.answer = answer

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
        self.received: list[str | bytes] = []
        self.left = 0
        self.failure: BaseException | None = None

    async def join(self, fields: dict[str, str | list[str] | None] | None = None, **buffers: int) -> Peer:
        wire = await self.site.connect(**buffers)
        answer = await wire.ask(head(fields or {}))
        assert answer.status == 101, answer.body
        return Peer(wire, answer)

    async def socket(self) -> WebSocket:
        """The one WebSocket there is, once its handler is through with it. Raises what the handler raised."""
        await self.site.until(lambda: self.left)
        if self.failure is not None:
            raise self.failure
        (socket,) = self.sockets
        return socket


Open = Callable[..., Awaitable[Room]]


@pytest.fixture
def opened(serve: Serve) -> Open:
    """Starts a server for WebSockets: `room = await opened(talk, ping_interval=1)`."""

    async def start(talk: Callable[[WebSocket, Room], Awaitable[None]], **options: Any) -> Room:
        async def handler(request: Request, response: Response) -> None:
            socket = await request.upgrade(**options)
            room.sockets.append(socket)
            try:
                await talk(socket, room)
            except BaseException as error:
                room.failure = error
                raise
            finally:
                room.left += 1

        room = Room(await serve(handler))
        return room

    return start


async def echo(socket: WebSocket, room: Room) -> None:
    async for message in socket:
        room.received.append(message)
        await socket.send(message)


async def listen(socket: WebSocket, room: Room) -> None:
    async for message in socket:
        room.received.append(message)
    await socket.close()  # has nothing to do, but waits for the end


# The handshake (RFC 6455 4.2).


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Upgrade": "WebSocket", "Connection": "keep-alive, upgrade"},
        {"Upgrade": ["h2c", "websocket"], "Connection": ["keep-alive", "Upgrade"]},
        {"Upgrade": "h2c , websocket"},
        {"Content-Length": "0"},
        {"Sec-WebSocket-Extensions": "x-webkit-deflate-frame"},
    ],
)
async def test_a_handshake_is_accepted(opened: Open, fields: dict[str, Any]) -> None:
    room = await opened(echo)
    peer = await room.join(fields)
    assert dict(peer.answer.headers) == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    }
    await peer.send(frame(FIN | TEXT, b"hi"))
    assert await peer.read() == (FIN | TEXT, b"hi")


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (426, {"Upgrade": None}),
        (426, {"Upgrade": "h2c"}),
        (426, {"Upgrade": "websockets"}),
        (426, {"Connection": None}),
        (426, {"Connection": "keep-alive"}),
        (426, {"Sec-WebSocket-Version": None}),
        (426, {"Sec-WebSocket-Version": "8"}),
        (426, {"Sec-WebSocket-Version": "13, 8"}),
        (426, {"Sec-WebSocket-Version": ["13", "13"]}),
        (400, {"Sec-WebSocket-Key": None}),
        (400, {"Sec-WebSocket-Key": ""}),
        (400, {"Sec-WebSocket-Key": [KEY, KEY]}),
        (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j"}),  # 15 bytes
        (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZWE="}),  # 17 bytes
        (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"}),
        (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j*Q=="}),
        (400, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQé="}),
        (426, {"Content-Length": "1"}),  # a body is no part of a handshake
        (426, {"Transfer-Encoding": "chunked"}),
    ],
)
async def test_what_is_no_handshake_is_refused(opened: Open, status: int, fields: dict[str, Any]) -> None:
    room = await opened(echo)
    wire = await room.site.connect()
    answer = await wire.ask(head(fields))
    assert answer.status == status
    if status == 426:
        assert answer.headers["upgrade"] == "websocket"
    if status == 426 and "Sec-WebSocket-Version" in fields:
        assert answer.headers["sec-websocket-version"] == "13"  # 4.4
    assert room.sockets == []


@pytest.mark.parametrize("line", ["POST / HTTP/1.1", "HEAD / HTTP/1.1", "GET / HTTP/1.0"])
async def test_only_get_of_http_1_1_upgrades(opened: Open, line: str) -> None:
    room = await opened(echo)
    wire = await room.site.connect()
    await wire.send(head({}, line))
    assert (await wire.read_some()).startswith(b"HTTP/1.1 426 ")


async def test_a_refused_handshake_leaves_the_connection_to_http(opened: Open) -> None:
    room = await opened(echo)
    wire = await room.site.connect()
    answers = [await wire.ask(head({"Sec-WebSocket-Version": "8"})), await wire.ask(head({}))]
    assert [answer.status for answer in answers] == [426, 101]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, None),
        ("", None),
        ("soap", None),
        ("CHAT", None),
        ("chat", "chat"),
        ("mqtt, chat", "chat"),
        ("mqtt,superchat", "superchat"),
        (["mqtt", "chat ,superchat"], "superchat"),
    ],
)
async def test_the_first_subprotocol_both_speak_is_chosen(opened: Open, offered: Any, chosen: str | None) -> None:
    room = await opened(echo, subprotocols=["superchat", "chat"])
    peer = await room.join({"Sec-WebSocket-Protocol": offered})
    assert peer.answer.headers.get("sec-websocket-protocol") == chosen
    assert room.sockets[0].subprotocol == chosen


@pytest.mark.parametrize(
    ("status", "origin", "host"),
    [
        (101, "http://example.com", "example.com"),
        (101, "https://example.com", "example.com"),
        (101, "HTTP://Example.COM", "eXample.com"),
        (101, "http://example.com", "example.com:80"),
        (101, "https://example.com", "example.com:443"),
        (101, "http://example.com:5000", "example.com:5000"),
        (101, "http://[::1]:5000", "[::1]:5000"),
        (101, "https://friend.example", "example.com"),
        (101, "https://FRIEND.example", "example.com"),
        (403, "http://friend.example", "example.com"),
        (403, "https://friend.example:8443", "example.com"),
        (403, "http://evil.example", "example.com"),
        (403, "http://example.com.evil.example", "example.com"),
        (403, "http://example.com@evil.example", "example.com"),
        (403, "http://evil.example/example.com", "example.com"),
        (403, "http://example.com:81", "example.com"),
        (403, "https://example.com", "example.com:80"),
        (403, "http://sub.example.com", "example.com"),
        (403, "example.com", "example.com"),
        (403, "file://example.com", "example.com"),
        (403, "null", "null"),
        (403, "http://", ""),
        (403, "", ""),
        (403, ["http://example.com", "http://evil.example"], "example.com"),
    ],
)
async def test_pages_of_other_sites_stay_out(opened: Open, status: int, origin: Any, host: str) -> None:
    room = await opened(echo, origins=["https://friend.example/"])
    wire = await room.site.connect()
    assert (await wire.ask(head({"Origin": origin, "Host": host}))).status == status


async def test_a_str_is_one_origin_and_one_subprotocol(opened: Open) -> None:
    room = await opened(echo, origins="https://*.example", subprotocols="chat")
    peer = await room.join({"Sec-WebSocket-Protocol": "c, chat"})
    assert peer.answer.headers["sec-websocket-protocol"] == "chat"
    wire = await room.site.connect()
    assert (await wire.ask(head({"Origin": "http://evil.example"}))).status == 403


async def test_pages_of_any_site_may_be_let_in(opened: Open) -> None:
    room = await opened(echo, origins="*")
    await room.join({"Origin": "http://evil.example"})
    await room.join({"Origin": "null"})


BOTH = "server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", BOTH),
        ("Permessage-Deflate", BOTH),
        ("permessage-deflate; client_max_window_bits", BOTH),
        ("permessage-deflate; client_max_window_bits=9", BOTH),
        ("permessage-deflate; server_no_context_takeover;client_no_context_takeover", BOTH),
        ("permessage-deflate; server_max_window_bits=10", f"{BOTH}; server_max_window_bits=10"),
        ('permessage-deflate; server_max_window_bits="15"', f"{BOTH}; server_max_window_bits=15"),
        ("x-other, permessage-deflate", BOTH),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", BOTH),
        (["permessage-deflate; mistake", "permessage-deflate"], BOTH),
        # Declined, RFC 7692 7.1: unknown, repeated, without a value that must be, with one that must not.
        ("", None),
        ("deflate", None),
        ("permessage-deflate; mistake", None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; client_no_context_takeover=", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=", None),
        ("permessage-deflate; server_max_window_bits=7", None),
        ("permessage-deflate; server_max_window_bits=8", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits=010", None),
        ("permessage-deflate; server_max_window_bits=ten", None),
        ("permessage-deflate; client_max_window_bits=16", None),
        ("permessage-deflate; client_max_window_bits=-9", None),
        ("permessage-deflate;;", None),
    ],
)
async def test_compression_is_negotiated(opened: Open, offer: Any, answer: str | None) -> None:
    room = await opened(echo)
    peer = await room.join({"Sec-WebSocket-Extensions": offer})
    extension = None if answer is None else f"permessage-deflate; {answer}"
    assert peer.answer.headers.get("sec-websocket-extensions") == extension
    text = b"again and again " * 1000
    await peer.send(frame(FIN | TEXT, text))
    first, payload = await peer.read()
    if extension is None:
        assert (first, payload) == (FIN | TEXT, text)
    else:
        bits = int(extension.rpartition("=")[2]) if "=" in extension else 15
        assert (first, inflated(payload, bits)) == (FIN | RSV1 | TEXT, text)
        assert len(payload) < 1000


async def test_compression_can_be_left_out(opened: Open) -> None:
    room = await opened(echo, compression=False)
    peer = await room.join({**DEFLATE})
    assert "sec-websocket-extensions" not in peer.answer.headers


@pytest.mark.parametrize("fields", [{"Set-Cookie": "a=1"}, [("Set-Cookie", "a=1"), ("set-cookie", "b=2")]])
async def test_the_answer_may_have_headers(opened: Open, fields: Any) -> None:
    room = await opened(echo, headers=fields)
    peer = await room.join()
    assert peer.answer.headers.getall("set-cookie") == [value for _, value in getattr(fields, "items", fields.copy)()]


@pytest.mark.parametrize(
    "fields", [{"X": "a\r\nSet-Cookie: b=1"}, {"X": "a\0"}, {"X Y": "a"}, {"X": "€"}, {"": "a"}, {"X": "a\n"}]
)
async def test_headers_that_would_break_the_answer_are_refused(serve: Serve, fields: dict[str, str]) -> None:
    async def handler(request: Request, response: Response) -> None:
        with pytest.raises(ResponseError):
            await request.upgrade(headers=fields)
        response.send("refused")

    site = await serve(handler)
    wire = await site.connect()
    assert (await wire.ask(head({}))).body == b"refused"


async def test_a_message_size_of_nothing_is_refused(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            await request.upgrade(max_message_size=0)
        response.send("refused")

    site = await serve(handler)
    wire = await site.connect()
    assert (await wire.ask(head({}))).body == b"refused"


async def test_what_comes_with_the_handshake_is_not_lost(opened: Open) -> None:
    room = await opened(echo)
    wire = await room.site.connect()
    peer = Peer(wire, await wire.ask(head({}) + frame(FIN | TEXT, b"early")))
    assert await peer.read() == (FIN | TEXT, b"early")


# Frames (RFC 6455 5).

LEGAL: list[tuple[str, list[bytes], list[tuple[int, bytes]]]] = [
    ("text", [frame(FIN | TEXT, "é".encode())], [(FIN | TEXT, "é".encode())]),
    ("binary", [frame(FIN | BINARY, b"\xff\0")], [(FIN | BINARY, b"\xff\0")]),
    ("empty", [frame(FIN | TEXT), frame(FIN | BINARY)], [(FIN | TEXT, b""), (FIN | BINARY, b"")]),
    *(
        (f"{size} bytes", [frame(FIN | BINARY, b"x" * size)], [(FIN | BINARY, b"x" * size)])
        for size in (1, 125, 126, 127, 65535, 65536, 1_000_000)
    ),
    ("fragments", [frame(TEXT, b"a"), frame(MORE, b"b"), frame(FIN, b"c")], [(FIN | TEXT, b"abc")]),
    ("empty fragments", [frame(BINARY), frame(MORE), frame(FIN)], [(FIN | BINARY, b"")]),
    ("a character in fragments", [frame(TEXT, b"\xc3"), frame(FIN, b"\xa9")], [(FIN | TEXT, b"\xc3\xa9")]),
    (
        "a ping between fragments",
        [frame(TEXT, b"a"), frame(FIN | PING, b"p"), frame(FIN, b"b")],
        [(FIN | PONG, b"p"), (FIN | TEXT, b"ab")],
    ),
    ("a ping of 125 bytes", [frame(FIN | PING, b"p" * 125)], [(FIN | PONG, b"p" * 125)]),
    ("an empty ping", [frame(FIN | PING)], [(FIN | PONG, b"")]),
    ("a pong nobody asked for", [frame(FIN | PONG, b"p"), frame(FIN | TEXT, b"a")], [(FIN | TEXT, b"a")]),
    ("compressed", [frame(FIN | RSV1 | TEXT, deflated(b"abc"))], [(FIN | TEXT, b"abc")]),
    ("compressed, empty", [frame(FIN | RSV1 | TEXT, b"\0")], [(FIN | TEXT, b"")]),
    ("not compressed", [frame(FIN | TEXT, b"abc")], [(FIN | TEXT, b"abc")]),
    (
        "compressed, in fragments, with a ping between",
        [frame(RSV1 | TEXT, deflated(b"abc")[:2]), frame(FIN | PING, b"p"), frame(FIN, deflated(b"abc")[2:])],
        [(FIN | PONG, b"p"), (FIN | TEXT, b"abc")],
    ),
    (
        "compressed and not, in turns",
        [frame(FIN | RSV1 | TEXT, deflated(b"a")), frame(FIN | TEXT, b"b"), frame(FIN | RSV1 | TEXT, deflated(b"c"))],
        [(FIN | TEXT, b"a"), (FIN | TEXT, b"b"), (FIN | TEXT, b"c")],
    ),
    (
        "compressed with a final block (RFC 7692 7.2.3.4)",
        [frame(FIN | RSV1 | TEXT, zlib.compress(b"abc", wbits=-15) + b"\0"), frame(FIN | TEXT, b"d")],
        [(FIN | TEXT, b"abc"), (FIN | TEXT, b"d")],
    ),
]


@pytest.mark.parametrize(("sent", "expected"), [case[1:] for case in LEGAL], ids=[case[0] for case in LEGAL])
@pytest.mark.parametrize("split", [False, True], ids=["whole", "in pieces"])
async def test_legal_frames(opened: Open, sent: list[bytes], expected: list[tuple[int, bytes]], split: bool) -> None:
    room = await opened(echo)
    peer = await room.join({**DEFLATE})
    data = b"".join(sent)
    if split and len(data) < 1000:
        await peer.wire.send_in_pieces([data[i : i + 1] for i in range(len(data))])
    else:
        sending = asyncio.create_task(peer.send(data))
    for first, payload in expected:
        got, content = await peer.read()
        if got & RSV1:
            got, content = got & ~RSV1, inflated(content)
        assert (got, content) == (first, payload)
    if not (split and len(data) < 1000):
        await sending


ILLEGAL: list[tuple[str, int, bytes]] = [
    # 5.1: every frame of a client is masked.
    ("a text not masked", 1002, frame(FIN | TEXT, b"a", masked=False)),
    ("a ping not masked", 1002, frame(FIN | PING, masked=False)),
    ("a close not masked", 1002, frame(FIN | CLOSE, b"\x03\xe8", masked=False)),
    # 5.2: reserved bits and opcodes; the shortest form of a length.
    ("RSV1", 1002, frame(FIN | RSV1 | TEXT, b"a")),
    ("RSV2", 1002, frame(FIN | RSV2 | TEXT, b"a")),
    ("RSV3", 1002, frame(FIN | RSV3 | BINARY, b"a")),
    ("RSV2 on a ping", 1002, frame(FIN | RSV2 | PING)),
    ("RSV1 on a close", 1002, frame(FIN | RSV1 | CLOSE)),
    *((f"opcode {code}", 1002, frame(FIN | code, b"a")) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    ("an opcode that is reserved, in a fragment", 1002, frame(3, b"a")),
    ("2 bytes of length for 125", 1002, frame(FIN | TEXT, b"x" * 125, length=b"\x7e\x00\x7d")),
    ("2 bytes of length for 0", 1002, frame(FIN | TEXT, length=b"\x7e\x00\x00")),
    ("8 bytes of length for 65535", 1002, frame(FIN | TEXT, length=b"\x7f" + (65535).to_bytes(8))),
    ("a negative length", 1002, frame(FIN | TEXT, length=b"\x7f" + b"\xff" * 8)),
    ("the least negative length", 1002, frame(FIN | TEXT, length=b"\x7f\x80" + b"\0" * 7)),
    # 5.4: fragments.
    ("a continuation of nothing", 1002, frame(FIN, b"a")),
    ("a continuation of nothing, unfinished", 1002, frame(MORE, b"a")),
    ("a continuation after the end", 1002, frame(TEXT) + frame(FIN) + frame(FIN, b"a")),
    ("a continuation after a whole message", 1002, frame(FIN | PONG) + frame(MORE, b"a")),
    ("a text within a text", 1002, frame(TEXT, b"a") + frame(FIN | TEXT, b"b")),
    ("a binary within a text", 1002, frame(TEXT, b"a") + frame(BINARY, b"b")),
    # 5.5: control frames.
    ("a ping in fragments", 1002, frame(PING, b"a")),
    ("a pong in fragments", 1002, frame(PONG, b"a")),
    ("a close in fragments", 1002, frame(CLOSE, b"\x03\xe8")),
    ("a ping of 126 bytes", 1002, frame(FIN | PING, b"x" * 126)),
    ("a pong of 70000 bytes", 1002, frame(FIN | PONG, b"x" * 70000)),
    ("a close of 126 bytes", 1002, frame(FIN | CLOSE, b"\x03\xe8" + b"x" * 124)),
    # 8.1: text is UTF-8.
    ("a byte that is no UTF-8", 1007, frame(FIN | TEXT, b"a\xff")),
    ("a character cut", 1007, frame(FIN | TEXT, b"\xc3")),
    ("an overlong character", 1007, frame(FIN | TEXT, b"\xc0\xaf")),
    ("a surrogate", 1007, frame(FIN | TEXT, b"\xed\xa0\x80")),
    ("beyond Unicode", 1007, frame(FIN | TEXT, b"\xf4\x90\x80\x80")),
    ("no UTF-8 in fragments", 1007, frame(TEXT, b"\xc3") + frame(FIN, b"a")),
    # 5.5.1 and 7.4: close frames.
    ("half a close code", 1002, frame(FIN | CLOSE, b"\x03")),
    *(
        (f"the close code {code}", 1002, frame(FIN | CLOSE, code.to_bytes(2) + b"why"))
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    ("a reason that is no UTF-8", 1007, frame(FIN | CLOSE, b"\x03\xe8\xff")),
    ("a reason with half a character", 1007, frame(FIN | CLOSE, b"\x03\xe8abc\xc3")),
    # 10.4: limits, here 1 MiB.
    ("a message too big", 1009, frame(FIN | BINARY, b"x" * (2**20 + 1))),
    ("a message said to be too big", 1009, frame(FIN | BINARY, length=b"\x7f" + (2**62).to_bytes(8))),
    ("fragments too big", 1009, frame(BINARY, b"x" * 2**19) + frame(MORE, b"x" * 2**19) + frame(FIN, b"x")),
]
COMPRESSED_ILLEGAL: list[tuple[str, int, bytes]] = [
    # RFC 7692 6.1: RSV1 is for the first frame of a message; the others can't have it.
    ("RSV1 on a continuation", 1002, frame(RSV1 | TEXT, b"a") + frame(FIN | RSV1, b"b")),
    ("RSV1 on a ping", 1002, frame(FIN | RSV1 | PING, b"a")),
    ("RSV1 on a close", 1002, frame(FIN | RSV1 | CLOSE)),
    ("RSV1 and RSV2", 1002, frame(FIN | RSV1 | RSV2 | TEXT, deflated(b"a"))),
    ("RSV2", 1002, frame(FIN | RSV2 | TEXT, b"a")),
    ("no deflate data", 1007, frame(FIN | RSV1 | TEXT, b"\xff\xff\xff\xff")),
    ("a reference before the beginning", 1007, frame(FIN | RSV1 | BINARY, bytes.fromhex("0202"))),
    ("no UTF-8 once inflated", 1007, frame(FIN | RSV1 | TEXT, deflated(b"\xff"))),
    ("too big once inflated", 1009, frame(FIN | RSV1 | BINARY, deflated(b"\0" * (2**20 + 1)))),
    ("a bomb", 1009, frame(FIN | RSV1 | BINARY, deflated(b"\0" * 2**26))),
    (
        "a bomb in fragments",
        1009,
        frame(RSV1 | BINARY, deflated(b"\0" * 2**26)[:100]) + frame(FIN, deflated(b"\0" * 2**26)[100:]),
    ),
]


@pytest.mark.parametrize(
    ("code", "sent", "fields"),
    [
        *(pytest.param(*case[1:], {}, id=case[0]) for case in ILLEGAL),
        *(pytest.param(*case[1:], DEFLATE, id=f"compressed: {case[0]}") for case in COMPRESSED_ILLEGAL),
    ],
)
async def test_a_violation_closes_with_its_code(opened: Open, code: int, sent: bytes, fields: dict[str, Any]) -> None:
    room = await opened(listen, max_message_size=2**20)
    peer = await room.join(fields)
    await peer.send(frame(FIN | TEXT, b"before"), sent, frame(FIN | TEXT, b"after"))
    closed, reason = await peer.closing()
    assert closed == code
    assert reason
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason, socket.closed) == (code, reason, True)
    assert room.received[0] == "before"
    assert "after" not in room.received


@pytest.mark.parametrize("size", [2**20 - 1, 2**20])
@pytest.mark.parametrize("compressed", [False, True])
async def test_a_message_may_have_the_maximum_size(opened: Open, size: int, compressed: bool) -> None:
    room = await opened(listen, max_message_size=2**20)
    peer = await room.join({**DEFLATE} if compressed else {})
    data = b"x" * size
    await peer.send(frame(FIN | RSV1 | BINARY, deflated(data)) if compressed else frame(FIN | BINARY, data))
    await peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
    assert await peer.closing() == (1000, "")
    assert room.received == [data]


async def test_a_client_hears_why_while_it_still_sends(opened: Open) -> None:
    room = await opened(listen, max_message_size=1000)
    client: WebSocketClientConnection = await websocket_connect(room.site.server.url.replace("http", "ws"))
    sent = asyncio.ensure_future(client.write_message(b"x" * 30_000_000, binary=True))
    assert await client.read_message() is None
    assert (client.close_code, client.close_reason) == (1009, "A message may have 1000 bytes")
    await asyncio.wait((sent,))
    sent.exception()
    client.close()


# The closing handshake (RFC 6455 7).


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"", 1005, ""),
        *(
            (code.to_bytes(2), code, "")
            for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
        ),
        (b"\x03\xe8bye", 1000, "bye"),
        (b"\x03\xe8" + "é".encode() * 61, 1000, "é" * 61),
    ],
)
async def test_a_close_is_answered_with_its_code(opened: Open, payload: bytes, code: int, reason: str) -> None:
    room = await opened(listen)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b"last"), frame(FIN | CLOSE, payload), frame(FIN | TEXT, b"too late"))
    assert await peer.read() == (FIN | CLOSE, payload[:2])
    await peer.wire.closed()
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason, socket.closed) == (code, reason, True)
    assert room.received == ["last"]


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1008, 1011, 1012, 1013, 1014, 3000, 4999])
async def test_a_handler_closes(opened: Open, code: int) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        assert await socket.receive() == "enough"
        assert not socket.closed
        closing = asyncio.create_task(socket.close(code, "bye é"))
        await asyncio.sleep(0)
        assert socket.closed
        with pytest.raises(Disconnected):
            await socket.send("no frame follows a close")
        await socket.close(4000)
        await closing
        assert (socket.closed, socket.close_code, socket.close_reason) == (True, 4444, "agreed")
        with pytest.raises(Disconnected):
            await socket.send("more")
        with pytest.raises(Disconnected):
            await socket.ping()
        with pytest.raises(Disconnected):
            await socket.receive()
        await socket.close()

    room = await opened(talk)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b"enough"))
    assert await peer.read() == (FIN | CLOSE, code.to_bytes(2) + "bye é".encode())
    # What was on its way is dropped, a ping isn't answered (5.5.1).
    await peer.send(frame(FIN | TEXT, b"late"), frame(FIN | PING), frame(FIN | CLOSE, (4444).to_bytes(2) + b"agreed"))
    await peer.wire.closed()
    await room.socket()


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 65536])
async def test_a_handler_can_not_close_with_an_illegal_code(opened: Open, code: int) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        with pytest.raises(ValueError, match=str(code)):
            await socket.close(code)
        with pytest.raises(ValueError, match="123"):
            await socket.close(1000, "é" * 62)
        assert not socket.closed
        await socket.send("still open")

    room = await opened(talk)
    peer = await room.join()
    assert await peer.read() == (FIN | TEXT, b"still open")


async def test_a_client_that_does_not_agree_is_cut(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CLOSE_TIMEOUT", 0.05)

    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.close(1001)

    room = await opened(talk, ping_interval=0.01)
    peer = await room.join()
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe9")
    await peer.wire.closed()
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason) == (1006, "")


async def test_a_client_that_reads_nothing_is_cut(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CLOSE_TIMEOUT", 0.05)

    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.receive()
        await socket.send(b"x" * 20_000_000)
        with pytest.raises(Disconnected):
            await asyncio.gather(socket.send("never"), socket.close())

    room = await opened(talk)
    peer = await room.join(receive_buffer=4096)
    await peer.send(frame(FIN | TEXT, b"go"))
    assert (await room.socket()).close_code == 1006
    await room.site.until(lambda: room.site.connections == 0)


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_a_client_that_goes_ends_it(opened: Open, way: str) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await listen(socket, room)
        with pytest.raises(Disconnected):
            await socket.send("more")
        with pytest.raises(Disconnected):
            await socket.receive()

    room = await opened(talk)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b"last"), frame(FIN | TEXT, b"half a frame")[:-1])
    await room.site.until(lambda: room.received)
    getattr(peer.wire, way)()
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason, socket.closed) == (1006, "", True)
    assert room.received == ["last"]


async def test_messages_before_the_end_are_received_after_it(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await room.site.until(lambda: socket.closed)
        await listen(socket, room)

    room = await opened(talk)
    peer = await room.join()
    await peer.send(*(frame(FIN | BINARY, bytes([each]) * 3000) for each in range(100)))
    peer.wire.close()
    await room.socket()
    assert room.received == [bytes([each]) * 3000 for each in range(100)]


@pytest.mark.parametrize(("error", "code"), [(None, 1000), (ValueError("broken"), 1011)])
async def test_the_end_of_the_handler_is_the_end(opened: Open, error: Exception | None, code: int) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        if error is not None:
            raise error

    room = await opened(talk)
    peer = await room.join()
    first, payload = await peer.read()
    assert (first, payload[:2]) == (FIN | CLOSE, code.to_bytes(2))
    await peer.send(frame(FIN | CLOSE, payload))
    await peer.wire.closed()
    assert [event.reason for event in room.site.named("error")] == [each for each in [error] if each]


async def test_a_server_that_stops_says_so(opened: Open) -> None:
    room = await opened(listen)
    peer = await room.join()
    stopping = asyncio.create_task(room.site.server.close())
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe9")
    await peer.send(frame(FIN | CLOSE, b"\x03\xe9"))
    await peer.wire.closed()
    await stopping
    assert (await room.socket()).close_code == 1001


async def test_no_end_leaves_a_task(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CLOSE_TIMEOUT", 0.05)
    room = await opened(listen)
    for last in (b"", frame(FIN | CLOSE), frame(FIN | TEXT, masked=False), frame(FIN | TEXT, b"abc")[:-1]):
        for ends in (lambda wire: wire.close(), lambda wire: wire.reset(), lambda wire: None):
            peer = await room.join()
            await peer.send(last)
            ends(peer.wire)
    for socket in room.sockets:
        await socket.close()
    await room.site.until(lambda: room.left == len(room.sockets) and room.site.connections == 0)
    await room.site.until(lambda: not frame_tasks())


async def test_messages_that_nobody_receives_leave_no_task(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await room.site.until(lambda: socket.closed)

    room = await opened(talk)
    peer = await room.join()
    await peer.send(*(frame(FIN | BINARY, b"x" * 3000) for _ in range(50)))
    assert frame_tasks()
    peer.wire.reset()
    await room.socket()
    await room.site.until(lambda: not frame_tasks())


def frame_tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "FrameProtocol" in repr(task)]


# Flow.


async def test_a_client_that_reads_nothing_holds_up_its_sender(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        for each in range(1000):
            await socket.send(each.to_bytes(4) * 16384)
            room.received.append(b"")

    room = await opened(talk)
    peer = await room.join(receive_buffer=65536)
    await room.site.until(lambda: room.sockets)
    transport = room.sockets[0]._protocol.stream._transport
    await room.site.until(lambda: transport.get_write_buffer_size() > 65536)
    for _ in range(100):
        await asyncio.sleep(0)
    assert transport.get_write_buffer_size() < 65536 * 3
    assert len(room.received) < 500
    for each in range(1000):
        assert await peer.read() == (FIN | BINARY, each.to_bytes(4) * 16384)
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe8")


async def test_a_cancelled_send_has_sent_nothing(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.send(b"x" * 20_000_000)
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.send(b"y" * 1_000_000), 0.001)
        assert socket._protocol.stream._transport.get_write_buffer_size() < 21_000_000
        room.received.append(b"")
        await socket.send("end")

    room = await opened(talk)
    peer = await room.join(receive_buffer=4096)
    await room.site.until(lambda: room.received)
    assert await peer.read() == (FIN | BINARY, b"x" * 20_000_000)
    assert await peer.read() == (FIN | TEXT, b"end")


async def test_a_handler_that_receives_nothing_holds_up_its_client(opened: Open) -> None:
    go = asyncio.Event()

    async def talk(socket: WebSocket, room: Room) -> None:
        await go.wait()
        await listen(socket, room)

    room = await opened(talk, ping_interval=0.05, ping_timeout=0.05)
    peer = await room.join()
    messages = [each.to_bytes(4) * 16384 for each in range(500)]
    sending = asyncio.create_task(peer.send(*(frame(FIN | BINARY, each) for each in messages)))
    await room.site.until(lambda: room.sockets and room.sockets[0]._protocol.stream.paused)
    await asyncio.sleep(0.3)  # time enough to be given up, if it were the client that is silent
    stream = room.sockets[0]._protocol.stream
    assert stream.paused
    assert stream.received < 2_000_000
    assert not sending.done()
    assert not room.sockets[0].closed
    go.set()
    await sending
    await peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
    assert (await room.socket()).close_code == 1000
    assert room.received == messages


async def test_a_burst_of_tiny_frames(opened: Open) -> None:
    room = await opened(echo)
    peer = await room.join()
    sending = asyncio.create_task(peer.send(*(frame(FIN | TEXT, b"%d" % each) for each in range(10_000))))
    for each in range(10_000):
        assert await peer.read() == (FIN | TEXT, b"%d" % each)
    await sending


async def test_a_flood_of_pings_leaves_others_their_turn(opened: Open) -> None:
    room = await opened(listen)
    peer = await room.join()
    pongs = frame(FIN | PONG) * 20_000
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    socket = room.sockets[0]
    task = asyncio.create_task(other())
    socket._protocol.stream.feed(pongs)
    await room.site.until(lambda: not socket._protocol.stream._buffer)
    task.cancel()
    assert turns > 50
    await peer.send(frame(FIN | CLOSE))
    await peer.read()


async def test_pings_that_are_not_read_are_answered_within_bounds(opened: Open) -> None:
    room = await opened(listen)
    peer = await room.join(receive_buffer=4096)
    count = 150_000
    await peer.send(*(frame(FIN | PING, b"%0125d" % each) for each in range(count)))
    await peer.send(frame(FIN | TEXT, b"end"))
    await room.site.until(lambda: room.received)
    transport = room.sockets[0]._protocol.stream._transport
    assert transport.get_write_buffer_size() < 100_000
    pongs: list[bytes] = []
    while not pongs or pongs[-1] != b"%0125d" % (count - 1):
        first, payload = await peer.read()
        assert first == FIN | PONG
        pongs.append(payload)
    assert pongs == sorted(pongs)
    assert len(pongs) < count


# Keeping alive.


async def test_a_silent_client_is_pinged_and_given_up(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CLOSE_TIMEOUT", 0.1)
    room = await opened(listen, ping_interval=0.02, ping_timeout=0.02)
    peer = await room.join()
    assert await peer.read() == (FIN | PING, b"")
    assert await peer.read() == (FIN | CLOSE, b"\x03\xf3No pong within 0.02 seconds")
    assert (await room.socket()).close_code == 1011


async def test_a_client_that_reads_slowly_stays(opened: Open) -> None:
    data = b"x" * 8_000_000

    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.send(data)
        await listen(socket, room)

    room = await opened(talk, ping_interval=0.02, ping_timeout=0.02)
    peer = await room.join(receive_buffer=65536)
    await asyncio.sleep(0.3)  # time enough to be given up
    assert await peer.read() == (FIN | BINARY, data)
    assert not room.sockets[0].closed


@pytest.mark.parametrize("timeout", [0.2, None])
async def test_a_client_that_answers_pings_stays(opened: Open, timeout: float | None) -> None:
    room = await opened(echo, ping_interval=0.02, ping_timeout=timeout)
    peer = await room.join()
    for _ in range(5):
        assert await peer.read() == (FIN | PING, b"")
        if timeout is not None:
            await peer.send(frame(FIN | PONG))
    assert not room.sockets[0].closed


async def test_pings_can_be_left_out(opened: Open) -> None:
    room = await opened(echo, ping_interval=None)
    await room.join()
    assert [task for task in frame_tasks() if "periodic_ping" in repr(task)] == []


async def test_a_handler_pings(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        with pytest.raises(ValueError, match="126"):
            await socket.ping(b"x" * 126)
        await socket.ping(b"there?")
        await listen(socket, room)

    room = await opened(talk)
    peer = await room.join()
    assert await peer.read() == (FIN | PING, b"there?")


# What handlers may do.


async def test_only_str_and_bytes_are_messages(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        with pytest.raises(TypeError, match="dict"):
            await socket.send({})  # type: ignore[arg-type]
        with pytest.raises(UnicodeEncodeError):
            await socket.send("\ud800")
        await socket.send(bytearray(b"a"))
        await socket.send(memoryview(b"b"))

    room = await opened(talk)
    peer = await room.join()
    assert [await peer.read() for _ in range(2)] == [(FIN | BINARY, b"a"), (FIN | BINARY, b"b")]


async def test_one_receives_at_a_time(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        first = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two receivers"):
            await socket.receive()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        room.received.append(await socket.receive())

    room = await opened(talk)
    peer = await room.join()
    await room.site.until(lambda: room.sockets)
    await peer.send(frame(FIN | TEXT, b"to the second"))
    await room.socket()
    assert room.received == ["to the second"]


async def test_an_answer_excludes_an_upgrade(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.send("answered")
        with pytest.raises(ResponseError):
            await request.upgrade()

    site = await serve(handler)
    wire = await site.connect()
    assert (await wire.ask(head({}))).body == b"answered"


async def test_an_upgrade_excludes_an_answer(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        await request.upgrade()
        with pytest.raises(ResponseError):
            response.send("answered")
        with pytest.raises(ResponseError):
            await request.upgrade()

    site = await serve(handler)
    wire = await site.connect()
    peer = Peer(wire, await wire.ask(head({})))
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe8")


# Clients of others.


@pytest.mark.parametrize("compressed", [False, True])
async def test_tornado_as_client(opened: Open, compressed: bool) -> None:
    room = await opened(echo, subprotocols=["chat"])
    client = await websocket_connect(
        room.site.server.url.replace("http", "ws"),
        compression_options={} if compressed else None,
        subprotocols=["chat"],
    )
    assert client.selected_subprotocol == "chat"
    for message in ("é", b"\0\xff", "x" * 100_000, os.urandom(100_000), ""):
        await client.write_message(message, binary=isinstance(message, bytes))
        assert await client.read_message() == message
    client.close(4001, "done")
    assert await client.read_message() is None
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason) == (4001, "done")


@pytest.mark.parametrize("compress", [0, 15, 10])
async def test_aiohttp_as_client(opened: Open, compress: int) -> None:
    room = await opened(echo)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(room.site.server.url, compress=compress) as client,
    ):
        for text in ("é", "x" * 100_000, "abc" * 100_000, ""):
            await client.send_str(text)
            assert await client.receive_str() == text
        await client.send_bytes(b"\xff" * 1_000_000)
        assert await client.receive_bytes() == b"\xff" * 1_000_000
        await client.close(code=4002)
    assert (await room.socket()).close_code == 4002


async def test_many_at_once_get_their_own(opened: Open) -> None:
    room = await opened(echo)

    async def client(number: int) -> None:
        peer = await room.join({**DEFLATE})
        for each in range(20):
            text = b"%d:%d" % (number, each)
            await peer.send(frame(FIN | RSV1 | TEXT, deflated(text)))
            assert await peer.read() == (FIN | TEXT, text)
        await peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
        assert await peer.closing() == (1000, "")

    await asyncio.gather(*(client(number) for number in range(100)))
    await room.site.until(lambda: room.left == 100)
