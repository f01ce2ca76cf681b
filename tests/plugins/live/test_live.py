"""The handler `live`: which responses get the script, and what they are besides."""

from __future__ import annotations

import gzip
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from flask import Flask, render_template

from reserve_core import ConfigError, HTTPError, Mock, Request, Response, Server, check
from reserve_live import document_script
from tests.kit.codings import CODINGS
from tests.kit.upstream import Backend, Peer, serving
from tests.plugins.live.conftest import LIVE, NAVIGATION, TAG

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]

HTML = b"<!doctype html><head><title>x</title></head>\n<body>" + b"text " * 40_000 + b"</body>"
SMALL = b"<!doctype html><head><title>x</title>"
TYPE = {"content-type": "text/html"}

pytestmark = pytest.mark.usefixtures("dist")


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/html"), (b"content-length", str(len(HTML)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": HTML[:7], "more_body": True})
        await send({"type": "http.response.body", "body": HTML[7:]})


async def stream(request: Request, response: Response) -> None:
    response.headers["content-type"] = "text/html"
    for start in (0, 3, 20):
        await response.write(HTML[start : {0: 3, 3: 20, 20: len(HTML)}[start]])
    await response.end()


async def upstream(peer: Peer) -> None:
    await peer.message()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(HTML) + HTML)


def page(body: bytes = SMALL, **headers: str) -> dict[str, Any]:
    """A mapping that responds with HTML; of a header's name, "_" stands for "-"."""
    fields = {**TYPE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {"custom": [body, {"headers": fields}]}


def without(body: bytes) -> bytes:
    """A document without the script, which it has once."""
    assert len(TAG.findall(body)) == 1
    return TAG.sub(b"", body)


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with serving(upstream) as backend:
        yield backend


@pytest.mark.parametrize(
    "mapping",
    [
        {"file": "./page.html"},
        page(HTML),
        {"custom": stream},
        {"use": asgi},
        {"url": "BACKEND/"},
    ],
    ids=["file", "custom", "stream", "use", "url"],
)
@pytest.mark.parametrize("compressed", [False, True])
async def test_documents_get_the_script_whoever_sends_them(
    served: Served, client: aiohttp.ClientSession, backend: Backend, tmp_path: Path, mapping: Any, compressed: bool
) -> None:
    (tmp_path / "page.html").write_bytes(HTML)
    if compressed:  # there are smaller ones of it, which nothing can be put into
        (tmp_path / "page.html.gz").write_bytes(gzip.compress(HTML))
    if "url" in mapping:
        mapping = {"url": f"{backend.url}/"}
    server = await served(LIVE, mapping)
    async with client.get(server.url, headers=NAVIGATION) as response:
        body = await response.read()
        assert without(body) == HTML
        assert body.startswith(b'<!doctype html><head><script src="/.reserve/live.js"')
        assert "content-encoding" not in response.headers
        assert response.headers.get("content-length") in (None, str(len(body)))
        assert not {"etag", "last-modified", "accept-ranges"} & {name.lower() for name in response.headers}
        assert response.headers["cache-control"] in ("no-cache", "no-store")


@pytest.mark.parametrize(
    ("headers", "whole"),
    [
        ({"sec-fetch-dest": "document"}, True),
        ({"sec-fetch-dest": "iframe"}, True),
        ({"sec-fetch-dest": "frame"}, True),
        ({"accept": "text/html"}, True),
        ({"accept": "application/xhtml+xml, */*"}, True),
        ({}, False),
        ({"accept": "*/*"}, False),
        ({"sec-fetch-dest": "empty", "accept": "text/html"}, False),
        ({"sec-fetch-dest": "script"}, False),
        ({"accept": "text/html", "hx-request": "true"}, False),
        ({"accept": "text/html", "turbo-frame": "cart"}, False),
        ({"accept": "text/html", "x-requested-with": "XMLHttpRequest"}, False),
        ({"sec-fetch-dest": "document", "range": "bytes=0-9"}, False),
    ],
)
async def test_only_what_a_browser_goes_to_is_a_document(mocked: Mocked, headers: dict[str, str], whole: bool) -> None:
    response = await (await mocked(LIVE, page())).request("GET", "/", headers)
    assert bool(TAG.search(response.body)) is whole


@pytest.mark.parametrize(
    ("mapping", "status"),
    [
        ({"custom": [SMALL, {"headers": {"content-type": "application/xhtml+xml"}}]}, 200),
        ({"custom": [SMALL, {"headers": {"content-type": "text/plain"}}]}, 200),
        ({"custom": [SMALL, {"headers": {}}]}, 200),
        (page(content_disposition="Attachment; filename=page.html"), 200),
        ({"custom": [SMALL, {"status": 206, "headers": TYPE}]}, 206),
        ({"custom": [b"", {"status": 304, "headers": TYPE}]}, 304),
        ({"custom": [SMALL, {"status": 302, "headers": {**TYPE, "location": "/x"}}]}, 302),
        ({"custom": ["<p>text</p>".encode("utf-16"), {"headers": {"content-type": "text/html; charset=UTF-16"}}]}, 200),
        (page("<p>text</p>".encode("utf-16")), 200),
        (page(content_encoding="rot13"), 200),
        ({"custom": ["missing", {"status": 404}]}, 404),
    ],
    ids=["xhtml", "text", "no type", "download", "206", "304", "302", "charset", "bom", "coding", "own 404"],
)
async def test_what_is_no_document_passes_as_it_is(mocked: Mocked, mapping: Any, status: int) -> None:
    response = await (await mocked(LIVE, mapping)).request("GET", "/", NAVIGATION)
    assert (response.status, response.body) == (status, await body_of(mapping, mocked))


async def body_of(mapping: Any, mocked: Mocked) -> bytes:
    return (await (await mocked(mapping)).request("GET", "/", NAVIGATION)).body


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_encoded_all_the_same_is_decoded(
    served: Served, client: aiohttp.ClientSession, backend: Backend, coding: str, chunked: bool
) -> None:
    """Some servers have no ear for Accept-Encoding."""
    body = CODINGS[coding](HTML)
    seen = []

    async def encoded(peer: Peer) -> None:
        seen.append(await peer.message())
        fields = f'Content-Type: text/html\r\nContent-Encoding: {coding}\r\nETag: "1"\r\n'
        head = f"HTTP/1.1 200 OK\r\n{fields}"
        if chunked:
            pieces = [body[: len(body) // 2], body[len(body) // 2 :], b""]
            await peer.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            await peer.send(*(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces))
        else:
            await peer.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    backend.script = encoded
    server = await served(LIVE, {"url": f"{backend.url}/"})
    async with client.get(server.url, headers={**NAVIGATION, "if-none-match": '"1"'}) as response:
        assert without(await response.read()) == HTML
        assert "content-encoding" not in response.headers
        assert "etag" not in response.headers
    (message,) = seen
    assert message.headers.getall("accept-encoding") == ["identity"]
    assert "if-none-match" not in message.headers


@pytest.mark.parametrize("first", [True, False])
async def test_compression_before_it_and_behind_it(served: Served, client: aiohttp.ClientSession, first: bool) -> None:
    """Before it, what is sent is compressed with the script; behind it, a document isn't compressed."""
    mappings = [{"compress": True}, LIVE] if first else [LIVE, {"compress": True}]
    server = await served(*mappings, page(HTML))
    async with client.get(server.url, headers={**NAVIGATION, "accept-encoding": "gzip"}) as response:
        assert response.headers.get("content-encoding") == ("gzip" if first else None)
        assert without(await response.read()) == HTML  # decoded by the client


@pytest.mark.parametrize(
    "body",
    [b"no gzip at all", gzip.compress(SMALL)[:-9], gzip.compress(bytes(20_000))],
    ids=["damaged", "cut", "huge"],
)
@pytest.mark.parametrize("streamed", [True, False])
async def test_what_is_not_encoded_as_it_says_is_an_error(
    mocked: Mocked, monkeypatch: pytest.MonkeyPatch, body: bytes, streamed: bool
) -> None:
    """A browser would show one, too; with its head out the response is cut. What is huge must not fill the memory."""

    async def stream(request: Request, response: Response) -> None:
        response.headers.update({"content-type": "text/html", "content-encoding": "gzip"})
        await response.write(body)
        await response.end()

    monkeypatch.setattr(document_script, "LARGEST", 10_000)
    behind = {"custom": stream} if streamed else page(body, content_encoding="gzip")
    response = await (await mocked(LIVE, behind)).request("GET", "/", NAVIGATION)
    if streamed:
        assert response.aborted
    else:
        assert (response.status, without(response.body)[-34:]) == (500, b"\n<pre>Internal Server Error</pre>\n")


async def test_a_page_that_is_kept_is_not_taken_for_the_present_one(
    served: Served, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A browser may have a page without the script, or with that of a former start: it gets the whole one."""
    (tmp_path / "dist/index.html").write_bytes(SMALL)
    files = {"match": "^/(.*)", "file": "./dist/$1", "caching-strategy": 3600}
    server = await served(LIVE, files)
    async with client.get(server.url) as plain:
        assert await plain.read() == SMALL
        kept = {"if-none-match": plain.headers["etag"], "if-modified-since": plain.headers["last-modified"]}
        assert plain.headers["cache-control"] == "no-cache"  # else the browser wouldn't ask again
    async with client.get(server.url, headers=kept) as again:
        assert again.status == 304
    async with client.get(server.url, headers={**NAVIGATION, **kept}) as shown:
        assert without(await shown.read()) == SMALL


async def test_the_head_is_that_of_the_page(served: Served, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """But for the length, which only the page itself shows."""
    (tmp_path / "dist/index.html").write_bytes(SMALL)
    server = await served(LIVE, {"match": "^/(.*)", "file": "./dist/$1"})
    async with client.get(server.url, headers=NAVIGATION) as got, client.head(server.url, headers=NAVIGATION) as head:
        one, other = ({k.lower(): v for k, v in each.headers.items() if k.lower() != "date"} for each in (got, head))
        assert one.pop("content-length") == str(len(await got.read()))
        assert {name for name in one if one[name] != other.get(name)} <= {"transfer-encoding"}
        assert "content-length" not in other


async def test_an_empty_page_is_live_too(mocked: Mocked) -> None:
    """As a file is while it is written: what follows must come."""
    assert TAG.fullmatch((await (await mocked(LIVE, page(b""))).request("GET", "/", NAVIGATION)).body)


async def test_nothing_that_passes_is_shown_from_a_cache(mocked: Mocked) -> None:
    async def control(**headers: str) -> tuple[str, bool]:
        mapping = {"custom": ["x", {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}]}
        found = (await (await mocked(LIVE, mapping)).request("GET", "/app.js")).headers
        return found["cache-control"], "expires" in found

    assert await control(cache_control="public, max-age=31536000, immutable") == ("no-cache", False)
    assert await control(expires="Thu, 01 Jan 2099 00:00:00 GMT") == ("no-cache", False)
    assert await control(cache_control="No-Store") == ("No-Store", False)


async def test_errors_of_the_server_are_live_pages(mocked: Mocked) -> None:
    def fails(request: Request, response: Response) -> None:
        raise ValueError("on purpose")

    behind = "http://127.0.0.1:1"
    site = await mocked(
        LIVE, {"match": "^/fails", "custom": fails}, {"match": "^/away(.*)", "url": f"{behind}$1"}, {"status": 404}
    )
    for path, status, title, waits in (
        ("/", 404, "404 Not Found", False),
        ("/fails", 500, "500 Internal Server Error", False),
        ("/away", 502, "502 Bad Gateway", True),
    ):
        response = await site.request("GET", path, NAVIGATION)
        found = TAG.search(response.body)
        assert found is not None
        assert (response.status, found[4] is not None) == (status, waits)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert f"<title>{title}</title>" in response.text
        assert (await site.request("GET", path)).headers["content-type"].startswith("text/plain")


async def test_ones_own_pages_for_errors_are_live(mocked: Mocked, tmp_path: Path) -> None:
    def fails(request: Request, response: Response) -> None:
        raise ValueError("on purpose")

    (tmp_path / "sorry.html").write_bytes(SMALL)
    away = {"match": "^/away(.*)", "url": "http://127.0.0.1:1$1"}
    site = await mocked(LIVE, {"errors": {"5xx": "./sorry.html"}}, away, {"custom": fails})
    for path, status in (("/fails", 500), ("/away", 502)):
        response = await site.request("GET", path, NAVIGATION)
        assert (response.status, without(response.body)) == (status, SMALL)
        assert response.headers["content-length"] == str(len(response.body))


async def test_the_text_of_an_error_stays_text(mocked: Mocked) -> None:
    def fails(request: Request, response: Response) -> None:
        raise HTTPError(400, "<b>&")

    response = await (await mocked(LIVE, {"custom": fails})).request("GET", "/", NAVIGATION)
    assert "<pre>&lt;b&gt;&amp;</pre>" in response.text


async def test_a_policy_is_kept_and_told_once(mocked: Mocked, caplog: pytest.LogCaptureFixture) -> None:
    strict = page(content_security_policy="script-src 'none'")
    site = await mocked(LIVE, {"match": "^/strict", **strict}, page(content_security_policy="script-src 'nonce-abc'"))
    for _ in range(3):
        response = await site.request("GET", "/strict", NAVIGATION)
        assert response.body == SMALL
        assert response.headers["content-security-policy"] == "script-src 'none'"
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ['/strict is not live: "script-src" of its Content-Security-Policy permits no script of this server']
    found = TAG.search((await site.request("GET", "/", NAVIGATION)).body)
    assert found is not None
    assert found[3] == b' nonce="abc"'


async def test_a_policy_that_another_mapping_adds_counts(mocked: Mocked, caplog: pytest.LogCaptureFixture) -> None:
    site = await mocked(LIVE, {"headers": {"content-security-policy": "default-src 'none'"}}, page())
    assert (await site.request("GET", "/", NAVIGATION)).body == SMALL
    assert "connect-src" not in caplog.text
    assert '"default-src"' in caplog.text


async def test_the_script(served: Served, client: aiohttp.ClientSession) -> None:
    server = await served(LIVE)
    async with client.get(f"{server.url}.reserve/live.js") as response:
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert b"new WebSocket" in await response.read()
        etag = response.headers["etag"]
    async with client.get(f"{server.url}.reserve/live.js", headers={"if-none-match": etag}) as again:
        assert again.status == 304


@pytest.mark.parametrize(
    ("mapping", "base"),
    [
        ({"match": "^/"}, "/"),
        ({}, "/"),
        ({"match": "^/docs/"}, "/docs/"),
        ({"match": "^/docs"}, "/docs/"),
        ({"match": "^/docs/(.*)"}, "/docs/"),
        ({"match": "^/api/", "invert-match": True}, "/"),
        ({"match": "^/my docs/"}, "/my%20docs/"),
    ],
)
async def test_pages_find_their_script(mocked: Mocked, mapping: dict[str, Any], base: str) -> None:
    site = await mocked({**mapping, "live": "./dist"}, page())
    found = TAG.search((await site.request("GET", f"{base}page", NAVIGATION)).body)
    assert found is not None
    assert found[1].decode() == f"{base}.reserve/live.js"
    assert (await site.request("GET", found[1].decode())).headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("mappings", "message"),
    [
        (
            [{"match": "^/(docs|blog)/", "live": "./dist"}],
            'Pages find their script at /.reserve/live.js, which "match"',
        ),
        ([{"match": "^/page\\.html$", "live": "./dist"}], 'Match all, "^/", or a folder, "^/docs/"'),
        ([LIVE, {"live": ["./a", "./b"]}], "The pages below / are live by mapping 1 (^/) already"),
        ([{"live": []}], '"live"'),
        ([{"live": ""}], '"live"'),
        ([{"live": "./dist", "allowed-hosts": ["http://x"]}], "A host name, without a port"),
    ],
)
async def test_what_can_not_work_is_refused(mappings: list[Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await check({"mappings": [*mappings, {"status": 404}]})
    assert message in str(refused.value)


async def test_two_places_may_be_live(tmp_path: Path) -> None:
    docs = {"match": "^/docs/", "live": "./docs"}
    checked = await check({"cwd": str(tmp_path), "mappings": [docs, LIVE, {"status": 404}]})
    (warning,) = checked.warnings
    assert "./docs is no folder" in warning.message


async def test_a_redirect_inside_the_server_puts_in_one_script(mocked: Mocked) -> None:
    site = await mocked(LIVE, {"match": "^/old", "rewrite": "/new"}, page())
    assert without((await site.request("GET", "/old", NAVIGATION)).body) == SMALL


async def test_what_a_handler_asks_for_itself_gets_none(mocked: Mocked) -> None:
    async def asks(request: Request, response: Response) -> list[bytes]:
        inner = await request.configuration.dispatch(Request("GET", "/inner", {**NAVIGATION, "host": "localhost"}))
        return [inner.body]

    site = await mocked(LIVE, {"match": "^/inner", **page()}, {"custom": asks})
    assert (await site.request("GET", "/", NAVIGATION)).body == SMALL


async def test_a_template_of_flask(served: Served, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Behind `use`, as it is behind `url` once it runs on a server of its own."""
    (tmp_path / "dist/page.html").write_text("<!doctype html><html><head></head><h1>{{ name }}</h1>")
    app = Flask(__name__, template_folder=str(tmp_path / "dist"))
    app.add_url_rule("/", view_func=lambda: render_template("page.html", name="Ada"))
    inner = await served({"use": app})
    server = await served(LIVE, {"match": "^/(.*)", "url": f"{inner.url}$1"})
    async with client.get(server.url, headers=NAVIGATION) as response:
        assert without(await response.read()) == b"<!doctype html><html><head></head><h1>Ada</h1>"
