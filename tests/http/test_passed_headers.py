"""Headers that are passed on in bytes: what goes out is what would go out of the same pairs."""

from __future__ import annotations

from itertools import product

import pytest

from reserve_core.errors import ResponseError
from reserve_core.http import Headers, Request, Response
from reserve_core.http.response_head import render_received
from reserve_core.kit import PassedHeaders
from reserve_core.memory_response import MemoryResponse
from tests.http.conftest import Serve
from tests.http.test_fixed_headers import PAIRS, REQUESTS, STATUSES, Wrapped, body_of, taken

Fields = list[tuple[bytes, bytes]]
MORE: list[tuple[tuple[str, str], ...]] = [
    (("Vary", "Accept, Origin"), ("X", "")),
    (("vary", "a, A"),),
    (("content-length", "4"), ("Content-Length", "4")),
    (("content-length", "04"),),
    (("content-length", "0"),),
    (("DATE", "Mon, 01 Jan 2024 00:00:00 GMT"), ("set-cookie", "a=1"), ("Set-Cookie", "b=2")),
    (("a b", "no token"),),
    (("x", "a\r\nInjected: 1"),),
    (("x", "a\0"),),
]


def passed(pairs: tuple[tuple[str, str], ...]) -> PassedHeaders:
    return PassedHeaders([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])


@pytest.mark.parametrize("pairs", [*PAIRS, *MORE])
async def test_the_same_goes_out_as_of_pairs(serve: Serve, pairs: tuple[tuple[str, str], ...]) -> None:
    status = 200

    def handler(request: Request, response: Response) -> None:
        response.cache_control = None
        try:
            response.send(body_of(status), status, passed(pairs) if request.url == "/passed" else pairs)
        except ResponseError as error:
            response.headers.clear()
            response.send(str(error), 500)

    site = await serve(handler)
    for status, request in product([*STATUSES, 101, 1000], REQUESTS):
        assert await taken(site, request, b"/passed") == await taken(site, request, b"/pairs"), status


FIELDS = [(b"Server", b"s"), (b"Content-Length", b"4"), (b"Date", b"then"), (b"X", b"\xe9")]


def test_a_head_is_what_came() -> None:
    head = render_received(200, FIELDS, 4, "date: now\r\n")
    assert head == b"HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 4\r\nDate: then\r\nX: \xe9\r\n\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Connection", b"close")],
        [(b"Transfer-Encoding", b"chunked")],
        [(b"Content-Length", b"5")],
        [(b"Content-Length", b"4")] * 2,
        [(b"Vary", b"a, a")],
        [(b"Vary", b"a")] * 2,
        [(b"X", b"1\n2")],
    ],
)
def test_where_more_has_to_be_done_there_is_no_head(fields: Fields) -> None:
    assert render_received(200, fields, 4, "") is None


def test_they_are_pairs() -> None:
    headers = PassedHeaders([(b"a", b"1"), (b"B", b"\xe9")])
    assert (list(headers), len(headers)) == ([("a", "1"), ("B", "\xe9")], 2)
    assert repr(headers) == "<PassedHeaders [(b'a', b'1'), (b'B', b'\\xe9')]>"


async def test_headers_can_be_read_behind_the_response(serve: Serve) -> None:
    seen: list[Headers] = []

    def handler(request: Request, response: Response) -> None:
        response.cache_control = None
        response.send(b"body", headers=PassedHeaders(FIELDS))
        seen.append(response.headers)

    received = await (await (await serve(handler)).connect()).ask(REQUESTS[0])
    assert received.body == b"body"
    assert [list(headers.items()) for headers in seen] == [list(PassedHeaders(FIELDS))]


async def test_they_are_for_responses_that_say_whether_they_may_be_kept(serve: Serve) -> None:
    site = await serve(lambda request, response: response.send(b"body", headers=PassedHeaders(FIELDS)))
    assert (await (await site.connect()).ask(REQUESTS[0])).headers["cache-control"] == "no-store"


async def test_others_are_kept_beside_them(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        response.cache_control = None
        response.headers.extend({"server": "first", "x-b": "stays", "vary": "accept"})
        response.send(b"body", headers=PassedHeaders([*FIELDS, (b"Vary", b"origin")]))

    received = await (await (await serve(handler)).connect()).ask(REQUESTS[0])
    assert (received.headers.getall("server"), received.headers["x-b"]) == (["s"], "stays")
    assert (received.headers["vary"], received.body) == ("accept, origin", b"body")


async def test_a_wrapped_writer_sees_headers(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        response.cache_control = None
        response.writer = Wrapped(response.writer)
        response.send(b"body", headers=PassedHeaders([(b"X-A", b"1")]))

    received = await (await (await serve(handler)).connect()).ask(REQUESTS[0])
    assert (received.headers["x-wrapped"], received.body) == ("1", b"BODY")


async def test_a_response_in_memory_has_them() -> None:
    memory = MemoryResponse("GET")
    memory.response.send(b"body", 404, PassedHeaders(FIELDS))
    assert (memory.status, memory.headers["server"], memory.body) == (404, "s", b"body")
