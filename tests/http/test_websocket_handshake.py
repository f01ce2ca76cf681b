"""The handshake of WebSockets over real sockets, and what it negotiates (RFC 6455 4.2, RFC 7692 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reserve_core.errors import ResponseError
from tests.http.websockets import DEFLATE, FIN, KEY, RSV1, TEXT, Open, Peer, echo, frame, head, inflated

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve


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
    assert dict(peer.response.headers) == {
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
    response = await wire.ask(head(fields))
    assert response.status == status
    if status == 426:
        assert response.headers["upgrade"] == "websocket"
    if status == 426 and "Sec-WebSocket-Version" in fields:
        assert response.headers["sec-websocket-version"] == "13"  # 4.4
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
    responses = [await wire.ask(head({"Sec-WebSocket-Version": "8"})), await wire.ask(head({}))]
    assert [response.status for response in responses] == [426, 101]


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
    assert peer.response.headers.get("sec-websocket-protocol") == chosen
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
    assert peer.response.headers["sec-websocket-protocol"] == "chat"
    wire = await room.site.connect()
    assert (await wire.ask(head({"Origin": "http://evil.example"}))).status == 403


async def test_pages_of_any_site_may_be_let_in(opened: Open) -> None:
    room = await opened(echo, origins="*")
    await room.join({"Origin": "http://evil.example"})
    await room.join({"Origin": "null"})


BOTH = "server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "response"),
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
async def test_compression_is_negotiated(opened: Open, offer: Any, response: str | None) -> None:
    room = await opened(echo)
    peer = await room.join({"Sec-WebSocket-Extensions": offer})
    extension = None if response is None else f"permessage-deflate; {response}"
    assert peer.response.headers.get("sec-websocket-extensions") == extension
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
    assert "sec-websocket-extensions" not in peer.response.headers


@pytest.mark.parametrize("fields", [{"Set-Cookie": "a=1"}, [("Set-Cookie", "a=1"), ("set-cookie", "b=2")]])
async def test_the_response_may_have_headers(opened: Open, fields: Any) -> None:
    room = await opened(echo, headers=fields)
    peer = await room.join()
    assert peer.response.headers.getall("set-cookie") == [value for _, value in getattr(fields, "items", fields.copy)()]


@pytest.mark.parametrize(
    "fields", [{"X": "a\r\nSet-Cookie: b=1"}, {"X": "a\0"}, {"X Y": "a"}, {"X": "€"}, {"": "a"}, {"X": "a\n"}]
)
async def test_headers_that_would_break_the_response_are_refused(serve: Serve, fields: dict[str, str]) -> None:
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
