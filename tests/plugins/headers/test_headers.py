"""The handler `headers`: what it does to responses, whoever gives them, and to requests."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import ConfigError, Mock, Request, Response, Server, check
from tests.kit.upstream import Backend, Peer, serving

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]

CHANGES = {"headers": {"x-frame-options": "DENY", "vary": ["x-site"], "server": None}}


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = [(b"server", b"theirs"), (b"x-frame-options", b"SAMEORIGIN"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


async def upstream(peer: Peer) -> None:
    await peer.message()
    fields = b"Server: theirs\r\nVary: accept\r\nX-Frame-Options: SAMEORIGIN\r\nContent-Length: 2\r\n"
    await peer.send(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nok")


async def stream(request: Request, response: Response) -> None:
    response.headers["server"] = "own"
    await response.write("o")
    await response.end("k")


def fails(request: Request, response: Response) -> None:
    raise ValueError("on purpose")


def refused(request: Request, response: Response) -> None:
    response.send(b"abc", headers={"content-length": "5"})


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with serving(upstream) as backend:
        yield backend


@pytest.mark.parametrize(
    ("mapping", "status", "text"),
    [
        ({"file": "./page.html"}, 200, "ok"),
        ({"custom": ["ok", {"headers": {"server": "own", "vary": "accept"}}]}, 200, "ok"),
        ({"custom": stream}, 200, "ok"),
        ({"use": asgi}, 200, "ok"),
        ({"url": "BACKEND/"}, 200, "ok"),
        ({"match": "^/nothing", "file": "./page.html"}, 404, "Not found"),
        ({"status": 403, "headers": {"x-frame-options": "ALLOWALL"}}, 403, "Forbidden"),
        ({"url": "http://127.0.0.1:1/"}, 502, "The upstream server can't be reached, or gives no valid response"),
        ({"custom": fails}, 500, "Internal Server Error"),
        ({"custom": refused}, 500, "Internal Server Error"),
    ],
    ids=["file", "custom", "stream", "use", "url", "no mapping", "status", "no upstream", "a failure", "refused"],
)
async def test_each_response_is_changed(
    served: Served,
    client: aiohttp.ClientSession,
    backend: Backend,
    tmp_path: Path,
    mapping: dict[str, Any],
    status: int,
    text: str,
) -> None:
    (tmp_path / "page.html").write_text("ok")
    if isinstance(mapping.get("url"), str):
        mapping = {**mapping, "url": mapping["url"].replace("BACKEND", backend.url)}
    async with client.get((await served(CHANGES, mapping)).url) as response:
        assert (response.status, await response.text()) == (status, text)
        assert response.headers.getall("x-frame-options") == ["DENY"]
        assert response.headers.getall("vary")[-1] == "x-site"
        assert response.headers.getall("vary").count("x-site") == 1
        assert "server" not in response.headers


async def test_what_an_array_adds_stands_behind_what_is_there(mocked: Mocked) -> None:
    site = await mocked(
        {"headers": {"link": ["</b>", "</c>"], "x-count": 2}},
        {"custom": ["ok", {"headers": {"link": "</a>", "x-count": "1"}}]},
    )
    headers = (await site.request("GET", "/")).headers
    assert headers.getall("link") == ["</a>", "</b>", "</c>"]
    assert headers.getall("x-count") == ["2"]


async def test_a_file_still_goes_past_the_program(
    served: Served, client: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the head out, nothing stands between the file and the socket."""
    sent: list[int] = []
    send = os.sendfile

    def counting(*arguments: int) -> int:
        sent.append(send(*arguments))
        return sent[-1]

    monkeypatch.setattr(os, "sendfile", counting)
    content = os.urandom(300_000)
    (tmp_path / "large").write_bytes(content)
    server = await served(CHANGES, {"timing": True}, {"match": "^/(.*)", "file": "./$1"})
    async with client.get(f"{server.url}large") as response:
        assert response.headers["x-frame-options"] == "DENY"
        assert "server-timing" in response.headers
        assert await response.read() == content
    assert sent


async def test_groups_are_put_in_encoded(mocked: Mocked) -> None:
    site = await mocked(
        {"match": "^/(?P<name>[^?]*)", "headers": {"x-path": "<$1>", "link": "</$name>", "x-price": "$$5"}},
        {"custom": ["ok"]},
    )
    headers = (await site.request("GET", "/caf%C3%A9%20(1)")).headers
    assert headers["x-path"] == "<caf%C3%A9 (1)>"
    assert headers["link"] == "</caf%C3%A9%20(1)>"
    assert headers["x-price"] == "$5"


async def test_the_request_is_changed_for_the_mappings_behind_it(mocked: Mocked) -> None:
    def shows(request: Request, response: Response) -> list[str]:
        return ["; ".join(f"{name}={value}" for name, value in request.headers.items() if name.startswith("x-"))]

    site = await mocked(
        {"match": "^/before", "custom": shows},
        {"match": "^/(\\w+)", "headers": {}, "request": {"x-of": "$1", "x-a": None, "x-b": ["2"]}},
        {"custom": shows},
    )
    headers = [("x-a", "1"), ("x-b", "1"), ("x-of", "other")]
    assert (await site.request("GET", "/before", headers)).text == "x-a=1; x-b=1; x-of=other"
    assert (await site.request("GET", "/after", headers)).text == "x-b=1; x-of=after; x-b=2"


async def test_an_upstream_server_gets_the_changed_request(
    served: Served, client: aiohttp.ClientSession, backend: Backend
) -> None:
    seen = []

    async def notes(peer: Peer) -> None:
        seen.append(await peer.message())
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    backend.script = notes
    server = await served(
        {"headers": {}, "request": {"authorization": "Bearer secret", "cookie": None}}, {"url": f"{backend.url}/"}
    )
    async with client.get(server.url, headers={"cookie": "a=b", "authorization": "Basic x"}) as response:
        assert response.status == 200
    (message,) = seen
    assert message.headers.getall("authorization") == ["Bearer secret"]
    assert "cookie" not in message.headers


async def test_a_redirect_inside_the_server_changes_nothing_twice(mocked: Mocked) -> None:
    site = await mocked(
        {"match": "^/(\\w+)", "headers": {"x-first": ["$1"]}, "request": {"x-seen": ["$1"]}},
        {"match": "^/old", "rewrite": "/new"},
        {"match": "^/new", "custom": lambda request, response: [request.headers["x-seen"]]},
    )
    response = await site.request("GET", "/old")
    assert (response.text, response.headers.getall("x-first")) == ("old", ["old"])


async def test_several_mappings_each_have_their_say(mocked: Mocked) -> None:
    """The response passes the last one first."""
    site = await mocked({"headers": {"x-a": "first"}}, {"headers": {"x-a": "last", "x-b": ["1"]}}, {"custom": ["ok"]})
    headers = (await site.request("GET", "/")).headers
    assert (headers["x-a"], headers["x-b"]) == ("first", "1")


async def test_the_mappings_before_it_are_left_alone(mocked: Mocked) -> None:
    site = await mocked({"match": "^/a", "custom": ["a"]}, CHANGES, {"custom": ["b"]})
    assert "x-frame-options" not in (await site.request("GET", "/a")).headers
    assert "x-frame-options" in (await site.request("GET", "/b")).headers


@pytest.mark.parametrize("which", ["headers", "request"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Content-Length": "5"}, '"Content-Length" can\'t be changed'),
        ({"transfer-encoding": None}, '"transfer-encoding" can\'t be changed'),
        ({"connection": ["close"]}, '"connection" can\'t be changed'),
        *(
            ({name: None}, f'"{name}" can\'t')
            for name in ("keep-alive", "proxy-connection", "te", "trailer", "upgrade")
        ),
        ({"x-a": "1\r\nx-b: 2"}, 'The value of "x-a" has a line break'),
        ({"x-a": ["1", "snow ☃"]}, '"☃" in the value of "x-a" can\'t stand in a header'),
        ({"x a": "1"}, '"x a"'),
        ({"x-a": "1", "x-b": "2", "X-A": None}, '"X-A" and "x-a" are one header'),
        ({"x-a": True}, "must be a string"),
        ({"x-a": [1]}, "must be a string"),
        ("x-a: 1", "must be an object"),
    ],
)
async def test_what_can_not_be_said_is_refused(which: str, values: object, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await check({"mappings": [{"headers": {}, which: values}, {"status": 404}]})
    assert message in str(refused.value)


async def test_what_does_nothing_is_warned_of() -> None:
    checked = await check({"mappings": [{"headers": {}}, {"headers": {"x-a": "$1"}, "match": "^/b"}, {"status": 404}]})
    empty, group = checked.warnings
    assert "No header is changed" in empty.message
    assert "there is no $1" in group.message


async def test_a_member_of_that_name_stays_ones_own() -> None:
    """A mapping of `custom` may have any members: one that is no value for this handler is none of it."""
    member = {"custom": lambda request, response: [request.mapping["headers"]], "headers": "./headers.txt"}
    checked = await check({"mappings": [member, {"status": 200, "headers": {"x-a": "1"}}]})
    assert [mapping.handler.prefix for mapping in checked.mappings] == ["custom", "status"]
    with pytest.raises(ConfigError, match=r'Two handlers in one mapping: "file" and "headers"') as refused:
        await check({"mappings": [{"match": "^/(.*)", "file": "./$1", "headers": {"x-a": "1"}}]})
    assert "in a mapping before it" in str(refused.value)
