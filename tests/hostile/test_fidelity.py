"""What the proxy passes on is what came: bytes, headers in their order and case, trailers, interim answers, events."""

from __future__ import annotations

import asyncio
import gzip
import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.kit.upstream import Message, Peer
    from tests.plugins.url.conftest import Serve, Upstream

Fields = list[tuple[str, str]]

# Headers of the connection, which end at it (RFC 9110 7.6.1), and those that `Connection` names.
HOP_BY_HOP: Fields = [
    ("Connection", "keep-alive, X-Named"),
    ("connection", "x-other"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("X-Named", "1"),
    ("x-OTHER", "2"),
]
KEPT: Fields = [
    ("X-One", "1"),
    ("x-ONE", "2"),
    ("X-One", ""),
    ("Set-Cookie", "a=b; Path=/; HttpOnly"),
    ("set-cookie", "c=d; Expires=Thu, 01 Jan 2099 00:00:00 GMT"),
    ("Set-Cookie", "a=b; Path=/; HttpOnly"),
    ("Vary", "a"),
    ("vary", "b, c"),
    ("X-Latin-1", "\xe9\xff"),
    ("X-Spaces", 'a  b\t"c"'),
    ("X_Under", "x"),
    ("!#$%&'*+-.^_`|~9aZ", "token"),
    ("Cache-Control", "no-cache"),
    ("ETag", 'W/"x"'),
    ("Server", "upstream"),
    ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Location", "/x"),
    ("WWW-Authenticate", 'Basic realm="a", Digest realm="b"'),
]
SPOOFED: Fields = [
    ("X-Forwarded-For", "10.0.0.1"),
    ("x-forwarded-for", "10.0.0.2"),
    ("X-Forwarded-Host", "inner.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "444"),
    ("X-Forwarded-Prefix", "/x"),
    ("X-Real-IP", "10.0.0.1"),
    ("Forwarded", "for=10.0.0.1"),
    ("X_Forwarded_For", "10.0.0.3"),
]
OWN = {"via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "host"}
FRAMING = {"connection", "content-length", "transfer-encoding"}


def lines(*fields: tuple[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1")


def fields(message: Message, *without: str) -> Fields:
    return [(name, value) for name, value in message.headers.items() if name.lower() not in {*without, "via"}]


def chunked(data: bytes) -> bytes:
    pieces = [data[start : start + 7001] for start in range(0, len(data), 7001)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n"


async def test_answers(serve: Serve, upstream: Upstream, scale: Scale, score: Score) -> None:
    noise = random.Random(7230).randbytes(scale(300_000, 5_000_000))
    packed = gzip.compress(noise[:50_000])
    bodies = {"none": b"", "text": b"hello", "noise": noise, "zeros": bytes(100_000), "gzip": packed}
    answer = b""

    async def script(peer: Peer) -> None:
        while True:
            try:
                await peer.message()
            except TimeoutError:
                return
            await peer.send(answer)

    site = await serve((await upstream(script)).url)
    peer = await site.connect()
    wrong: list[object] = []
    tried = 0
    for status in (200, 201, 206, 299, 301, 400, 404, 418, 500, 599):
        for name, body in bodies.items():
            coding = [("Content-Encoding", "gzip")] if name == "gzip" else []
            for framing in ("length", "chunked"):
                sent = [*KEPT, *coding]
                head = b"HTTP/1.1 %d Fine\r\n" % status + lines(*HOP_BY_HOP, *sent)
                if framing == "length":
                    answer = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
                else:
                    answer = (
                        head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body) + b"X-Sum: 1\r\nx-sum: 2\r\n\r\n"
                    )
                got = await peer.ask(b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nAccept-Encoding: br\r\n\r\n")
                tried += 1
                trailers = [] if framing == "length" else [("X-Sum", "1"), ("x-sum", "2")]
                if (got.status, fields(got, *FRAMING), got.body, list(got.trailers.items())) != (
                    status, sent, body, trailers,
                ):  # fmt: skip
                    wrong.append((status, name, framing, fields(got)))
    for method, status in ((b"HEAD", 200), (b"HEAD", 404), (b"GET", 204), (b"GET", 304)):
        length = [] if status == 204 else [("Content-Length", "12345")]
        answer = b"HTTP/1.1 %d X\r\n" % status + lines(*KEPT, *length) + b"\r\n"
        got = await peer.ask(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n", bodiless=True)
        tried += 1
        if (got.status, fields(got, "connection")) != (status, [*KEPT, *length]):
            wrong.append((method, status, fields(got)))
    for statuses in ((103,), (103, 103), (102, 103)):
        hints = b"".join(b"HTTP/1.1 %d X\r\nLink: </a>\r\n\r\n" % status for status in statuses)
        answer = hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        seen = [(await peer.head()).status for _ in statuses]
        tried += 1
        if seen != list(statuses) or (await peer.message()).body != b"ok":
            wrong.append((statuses, seen))
    score(f"{tried} answers down, of up to {len(noise):,} bytes: {len(wrong)} that differ in a byte")
    assert wrong == []


async def test_requests(serve: Serve, upstream: Upstream, scale: Scale, score: Score) -> None:
    noise = random.Random(7231).randbytes(scale(300_000, 5_000_000))
    backend = await upstream()
    site = await serve(backend.url)
    peer = await site.connect()
    kept = [pair for pair in KEPT if pair[0].lower() not in ("date", "server", "location", "www-authenticate")]
    wrong: list[object] = []
    tried = 0
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        for body in (None, b"", b"hello", gzip.compress(b"hello"), noise):
            for framing in ("length", "chunked"):
                head = f"{method} /a%2Fb?c=%26&d HTTP/1.1\r\nHost: site.example\r\n".encode()
                head += lines(*HOP_BY_HOP, *kept, *SPOOFED, ("Proxy-Authorization", "Basic x"), ("TE", "gzip"))
                if body is None:
                    data = head + b"\r\n"
                elif framing == "length":
                    data = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
                else:
                    data = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body) + b"X-Sum: 1\r\n\r\n"
                backend.requests.clear()
                assert (await peer.ask(data)).body == b"ok"
                (got,) = backend.requests
                tried += 1
                claims = {name.lower(): value for name, value in got.headers.items() if name.lower() in OWN}
                claimed = (claims["x-forwarded-for"], claims["x-forwarded-host"], claims["x-forwarded-proto"])
                trailers = [("X-Sum", "1")] if body is not None and framing == "chunked" else []
                if (
                    got.first_line != f"{method} /a%2Fb?c=%26&d HTTP/1.1"
                    or fields(got, *OWN, *FRAMING) != kept
                    or got.body != (body or b"")
                    or list(got.trailers.items()) != trailers
                    or claimed != ("127.0.0.1", "site.example", "http")
                    or len(got.headers.getall("x-forwarded-for")) != 1
                ):
                    wrong.append((method, framing, got.first_line, fields(got)))
    score(
        f"{tried} requests up, of up to {len(noise):,} bytes, with spoofed claims: {len(wrong)} that differ in a byte"
    )
    assert wrong == []


async def test_each_event_passes_before_the_next_is_sent(serve: Serve, upstream: Upstream, score: Score) -> None:
    passed = asyncio.Semaphore(0)
    count = 100

    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(count):
            event = b"data: %d\n\n" % number
            await peer.send(b"%x\r\n%b\r\n" % (len(event), event))
            await passed.acquire()
        await peer.send(b"0\r\n\r\n")

    peer = await (await serve((await upstream(script)).url)).connect()
    await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await peer.head()
    for number in range(count):
        event = b"data: %d\n\n" % number
        framed = b"%x\r\n%b\r\n" % (len(event), event)
        assert await peer.exactly(len(framed)) == framed
        passed.release()
    assert await peer.exactly(5) == b"0\r\n\r\n"
    score(f"{count} events: none waits for the next one")


@pytest.mark.hostile
async def test_events_are_quick(serve: Serve, upstream: Upstream, score: Score) -> None:
    sent: list[float] = []

    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(500):
            await asyncio.sleep(0.01)
            sent.append(time.perf_counter())
            peer.writer.write(b"d\r\ndata: hello\n\n\r\n")
        await peer.send(b"0\r\n\r\n")

    peer = await (await serve((await upstream(script)).url)).connect()
    await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await peer.head()
    delays = []
    for number in range(500):
        await peer.exactly(len(b"d\r\ndata: hello\n\n\r\n"))
        delays.append((time.perf_counter() - sent[number]) * 1000)
    delays.sort()
    score(f"500 events: {delays[250]:.1f} ms in the median, the slowest {delays[-1]:.1f} ms")
    assert delays[-1] < 50
