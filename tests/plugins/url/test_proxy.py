"""Requests up, responses down: what each side sees."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import pytest

from reserve_url.proxy import BODY_AHEAD

if TYPE_CHECKING:
    from reserve_core import Request, Response
    from tests.kit.upstream import Peer
    from tests.plugins.url.conftest import Serve, Until, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# What this server adds to every response.
ADDED = [("via", "1.1 reserve")]


def undated(headers: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name != "date"]


# Up.


async def test_a_request_goes_up(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve({"match": "^/api/(.*)", "url": f"{backend.url}/v1/$1"})
    response = await site.get(
        "/api/a%2Fb?c=d%26", "Accept: x", "X-Y: 1", "x-y: 2", "Connection: close, X-Gone", "X-Gone: 1"
    )
    assert response.body == b"ok"
    request = backend.requests[0]
    assert request.first_line == "GET /v1/a%2Fb?c=d%26 HTTP/1.1"
    assert list(request.headers.items()) == [
        ("host", backend.authority),
        ("Accept", "x"),
        ("X-Y", "1"),
        ("x-y", "2"),
        ("via", "1.1 reserve"),
        ("forwarded", "for=127.0.0.1;host=site.example;proto=http"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "site.example"),
    ]


@pytest.mark.parametrize(
    "target",
    [
        "/a%2Bb",
        "/a%3Bx",
        "/a%2Cb,c",
        "/%61",
        "/?u=https%3A%2F%2Fx",
        "/?q[]=1",
        "/?t=%41",
        "//a%2f//",
        "/%c3%a9?%C3%A9=+%20",
    ],
)
async def test_what_was_sent_goes_up(target: str, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve({"match": "^/api/?(.*)", "url": f"{backend.url}/$1"})
    await site.get(f"/api{target}")
    assert backend.requests[0].target == target
    await site.get(f"/x/%2e%2E/api/.{target}")
    assert backend.requests[1].target == target


@pytest.mark.parametrize(
    ("redirect", "target"),
    [
        (lambda request, capture: request.raw_url.replace("/old/", "/new/"), "/a%2Bb/%61?c=%2B%41"),
        (lambda request, capture: f"/new/{capture}", "/a+b/a?c=+A"),
        (lambda request, capture: "/new/é %2B%c3%a9", "/%C3%A9%20%2B%c3%a9"),
        (lambda request, capture: "/new/x/../a%2Bb", "/a%2Bb"),
    ],
)
async def test_after_a_redirect_what_its_handler_wrote_goes_up(
    redirect: Any, target: str, upstream: Upstream, serve: Serve
) -> None:
    def again(request: Request, response: Response, capture: str) -> Any:
        return redirect(request, capture)

    backend = await upstream()
    site = await serve({"match": "^/old/(.*)", "custom": again}, {"match": "^/new/(.*)", "url": f"{backend.url}/$1"})
    await site.get("/old/a%2Bb/%61?c=%2B%41")
    assert backend.requests[0].target == target


async def test_a_request_that_changed_under_a_condition_goes_up_as_it_was_matched(
    upstream: Upstream, serve: Serve
) -> None:
    def change(request: Request, url: str, match: Any) -> bool:
        request.url = "/b"
        return True

    backend = await upstream()
    site = await serve({"match": "^/(.*)", "if-match": change, "url": f"{backend.url}/$1"})
    await site.get("/a%2Bbcd%C3%A9")
    assert backend.requests[0].target == "/a+bcd%C3%A9"


async def test_nothing_is_captured_where_nothing_matched(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve({"match": "^/x", "invert-match": True, "url": f"{backend.url}/all/$0$1"})
    await site.get("/a%2Bb")
    assert backend.requests[0].target == "/all/"


@pytest.mark.parametrize(
    "method", ["GET", "DELETE", "OPTIONS", "PUT", "PATCH", "POST", "PROPFIND", "TRACE", "M-SEARCH", "LIST"]
)
async def test_every_method_goes_up(method: str, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(backend.url)
    assert (await site.get("/x", method=method)).body == b"ok"
    request = backend.requests[0]
    assert request.first_line == f"{method} /x HTTP/1.1"
    assert request.headers.get("content-length") == ("0" if method in ("PUT", "PATCH", "POST") else None)
    assert "transfer-encoding" not in request.headers


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000, 1_000_000])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_body_with_a_length_goes_up(size: int, method: str, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(backend.url)
    peer = await site.connect()
    body = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    head = f"{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
    assert (await peer.ask(head + body)).body == b"ok"
    assert backend.requests[0].headers["content-length"] == str(size)
    assert backend.requests[0].body == body
    assert (await peer.ask(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"ok"
    assert backend.requests[1].target == "/next"
    assert backend.connections == 1


async def test_a_body_goes_up_as_it_comes(upstream: Upstream, serve: Serve) -> None:
    """Once it has begun, neither side waits for the other one to be done."""

    async def echo(peer: Peer) -> None:
        await peer.head()
        await peer.send(CHUNKED)
        while True:
            size = int((await peer.reader.readuntil(b"\r\n")).strip(), 16)
            piece = (await peer.exactly(size + 2))[:-2]
            await peer.send(b"%x\r\n%b\r\n" % (size, piece))
            if not size:
                return

    site = await serve((await upstream(echo)).url)
    peer = await site.connect()
    first = b"%x\r\n%b\r\n" % (BODY_AHEAD, bytes(BODY_AHEAD))
    await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + first)
    assert (await peer.head()).status == 200
    received = b""
    while len(received) < BODY_AHEAD:
        received += await peer.exactly(int((await peer.reader.readuntil(b"\r\n")), 16))
        assert await peer.exactly(2) == b"\r\n"
    for word in (b"one", b"two", b"three"):
        await peer.send(b"%x\r\n%b\r\n" % (len(word), word))
        assert await peer.exactly(len(word) + 5) == b"%x\r\n%b\r\n" % (len(word), word)
    await peer.send(b"0\r\n\r\n")
    assert await peer.exactly(5) == b"0\r\n\r\n"


async def test_a_client_that_expects_to_continue_is_told_so_here(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(backend.url)
    peer = await site.connect()
    await peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert (await peer.head()).status == 100
    await peer.send(b"hello")
    assert (await peer.message()).body == b"ok"
    assert "expect" not in backend.requests[0].headers
    assert backend.requests[0].body == b"hello"


@pytest.mark.parametrize(
    "framing", ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
)
async def test_a_body_that_a_mapping_has_read_goes_up_from_memory(
    framing: str, upstream: Upstream, serve: Serve
) -> None:
    async def read(request: Request, response: Response) -> None:
        assert await request.text() == "hello"

    backend = await upstream()
    site = await serve({"custom": read}, backend.url)
    received = await (await site.connect()).ask(f"POST / HTTP/1.1\r\nHost: a\r\n{framing}".encode())
    assert received.body == b"ok"
    assert backend.requests[0].body == b"hello"
    assert backend.requests[0].headers["content-length"] == "5"


async def test_the_host_may_be_preserved(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve({"url": backend.url, "preserve-host": True})
    await site.get()
    assert backend.requests[0].headers.getall("host") == ["site.example"]
    peer = await site.connect()
    await peer.ask(b"GET / HTTP/1.0\r\n\r\n")
    assert backend.requests[1].headers.getall("host") == [backend.authority]


async def test_only_trusted_proxies_are_believed(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(
        {"match": "/trusting", "url": backend.url, "trusted-proxies": ["127.0.0.0/8"]},
        {"url": backend.url, "trusted-proxies": ["10.0.0.0/8"]},
    )
    for path, chain in (("/trusting", "10.0.0.1, 127.0.0.1"), ("/", "127.0.0.1")):
        await site.get(path, "X-Forwarded-For: 10.0.0.1")
        assert backend.requests[-1].headers.getall("x-forwarded-for") == [chain]


async def test_a_mapping_without_proxies_of_its_own_has_the_configuration_s(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(
        {"match": "/nobody", "url": backend.url, "trusted-proxies": []},
        {"match": "/others", "url": backend.url, "trusted-proxies": ["10.0.0.0/8"]},
        {"url": backend.url},
        **{"trusted-proxies": ["127.0.0.1"]},
    )
    for path, chain in (("/", "203.0.113.9, 127.0.0.1"), ("/nobody", "127.0.0.1"), ("/others", "127.0.0.1")):
        await site.get(path, "X-Forwarded-For: 6.6.6.6, 203.0.113.9", "Forwarded: for=6.6.6.6")
        headers = backend.requests[-1].headers
        assert headers.getall("x-forwarded-for") == [chain]
        (forwarded,) = headers.getall("forwarded")
        assert "6.6.6.6" not in forwarded
    assert backend.requests[0].headers["forwarded"] == (
        "for=203.0.113.9;host=site.example;proto=http, for=127.0.0.1;host=site.example;proto=http"
    )


async def test_a_request_that_goes_in_a_circle_ends(serve: Serve) -> None:
    mapping: dict[str, Any] = {"match": "^/(.*)", "url": "http://127.0.0.1:1/$1"}
    site = await serve(mapping)
    await site.server.configuration.set_mappings([{**mapping, "url": f"http://127.0.0.1:{site.server.port}/$1"}])
    response = await site.get("/x")
    assert (response.status, response.body) == (508, b"The request goes in a circle")
    assert len(site.named("incoming")) == 11


@pytest.mark.parametrize(("hops", "status"), [("2", 200), ("1", 200), ("0", 204), ("x", 200)])
async def test_max_forwards(hops: str, status: int, upstream: Upstream, serve: Serve) -> None:
    """RFC 9110 7.6.2"""
    backend = await upstream()
    site = await serve(backend.url)
    assert (await site.get(f"/{hops}", f"Max-Forwards: {hops}", method="OPTIONS")).status == status
    assert [request.headers.getall("max-forwards") for request in backend.requests] == {
        "2": [["1"]], "1": [["0"]], "0": [], "x": [["x"]]
    }[hops]  # fmt: skip
    await site.get("/", "Max-Forwards: 0")
    assert backend.requests[-1].headers["max-forwards"] == "0"


# Down.


async def test_a_response_comes_down(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(
        b"HTTP/1.1 203 Whatever\r\nServer: s\r\nSet-Cookie: a=b; Secure\r\nDate: yesterday\r\nset-cookie: c=d\r\n"
        b"Connection: keep-alive, X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=5\r\nX-Latin: \xe9\r\n"
        b"Content-Length: 5\r\nContent-Type: text/x\r\nLocation: /elsewhere\r\n\r\nhello"
    )
    response = await (await serve(backend.url)).get()
    assert response.status == 203
    assert list(response.headers.items()) == [
        ("Server", "s"),
        ("Set-Cookie", "a=b; Secure"),
        ("Date", "yesterday"),
        ("set-cookie", "c=d"),
        ("X-Latin", "\xe9"),
        ("Content-Length", "5"),
        ("Content-Type", "text/x"),
        ("Location", "/elsewhere"),
        ("via", "1.1 reserve"),
    ]
    assert response.body == b"hello"


@pytest.mark.parametrize(
    "status", [200, 201, 206, 226, 299, 300, 301, 307, 400, 401, 404, 410, 418, 451, 500, 503, 599, 999]
)
async def test_every_status_comes_down(status: int, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())
    response = await (await serve(backend.url)).get()
    assert (response.status, response.body) == (status, b"ok")
    assert "cache-control" not in response.headers, "whether it may be kept is for its server to say"


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 204 No Content\r\nX-Y: 1\r\n\r\n", None),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Y: 1\r\n\r\n", None),
        (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\nX-Y: 1\r\n\r\n", None),
        (b"HTTP/1.1 304 Not Modified\r\nX-Y: 1\r\n\r\n", None),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nX-Y: 1\r\n\r\n", "1000"),
        (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\nX-Y: 1\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Y: 1\r\n\r\n", "0"),
    ],
)
async def test_responses_without_a_body(head: bytes, length: str | None, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(head)
    site = await serve(backend.url)
    for _ in range(2):
        response = await site.get()
        assert response.body == b""
        assert response.headers.get("content-length") == length
        assert response.headers["x-y"] == "1"
    assert backend.connections == 1


@pytest.mark.parametrize(
    ("head", "framing"),
    [
        (b"Content-Length: 1000000\r\n", [("Content-Length", "1000000")]),
        (b"Content-Length: 0\r\n", [("Content-Length", "0")]),
        (b"Transfer-Encoding: chunked\r\n", []),
        (b"", []),
    ],
)
async def test_a_response_to_head(head: bytes, framing: list[Any], upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(b"HTTP/1.1 200 OK\r\n%b\r\n" % head)
    site = await serve(backend.url)
    peer = await site.connect()
    for _ in range(3):
        response = await peer.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", bodiless=True)
        assert response.status == 200
        assert undated(response.headers) == framing + ADDED
    assert backend.connections == 1


@pytest.mark.parametrize(
    "response",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", b"hello", b" world"],
        [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 11\r\n", b"\r\nhello", b" world"],
        [CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"],
        [CHUNKED + b"5;a=b\r\nhel", b"lo\r", b"\n6\r\n world\r\n0\r\nX-Sum: 1\r\n", b"\r\n"],
        [CHUNKED, *(b"1\r\n%c\r\n" % byte for byte in b"hello world"), b"0\r\n\r\n"],
    ],
)
async def test_a_body_comes_down_however_it_is_framed(response: list[bytes], upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.message()
            await peer.send(*response)

    backend = await upstream(script)
    peer = await (await serve(backend.url)).connect()
    for _ in range(2):
        received = await peer.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert received.body == b"hello world"
        assert ("transfer-encoding" in received.headers) is (b"chunked" in response[0])
    assert backend.connections == 1


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("pieces", [[b""], [b"hello world"], [b"hello", b" world"]])
async def test_a_body_that_ends_with_its_connection(
    version: bytes, pieces: list[bytes], upstream: Upstream, serve: Serve
) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(b"HTTP/%b 200 OK\r\n\r\n" % version, *pieces)

    backend = await upstream(script)
    peer = await (await serve(backend.url)).connect()
    for number in range(1, 3):
        response = await peer.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert response.body == b"".join(pieces)
        assert response.headers["via"] == f"{version.decode()} reserve"
        assert backend.connections == number


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"close", False),
        (b"1.1", b"x, Close", False),
        (b"1.0", b"", False),
        (b"1.0", b"Keep-Alive", True),
    ],
)
async def test_connections_are_kept_if_both_want_it(
    version: bytes, connection: bytes, kept: bool, upstream: Upstream, serve: Serve
) -> None:
    backend = await upstream(b"HTTP/%b 200 OK\r\nConnection: %b\r\nContent-Length: 2\r\n\r\nok" % (version, connection))
    site = await serve(backend.url)
    for _ in range(3):
        assert (await site.get()).body == b"ok"
    assert backend.connections == (1 if kept else 3)


async def test_a_client_of_http_1_0_gets_what_it_understands(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")
    peer = await (await serve(backend.url)).connect()
    await peer.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    head, _, body = (await peer.rest()).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"ok"
    assert backend.requests[0].first_line == "GET / HTTP/1.1"
    assert backend.requests[0].headers["via"] == "1.0 reserve"


async def test_encoded_content_is_left_alone(upstream: Upstream, serve: Serve) -> None:
    packed = gzip.compress(b"hello" * 1000)
    backend = await upstream(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nETag: x\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed)
    )
    response = await (await serve(backend.url)).get("/", "Accept-Encoding: gzip")
    assert response.body == packed
    assert response.headers["content-encoding"] == "gzip"
    assert backend.requests[0].headers["accept-encoding"] == "gzip"


async def test_events_come_down_at_once(upstream: Upstream, serve: Serve) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            await go_on.wait()
            go_on.clear()
            await peer.send(b"9\r\ndata: x\n\n\r\n")
        await go_on.wait()

    peer = await (await serve((await upstream(script)).url)).connect()
    await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await peer.head()).headers["content-type"] == "text/event-stream"
    for _ in range(3):
        go_on.set()
        assert await peer.exactly(14) == b"9\r\ndata: x\n\n\r\n"
    peer.close()
    go_on.set()


async def test_headers_of_earlier_mappings_stay_unless_the_response_has_them(upstream: Upstream, serve: Serve) -> None:
    def before(request: Request, response: Response) -> None:
        response.status = 418
        response.headers.extend([("X-Before", "1"), ("X-Y", "before"), ("Content-Length", "7")])
        response.headers["Vary"] = "Origin"

    more = b"\r\nx-y: a\r\nX-Y: b\r\nVary: accept, origin\r\n\r\n"
    backend = await upstream(CHUNKED.replace(b"\r\n\r\n", more) + b"2\r\nok\r\n0\r\n\r\n")
    received = await (await serve({"custom": before}, backend.url)).get()
    assert (received.status, received.body) == (200, b"ok")
    assert received.headers["x-before"] == "1"
    assert received.headers.getall("x-y") == ["a", "b"]
    assert received.headers["vary"] == "Origin, accept"


async def test_cookies_and_locations_are_changed_on_demand(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(
        b"HTTP/1.1 302 Found\r\nSet-Cookie: a=b; Secure; SameSite=None\r\nLocation: x\r\nContent-Length: 0\r\n\r\n"
    )
    site = await serve(
        {"match": "^/plain/(.*)", "url": f"{backend.url}/$1"},
        {"match": "^/(.*)", "url": f"{backend.url}/$1", "unsecure-cookies": True, "absolute-location": True},
    )
    plain = await site.get("/plain/a/b?c")
    assert (plain.headers["set-cookie"], plain.headers["location"]) == ("a=b; Secure; SameSite=None", "x")
    changed = await site.get("/a/b?c")
    assert changed.headers["set-cookie"] == "a=b; SameSite=Lax"
    assert changed.headers["location"] == f"{backend.url}/a/x"


async def test_pipelined_requests_are_answered_in_order(upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        while True:
            request = await peer.message()
            if request.target == "/1":
                await asyncio.sleep(0.05)
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + request.target.encode())

    peer = await (await serve((await upstream(script)).url)).connect()
    await peer.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1, 5)))
    assert [(await peer.message()).body for _ in range(4)] == [b"/1", b"/2", b"/3", b"/4"]


async def test_nothing_is_left_when_the_server_closes(upstream: Upstream, serve: Serve, until: Until) -> None:
    backend = await upstream()
    site = await serve(backend.url)
    await asyncio.gather(*(site.get() for _ in range(5)))
    assert backend.open >= 1
    await site.server.close()
    await until(lambda: backend.open == 0)
