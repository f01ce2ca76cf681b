"""What a response says where its handler doesn't: the charset of text, and that caches don't keep it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, cast

import pytest

from reserve_core import Request, Response, Writer, mock
from reserve_core.defaults import with_charset
from reserve_core.http.request import Headers

# RFC 9110 15.1: what a cache may keep although nothing says for how long.
CACHEABLE = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501}
FINAL = [status.value for status in HTTPStatus if status >= 200]


async def ask(custom: Any, method: str = "GET") -> Headers:
    async with await mock({"mappings": [{"custom": custom}]}) as site:
        return (await site.request(method, "/")).headers


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html;", "text/html; charset=utf-8"),
        ("Text/Markdown; variant=GFM", "Text/Markdown; variant=GFM; charset=utf-8"),
        ("text/javascript", "text/javascript; charset=utf-8"),
        ("application/javascript", "application/javascript; charset=utf-8"),
        ("application/x-javascript", "application/x-javascript; charset=utf-8"),
        ("application/ecmascript ; a=b", "application/ecmascript ; a=b; charset=utf-8"),
        ("text/html; charset=iso-8859-1", "text/html; charset=iso-8859-1"),
        ("text/html;Charset = latin1", "text/html;Charset = latin1"),
        ("application/json", "application/json"),
        ("application/javascript-map", "application/javascript-map"),
        ("application/manifest+json", "application/manifest+json"),
        ("application/xml", "application/xml"),
        ("image/svg+xml", "image/svg+xml"),
        ("application/octet-stream", "application/octet-stream"),
        ("", ""),
    ],
)
def test_text_says_its_charset(content_type: str, expected: str) -> None:
    assert with_charset(content_type) == expected
    assert with_charset(expected) == expected
    assert with_charset(content_type, "koi8-r") == expected.replace("utf-8", "koi8-r")


async def written(request: Request, response: Response) -> None:
    response.headers["content-type"] = "text/html"
    await response.write("é")
    await response.end("è")


async def ended(request: Request, response: Response) -> None:
    response.headers["content-type"] = "text/html"
    await response.end("é")


def sent(request: Request, response: Response) -> None:
    response.headers["content-type"] = "text/html"
    response.send("é")


def streamed(request: Request, response: Response) -> list[Any]:
    async def chunks() -> AsyncIterator[str]:
        yield "é"

    return [chunks(), {"headers": {"content-type": "text/html"}}]


TEXT = ["é", {"headers": {"content-type": "text/html"}}]


@pytest.mark.parametrize("custom", [written, ended, sent, streamed, TEXT])
async def test_text_that_is_encoded_here_says_so(custom: Any) -> None:
    assert (await ask(custom)).getall("content-type") == ["text/html; charset=utf-8"]
    assert (await ask(custom, "HEAD")).getall("content-type") == ["text/html; charset=utf-8"]


async def bytes_written(request: Request, response: Response) -> None:
    response.headers["content-type"] = "text/html"
    await response.write(b"\xe9")
    await response.end()


def bytes_returned(request: Request, response: Response) -> list[Any]:
    return [b"\xe9", {"headers": {"content-type": "text/html"}}]


@pytest.mark.parametrize("custom", [bytes_written, bytes_returned])
async def test_bytes_are_what_their_handler_says(custom: Any) -> None:
    assert (await ask(custom))["content-type"] == "text/html"


@pytest.mark.parametrize("status", FINAL)
async def test_what_a_cache_would_keep_by_guess_is_not_kept(status: int) -> None:
    async def in_pieces(request: Request, response: Response) -> None:
        response.status = status
        await response.write(b"")
        await response.end()

    expected = ["no-store"] if status in CACHEABLE else []
    for custom in (["", {"status": status}], in_pieces, lambda request, response: status):
        assert (await ask(custom)).getall("cache-control", []) == expected


@pytest.mark.parametrize("header", [("Cache-Control", "max-age=60"), ("cache-control", ""), ("Expires", "0")])
async def test_what_the_response_says_of_caches_stays(header: tuple[str, str]) -> None:
    def early(request: Request, response: Response) -> list[Any]:
        response.headers.add(*header)
        return ["kept"]

    for custom in (["kept", {"headers": dict([header])}], early):
        headers = await ask(custom)
        said = [(name, value) for name, value in headers.items() if name.lower() in ("cache-control", "expires")]
        assert said == [header]


async def test_a_handler_may_say_nothing() -> None:
    def silent(request: Request, response: Response) -> list[Any]:
        response.cache_control = None
        return ["anybody's"]

    assert "cache-control" not in await ask(silent)


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ([], ["a"], ["a"]),
        ([], ["a", "b, c"], ["a", "b, c"]),  # as another server said it
        ([], ["accept-encoding, Origin, Accept-Encoding"], ["accept-encoding, Origin"]),
        ([], ["a", "A"], ["a"]),
        (["origin"], ["accept-encoding"], ["origin, accept-encoding"]),
        (["origin, cookie", "x"], ["Cookie", "y"], ["origin, cookie, x, y"]),
        (["origin"], [], ["origin"]),
        ([], [], []),
    ],
)
def test_vary_is_added_to_each_name_once(earlier: list[str], later: list[str], expected: list[str]) -> None:
    response = Response(cast(Writer, None))
    headers = response.headers
    headers.extend([("x-kept", "1"), ("x-set", "old"), *(("vary", value) for value in earlier)])
    response.replace_headers([("X-Set", "new"), *(("Vary", value) for value in later)])
    assert headers.getall("vary", []) == expected
    assert (headers["x-kept"], headers.getall("x-set")) == ("1", ["new"])
    alone = Response(cast(Writer, None))
    alone.replace_headers([("Vary", value) for value in later])
    if not earlier:
        assert alone.headers.getall("vary", []) == expected
