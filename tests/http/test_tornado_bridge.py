"""Tornado applications behind our server: whatever Tornado promises them holds here too."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable
from gzip import decompress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tornado import httputil, web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler, websocket_connect

from reserve_core.http.tornado_bridge import run_application

if TYPE_CHECKING:
    from pathlib import Path

    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve, Site
    from tests.kit.wire import WireResponse

Host = Callable[..., Awaitable["Site"]]


@pytest.fixture
def host(serve: Serve) -> Host:
    """Starts a server for an application: `site = await host([(r"/", Handler)], gzip=True)`."""

    async def start(rules: list[Any], prefix: str = "", **settings: Any) -> Site:
        application = web.Application(rules, log_function=lambda handler: None, **settings)

        async def handler(request: Request, response: Response) -> None:
            await run_application(application, request, response, prefix)

        return await serve(handler)

    return start


def ask(
    path: str = "/", body: bytes | None = None, method: str | None = None, fields: dict[str, str] | None = None
) -> bytes:
    method = method or ("GET" if body is None else "POST")
    lines = [f"{method} {path} HTTP/1.1", "Host: example.com:8000"]
    lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


async def fetch(
    site: Site, path: str = "/", body: bytes | None = None, method: str | None = None, **fields: str
) -> WireResponse:
    """The response to a request; `Content_Type="a"` is a header."""
    wire = await site.connect()
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return await wire.ask(ask(path, body, method, headers), head=method == "HEAD")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings and errors that were logged, which are meant to be."""
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    return errors


class Echo(web.RequestHandler):
    """Says what it was asked."""

    def get(self, *arguments: str) -> None:
        request = self.request
        self.write(
            {
                "arguments": arguments,
                "uri": request.uri,
                "path": request.path,
                "query": {name: self.get_query_arguments(name) for name in request.query_arguments},
                "body": {name: self.get_body_arguments(name) for name in request.body_arguments},
                "files": [[each.filename, each.body.decode()] for files in request.files.values() for each in files],
                "headers": list(request.headers.get_all()),
                "cookies": {name: morsel.value for name, morsel in request.cookies.items()},
                "method": request.method,
                "version": request.version,
                "remote": request.remote_ip,
                "protocol": request.protocol,
                "host": [request.host, request.host_name],
                "size": len(request.body),
            }
        )

    post = put = delete = patch = get


# Requests.


async def test_an_application_sees_the_request(host: Host) -> None:
    site = await host([(r"/a/(.*)/(.*)", Echo)])
    got = await fetch(site, "/a/x%20y/%C3%A9%2Fz?q=1&q=%26+2&empty=", Cookie="a=1; b=2", X_Two="1")
    assert got.status == 200
    seen = json.loads(got.body)
    assert seen["arguments"] == ["x y", "é/z"]
    assert seen["uri"] == "/a/x%20y/%C3%A9%2Fz?q=1&q=%26+2&empty="
    assert seen["query"] == {"q": ["1", "& 2"], "empty": [""]}
    assert seen["cookies"] == {"a": "1", "b": "2"}
    assert seen["headers"] == [["Host", "example.com:8000"], ["Cookie", "a=1; b=2"], ["X-Two", "1"]]
    assert (seen["method"], seen["version"]) == ("GET", "HTTP/1.1")
    assert (seen["remote"], seen["protocol"], seen["host"]) == (
        "127.0.0.1",
        "http",
        ["example.com:8000", "example.com"],
    )


async def test_header_lines_keep_their_order_and_number(host: Host) -> None:
    site = await host([(r"/", Echo)])
    wire = await site.connect()
    got = await wire.ask(b"GET / HTTP/1.1\r\nx-a: 1\r\nHost: a\r\nX-B: 2\r\nX-a: 3\r\nx-latin: \xe9\r\n\r\n")
    assert json.loads(got.body)["headers"] == [
        ["X-A", "1"], ["X-A", "3"], ["Host", "a"], ["X-B", "2"], ["X-Latin", "é"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "path", "seen"),
    [
        ("", "/a/b", "/a/b"),
        ("/", "/a/b", "/a/b"),
        ("/a", "/a/b?c", "/b?c"),
        ("/a/", "/a/b", "/b"),
        ("/a", "/a/", "/"),
        ("/a", "/a", "/"),
        ("/a", "/a?b=/a/c", "/?b=/a/c"),
        ("/a", "/a//b", "//b"),
        ("/a", "/ab", "/ab"),
        ("/a/b", "/a/b/c", "/c"),
        ("/é x", "/%C3%A9%20x/%C3%A9%20x", "/%C3%A9%20x"),
        ("/a", "/a/%25%2e%2E%3f%23", "/%25%2e%2E%3f%23"),
    ],
)
async def test_a_prefix_is_not_seen(host: Host, prefix: str, path: str, seen: str) -> None:
    site = await host([(r"/.*", Echo)], prefix)
    assert json.loads((await fetch(site, path)).body)["uri"] == seen


MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="\xc3\xa9.txt"\r\n\r\nfile\r\n--b--\r\n'
)


@pytest.mark.parametrize(
    ("body", "content_type", "fields", "files"),
    [
        (b"a=1&a=2&b=%C3%A9", "application/x-www-form-urlencoded", {"a": ["1", "2"], "b": ["é"]}, []),
        (MULTIPART, "multipart/form-data; boundary=b", {"a": ["1"]}, [["é.txt", "file"]]),
        (b"x" * 1_000_000, "text/plain", {}, []),
        (b"", "text/plain", {}, []),
    ],
)
async def test_bodies(host: Host, body: bytes, content_type: str, fields: Any, files: Any) -> None:
    site = await host([(r"/", Echo)])
    for method in ("POST", "PUT"):
        seen = json.loads((await fetch(site, "/", body, method, Content_Type=content_type)).body)
        assert (seen["body"], seen["files"], seen["size"]) == (fields, files, len(body))


async def test_a_body_that_was_read_before(serve: Serve) -> None:
    application = web.Application([(r"/", Echo)])

    async def handler(request: Request, response: Response) -> None:
        assert await request.body() == b"read"
        await run_application(application, request, response)

    site = await serve(handler)
    assert json.loads((await fetch(site, "/", b"read")).body)["size"] == 4


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_too_large(host: Host, chunked: bool) -> None:
    site = await host([(r"/", Echo)])
    wire = await site.connect()
    size = 16 * 1024 * 1024 + 1
    if chunked:
        await wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size)
        sending = asyncio.create_task(wire.send(b"x" * size))
    else:
        sending = asyncio.create_task(wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size))
    assert (await wire.response()).status == 413
    wire.close()
    await asyncio.wait((sending,))
    sending.exception()


@pytest.mark.parametrize("path", ["/?" + "&".join(["a=1"] * 2000)])
async def test_what_tornado_takes_for_no_request_is_400(host: Host, path: str) -> None:
    site = await host([(r"/", Echo)])
    assert (await fetch(site, path)).status == 400


async def test_one_connection_serves_many(host: Host) -> None:
    site = await host([(r"/(.*)", Echo)])
    wire = await site.connect()
    await wire.send(b"".join(ask(f"/{each}", b"x" * each) for each in range(50)))
    for each in range(50):
        seen = json.loads((await wire.response()).body)
        assert (seen["arguments"], seen["size"]) == ([str(each)], each)


# Responses.


class Responses(web.RequestHandler):
    async def get(self, what: str) -> None:
        if what == "headers":
            self.set_status(299)
            self.set_header("X-One", "1")
            self.add_header("X-Two", "a")
            self.add_header("X-Two", "b")
            self.set_cookie("a", "1")
            self.set_cookie("b", "2")
            await self.finish("é")
        elif what == "stream":
            for each in range(5):
                self.write(f"{each}\n")
                await self.flush()
            self.write("end")
        elif what == "early head":
            await self.flush()
            self.write("later")
        elif what == "unawaited":
            for each in range(1000):
                self.write(f"{each}\n")
                self.flush()
        elif what == "nothing":
            self.set_status(204)
        elif what == "redirect":
            self.redirect("/elsewhere")
        elif what == "length":
            self.set_header("Content-Length", 10)
            self.write("12345")
            await self.flush()
            self.write("67890")
        elif what == "large":
            self.write(b"x" * 3_000_000)
        else:
            raise web.HTTPError(404)

    head = get


async def test_headers_of_the_response(host: Host) -> None:
    site = await host([(r"/(.*)", Responses)])
    got = await fetch(site, "/headers")
    assert (got.status, got.body) == (299, "é".encode())
    assert got.headers.getall("x-two") == ["a", "b"]
    assert got.headers.getall("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert got.headers["content-type"] == "text/html; charset=UTF-8"


async def test_headers_set_before_are_kept_or_replaced(serve: Serve) -> None:
    application = web.Application([(r"/(.*)", Responses)])

    async def handler(request: Request, response: Response) -> None:
        response.headers["Content-Type"] = "image/png"
        response.headers["Access-Control-Allow-Origin"] = "*"
        await run_application(application, request, response)

    got = await fetch(await serve(handler), "/headers")
    assert got.headers["access-control-allow-origin"] == "*"
    assert got.headers.getall("content-type") == ["text/html; charset=UTF-8"]


@pytest.mark.parametrize(
    ("path", "chunked", "body"),
    [
        ("/stream", True, b"0\n1\n2\n3\n4\nend"),
        ("/early%20head", True, b"later"),
        ("/unawaited", True, b"".join(b"%d\n" % each for each in range(1000))),
        ("/length", False, b"1234567890"),
        ("/large", False, b"x" * 3_000_000),
    ],
)
async def test_streamed_responses(host: Host, path: str, chunked: bool, body: bytes) -> None:
    site = await host([(r"/(.*)", Responses)])
    got = await fetch(site, path)
    assert (got.status, got.chunked, got.body) == (200, chunked, body)


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 204), ("/redirect", 302), ("/unknown", 404), ("/large", 200)]
)
async def test_statuses_and_heads(host: Host, path: str, status: int) -> None:
    site = await host([(r"/(.*)", Responses)])
    wire = await site.connect()
    for _ in range(2):
        got = await wire.ask(ask(path))
        headless = await wire.ask(ask(path, None, "HEAD"), head=True)
        assert got.status == headless.status == status
        assert headless.headers.get("content-length") == got.headers.get("content-length")
    assert (await wire.ask(ask(path, None, "DELETE"))).status == 405


async def test_an_etag_answers_304(host: Host) -> None:
    site = await host([(r"/(.*)", Responses)])
    first = await fetch(site, "/large")
    second = await fetch(site, "/large", If_None_Match=first.headers["etag"])
    assert (second.status, second.body) == (304, b"")


async def test_compression(host: Host) -> None:
    site = await host([(r"/(.*)", Responses)], compress_response=True)
    for path, body in (("/large", b"x" * 3_000_000), ("/stream", b"0\n1\n2\n3\n4\nend")):
        got = await fetch(site, path, Accept_Encoding="gzip")
        assert got.headers["content-encoding"] == "gzip"
        assert decompress(got.body) == body


async def test_static_files(host: Host, tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    (tmp_path / "a.bin").write_bytes(data)
    site = await host([(r"/(.*)", web.StaticFileHandler, {"path": str(tmp_path)})])
    assert (await fetch(site, "/a.bin")).body == data
    part = await fetch(site, "/a.bin", Range="bytes=10-19")
    assert (part.status, part.body) == (206, data[10:20])


class Login(web.RequestHandler):
    def get(self) -> None:
        if name := self.get_signed_cookie("name"):
            self.finish(name)
        else:
            self.finish(self.xsrf_token)

    def post(self) -> None:
        self.set_signed_cookie("name", self.get_argument("name"))


async def test_signed_cookies_and_xsrf(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    site = await host([(r"/", Login)], cookie_secret="secret", xsrf_cookies=True)
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert (await fetch(site, "/", b"name=me", **form)).status == 403
    assert "'_xsrf' argument missing" in logged(caplog)[0]
    first = await fetch(site, "/")
    cookie = first.headers["set-cookie"].partition(";")[0]
    body = b"name=me&_xsrf=" + first.body
    second = await fetch(site, "/", body, **form, Cookie=cookie)
    assert second.status == 200
    name = second.headers["set-cookie"].partition(";")[0]
    assert (await fetch(site, "/", Cookie=f"{cookie}; {name}")).body == b"me"


async def test_a_flush_waits_for_a_slow_client(host: Host) -> None:
    flushed = 0

    class Endless(web.RequestHandler):
        async def get(self) -> None:
            nonlocal flushed
            for _ in range(200):
                self.write(b"x" * 65536)
                await self.flush()
                flushed += 1

    site = await host([(r"/", Endless)])
    wire = await site.connect(receive_buffer=65536)
    await wire.send(ask())
    await site.until(lambda: flushed)
    for _ in range(200):
        await asyncio.sleep(0)
    assert flushed < 150
    assert len((await wire.response()).body) == 200 * 65536


# Streamed request bodies.


@web.stream_request_body
class Upload(web.RequestHandler):
    events: list[Any]

    def initialize(self, events: list[Any], limit: int = 0) -> None:
        self.events = events
        self.limit = limit

    async def prepare(self) -> None:
        await asyncio.sleep(0)
        if self.limit:
            self.request.connection.set_max_body_size(self.limit)  # type: ignore[union-attr]
            self.request.connection.set_body_timeout(1)  # type: ignore[union-attr]
        self.events.append("prepared")
        if self.get_argument("refuse", None):
            self.set_status(401)
            self.finish("refused")

    async def data_received(self, chunk: bytes) -> None:
        self.events.append("in")
        await asyncio.sleep(0)
        self.events.append(len(chunk))
        if self.get_argument("enough", None):
            self.finish("enough")
        if self.get_argument("fail", None):
            raise ValueError("broken")

    def post(self) -> None:
        self.write(str(sum(each for each in self.events if isinstance(each, int))))

    get = post

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.events.append("gone")


async def test_a_streamed_body(host: Host) -> None:
    events: list[Any] = []
    site = await host([(r"/", Upload, {"events": events})])
    assert (await fetch(site, "/", b"x" * 2_000_000)).body == b"2000000"
    assert events[0] == "prepared"
    assert all(isinstance(size, int) for _, size in zip(events[1::2], events[2::2], strict=True)), "one at a time"
    events.clear()
    assert (await fetch(site, "/")).body == b"0"
    assert events == ["prepared"]


@pytest.mark.parametrize(("size", "status"), [(20_000_000, 200), (20_000_001, 413)])
async def test_a_streamed_body_has_the_limit_its_handler_sets(host: Host, size: int, status: int) -> None:
    events: list[Any] = []
    site = await host([(r"/", Upload, {"events": events, "limit": 20_000_000})])
    wire = await site.connect()
    await wire.send(ask("/", b"", fields={"Expect": "100-continue"}).replace(b"Length: 0", b"Length: %d" % size))
    if status == 200:
        sending = asyncio.create_task(wire.send(b"x" * size))
        assert (await wire.response()).body == b"20000000"
        await sending
    else:
        assert (await wire.response()).status == 413
        assert events == ["prepared", "gone"]


@pytest.mark.parametrize(("path", "status", "body"), [("/?refuse=1", 401, b"refused"), ("/?enough=1", 200, b"enough")])
@pytest.mark.parametrize(("chunks", "complete"), [(1, False), (3, False), (3, True)])
async def test_a_response_before_the_end_of_the_body(
    host: Host, path: str, status: int, body: bytes, chunks: int, complete: bool
) -> None:
    events: list[Any] = []
    site = await host([(r"/", Upload, {"events": events})])
    wire = await site.connect()
    begin = ask(path, None, "POST", {"Transfer-Encoding": "chunked"}) + b"1\r\nx\r\n" * chunks
    end = b"0\r\n\r\n"
    got = await wire.ask(begin + end if complete else begin)
    assert (got.status, got.body) == (status, body)
    await site.until(lambda: events[-1] == "gone")
    assert events.count("in") == (status == 200)
    events.clear()
    assert (await wire.ask(ask() if complete else end + ask())).body == b"0"


async def test_a_client_that_goes_within_its_body(host: Host) -> None:
    events: list[Any] = []
    site = await host([(r"/", Upload, {"events": events})])
    wire = await site.connect()
    await wire.send(ask("/", b"").replace(b"Length: 0", b"Length: 1000") + b"x")
    await site.until(lambda: 1 in events)
    wire.close()
    await site.until(lambda: "gone" in events)
    assert events == ["prepared", "in", 1, "gone"]
    assert len(site.named("aborted")) == 1


async def test_an_error_in_data_received_is_an_error(host: Host) -> None:
    events: list[Any] = []
    site = await host([(r"/", Upload, {"events": events})])
    assert (await fetch(site, "/?fail=1", b"x")).status == 500
    assert [str(event.reason) for event in site.named("error")] == ["broken"]
    assert events == ["prepared", "in", 1, "gone"]


# Failures.


class Faulty(web.RequestHandler):
    async def get(self, what: str) -> None:
        if what == "late":
            self.write("begun")
            await self.flush()
        elif what == "short":
            self.set_header("Content-Length", 10)
            self.write("short")
            await self.flush()
            self.finish()
            return
        raise ValueError(what)


async def test_an_application_answers_its_own_errors(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    site = await host([(r"/(.*)", Faulty)])
    wire = await site.connect()
    for _ in range(2):
        got = await wire.ask(ask("/early"))
        assert (got.status, re.findall(b"<title>(.*)</title>", got.body)) == (500, [b"500: Internal Server Error"])
    errors = logged(caplog)
    assert len(errors) == 2
    assert all("Uncaught exception GET /early" in each for each in errors)


async def test_a_response_that_is_too_short_is_cut(host: Host) -> None:
    site = await host([(r"/(.*)", Faulty)])
    with pytest.raises((EOFError, ConnectionError)):
        await fetch(site, "/short")
    assert len(site.named("error")) == 1


async def test_a_client_that_goes_is_noticed(host: Host) -> None:
    gone = asyncio.Event()
    results: list[Any] = []

    class Slow(web.RequestHandler):
        async def get(self) -> None:
            self.write("begun")
            await self.flush()
            await gone.wait()
            self.write("more")
            try:
                await self.flush()
            except StreamClosedError as error:
                results.append(error)
            self.flush()  # nobody waits for it
            results.append("end")

        def on_connection_close(self) -> None:
            gone.set()

    site = await host([(r"/", Slow)])
    wire = await site.connect()
    await wire.send(ask())
    assert (await wire.read_some()).startswith(b"HTTP/1.1 200")
    wire.reset()
    await site.until(lambda: results[-1:] == ["end"])
    assert isinstance(results[0], StreamClosedError)
    assert len(site.named("aborted")) == 1


async def test_an_error_when_the_client_goes_is_logged(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    gone = asyncio.Event()

    class Slow(web.RequestHandler):
        async def get(self) -> None:
            await gone.wait()

        def on_connection_close(self) -> None:
            gone.set()
            raise ValueError("broken")

    site = await host([(r"/", Slow)])
    wire = await site.connect()
    await wire.send(ask())
    await site.until(lambda: site.connections)
    wire.close()
    await site.until(lambda: site.named("aborted"))
    assert logged(caplog) == ["Uncaught exception when the connection of / closed"]


# Other delegates than applications.


class Delegate(httputil.HTTPServerConnectionDelegate):
    """Answers with the body, or ends without a response."""

    closed = 0

    def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> httputil.HTTPMessageDelegate:
        return Message(request_conn)

    def on_close(self, server_conn: object) -> None:
        self.closed += 1


class Message(httputil.HTTPMessageDelegate):
    def __init__(self, connection: httputil.HTTPConnection) -> None:
        self.connection = connection
        self.body = b""

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    def finish(self) -> None:
        if self.body:
            headers = httputil.HTTPHeaders({"Content-Length": str(len(self.body))})
            self.connection.write_headers(httputil.ResponseStartLine("", 200, "OK"), headers, self.body)
        self.connection.finish()


async def test_any_delegate_will_do(serve: Serve) -> None:
    delegate = Delegate()

    async def handler(request: Request, response: Response) -> None:
        await run_application(delegate, request, response)

    site = await serve(handler)
    assert (await fetch(site, "/", b"body")).body == b"body"
    assert (await fetch(site, "/")).status == 500
    assert "without a response" in str(site.named("error")[0].reason)
    assert delegate.closed == 2


# WebSockets of applications.


class Talk(WebSocketHandler):
    events: list[Any]

    def initialize(self, events: list[Any]) -> None:
        self.events = events

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "chat" if "chat" in subprotocols else None

    def get_compression_options(self) -> dict[str, Any]:
        return {}

    async def open(self, *arguments: str) -> None:
        self.set_nodelay(True)
        self.events.append(("open", *arguments))

    async def on_message(self, message: str | bytes) -> None:
        if message == "close":
            self.close(4001, "asked")
        else:
            await self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        self.events.append(("close", self.close_code, self.close_reason))
        with pytest.raises(WebSocketClosedError):
            self.write_message("late")


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_websocket_of_an_application(host: Host, compressed: bool) -> None:
    events: list[Any] = []
    site = await host([(r"/talk/(.*)", Talk, {"events": events})], "/app")
    client = await websocket_connect(
        f"ws://127.0.0.1:{site.server.port}/app/talk/me",
        subprotocols=["chat"],
        compression_options={} if compressed else None,
    )
    assert client.selected_subprotocol == "chat"
    for message in ("é", b"\xff", "x" * 1_000_000, os.urandom(100_000)):
        await client.write_message(message, binary=isinstance(message, bytes))
        assert await client.read_message() == message
    await client.write_message("close")
    assert await client.read_message() is None
    assert (client.close_code, client.close_reason) == (4001, "asked")
    client.close()
    await site.until(lambda: len(events) == 2)
    assert events == [("open", "me"), ("close", 4001, None)]


async def test_a_websocket_of_an_application_and_another_client(host: Host) -> None:
    events: list[Any] = []
    site = await host([(r"/", Talk, {"events": events})])
    async with aiohttp.ClientSession() as session, session.ws_connect(site.server.url, compress=15) as client:
        await client.send_str("é")
        assert await client.receive_str() == "é"
        await client.close(code=4002)
    await site.until(lambda: len(events) == 2)
    assert events == [("open",), ("close", 4002, None)]


async def test_a_websocket_whose_client_goes(host: Host) -> None:
    events: list[Any] = []
    site = await host([(r"/", Talk, {"events": events})])
    wire = await site.connect()
    got = await wire.ask(ask(fields=UPGRADE))
    assert got.status == 101
    wire.reset()
    await site.until(lambda: events[-1:] == [("close", None, None)])
    assert site.connections == 0


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


async def test_an_application_speaks_its_own_protocol(host: Host) -> None:
    events: list[str] = []

    class Bytes(web.RequestHandler):
        async def get(self) -> None:
            self.set_status(101)
            self.set_header("Upgrade", "bytes")
            self.set_header("Connection", "Upgrade")
            await self.flush()
            stream = self.detach()
            while chunk := await stream.read_bytes(5):
                await stream.write(chunk[::-1])
                if chunk == b"leave":
                    stream.close()
                    break

        def on_connection_close(self) -> None:
            events.append("gone")

    site = await host([(r"/", Bytes)])
    wire = await site.connect()
    got = await wire.ask(ask(fields={"Upgrade": "bytes", "Connection": "Upgrade"}) + b"early")
    assert (got.status, got.headers["upgrade"]) == (101, "bytes")
    await wire.send(b"leave")
    assert await wire.rest() == b"ylraeevael"
    await site.until(lambda: site.named("redirected"))
    assert events == []


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (403, {**UPGRADE, "Origin": "http://evil.example"}),
        (400, {}),
        (426, {**UPGRADE, "Sec-WebSocket-Version": "8"}),
    ],
)
async def test_a_handshake_the_application_refuses(host: Host, status: int, fields: dict[str, str]) -> None:
    site = await host([(r"/", Talk, {"events": []})])
    wire = await site.connect()
    for _ in range(2):
        assert (await wire.ask(ask(fields=fields))).status == status


async def test_a_server_that_stops_ends_the_websockets_of_applications(host: Host) -> None:
    events: list[Any] = []
    site = await host([(r"/", Talk, {"events": events})])
    wire = await site.connect()
    assert (await wire.ask(ask(fields=UPGRADE))).status == 101
    await site.until(lambda: events)
    await site.server.close()
    assert await wire.rest() == b""
    await site.until(lambda: len(events) == 2)


async def test_a_handshake_that_can_not_be_upgraded(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    application = web.Application([(r"/", Talk, {"events": []})])

    async def handler(request: Request, response: Response) -> None:
        request.upgrader = None  # as in a request that a handler makes
        await run_application(application, request, response)

    site = await serve(handler)
    wire = await site.connect()
    assert (await wire.ask(ask(fields=UPGRADE))).status == 500
    assert "Uncaught exception" in logged(caplog)[0]
