"""Headers that never change: what goes out is what would go out without them."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from reserve_core.errors import ResponseError
from reserve_core.http import FixedHeaders, Headers, Request, Response, Writer
from reserve_core.memory_response import MemoryResponse
from tests.http.conftest import Serve, Site

PAIRS: list[tuple[tuple[str, str], ...]] = [
    (),
    (("content-type", "text/html"), ("x-a", "1"), ("X-A", "2")),
    (("cache-control", "max-age=1"), ("vary", "accept"), ("Vary", "origin, accept")),
    (("expires", "0"),),
    (("date", "Mon, 01 Jan 2024 00:00:00 GMT"),),
    (("Content-Length", "4"),),
    (("content-length", "5"),),
    (("connection", "close"),),
    (("connection", "x-a"), ("keep-alive", "timeout=5"), ("transfer-encoding", "chunked")),
    (("x-latin", "\xe9"),),
]
STATUSES = [200, 204, 206, 304, 404, 500, 799]
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
]


async def taken(site: Site, request: bytes, url: bytes) -> list[bytes]:
    """The lines of the response to `request` for `url`, and of one behind it if the connection goes on, sorted."""
    wire = await site.connect()
    await wire.send(request.replace(b" / ", b" %b " % url))
    await wire.send(b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    data = await wire.rest()
    return sorted(re.sub(rb"date: (?!Mon, 01 Jan 2024).*", b"date: now", data).split(b"\r\n"))


def body_of(status: int) -> bytes:
    return b"" if status in (204, 304) else b"body"


@pytest.mark.parametrize("pairs", PAIRS)
async def test_the_same_goes_out_as_without_them(serve: Serve, pairs: tuple[tuple[str, str], ...]) -> None:
    fixed = FixedHeaders(pairs)
    status = 200

    def handler(request: Request, response: Response) -> None:
        try:
            response.send(body_of(status), status, pairs if request.url == "/pairs" else fixed)
        except ResponseError as error:
            response.headers.clear()
            response.send(str(error), 500)

    site = await serve(handler)
    for status, request in product(STATUSES, REQUESTS):
        expected = await taken(site, request, b"/pairs")
        # Twice: the second time there is a head that was made before.
        assert await taken(site, request, b"/fixed") == expected, status
        assert await taken(site, request, b"/fixed") == expected, status


def test_they_are_pairs() -> None:
    assert list(FixedHeaders({"a": "1", "B": "2"})) == [("a", "1"), ("B", "2")]
    assert len(FixedHeaders([("a", "1"), ("a", "2")])) == 2
    assert repr(FixedHeaders([("a", "1")])) == "<FixedHeaders [('a', '1')]>"


@pytest.mark.parametrize("pair", [("a b", "1"), ("a", "1\r\nb: 2"), ("a", "\0"), ("a", "\u20ac")])
def test_what_cannot_be_sent_is_refused_at_once(pair: tuple[str, str]) -> None:
    with pytest.raises(ResponseError):
        FixedHeaders([pair])


def test_a_head_is_made_once_in_a_second() -> None:
    fixed = FixedHeaders([("content-type", "text/html")])
    now, then = "date: now\r\n", "date: then\r\n"
    head = fixed.head(200, 5, now)
    assert head is not None
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"content-type: text/html",
        b"cache-control: no-store",
        b"date: now",
        b"content-length: 5",
        b"",
        b"",
    ]
    assert fixed.head(200, 5, now) is head
    others = [fixed.head(404, 5, now), fixed.head(200, 6, now), fixed.head(200, 6, then)]
    assert len({head, *others}) == 4
    assert fixed.head(200, 5, now) == head


def test_what_is_about_the_connection_makes_no_head() -> None:
    for name in ("connection", "Content-Length", "transfer-encoding", "keep-alive"):
        assert FixedHeaders([(name, "1")]).head(200, 1, "") is None
    assert FixedHeaders([]).head(199, 1, "") is None


async def test_headers_can_be_read_behind_the_response(serve: Serve) -> None:
    fixed = FixedHeaders([("x-a", "1")])
    seen: list[Headers] = []

    def handler(request: Request, response: Response) -> None:
        response.send(b"body", headers=fixed)
        seen.append(response.headers)

    site = await serve(handler)
    received = await (await site.connect()).ask(REQUESTS[0])
    assert (received.headers["x-a"], received.body) == ("1", b"body")
    assert [list(headers.items()) for headers in seen] == [[("x-a", "1"), ("cache-control", "no-store")]]


async def test_headers_looked_at_before_a_file_is_sent_show_what_was_sent(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    fixed = FixedHeaders([("x-a", "1")])
    seen: list[Headers] = []

    async def handler(request: Request, response: Response) -> None:
        assert not response.headers
        with (tmp_path / "file").open("rb") as file:
            await response.send_file(file.fileno(), 0, 7, headers=fixed)
        seen.append(response.headers)

    site = await serve(handler)
    received = await (await site.connect()).ask(REQUESTS[0])
    assert (received.headers["x-a"], received.body) == ("1", b"content")
    assert [list(headers.items()) for headers in seen] == [[("x-a", "1"), ("cache-control", "no-store")]]


@pytest.mark.parametrize("data", [b"data", "data"])
async def test_others_are_kept_beside_them(serve: Serve, data: bytes | str) -> None:
    fixed = FixedHeaders([("x-a", "fixed"), ("vary", "origin")])

    def handler(request: Request, response: Response) -> None:
        response.headers.extend({"x-a": "first", "x-b": "stays", "vary": "accept"})
        response.send(data, headers=fixed)

    received = await (await (await serve(handler)).connect()).ask(REQUESTS[0])
    assert (received.headers.getall("x-a"), received.headers["x-b"]) == (["fixed"], "stays")
    assert (received.headers["vary"], received.body) == ("accept, origin", b"data")


async def test_a_text_gets_its_type(serve: Serve) -> None:
    fixed = FixedHeaders([("x-a", "1")])
    site = await serve(lambda request, response: response.send("text", headers=fixed))
    received = await (await site.connect()).ask(REQUESTS[0])
    assert received.headers["content-type"] == "text/plain; charset=utf-8"


async def test_who_passes_on_a_response_adds_nothing(serve: Serve) -> None:
    fixed = FixedHeaders([("x-a", "1")])

    def handler(request: Request, response: Response) -> None:
        response.cache_control = None
        response.send(b"body", headers=fixed)

    assert "cache-control" not in (await (await (await serve(handler)).connect()).ask(REQUESTS[0])).headers


class Wrapped:
    """A writer that changes the headers of the one it wraps."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        headers["x-wrapped"] = headers["x-a"]
        self._writer.send(status, headers, body.upper())


async def test_a_wrapped_writer_sees_headers(serve: Serve) -> None:
    fixed = FixedHeaders([("x-a", "1")])

    def handler(request: Request, response: Response) -> None:
        response.writer = Wrapped(response.writer)
        response.send(b"body", headers=fixed)

    received = await (await (await serve(handler)).connect()).ask(REQUESTS[0])
    assert (received.headers["x-wrapped"], received.body) == ("1", b"BODY")
    assert list(fixed) == [("x-a", "1")]


async def test_a_response_in_memory_has_them() -> None:
    memory = MemoryResponse("GET")
    memory.response.send(b"body", 404, FixedHeaders([("x-a", "1")]))
    assert (memory.status, memory.headers["x-a"], memory.body) == (404, "1", b"body")
