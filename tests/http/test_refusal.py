"""The event `refused`: what is told of a request that no mapping sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import GET, hello, others_are_well

if TYPE_CHECKING:
    from reserve_core.events import Event
    from tests.http.conftest import Serve, Site

HOST = b"Host: localhost\r\n"
LONG = b"/" + b"x" * 30_000

ROWS = {
    "percent": (b"GET /a/% HTTP/1.1\r\n" + HOST + b"X-A: 1\r\n\r\n", 400, "GET", "/a/%"),
    "control": (b"GET /a\x01 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "GET", "/a\x01"),
    "utf-8": ("PUT /a/é HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400, "PUT", "/a/é"),
    "latin-1": (b"GET /a/\xe9?x HTTP/1.1\r\n" + HOST + b"\r\n", 400, "GET", r"/a/\xe9?x"),
    "space": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, "GET", "/a"),
    "length": (b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 2\r\n\r\n", 400, "POST", "/a"),
    "header": (b"GET /a HTTP/1.1\r\n" + HOST + b"Bad Name: 1\r\n\r\n", 400, "GET", "/a"),
    "no host": (b"GET /a HTTP/1.1\r\n\r\n", 400, "GET", "/a"),
    "long": (b"GET " + LONG + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "GET", LONG[:8192].decode()),
    "headers": (b"GET /a HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 70_000 + b"\r\n\r\n", 431, "GET", "/a"),
    "nothing": (b"\0\1\2\r\n\r\n", 400, "", ""),
}


async def refused(site: Site, data: bytes) -> Event:
    """The only event of this name once the client has its response."""
    wire = await site.connect()
    await wire.send(data)
    await wire.responses()
    (event,) = site.named("refused")
    return event


@pytest.mark.parametrize(("data", "status", "method", "url"), ROWS.values(), ids=ROWS)
async def test_it_has_what_was_received(serve: Serve, data: bytes, status: int, method: str, url: str) -> None:
    site = await serve(hello)
    event = await refused(site, data)
    assert (event.status, event.reason.status, event.method, event.url) == (status, status, method, url)
    assert event.request is not None
    assert (event.incoming_url, event.request.client.address, event.request.scheme) == (url, "127.0.0.1", "http")
    assert event.server is site.server
    assert event.start > 0
    assert site.named("incoming") == []
    await others_are_well(site)


async def test_it_has_the_headers_so_far(serve: Serve) -> None:
    event = await refused(await serve(hello), b"GET /% HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
    assert list(event.headers.items()) == [("Host", "a"), ("X-A", "1"), ("x-a", "2")]  # type: ignore[union-attr]


@pytest.mark.parametrize(("data", "version"), [(ROWS["percent"][0], "1.1"), (ROWS["utf-8"][0], "")])
async def test_it_has_the_version_if_that_was_read(serve: Serve, data: bytes, version: str) -> None:
    event = await refused(await serve(hello), data)
    assert event.request is not None
    assert event.request.http_version == version


async def test_a_head_that_takes_too_long_is_told(serve: Serve) -> None:
    site = await serve(hello)
    event = await site.after_a_while(refused(site, b"GET /slow HTTP/1.1\r\nHost"))
    assert (event.status, event.url) == (408, "/slow")


async def test_what_stands_before_it_is_not_taken_for_it(serve: Serve) -> None:
    """Its target isn't known: the first line is that of the request before."""
    site = await serve(hello)
    event = await refused(site, GET + b"GET /\xff HTTP/1.1\r\n\r\n")
    assert (event.status, event.url) == (400, "")
    assert [event.url for event in site.named("incoming")] == ["/"]
