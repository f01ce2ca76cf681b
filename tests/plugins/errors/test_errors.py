"""The handler `errors`: who sees a page in place of an error, and of which one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import ConfigError, Event, HTTPError, Mock, Request, Response, Server, check
from tests.kit.upstream import Backend, Peer, serving
from tests.kit.waiting import until

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = {"404": "./404.html", "5xx": "./sorry.html"}
LOST, SORRY = "<p>Lost é", "<p>Sorry"


def fails(request: Request, response: Response) -> None:
    response.headers["x-kept"] = "yes"
    response.headers["etag"] = '"of another content"'
    raise ValueError("on purpose")


def raises(request: Request, response: Response) -> None:
    raise HTTPError(503, "Busy", {"retry-after": "5"})


def responds(request: Request, response: Response) -> None:
    response.send("Their own", 404, {"x-kept": "yes", "content-language": "en"})


async def streams(request: Request, response: Response) -> None:
    response.status = 500
    response.headers["x-kept"] = "yes"
    await response.write("Their ")
    await response.end("own")


async def gives_up(request: Request, response: Response) -> None:
    response.status = 500
    await response.write("Their ")
    response.abort()


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"Their own"})


async def upstream(peer: Peer) -> None:
    await peer.message()
    await peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Encoding: x\r\nContent-Length: 9\r\n\r\nTheir own")


@pytest.fixture(autouse=True)
def pages(tmp_path: Path) -> None:
    (tmp_path / "404.html").write_text(LOST, encoding="utf-8")
    (tmp_path / "sorry.html").write_text(SORRY)


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with serving(upstream) as backend:
        yield backend


OWN = [
    ({"match": "^/x", "file": "./nothing"}, 404, LOST),
    ({"custom": lambda request, response: 404}, 404, LOST),
    ({"status": 503, "headers": {"retry-after": "5"}}, 503, SORRY),
    ({"custom": raises}, 503, SORRY),
    ({"custom": fails}, 500, SORRY),
    ({"match": "^/(.*)", "url": "http://127.0.0.1:1/$1"}, 502, SORRY),
    ({"status": 403}, 403, "Forbidden"),
]
THEIRS = [
    ({"custom": responds}, 404, LOST),
    ({"custom": streams}, 500, SORRY),
    ({"use": asgi}, 404, LOST),
    ({"match": "^/(.*)", "url": "BACKEND/$1"}, 404, LOST),
]


def to(backend: Backend, mapping: dict[str, Any]) -> dict[str, Any]:
    return {name: value.replace("BACKEND", backend.url) if name == "url" else value for name, value in mapping.items()}


@pytest.mark.parametrize(("mapping", "status", "text"), OWN)
async def test_what_the_server_itself_says_has_a_page(
    served: Served, client: aiohttp.ClientSession, mapping: dict[str, Any], status: int, text: str
) -> None:
    server = await served({"errors": PAGES}, mapping)
    async with client.get(server.url, headers=HTML) as response:
        assert (response.status, await response.text()) == (status, text)
        kind = "text/plain" if text == "Forbidden" else "text/html"
        assert response.headers.getall("content-type") == [f"{kind}; charset=utf-8"]
        assert ("vary" in response.headers) is (kind == "text/html")


@pytest.mark.parametrize(("mapping", "status", "text"), THEIRS)
@pytest.mark.parametrize("intercept", [False, True])
async def test_what_others_say_is_intercepted_if_that_is_wanted(
    served: Served,
    client: aiohttp.ClientSession,
    backend: Backend,
    mapping: dict[str, Any],
    status: int,
    text: str,
    intercept: bool,
) -> None:
    server = await served({"errors": PAGES, "intercept": intercept}, to(backend, mapping))
    for _ in range(2):  # on one connection
        async with client.get(server.url, headers=HTML) as response:
            assert (response.status, await response.text()) == (status, text if intercept else "Their own")
            assert ("content-encoding" in response.headers) is ("url" in mapping and not intercept)


async def test_headers_that_are_not_of_the_content_stay(mocked: Mocked) -> None:
    async def headers_of(mapping: dict[str, Any]) -> Any:
        site = await mocked({"errors": PAGES, "intercept": True}, mapping)
        return (await site.request("GET", "/", HTML)).headers

    assert (await headers_of({"custom": raises}))["retry-after"] == "5"
    headers = await headers_of({"custom": fails})
    assert headers["x-kept"] == "yes"
    assert "etag" not in headers
    headers = await headers_of({"custom": responds})
    assert headers["x-kept"] == "yes"
    assert headers["cache-control"] == "no-store"
    assert "content-language" not in headers
    assert headers["content-length"] == str(len(LOST.encode()))


@pytest.mark.parametrize(
    ("method", "accept"),
    [("GET", "*/*"), ("GET", "application/json"), ("GET", "text/html;q=0, */*"), ("POST", "text/html"), ("GET", "")],
)
async def test_who_asks_for_something_else_gets_the_error_as_it_is(mocked: Mocked, method: str, accept: str) -> None:
    site = await mocked({"errors": PAGES})
    response = await site.request(method, "/", {"accept": accept} if accept else {})
    assert (response.status, response.text) == (404, "Not found")


async def test_a_head_is_that_of_the_page(served: Served, client: aiohttp.ClientSession) -> None:
    server = await served({"errors": PAGES})
    async with client.head(server.url, headers=HTML) as response:
        assert (response.status, response.headers["content-length"]) == (404, str(len(LOST.encode())))


async def test_what_went_well_is_left_alone(served: Served, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>Page")
    server = await served({"errors": PAGES, "intercept": True}, {"match": "^/(.*)", "file": "./$1"})
    async with client.get(f"{server.url}page.html", headers=HTML) as response:
        assert (response.status, await response.text()) == (200, "<p>Page")


async def test_an_error_that_is_given_up_still_has_its_page(served: Served, client: aiohttp.ClientSession) -> None:
    server = await served({"errors": PAGES, "intercept": True}, {"custom": gives_up})
    async with client.get(server.url, headers=HTML) as response:
        assert (response.status, await response.text()) == (500, SORRY)


async def test_a_client_that_goes_ends_the_error_that_has_no_end(served: Served) -> None:
    begun = []

    async def endless(request: Request, response: Response) -> None:
        response.status = 500
        await response.write("x")
        begun.append(True)
        await asyncio.Event().wait()

    server = await served({"errors": PAGES, "intercept": True}, {"custom": endless})
    ended: list[Event] = []
    server.on("aborted", ended.append)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
    await until(lambda: begun)
    writer.close()
    await until(lambda: ended)


async def test_an_error_is_given_up_where_nobody_sees_its_page(served: Served) -> None:
    begun, given_up, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stays(request: Request, response: Response) -> None:
        request.on_disconnect = gone.set
        response.status = 500
        await response.write("x")
        begun.set()
        await gone.wait()
        response.abort()
        given_up.set()

    server = await served({"errors": PAGES, "intercept": True}, {"custom": stays})
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
    await until(begun.is_set)
    writer.close()
    await until(given_up.is_set)


async def test_the_nearest_page_is_shown(mocked: Mocked, tmp_path: Path) -> None:
    (tmp_path / "busy.html").write_text("<p>Busy")
    site = await mocked(
        {"errors": {"503": "./busy.html", **PAGES}},
        *({"match": f"^/{status}", "status": status} for status in (503, 500, 405)),
    )
    texts = [(await site.request("GET", f"/{status}", HTML)).text for status in (503, 500, 405)]
    assert texts == ["<p>Busy", SORRY, "Method Not Allowed"]


async def test_a_page_is_as_its_file_is_now(mocked: Mocked, tmp_path: Path) -> None:
    site = await mocked({"errors": PAGES})
    page = tmp_path / "404.html"
    assert (await site.request("GET", "/", HTML)).text == LOST
    page.write_text("<p>New")
    assert (await site.request("GET", "/", HTML)).text == "<p>New"
    page.unlink()
    assert (await site.request("GET", "/", HTML)).text == "Not found"
    os.mkfifo(page)  # who opened it would wait
    assert (await site.request("GET", "/", HTML)).text == "Not found"


async def test_a_page_is_read_once_while_it_is_the_same(
    mocked: Mocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await mocked({"errors": PAGES})
    await site.request("GET", "/", HTML)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("It is read again"))
    assert (await site.request("GET", "/", HTML)).text == LOST


async def test_of_several_the_first_one_has_the_last_word(mocked: Mocked) -> None:
    site = await mocked({"match": "^/a", "errors": {"4xx": "./sorry.html"}}, {"errors": PAGES})
    assert [(await site.request("GET", path, HTML)).text for path in ("/a", "/b")] == [SORRY, LOST]


async def test_a_redirect_inside_the_server_is_fine(mocked: Mocked) -> None:
    site = await mocked({"errors": PAGES}, {"match": "^/old", "rewrite": "/new"})
    response = await site.request("GET", "/old", HTML)
    assert (response.status, response.text, response.headers.getall("vary")) == (404, LOST, ["accept"])


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ({"200": "./a.html"}, '"200"'),
        ({"4x": "./a.html"}, '"4x"'),
        ({"404": ""}, '"errors.404"'),
        ({"404": 5}, '"errors.404" must be a string'),
        ("./404.html", '"errors" must be an object'),
    ],
)
async def test_what_is_no_page_is_refused(errors: Any, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await check({"mappings": [{"errors": errors}, {"status": 404}]})
    assert message in str(refused.value)


async def test_a_page_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    source = {"cwd": str(tmp_path), "mappings": [{"errors": {"404": "./$1.html"}}, {"errors": {}}, {"status": 404}]}
    missing, none = (await check(source)).warnings
    assert '"404": ./$1.html is no file' in missing.message
    assert "No error has a page" in none.message
