"""The response on the wire: its head, its framing, its end (RFC 9112 6)."""

from __future__ import annotations

import asyncio
import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
from multidict import CIMultiDict

from reserve_core.errors import ResponseError
from tests.http.handlers import GET, HEAD, OLD, OLD_KEPT, get, hello

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve


# The response.


async def test_a_response_is_framed_dated_and_leaves_the_connection_open(serve: Serve) -> None:
    wire = await (await serve(hello)).connect()
    for _ in range(3):
        response = await wire.ask(GET)
        assert (response.status, response.body) == (200, b"hello")
        assert response.headers["content-length"] == "5"
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert "connection" not in response.headers
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", response.headers["date"])
        parsedate_to_datetime(response.headers["date"])


async def test_a_date_set_by_the_handler_is_kept(serve: Serve) -> None:
    date = "Tue, 15 Nov 1994 08:12:31 GMT"

    def handler(request: Request, response: Response) -> None:
        response.send("", headers={"Date": date})

    assert (await (await (await serve(handler)).connect()).ask(GET)).headers["date"] == date


@pytest.mark.parametrize("name", ["Connection", "connection", "Proxy-Connection"])
async def test_no_header_makes_http_1_0_what_it_is_not(serve: Serve, name: str) -> None:
    async def handler(request: Request, response: Response) -> None:
        await response.write(request.http_version)
        await response.end()

    wire = await (await serve(handler)).connect()
    received = await wire.ask(f"GET / HTTP/1.0\r\nHost: a\r\n{name}: keep-alive\r\n\r\n".encode())
    assert received.body == b"1.0"
    assert "transfer-encoding" not in received.headers


async def test_the_date_is_that_of_the_response_however_often_the_same_one_is_sent(serve: Serve) -> None:
    site = await serve(hello)
    assert site.server._ticker is not None
    site.server._ticker.cancel()  # from now on it is the time that is told here
    wire = await site.connect()
    first = parsedate_to_datetime((await wire.ask(GET)).headers["date"])
    again = parsedate_to_datetime((await wire.ask(GET)).headers["date"])
    site.server._http.tick(asyncio.get_running_loop().time(), first.timestamp() + 100)
    later = parsedate_to_datetime((await wire.ask(GET)).headers["date"])
    assert again == first
    assert (later - first).total_seconds() == 100


async def test_what_is_sent_shows_in_the_headers_whether_they_were_asked_for_before_or_not(serve: Serve) -> None:
    seen: list[dict[str, str]] = []

    def handler(request: Request, response: Response) -> None:
        if request.url == "/before":
            assert not response.headers
        response.send({"a": 1})
        seen.append(dict(response.headers))

    wire = await (await serve(handler)).connect()
    responses = [await wire.ask(get(path)) for path in ("/before", "/after", "/after")]
    assert seen == [{"content-type": "application/json", "cache-control": "no-store"}] * 3
    assert len({tuple(sorted(received.headers)) for received in responses}) == 1


async def test_headers_keep_their_order_duplicates_and_latin_1(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("X-Name", "é")
        response.headers.add("set-cookie", "b=2")
        response.send("")

    received = await (await (await serve(handler)).connect()).ask(GET)
    assert [(name, value) for name, value in received.headers.items() if name[0] in "SsX"] == [
        ("Set-Cookie", "a=1"),
        ("X-Name", "é"),
        ("set-cookie", "b=2"),
    ]


@pytest.mark.parametrize("status", [200, 201, 299, 404, 418, 451, 599, 799])
async def test_any_status_can_be_sent(serve: Serve, status: int) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send("text", status)

    received = await (await (await serve(handler)).connect()).ask(GET)
    assert (received.status, received.body) == (status, b"text")


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("streamed", [False, True], ids=["sent", "streamed"])
async def test_204_and_304_have_no_body(serve: Serve, status: int, streamed: bool) -> None:
    async def handler(request: Request, response: Response) -> None:
        if streamed:
            response.status = status
            await response.write("body")
            await response.end("end")
        else:
            response.send("body", status)

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        received = await wire.ask(GET)
        assert (received.status, received.closes) == (status, False)
        assert "transfer-encoding" not in received.headers


async def test_a_304_may_tell_the_length_of_what_it_stands_for(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send(b"", 304, {"Content-Length": "5"})

    wire = await (await serve(handler)).connect()
    assert [(await wire.ask(GET)).headers["content-length"] for _ in range(2)] == ["5", "5"]


async def test_head_has_the_headers_of_get_and_no_body(serve: Serve) -> None:
    wire = await (await serve(hello)).connect()
    expected = await wire.ask(GET)
    for _ in range(2):
        response = await wire.ask(HEAD, head=True)
        assert response.status == 200
        assert without_date(response.headers) == without_date(expected.headers)


@pytest.mark.parametrize("length", ["10", None])
async def test_head_of_a_streamed_response(serve: Serve, length: str | None) -> None:
    async def handler(request: Request, response: Response) -> None:
        if length:
            response.headers["Content-Length"] = length
        await response.write("hello")
        await response.end("world")

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        received = await wire.ask(HEAD, head=True)
        assert (received.status, received.headers.get("content-length")) == (200, length)


async def test_head_may_announce_a_body_it_does_not_make(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send(b"", headers={"Content-Length": "1000"})

    wire = await (await serve(handler)).connect()
    assert [(await wire.ask(HEAD, head=True)).headers["content-length"] for _ in range(2)] == ["1000", "1000"]


def without_date(headers: CIMultiDict[str]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items() if name.lower() != "date"]


# Streamed responses.


async def test_a_streamed_response_is_chunked(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        for part in ("one", b"two", "", "three"):
            await response.write(part)
        await response.end("end")

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        received = await wire.ask(GET)
        assert received.chunked
        assert received.body == b"onetwothreeend"


@pytest.mark.parametrize(
    ("data", "trailers"),
    [(GET, [("X-Sum", "é"), ("Date", "x")]), (HEAD, []), (OLD, []), (get("/sized"), []), (get("/whole"), [])],
)
async def test_trailers_follow_a_chunked_body(data: bytes, trailers: list[tuple[str, str]], serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.trailers["X-Sum"] = "é"
        response.trailers.extend({"Content-Length": "5", "Connection": "x", "Date": "x"})
        if request.path == "/sized":
            response.headers["content-length"] = "5"
        if request.path != "/whole":
            await response.write("he")
        await response.end("hello"[2 if request.path != "/whole" else 0 :])

    wire = await (await serve(handler)).connect()
    received = await wire.ask(data, head=data == HEAD)
    assert received.body == (b"" if data == HEAD else b"hello")
    assert list(received.trailers.items()) == trailers


@pytest.mark.parametrize("trailer", [("X-Sum", "a\r\nX: y"), ("X Y", "a"), ("X-Sum", "\u20ac")])
async def test_a_trailer_that_would_break_the_response_cuts_it(trailer: tuple[str, str], serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        await response.write("hello")
        response.trailers = CIMultiDict([trailer])
        with pytest.raises(ResponseError):
            await response.end()
        response.abort()

    wire = await (await serve(handler)).connect()
    with pytest.raises((EOFError, ConnectionError)):
        await wire.ask(GET)


# Interim responses.


async def test_an_interim_response_comes_at_once(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.inform(103, {"Link": "</a.css>; rel=preload", "Content-Length": "5"})
        await hinted.wait()
        response.send("hello")

    hinted = asyncio.Event()
    wire = await (await serve(handler)).connect()
    await wire.send(GET)
    assert await wire.read_some() == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    hinted.set()
    assert (await wire.response()).body == b"hello"
    assert (await wire.ask(OLD)).interim == []


@pytest.mark.parametrize("status", [99, 101, 200])
async def test_what_is_no_interim_response_is_refused(status: int, serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        with pytest.raises(ResponseError, match=f"{status}.*15\\.2"):
            response.inform(status)
        with pytest.raises(ResponseError, match="line break"):
            response.inform(103, {"Link": "a\r\nX: y"})
        response.send("hello")
        with pytest.raises(ResponseError, match="already"):
            response.inform(103)

    assert (await (await (await serve(handler)).connect()).ask(GET)).body == b"hello"


async def test_a_streamed_response_with_a_length_is_not_chunked(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.headers["content-length"] = "8"
        await response.write("one")
        await response.write("three")
        await response.end()

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        received = await wire.ask(GET)
        assert (received.chunked, received.body) == (False, b"onethree")


@pytest.mark.parametrize("size", [1, 65535, 65536, 65537, 1_000_000])
@pytest.mark.parametrize("streamed", [False, True], ids=["sent", "streamed"])
async def test_bodies_of_any_size(serve: Serve, size: int, streamed: bool) -> None:
    data = bytes(index % 251 for index in range(size))

    async def handler(request: Request, response: Response) -> None:
        if streamed:
            await response.write(data)
            await response.end()
        else:
            response.send(data)

    wire = await (await serve(handler)).connect()
    assert (await wire.ask(GET)).body == data
    assert (await wire.ask(GET)).body == data


async def test_what_is_written_goes_out_at_once(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def handler(request: Request, response: Response) -> None:
        await response.write("first")
        await go_on.wait()
        await response.end("last")

    wire = await (await serve(handler)).connect()
    await wire.send(GET)
    data = b""
    while b"first" not in data:
        data += await wire.read_some()
    go_on.set()
    while not data.endswith(b"last\r\n0\r\n\r\n"):
        data += await wire.read_some()


async def test_a_head_without_a_chunk_goes_out_too(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def handler(request: Request, response: Response) -> None:
        await response.write(b"")
        await go_on.wait()
        await response.end()

    wire = await (await serve(handler)).connect()
    await wire.send(GET)
    assert (await wire.read_some()).startswith(b"HTTP/1.1 200 OK\r\n")
    go_on.set()


async def test_framing_headers_of_a_handler_do_not_reach_the_client(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.headers["Transfer-Encoding"] = "gzip, chunked"
        response.headers["Keep-Alive"] = "timeout=5"
        response.headers["Connection"] = "keep-alive, x-secret"
        if request.path == "/streamed":
            await response.write("body")
            await response.end()
        else:
            response.send("body")

    wire = await (await serve(handler)).connect()
    for path in ("/streamed", "/sent"):
        received = await wire.ask(get(path))
        assert received.body == b"body"
        assert not {"keep-alive", "connection"} & set(received.headers)


# HTTP/1.0.


@pytest.mark.parametrize("request_bytes", [OLD, OLD_KEPT])
async def test_1_0_gets_no_chunks(serve: Serve, request_bytes: bytes) -> None:
    async def handler(request: Request, response: Response) -> None:
        await response.write("one")
        await response.write("two")
        await response.end("three")

    wire = await (await serve(handler)).connect()
    received = await wire.ask(request_bytes)
    assert (received.chunked, received.closes, received.body) == (False, True, b"onetwothree")


async def test_1_0_stays_after_a_streamed_response_with_a_length(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.headers["content-length"] = "3"
        await response.write("one")
        await response.end()

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        received = await wire.ask(OLD_KEPT)
        assert (received.body, received.closes) == (b"one", False)
