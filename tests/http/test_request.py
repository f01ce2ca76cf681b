"""What a request says cheaply, before its headers are made and its body is read, is what it says in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import Request
from tests.http.handlers import CHUNKED, POST

if TYPE_CHECKING:
    from reserve_core.http import Response
    from tests.http.conftest import Serve

LINES = [(b"Host", b"a:80"), (b"X-Name", b"one \t"), (b"x-name", b"two"), (b"X-Byte", b"\xe9")]


@pytest.fixture(params=["received", "asked for", "given"])
def request_(request: pytest.FixtureRequest) -> Request:
    if request.param == "given":
        return Request("GET", "/", [(name.decode(), value.decode("latin-1").strip()) for name, value in LINES])
    made = Request("GET", "/", raw_headers=LINES)
    if request.param == "asked for":
        assert len(made.headers) == len(LINES)
    return made


def test_a_header_is_the_first_of_its_name(request_: Request) -> None:
    assert request_.header("x-name") == "one"
    assert request_.header("x-byte") == "é"
    assert request_.header("x-nam") is None
    assert request_.host == "a:80"


def test_field_lines_are_as_they_came(request_: Request) -> None:
    assert [(name, value.rstrip()) for name, value in request_.field_lines] == [
        (name, value.rstrip()) for name, value in LINES
    ]


def test_a_header_that_was_changed_is_the_one_that_is_told(request_: Request) -> None:
    request_.headers["x-name"] = "three"
    assert request_.header("x-name") == "three"
    assert (b"x-name", b"three") in [(name.lower(), value) for name, value in request_.field_lines]


def test_without_a_host_it_is_empty() -> None:
    assert Request("GET", "/", raw_headers=[]).host == ""


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        (POST + b"Content-Length: 0\r\n\r\n", b""),
        (POST + b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (POST + b"Content-Length: 11\r\n\r\nabcdefghijk", None),
    ],
    ids=["none", "announced", "chunked", "over the limit"],
)
async def test_a_body_that_is_here_is_at_hand(serve: Serve, sent: bytes, held: bytes | None) -> None:
    found: list[Any] = []

    async def handler(request: Request, response: Response) -> None:
        request.max_body = 10
        found.append(request.body_at_hand())
        found.append(b"".join([chunk async for chunk in request.stream()]))
        response.send("hello")

    wire = await (await serve(handler)).connect()
    assert (await wire.ask(sent)).status == 200
    assert found == [held, sent.partition(b"\r\n\r\n")[2] if held is None else held]


async def test_a_body_in_memory_is_at_hand_until_it_is_read() -> None:
    assert Request("POST", "/", body=b"abc").body_at_hand() == b"abc"
    assert Request("POST", "/", body=b"abc", max_body=2).body_at_hand() is None
    request = Request("POST", "/", body=b"abc")
    assert [chunk async for chunk in request.stream()] == [b"abc"]
    assert request.body_at_hand() is None


async def test_a_body_that_is_not_whole_is_not_at_hand_and_not_touched(serve: Serve) -> None:
    found: list[Any] = []

    async def handler(request: Request, response: Response) -> None:
        found.append(request.body_at_hand())
        await wire.send(b"fg")
        found.append(await request.body())
        found.append(request.body_at_hand())
        response.send("hello")

    wire = await (await serve(handler)).connect()
    assert (await wire.ask(POST + b"Content-Length: 7\r\n\r\nabcde")).status == 200
    assert found == [None, b"abcdefg", b"abcdefg"]


async def test_a_body_that_was_streamed_is_at_hand_no_more(serve: Serve) -> None:
    found: list[Any] = []

    async def handler(request: Request, response: Response) -> None:
        found.extend([chunk async for chunk in request.stream()])
        found.append(request.body_at_hand())
        response.send("hello")

    wire = await (await serve(handler)).connect()
    assert (await wire.ask(POST + b"Content-Length: 3\r\n\r\nabc")).status == 200
    assert found == [b"abc", None]


async def test_a_wrapped_body_is_read_through_its_wrapper(serve: Serve) -> None:
    class Upper:
        def __init__(self, body: Any) -> None:
            self._body = body
            self.length = body.length

        async def read(self) -> bytes:
            data: bytes = await self._body.read()
            return data.upper()

    found: list[Any] = []

    async def handler(request: Request, response: Response) -> None:
        found.append(request.body_at_hand())
        request.wrap_body(Upper)
        found.append(request.body_at_hand())
        found.append(await request.body())
        response.send("hello")

    wire = await (await serve(handler)).connect()
    assert (await wire.ask(POST + b"Content-Length: 3\r\n\r\nabc")).status == 200
    assert found == [b"abc", None, b"ABC"]
