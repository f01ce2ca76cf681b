"""Methods: tokens, whatever the parser knows (RFC 9110 9.1), and `OPTIONS *` (RFC 9110 9.3.7)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import GET, POST, refused

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve

HOST = b"Host: a\r\n\r\n"
LIST = b"LIST /v1/secret HTTP/1.1\r\n" + HOST


async def echo(request: Request, response: Response) -> None:
    response.send(f"{request.method} {request.url} {len(await request.body())}")


@pytest.mark.parametrize("method", ["LIST", "FOO", "BREW", "VERSION-CONTROL", "GETX", "X", "X2-Y", "QUERY", "PROPFIND"])
async def test_any_method_is_taken(serve: Serve, method: str) -> None:
    wire = await (await serve(echo)).connect()
    line = f"{method} /a HTTP/1.1\r\n".encode()
    for _ in range(2):
        assert (await wire.ask(line + HOST)).body == f"{method} /a 0".encode()
        assert (await wire.ask(GET)).body == b"GET / 0"
    assert (await wire.ask(line + b"Content-Length: 3\r\n" + HOST + b"abc")).body == f"{method} /a 3".encode()


async def test_what_comes_behind_one_has_its_own_method(serve: Serve) -> None:
    wire = await (await serve(echo)).connect()
    await wire.send_in_pieces([LIST[:30], LIST[30:] + b"PUT /b HTTP/1.1\r\n" + HOST + GET])
    assert [(await wire.response()).body for _ in range(3)] == [b"LIST /v1/secret 0", b"PUT /b 0", b"GET / 0"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (GET + LIST, b"LIST "),
        (LIST + LIST, b"LIST "),
        (b"\r\n" + LIST, b"LIST "),
        (LIST.lower(), b"list "),
        (LIST.title(), b"List "),
        (LIST.replace(b"LIST", b"LIST!"), b"LIST! "),
        (LIST.replace(b"LIST", b"L" * 33), b"L" * 33 + b" "),
    ],
)
async def test_elsewhere_one_is_named_and_refused(serve: Serve, data: bytes, name: bytes) -> None:
    wire = await (await serve(echo)).connect()
    await wire.send(data + GET)
    *_, last = await wire.responses()
    assert (last.status, last.closes) == (501, True)
    assert b"The method " + name in last.body


async def test_one_is_refused_while_another_request_is_answered(serve: Serve) -> None:
    seen: list[str] = []
    go_on = asyncio.Event()

    async def handler(request: Request, response: Response) -> None:
        seen.append(request.method)
        await go_on.wait()
        response.send("hello")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(GET)
    await site.until(lambda: seen)
    await wire.send_in_pieces([LIST])
    go_on.set()
    assert [received.status for received in await wire.responses()] == [200, 501]
    assert seen == ["GET"]


@pytest.mark.parametrize("end", [b"FOO ", b"LIST /v1/secret HTTP/1.1\r\n"])
@pytest.mark.parametrize("read", [False, True], ids=["answered before", "answered behind"])
async def test_the_end_of_a_body_is_never_taken_for_one(serve: Serve, read: bool, end: bytes) -> None:
    """It may come first in a piece in whose middle the parser fails at a method."""
    seen: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        if read:
            await request.body()
        seen.append(request.method)
        response.send("hello")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(POST + f"Content-Length: {3 + len(end)}\r\n\r\n".encode() + b"abc")
    if not read:
        await site.until(lambda: seen)
    await wire.send(end + LIST)
    responses = await wire.responses()
    assert [(received.status, received.closes) for received in responses[1:]] == [(responses[1].status, True)]
    assert responses[1].status in (400, 501)
    assert seen == ["POST"]


@pytest.mark.parametrize("method", ["DESCRIBE", "PLAY", "SETUP", "SOURCE", "CONNECT", "PRI"])
async def test_those_of_other_protocols_stay_refused(serve: Serve, method: str) -> None:
    wire = await (await serve(echo)).connect()
    response = await wire.ask(LIST.replace(b"LIST", method.encode()))
    assert response.status in (400, 505)
    assert response.closes


@pytest.mark.parametrize("protocol", [b"RTSP/1.0", b"ICE/1.0", b"HTTP/2.0"])
async def test_one_of_another_protocol_is_refused(serve: Serve, protocol: bytes) -> None:
    wire = await (await serve(echo)).connect()
    await wire.send(LIST.replace(b"HTTP/1.1", protocol))
    assert (await wire.response()).status in (400, 505)


async def test_the_event_of_a_refusal_has_its_name(serve: Serve) -> None:
    site = await serve(echo)
    wire = await site.connect()
    await wire.send(LIST.replace(b"/v1", b"/%"))
    await refused(wire, 400)
    (event,) = site.named("refused")
    assert (event.status, event.method, event.url) == (400, "LIST", "/%/secret")


async def test_options_of_the_server_as_a_whole(serve: Serve) -> None:
    site = await serve(echo)
    wire = await site.connect()
    response = await wire.ask(b"OPTIONS * HTTP/1.1\r\n" + HOST)
    assert (response.status, response.closes) == (204, False)
    assert "GET" in response.headers["allow"].split(", ")
    assert (await wire.ask(b"OPTIONS * HTTP/1.1\r\nContent-Length: 3\r\n" + HOST + b"abc")).status == 204
    assert (await wire.ask(GET)).body == b"GET / 0"
    assert [event.url for event in site.named("incoming")] == ["/"]


@pytest.mark.parametrize("words", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/3.0\r\n" + HOST])
async def test_other_versions_are_named_in_our_words(serve: Serve, words: bytes) -> None:
    wire = await (await serve(echo)).connect()
    response = await wire.ask(words)
    assert (response.status, response.closes) == (505, True)
    assert b"This server speaks HTTP/1.1" in response.body
