"""The helper `body`: what a request's body is read as."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from reserve_core.body import body
from reserve_core.errors import HTTPError
from reserve_core.http import Request


def post(content_type: str | None, data: bytes, max_body: int = 1000) -> Request:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return Request("POST", "/", CIMultiDict(headers), data, max_body=max_body)


@pytest.mark.parametrize(
    ("content_type", "data", "value"),
    [
        ("text/plain", b"h\xc3\xa9", "hé"),
        ("Text/HTML; charset=latin-1", b"h\xe9", "hé"),
        ("text/plain", b"\xff", "\ufffd"),
        ("application/json", b'{"a": [1]}', {"a": [1]}),
        ("Application/JSON ; charset=utf-8", b"1", 1),
        ("application/problem+json", b"null", None),
        ("application/octet-stream", b"\xff", b"\xff"),
        ("application/x-www-form-urlencoded", b"a=b", b"a=b"),
        ("application/jsonp", b"{}", b"{}"),
        ("", b"{}", b"{}"),
        (None, b"", b""),
    ],
)
async def test_the_content_type_says_what_it_is(content_type: str | None, data: bytes, value: object) -> None:
    read = await body(post(content_type, data))
    assert read == value
    assert type(read) is type(value)


async def test_it_can_be_forced() -> None:
    request = post("application/pdf", b'{"a": 1}')
    assert await body(request).text() == '{"a": 1}'
    assert await body(request).json() == {"a": 1}
    assert await body(request).bytes() == b'{"a": 1}'


async def test_it_is_kept_for_the_next_mappings() -> None:
    request = post("text/plain", b"once")
    assert await body(request) == "once"
    assert await body(request) == "once"
    assert await request.body() == b"once"


async def test_it_can_be_awaited_twice() -> None:
    read = body(post("text/plain", b"once"))
    assert [await read, await read] == ["once", "once"]


@pytest.mark.parametrize("text", [b"{", b'{"a": NaN}', b"-Infinity"])
async def test_what_is_no_json_is_the_clients_mistake(text: bytes) -> None:
    with pytest.raises(HTTPError) as caught:
        await body(post("application/json", text))
    assert caught.value.status == 400


async def test_a_body_over_the_limit_is_refused() -> None:
    assert await body(post("text/plain", b"1234", max_body=4)) == "1234"
    with pytest.raises(HTTPError) as caught:
        await body(post("text/plain", b"12345", max_body=4))
    assert caught.value.status == 413
