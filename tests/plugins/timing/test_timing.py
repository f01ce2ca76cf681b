"""The handler `timing`: who has responded, told in the header Server-Timing (W3C Server Timing 3)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import ConfigError, Mock, Request, Response, Server, check, mock
from tests.kit.upstream import Peer, serving

Mocked = Callable[..., Awaitable[Mock]]
Serve = Callable[..., Awaitable[str]]

TIMING = {"timing": True}
METRIC = re.compile(r'(?P<prefix>[a-z]+);desc="(?P<place>[^"\\]*)";dur=\d+\.\d')


def timed(fields: list[str]) -> list[tuple[str, str]]:
    """The prefix and the place of each mapping that `fields` name."""
    found = [METRIC.fullmatch(field) for field in fields]
    assert all(found), fields
    return [(each["prefix"], each["place"]) for each in found if each]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(mapping, ...)`: the URL of a running server with these mappings behind the timing."""
    async with AsyncExitStack() as stack:

        async def start(*mappings: dict[str, Any]) -> str:
            server = Server(await check({"port": 0, "mappings": [TIMING, *mappings]}))
            await server.start()
            stack.push_async_callback(server.close, force=True)
            return f"http://127.0.0.1:{server.port}"

        yield start


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_whole_response_names_its_mapping(mocked: Mocked) -> None:
    site = await mocked(TIMING, {"match": "^/hello", "custom": ["Hello", {"headers": {"x-y": "1"}}]})
    response = await site.request("GET", "/hello")
    assert timed(response.headers.getall("server-timing")) == [("custom", "mapping 2 (^/hello)")]
    assert (response.status, response.text, response.headers["x-y"]) == (200, "Hello", "1")


async def test_a_stream_has_it_in_its_head(serve: Serve, client: aiohttp.ClientSession) -> None:
    async def stream(request: Request, response: Response) -> None:
        response.inform(103, {"link": "</a.css>; rel=preload"})
        await response.write("one ")
        await response.write("two")
        await response.end()

    async with client.get(await serve({"match": "^/s", "custom": stream}) + "/s") as response:
        assert timed(response.headers.getall("server-timing")) == [("custom", "mapping 2 (^/s)")]
        assert await response.text() == "one two"


async def test_a_file_has_it(serve: Serve, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 500_000)
    url = await serve({"match": "^/(.*)", "file": f"{tmp_path}/$1"})
    async with client.get(f"{url}/large") as response:
        assert timed(response.headers.getall("server-timing")) == [("file", "mapping 2 (^/(.*))")]
        assert await response.read() == b"x" * 500_000


async def test_what_an_upstream_server_says_stays(serve: Serve, client: aiohttp.ClientSession) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nServer-Timing: db;dur=53\r\nContent-Length: 2\r\n\r\nok")

    async with (
        serving(script) as backend,
        client.get(await serve({"match": "^(.*)", "url": f"{backend.url}$1"})) as response,
    ):
        theirs, *own = response.headers.getall("server-timing")
        assert (theirs, timed(own)) == ("db;dur=53", [("url", "mapping 2 (^(.*))")])
        assert await response.text() == "ok"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_404_is_the_statuses(mocked: Mocked, method: str) -> None:
    response = await (await mocked(TIMING)).request(method, "/nothing")
    assert timed(response.headers.getall("server-timing")) == [("status", "mapping 2")]
    assert (response.status, response.headers["content-length"]) == (404, "9")


async def test_a_failure_loses_no_header_and_has_no_second_metric(mocked: Mocked) -> None:
    def fails(request: Request, response: Response) -> None:
        response.headers["access-control-allow-origin"] = "*"
        raise ValueError("on purpose")

    response = await (await mocked(TIMING, {"custom": fails})).request("GET", "/")
    ((prefix, _),) = timed(response.headers.getall("server-timing"))
    assert (response.status, prefix) == (500, "status")
    assert response.headers["access-control-allow-origin"] == "*"


async def test_a_response_that_is_refused_leaves_no_metric_behind(serve: Serve, client: aiohttp.ClientSession) -> None:
    def refused(request: Request, response: Response) -> None:
        response.send(b"abc", headers={"content-length": "5"})

    async with client.get(await serve({"custom": refused})) as response:
        ((prefix, _),) = timed(response.headers.getall("server-timing"))
        assert (response.status, prefix) == (500, "status")


async def test_a_redirect_inside_the_server_is_timed_once(mocked: Mocked) -> None:
    site = await mocked(TIMING, {"match": "^/new", "custom": ["new"]}, {"match": "^/old", "rewrite": "/new"})
    response = await site.request("GET", "/old")
    assert response.text == "new"
    assert timed(response.headers.getall("server-timing")) == [("custom", "mapping 2 (^/new)")]


async def test_a_file_name_can_not_break_the_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path('a"b\\c é,;=.json')
    path.write_text('{"mappings": [\n  {"timing": true},\n  {"custom": ["ok"]}\n]}')
    async with await mock(str(path)) as site:
        response = await site.request("GET", "/")
    assert timed(response.headers.getall("server-timing")) == [("custom", "abc ,;=.json:3")]


async def test_the_mappings_before_it_are_not_timed(mocked: Mocked) -> None:
    site = await mocked({"match": "^/a", "custom": ["a"]}, TIMING, {"match": "^/b", "custom": ["b"]})
    assert "server-timing" not in (await site.request("GET", "/a")).headers
    assert "server-timing" in (await site.request("GET", "/b")).headers


async def test_a_websocket_works_behind_it(serve: Serve, client: aiohttp.ClientSession) -> None:
    async def echo(request: Request, response: Response) -> None:
        socket = await request.upgrade()
        async for message in socket:
            await socket.send(message)

    async with client.ws_connect(await serve({"match": "^/ws", "custom": echo}) + "/ws") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"


@pytest.mark.parametrize("value", [False, "yes", 1])
async def test_it_is_on_or_not_there(value: object) -> None:
    with pytest.raises(ConfigError, match="timing"):
        await check({"mappings": [{"timing": value}, {"status": 404}]})
