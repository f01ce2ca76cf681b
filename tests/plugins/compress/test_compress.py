"""The handler `compress`: which responses it compresses, whoever gives them, and what it says of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import ConfigError, Mock, Request, Response, Server, check
from tests.kit import node
from tests.kit.upstream import Backend, Peer, serving
from tests.plugins.compress.conftest import decoded

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]

COMPRESS = {"match": "^/", "compress": True}
BODY = "".join(f"This is line {number} of some text.\n" for number in range(200)).encode()
LARGE = BODY * 30
TEXT = {"content-type": "text/plain; charset=utf-8"}
PAGE = {"custom": [BODY, {"headers": TEXT}]}
GZIP = {"accept-encoding": "gzip"}


async def upstream(peer: Peer) -> None:
    while True:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(BODY))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY[:100], "more_body": True})
        await send({"type": "http.response.body", "body": BODY[100:]})


async def stream(request: Request, response: Response) -> None:
    response.headers.update(TEXT)
    for position in range(0, len(BODY), 300):
        await response.write(BODY[position : position + 300])
    await response.end()


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with serving(upstream) as backend:
        yield backend


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
@pytest.mark.parametrize("behind", ["custom", "stream", "file", "large file", "url", "asgi"])
async def test_each_response_is_compressed(
    served: Served, raw: aiohttp.ClientSession, backend: Backend, tmp_path: Path, behind: str, coding: str
) -> None:
    (tmp_path / "page.txt").write_bytes(BODY)
    (tmp_path / "large.txt").write_bytes(LARGE)
    mappings: dict[str, dict[str, Any]] = {
        "custom": PAGE,
        "stream": {"custom": stream},
        "file": {"file": "./page.txt"},
        "large file": {"file": "./large.txt"},
        "url": {"url": f"{backend.url}/"},
        "asgi": {"use": asgi},
    }
    server = await served(COMPRESS, mappings[behind])
    for _ in range(2):  # on one connection
        async with raw.get(server.url, headers={"accept-encoding": coding}) as response:
            assert (response.status, response.headers["content-encoding"]) == (200, coding)
            assert response.headers["vary"] == "accept-encoding"
            body = await response.read()
            assert decoded(coding, body) == (LARGE if behind == "large file" else BODY)
            assert len(body) < len(BODY)
            whole = behind in ("custom", "file", "url")
            assert response.headers.get("content-length") == (str(len(body)) if whole else None)


async def test_clients_take_it_as_it_was(served: Served, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(LARGE)
    server = await served(COMPRESS, {"file": "./page.html"})
    code = "fetch(process.argv[1]).then(r => r.text()).then(text => process.stdout.write(text))"
    for command in (["curl", "--silent", "--compressed", server.url], ["node", "-e", code, server.url]):
        done = await asyncio.to_thread(node.run, *command)
        assert done.stdout.encode() == LARGE, done.stderr
    async with aiohttp.ClientSession() as session, session.get(server.url) as response:
        assert response.headers["content-encoding"] in ("br", "gzip", "zstd")
        assert await response.read() == LARGE


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "gzip"),
        ("gzip;q=0.5, br", "br"),
        ("gzip;q=0, *", "zstd"),
        ("identity;q=0, br", "br"),
        ("br;q=0.5, identity", None),
        ("deflate", None),
        ("", None),
    ],
)
async def test_the_client_has_the_first_say(mocked: Mocked, accepts: str, coding: str | None) -> None:
    site = await mocked({**COMPRESS, "codings": ["zstd", "gzip", "br"]}, PAGE)
    response = await site.request("GET", "/", headers={"accept-encoding": accepts})
    assert response.headers.get("content-encoding") == coding
    assert response.headers["vary"] == "accept-encoding"
    assert (decoded(coding, response.body) if coding else response.body) == BODY


async def test_what_later_mappings_accept_is_their_affair(mocked: Mocked) -> None:
    """So a server behind it is kept from compressing."""

    def shows(request: Request, response: Response) -> None:
        response.send(BODY, headers={**TEXT, "x-asked": request.headers.get("accept-encoding", "nothing")})

    site = await mocked(COMPRESS, {"headers": {}, "request": {"accept-encoding": None}}, {"custom": shows})
    response = await site.request("GET", "/", headers=GZIP)
    assert (response.headers["x-asked"], response.headers["content-encoding"]) == ("nothing", "gzip")


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"content-type": "image/png"}),
        (200, {**TEXT, "content-encoding": "gzip"}),
        (200, {**TEXT, "cache-control": "public, No-Transform, max-age=5"}),
        (200, {**TEXT, "content-digest": "sha-256=:AAAA:"}),
        (206, {**TEXT, "content-range": "bytes 0-9/20"}),
        (416, {**TEXT, "content-range": "bytes */20"}),
        (206, TEXT),
        (304, {**TEXT, "etag": '"a"'}),
        (204, {**TEXT, "etag": '"a"'}),
    ],
)
async def test_some_are_left_alone(mocked: Mocked, status: int, headers: dict[str, str]) -> None:
    fields = {"cache-control": "no-cache", "accept-ranges": "bytes", **headers}
    site = await mocked(COMPRESS, {"custom": [BODY, {"status": status, "headers": fields}]})
    response = await site.request("GET", "/", headers=GZIP)
    assert response.status == status
    received = dict(response.headers)
    received.pop("content-length", None)
    assert {name: value for name, value in received.items() if name in fields} == fields
    assert "vary" not in received
    assert response.body == (b"" if status in (204, 304) else BODY)


@pytest.mark.parametrize(("size", "coding"), [(0, None), (1023, None), (1024, "gzip")])
async def test_small_bodies_are_left_alone(mocked: Mocked, size: int, coding: str | None) -> None:
    site = await mocked(COMPRESS, {"custom": [BODY[:size], {"headers": TEXT}]})
    response = await site.request("GET", "/", headers=GZIP)
    assert response.headers.get("content-encoding") == coding
    assert ("vary" in response.headers) is (coding is not None)


async def test_how_small_is_an_option(mocked: Mocked) -> None:
    site = await mocked({**COMPRESS, "min-size": 0}, {"custom": ["ok"]})
    response = await site.request("GET", "/", headers={"accept-encoding": "br"})
    assert decoded("br", response.body) == b"ok"


async def test_an_error_is_compressed_too(mocked: Mocked) -> None:
    error = {"error": "x" * 2000}
    site = await mocked(COMPRESS, {"custom": lambda request, response: response.send(error, 422)})
    response = await site.request("POST", "/", headers=GZIP)
    assert (response.status, response.headers["content-encoding"]) == (422, "gzip")
    assert json.loads(decoded("gzip", response.body)) == error


@pytest.mark.parametrize(
    ("given", "expected"),
    [("Origin, Accept-Encoding", "Origin, Accept-Encoding"), ("*", "*"), ("origin", "origin, accept-encoding")],
)
async def test_vary_says_it_once(mocked: Mocked, given: str, expected: str) -> None:
    site = await mocked(COMPRESS, {"custom": [BODY, {"headers": {**TEXT, "vary": given}}]})
    for accepts in ("gzip", ""):
        response = await site.request("GET", "/", headers={"accept-encoding": accepts})
        assert response.headers.getall("vary") == [expected]


async def test_the_tag_of_a_file_comes_back(served: Served, raw: aiohttp.ClientSession, tmp_path: Path) -> None:
    """As a browser sends it: the file isn't sent again, compressed or not, until it has changed."""
    file = tmp_path / "page.html"
    file.write_bytes(BODY)
    url = (await served(COMPRESS, {"file": "./page.html"})).url
    tags = []
    for coding in ("gzip", "identity"):
        async with raw.get(url, headers={"accept-encoding": coding}) as response:
            tags.append(response.headers["etag"])
            assert ("accept-ranges" in response.headers) is (coding == "identity")
    assert tags == [f"W/{tags[1]}", tags[1]]
    for tag in tags:
        async with raw.get(url, headers={**GZIP, "if-none-match": tag}) as response:
            assert (response.status, response.headers["etag"]) == (304, tag)
            assert response.headers["vary"] == "accept-encoding"
            assert "content-encoding" not in response.headers
    file.write_bytes(BODY + BODY)
    async with raw.get(url, headers={**GZIP, "if-none-match": tags[0]}) as response:
        assert response.status == 200
        assert response.headers["etag"] not in tags


async def test_a_weak_tag_stays(mocked: Mocked) -> None:
    site = await mocked(COMPRESS, {"custom": [BODY, {"headers": {**TEXT, "etag": 'W/"a"'}}]})
    assert (await site.request("GET", "/", headers=GZIP)).headers["etag"] == 'W/"a"'


async def test_a_part_is_of_the_file_as_it_is(served: Served, raw: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(BODY)
    url = (await served(COMPRESS, {"file": "./page.html"})).url
    async with raw.get(url, headers={**GZIP, "range": "bytes=5-1999"}) as response:
        assert (response.status, response.headers["content-range"]) == (206, f"bytes 5-1999/{len(BODY)}")
        assert await response.read() == BODY[5:2000]
        assert response.headers["etag"].startswith('"')
    tag = f"W/{response.headers['etag']}"  # of the compressed one, whose part it isn't
    async with raw.get(url, headers={**GZIP, "range": "bytes=5-", "if-range": tag}) as response:
        assert response.status == 200
        assert decoded("gzip", await response.read()) == BODY


@pytest.mark.parametrize("content", [BODY, LARGE], ids=["small", "large"])
async def test_a_head_is_that_of_the_response(
    served: Served, raw: aiohttp.ClientSession, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "page.html").write_bytes(content)
    url = (await served(COMPRESS, {"file": "./page.html"})).url
    seen = []
    for method in ("GET", "HEAD", "GET"):
        async with raw.request(method, url, headers=GZIP) as response:
            await response.read()
            fields = {name.lower(): value for name, value in response.headers.items()}
            assert fields.pop("content-length", "") != str(len(content))
            seen.append({name: fields[name] for name in fields.keys() - {"date", "transfer-encoding"}})
    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["content-encoding"] == "gzip"


async def test_the_order_of_the_mappings_says_who_wraps_whom(mocked: Mocked, tmp_path: Path) -> None:
    (tmp_path / "404.html").write_bytes(BODY)
    errors = {"errors": {"404": "./404.html"}}
    marks = {"headers": {"content-encoding": "theirs"}}
    asks = {**GZIP, "accept": "text/html"}
    orders: list[tuple[list[dict[str, Any]], str | None]] = [
        ([COMPRESS, errors], "gzip"),
        ([errors, COMPRESS], None),
        ([COMPRESS, marks, errors], "theirs"),
    ]
    for mappings, coding in orders:
        response = await (await mocked(*mappings)).request("GET", "/", headers=asks)
        assert (response.status, response.headers.get("content-encoding")) == (404, coding)
        assert (decoded(coding, response.body) if coding == "gzip" else response.body) == BODY


async def test_it_compresses_once(mocked: Mocked) -> None:
    """What a nearer mapping has compressed, or the same one before a redirect, is left alone."""
    site = await mocked(COMPRESS, COMPRESS, {"match": "^/old", "rewrite": "/new"}, PAGE)
    assert decoded("gzip", (await site.request("GET", "/old", headers=GZIP)).body) == BODY


async def test_a_websocket_works_behind_it(served: Served, client: aiohttp.ClientSession) -> None:
    async def echo(request: Request, response: Response) -> None:
        websocket = await request.upgrade()
        async for message in websocket:
            await websocket.send(message)

    async with client.ws_connect((await served(COMPRESS, {"custom": echo})).url) as websocket:
        await websocket.send_bytes(BODY)
        assert await websocket.receive_bytes() == BODY


async def test_a_level_says_how_much_work_is_done(mocked: Mocked) -> None:
    sizes = []
    for level in (1, 9):
        site = await mocked({**COMPRESS, "levels": {"gzip": level}}, {"file": __file__})
        sizes.append(len((await site.request("GET", "/", headers=GZIP)).body))
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compress": False}, '"compress" must be true'),
        ({"codings": []}, '"codings"'),
        ({"codings": ["br", "br"]}, '"codings"'),
        ({"codings": ["deflate"]}, '"codings[0]"'),
        ({"levels": {"br": 11}}, '"levels.br" must be at most 9'),
        ({"levels": {"gzip": 0}}, '"levels.gzip" must be at least 1'),
        ({"min-size": -1}, '"min-size" must be at least 0'),
        ({"level": 5}, 'Unknown property "level"'),
    ],
)
async def test_what_is_wrong_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await check({"mappings": [{**COMPRESS, **options}, {"status": 404}]})
    assert message in str(refused.value)


async def test_a_page_for_a_failure_is_compressed(served: Served, raw: aiohttp.ClientSession, tmp_path: Path) -> None:
    def fails(request: Request, response: Response) -> None:
        raise ValueError("on purpose")

    (tmp_path / "sorry.html").write_bytes(BODY)
    server = await served(COMPRESS, {"match": "^/", "errors": {"500": "./sorry.html"}}, {"custom": fails})
    async with raw.get(server.url, headers=GZIP | {"accept": "text/html"}) as response:
        assert (response.status, response.headers["content-encoding"]) == (500, "gzip")
        assert decoded("gzip", await response.read()) == BODY
