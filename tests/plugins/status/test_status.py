"""The prefix `status`: its texts, its headers, and what a capture can't do to them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reserve_core import check, load_plugins
from reserve_core.errors import ConfigError
from reserve_core.http import Request, Response
from reserve_core.mock import Mock
from reserve_status.interpolated_headers import compile_headers

Mocked = Callable[..., Awaitable[Mock]]

TEXTS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    508: "Loop Detected",
}
TEXT = "text/plain; charset=utf-8"


def unkept(status: int) -> dict[str, str]:
    """What keeps a response from being stored, if a cache would guess for how long (RFC 9110 15.1)."""
    return {"cache-control": "no-store"} if status in (200, 204, 301, 308, 404, 405, 410, 414, 501) else {}


@pytest.mark.parametrize(("status", "text"), TEXTS.items())
async def test_some_statuses_have_a_text(mocked: Mocked, status: int, text: str) -> None:
    response = await (await mocked({"status": status})).request("GET", "/")
    assert (response.status, response.text) == (status, text)
    assert dict(response.headers) == {"content-type": TEXT, **unkept(status), "content-length": str(len(text))}


@pytest.mark.parametrize("status", [200, 201, 301, 302, 308, 400, 402, 410, 414, 418, 502, 599])
async def test_the_others_have_an_empty_body(mocked: Mocked, status: int) -> None:
    response = await (await mocked({"status": status})).request("GET", "/")
    assert (response.status, response.body) == (status, b"")
    assert dict(response.headers) == {"content-type": TEXT, **unkept(status), "content-length": "0"}


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_without_content_there_is_no_content_type(mocked: Mocked, status: int) -> None:
    response = await (await mocked({"status": status})).request("GET", "/")
    assert (response.status, response.body) == (status, b"")
    assert "content-type" not in response.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
async def test_all_methods_are_served(mocked: Mocked, method: str) -> None:
    response = await (await mocked({"status": 403})).request(method, "/")
    assert (response.status, response.headers["content-length"]) == (403, "9")
    assert response.text == ("" if method == "HEAD" else "Forbidden")


async def test_headers_get_what_was_captured(mocked: Mocked) -> None:
    site = await mocked(
        {
            "match": r"^/(\w+)(?:/(?P<rest>.*))?",
            "status": 302,
            "headers": {
                "Location": "/new/$1",
                "x-rest": "<$rest>",
                "x-none": "$7",
                "x-price": "$$1",
                "Retry-After": 120,
            },
        }
    )
    response = await site.request("GET", "/a/b")
    assert list(response.headers.items()) == [
        ("Location", "/new/a"),
        ("x-rest", "<b>"),
        ("x-none", ""),
        ("x-price", "$1"),
        ("Retry-After", "120"),
        ("content-type", TEXT),
        ("content-length", "0"),
    ]
    assert (await site.request("GET", "/a")).headers["x-rest"] == "<>"


async def test_an_array_is_several_headers(mocked: Mocked) -> None:
    site = await mocked({"match": "^/(.*)", "status": 200, "headers": {"Set-Cookie": ["a=$1", "b=2"]}})
    response = await site.request("GET", "/x")
    assert response.headers.getall("set-cookie") == ["a=x", "b=2"]


async def test_the_content_type_can_be_chosen(mocked: Mocked) -> None:
    response = await (await mocked({"status": 403, "headers": {"Content-Type": "text/html"}})).request("GET", "/")
    assert response.headers.getall("content-type") == ["text/html; charset=utf-8"]
    assert response.text == "Forbidden"


def describe_another_content(request: Request, response: Response) -> None:
    response.headers.update(
        {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "Content-Length": "1000",
            "Content-Security-Policy": "default-src 'self'",
            "Access-Control-Allow-Origin": "*",
        }
    )


async def test_headers_of_earlier_mappings_stay_but_for_those_of_their_content(mocked: Mocked) -> None:
    site = await mocked({"custom": describe_another_content}, {"status": 403})
    response = await site.request("GET", "/")
    assert response.text == "Forbidden"
    assert dict(response.headers) == {
        "Content-Security-Policy": "default-src 'self'",
        "Access-Control-Allow-Origin": "*",
        "content-type": TEXT,
        "content-length": "9",
    }


@pytest.mark.parametrize(("status", "text"), [*TEXTS.items(), (302, ""), (204, "")])
async def test_a_handler_redirects_to_a_number(mocked: Mocked, status: int, text: str) -> None:
    site = await mocked(
        {"custom": describe_another_content},
        {"match": "^/x", "custom": lambda request, response: status},
        {"status": 403, "headers": {"x-of-the-mapping": "1"}},
    )
    received = await site.request("GET", "/x")
    assert (received.status, received.text) == (status, text)
    assert received.headers.get("content-type") == (TEXT if status != 204 else None)
    assert "x-of-the-mapping" not in received.headers
    assert "content-encoding" not in received.headers
    assert received.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("location", "url", "expected"),
    [
        ("/new/$1", "/old/a%20b", "/new/a%20b"),
        ("/new/$1", "/old/%C3%A9", "/new/%C3%A9"),
        ("/new/$1", "/old/a%2Fb%3Fc%23d%25e", "/new/a%2Fb%3Fc%23d%25e"),
        ("/new/$1", "/old/a?b=c%26d&e=%0D%0A", "/new/a?b=c%26d&e=%0D%0A"),
        ("/new/$1", "/old/%22%3C%3E%5C%5E%60%7B%7C%7D", "/new/%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("/new/$1", "/old/a%2Bb/%61/%c3%a9?u=https%3A%2F%2Fx&q[]=1", "/new/a%2Bb/%61/%c3%a9?u=https%3A%2F%2Fx&q[]=1"),
        ("/new/$1", "/old/x/%2e%2E/a%2Bb", "/new/a%2Bb"),
        ("/new/$1", "/old/a\\b|c", "/new/a%5Cb|c"),
        ("/new/$1", "/old/~a!$&'()*+,;=:@", "/new/~a!$&'()*+,;=:@"),
        ("/new/$1", "/old/%FF", "/new/%FF"),
        ("/$1", "/old//evil.example/", "/evil.example/"),
        ("/$1", "/old/%5Cevil.example/", "/%5Cevil.example/"),
        ("$1", "/old///evil.example/", "/evil.example/"),
        ("//cdn.example/$1", "/old/a", "//cdn.example/a"),
        ("https://example.com$1", "/old/.evil.example/a", "https://example.com/.evil.example/a"),
        ("https://example.com$1", "/old/@evil.example", "https://example.com/@evil.example"),
        ("https://example.com$1", "/old/:80@evil.example", "https://example.com/:80@evil.example"),
        ("https://example.com$1", "/old/", "https://example.com"),
        ("https://example.com$1", "/old//a?b", "https://example.com/a?b"),
        ("https://example.com$1", "/old/?b", "https://example.com?b"),
        ("https://example.com/$1", "/old/a", "https://example.com/a"),
        ("https://$1.example.com/", "/old/www", "https://www.example.com/"),
        ("$1", "/old/https://other.example/a", "https://other.example/a"),
    ],
)
async def test_a_location_is_a_url_again(mocked: Mocked, location: str, url: str, expected: str) -> None:
    site = await mocked({"match": "^/old/(.*)", "status": 302, "headers": {"location": location}})
    assert (await site.request("GET", url)).headers["location"] == expected


@pytest.mark.parametrize(
    ("capture", "in_url", "in_text"),
    [
        ("a b", "a%20b", "a b"),
        ("a\r\nset-cookie: b", "a%0D%0Aset-cookie:%20b", "a%0D%0Aset-cookie: b"),
        ("\0\x7f\t", "%00%7F%09", "%00%7F%09"),
        ("é漢", "%C3%A9%E6%BC%A2", "%C3%A9%E6%BC%A2"),
        ('"<>#[]', "%22%3C%3E%23%5B%5D", '"<>#[]'),
        ("%41", "%41", "%41"),
        ("\udc80", "%ED%B2%80", "%ED%B2%80"),
    ],
)
def test_a_capture_cannot_break_a_header(capture: str, in_url: str, in_text: str) -> None:
    """Also those that no canonical URL has: a handler may redirect to anything."""
    match = re.fullmatch("(?s:(.*))", capture)
    assert match is not None
    request = Request("GET", capture)
    headers = {"Location": "/$1", "Content-Location": "/$1", "Link": "</$1>", "Refresh": "0; url=/$1", "X-Text": "$1"}
    fields = compile_headers(headers, ())(request, match)
    assert fields == [
        ("Location", f"/{in_url}".replace("%5B%5D", "[]")),
        ("Content-Location", f"/{in_url}"),
        ("Link", f"</{in_url}>"),
        ("Refresh", f"0; url=/{in_url}"),
        ("X-Text", in_text),
    ]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"status": "404"}, "status"),
        ({"status": 199}, "status"),
        ({"status": 600}, "status"),
        ({"status": True}, "status"),
        ({"status": 404.5}, "status"),
        ({"status": 404, "header": {}}, '"headers"'),
        ({"status": 404, "headers": []}, "headers"),
        ({"status": 404, "headers": {"x": {}}}, "headers"),
        ({"status": 404, "headers": {"x y": "z"}}, "x y"),
        ({"status": 404, "headers": {"x": "a\r\nb"}}, 'value of "x" has a line break'),
        ({"status": 404, "headers": {"x": ["a", "b\0"]}}, 'value of "x" has a line break or a NUL'),
        ({"status": 404, "headers": {"x": "漢"}}, '"漢" in the value of "x" can\'t stand in a header'),
        ({"status": 404, "headers": {"Content-Length": "5"}}, '"Content-Length" can\'t be set'),
    ],
)
async def test_what_the_configuration_may_not_say(mocked: Mocked, mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        await mocked(mapping)


@pytest.mark.parametrize(
    ("mapping", "warning"),
    [
        ({"status": 302}, '"status": 302 sends clients to another URL, and there is no "location"'),
        (
            {"status": 308, "headers": {"x": "y"}},
            '"status": 308 sends clients to another URL, and there is no "location"',
        ),
        (
            {"match": "^/a/(.*)", "status": 301, "headers": {"Location": "/b/$2"}},
            '"headers": the match has the group $1; there is no $2',
        ),
        ({"match": "^/a/(.*)", "status": 301, "headers": {"LOCATION": "/b/$1"}}, None),
        ({"status": 304}, None),
        ({"status": 200, "headers": {"x-price": ["$$5"]}}, None),
    ],
)
async def test_what_it_warns_of(mapping: dict[str, Any], warning: str | None) -> None:
    warnings = (await check({"mappings": [mapping]}, load_plugins())).warnings
    assert [each.message for each in warnings] == ([] if warning is None else [warning])
