"""Requests, the handlers that answer them, and what a client then sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Site
    from tests.kit.wire import Wire

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
OLD_KEPT = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"


def get(path: str = "/", extra: str = "") -> bytes:
    """`extra`: header lines that end with CR LF."""
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{extra}\r\n".encode()


def hello(request: Request, response: Response) -> None:
    response.send("hello")


async def read_body(request: Request, response: Response) -> None:
    response.send(str(len(await request.body())))


async def read_stream(request: Request, response: Response) -> None:
    response.send(str(sum([len(chunk) async for chunk in request.stream()])))


async def refused(wire: Wire, status: int) -> None:
    """The next response is `status`, explained, and the last one."""
    response = await wire.response()
    assert (response.status, response.closes) == (status, True)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers.get("cache-control") == ("no-store" if status in (414, 501) else None)
    assert response.body
    await wire.closed()


async def cut(wire: Wire) -> None:
    """The response that comes is never complete."""
    with pytest.raises((EOFError, ConnectionError)):
        await wire.response()


async def others_are_well(site: Site) -> None:
    assert (await (await site.connect()).ask(GET)).status == 200
