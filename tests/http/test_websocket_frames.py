"""Every rule of the frames, with the close code its breach gives (RFC 6455 5, RFC 7692 6)."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.http.websockets import (
    BINARY,
    CLOSE,
    DEFLATE,
    FIN,
    MORE,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    Open,
    deflated,
    echo,
    frame,
    inflated,
    listen,
)

if TYPE_CHECKING:
    pass


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
BOMB = deflated(bytes(2**24))
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
    ("a bomb", 1009, frame(FIN | RSV1 | BINARY, BOMB)),
    ("a bomb in fragments", 1009, frame(RSV1 | BINARY, BOMB[:100]) + frame(FIN, BOMB[100:])),
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
