"""Responses that are no valid HTTP/1.1, or could be read in two ways: each with the rule it breaks.

Each is answered with 502 (or cut, once the head is out), and its connection carries nothing more: whatever follows on
it can't become somebody else's response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.kit.upstream import Peer
    from tests.plugins.url.conftest import Serve, Until, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


def head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((status, *lines)) + b"\r\n\r\n"


CL5 = b"Content-Length: 5"
CHUNKED = b"Transfer-Encoding: chunked"
UPGRADE = (b"Upgrade: websocket", b"Connection: Upgrade")

BEFORE_THE_HEAD = {
    "garbage (RFC 9112 4)": b"hello world\r\n\r\n",
    "a request (RFC 9112 4)": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol (RFC 9112 2.3)": b"ICY 200 OK\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "HTTP/2 (RFC 9112 2.3)": head(CL5, status=b"HTTP/2.0 200 OK") + b"hello",
    "HTTP/0.9 (RFC 9112 2.3)": head(CL5, status=b"HTTP/0.9 200 OK") + b"hello",
    "HTTP/1.9 (RFC 9112 2.3)": head(CL5, status=b"HTTP/1.9 200 OK") + b"hello",
    "lower case (RFC 9112 2.3)": head(CL5, status=b"http/1.1 200 OK") + b"hello",
    "no status (RFC 9112 4)": head(CL5, status=b"HTTP/1.1 OK") + b"hello",
    "a status of two digits (RFC 9112 4)": head(CL5, status=b"HTTP/1.1 20 OK") + b"hello",
    "a status of four digits (RFC 9112 4)": head(CL5, status=b"HTTP/1.1 2000 OK") + b"hello",
    "a status that is none (RFC 9110 15)": head(CL5, status=b"HTTP/1.1 099 OK") + b"hello",
    "a negative status (RFC 9112 4)": head(CL5, status=b"HTTP/1.1 -20 OK") + b"hello",
    "no CR in the status line (RFC 9112 2.2)": b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello",
    "no CR in a header (RFC 9112 2.2)": b"HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 5\r\n\r\nhello",
    "no CR at all (RFC 9112 2.2)": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "a bare CR (RFC 9112 2.2)": b"HTTP/1.1 200 OK\r\nX: 1\rY: 2\r\nContent-Length: 5\r\n\r\nhello",
    "space before the colon (RFC 9112 5.1)": head(b"Content-Length : 5") + b"hello",
    "no colon (RFC 9112 5)": head(b"Content-Length 5") + b"hello",
    "no name (RFC 9112 5)": head(b": 5", CL5) + b"hello",
    "a space in a name (RFC 9110 5.1)": head(b"X Y: 1", CL5) + b"hello",
    "a line fold (RFC 9112 5.2)": head(b"X: 1", b" Content-Length: 7", CL5) + b"hello",
    "a fold in the first line (RFC 9112 2.2)": head(b" X: 1", CL5) + b"hello",
    "NUL in a value (RFC 9110 5.5)": head(b"X: a\0b", CL5) + b"hello",
    "a control in a value (RFC 9110 5.5)": head(b"X: a\x01b", CL5) + b"hello",
    "a control in a name (RFC 9110 5.1)": head(b"X\x01: a", CL5) + b"hello",
    "length and coding (RFC 9112 6.3)": head(CL5, CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n",
    "coding and length (RFC 9112 6.3)": head(CHUNKED, CL5) + b"5\r\nhello\r\n0\r\n\r\n",
    "two lengths (RFC 9112 6.3)": head(CL5, b"Content-Length: 6") + b"hello",
    "the same length twice (RFC 9112 6.3)": head(CL5, CL5) + b"hello",
    "a list of lengths (RFC 9112 6.3)": head(b"Content-Length: 5, 6") + b"hello",
    "a list of equal lengths (RFC 9112 6.3)": head(b"Content-Length: 5, 5") + b"hello",
    "a signed length (RFC 9110 8.6)": head(b"Content-Length: +5") + b"hello",
    "a negative length (RFC 9110 8.6)": head(b"Content-Length: -5") + b"hello",
    "a hexadecimal length (RFC 9110 8.6)": head(b"Content-Length: 0x5") + b"hello",
    "a fractional length (RFC 9110 8.6)": head(b"Content-Length: 5.0") + b"hello",
    "a length with a space (RFC 9110 8.6)": head(b"Content-Length: 1 5") + b"hello",
    "an empty length (RFC 9110 8.6)": head(b"Content-Length:") + b"hello",
    "a length beyond 64 bits (RFC 9110 8.6)": head(b"Content-Length: 18446744073709551621") + b"hello",
    "coding in HTTP/1.0 (RFC 9112 6.1)": head(CHUNKED, status=b"HTTP/1.0 200 OK") + b"5\r\nhello\r\n0\r\n\r\n",
    "an unknown coding (RFC 9112 6.1)": head(b"Transfer-Encoding: x") + b"hello",
    "identity (RFC 9112 7)": head(b"Transfer-Encoding: identity") + b"hello",
    "a coding before chunked (RFC 9112 6.1)": head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "a coding behind chunked (RFC 9112 6.3)": head(b"Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n",
    "chunked twice (RFC 9112 6.1)": head(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "chunked in two lines (RFC 9112 6.1)": head(CHUNKED, CHUNKED) + b"0\r\n\r\n",
    "quoted chunked (RFC 9112 7)": head(b'Transfer-Encoding: "chunked"') + b"0\r\n\r\n",
    "a control behind chunked (RFC 9112 7)": head(b"Transfer-Encoding: chunked\x0b") + b"0\r\n\r\n",
    "an interim response with a length (RFC 9110 8.6)": head(CL5, status=b"HTTP/1.1 103 X") + b"hello",
    "an interim response with a coding (RFC 9112 6.1)": head(CHUNKED, status=b"HTTP/1.1 100 X") + b"0\r\n\r\n",
    "too many interim responses": head(status=b"HTTP/1.1 100 X") * 20,
    "a switch nobody asked for (RFC 9110 15.2.2)": head(*UPGRADE, status=b"HTTP/1.1 101 X"),
    "a switch to nothing (RFC 9110 15.2.2)": head(status=b"HTTP/1.1 101 X"),
    "a head without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 50_000 + b"\r\n",
    "a name without end": b"HTTP/1.1 200 OK\r\n" + b"x" * 300_000,
    "a reason without end": b"HTTP/1.1 200 " + b"x" * 300_000,
}  # fmt: skip

IN_THE_BODY = {
    "a size that is none (RFC 9112 7.1)": b"Z\r\nhello\r\n",
    "no size (RFC 9112 7.1)": b"\r\nhello\r\n",
    "a size with a sign (RFC 9112 7.1)": b"+5\r\nhello\r\n",
    "a negative size (RFC 9112 7.1)": b"-5\r\nhello\r\n",
    "a size with 0x (RFC 9112 7.1)": b"0x5\r\nhello\r\n",
    "a size with an underscore (RFC 9112 7.1)": b"0_5\r\nhello\r\n",
    "a size behind a space (RFC 9112 7.1)": b" 5\r\nhello\r\n",
    "a size beyond 64 bits (RFC 9112 7.1)": b"10000000000000005\r\nhello\r\n",
    "no CR behind the size (RFC 9112 7.1)": b"5\nhello\r\n",
    "no LF behind the size (RFC 9112 7.1)": b"5\rhello\r\n",
    "more than the size (RFC 9112 7.1)": b"4\r\nhello\r\n",
    "less than the size (RFC 9112 7.1)": b"6\r\nhello\r\n0\r\n\r\n",
    "no CR behind the chunk (RFC 9112 7.1)": b"5\r\nhello\n",
    "no CR LF behind the chunk (RFC 9112 7.1)": b"5\r\nhello0\r\n\r\n",
    "NUL in an extension (RFC 9112 7.1.1)": b"5;a=\0\r\nhello\r\n",
    "a broken trailer (RFC 9112 7.1.2)": b"5\r\nhello\r\n0\r\nX Y: 1\r\n\r\n",
    "trailers without end": b"5\r\nhello\r\n0\r\n" + b"X: 1\r\n" * 50_000,
}


@pytest.mark.parametrize("vector", BEFORE_THE_HEAD.values(), ids=BEFORE_THE_HEAD)
async def test_no_response(vector: bytes, upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.message()
        if request.target != "/first":
            await peer.send(OK)
            return
        await peer.send(vector + POISON)
        while await peer.some():
            await peer.send(POISON)

    backend = await upstream(script)
    site = await serve(backend.url)
    peer = await site.connect()
    response = await peer.ask(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
    assert response.status == 502
    assert b"poison" not in response.body
    assert (await peer.ask(b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"ok"
    assert backend.connections == 2
    assert site.named("error") == []


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: "])
async def test_a_head_without_end_is_given_up(begin: bytes, upstream: Upstream, serve: Serve, until: Until) -> None:
    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send(begin)
        for _ in range(100):
            await peer.send(b"x" * 100_000)
        await peer.rest()

    backend = await upstream(script)
    assert (await (await serve(backend.url)).get()).status == 502
    await until(lambda: backend.open == 0)


@pytest.mark.parametrize("parts", [(b"hello" + POISON,), (b"hel", b"lo" + POISON)])
async def test_what_follows_a_body_is_nobodys(parts: tuple[bytes, ...], upstream: Upstream, serve: Serve) -> None:
    """RFC 9112 9.2: neither more of this response nor the response to the next request."""

    async def script(peer: Peer) -> None:
        request = await peer.message()
        if request.target == "/first":
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", *parts)
            await peer.rest()
        else:
            await peer.send(OK)

    site = await serve((await upstream(script)).url)
    first = await site.get("/first")
    assert (first.status, first.body) == (200, b"hello")
    assert (await site.get("/second")).body == b"ok"


@pytest.mark.parametrize("vector", IN_THE_BODY.values(), ids=IN_THE_BODY)
@pytest.mark.parametrize("apart", [False, True])
async def test_no_body(vector: bytes, apart: bool, upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.message()
        if request.target != "/first":
            await peer.send(OK)
            return
        start = head(CHUNKED)
        await (peer.send(start, vector + POISON) if apart else peer.send(start + vector + POISON))
        while await peer.some():
            await peer.send(POISON)

    backend = await upstream(script)
    site = await serve(backend.url)
    peer = await site.connect()
    await peer.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
    response = b""
    try:
        while piece := await peer.some():
            response += piece
            if b"502 Bad Gateway" in response:
                assert not apart
                break
    except ConnectionError:
        pass
    assert b"poison" not in response
    assert b"0\r\n\r\n" not in response
    assert (await site.get("/second")).body == b"ok"
    assert backend.connections == 2
    assert site.named("error") == []


# The other way: what this server takes for one request is one for the upstream server, too.


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /first HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
        b"GET /first HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\nGET /evil HTTP/1.1\r\nHost: a",
        b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1b\r\nGET /evil HTTP/1.1\r\nHost: a\r\n0\r\n\r\n",
        b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
        b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: content-length, host\r\n\r\nhello",
        b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent_Length: 3\r\n"
        b"Content-Length: 5\r\n\r\nhello",
        b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
        b"Host: evil\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
        b"GET /first?%0d%0aHost:%20evil%0d%0a%0d%0aGET%20/evil HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /first%20HTTP/1.1?x HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_one_request_is_one_request(request_: bytes, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(backend.url)
    peer = await site.connect()
    assert (await peer.ask(request_)).body == b"ok"
    assert (await peer.ask(b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"ok"
    targets = [request.target for request in backend.requests]
    assert len(targets) == 2
    assert targets[0].startswith("/first")
    assert targets[1] == "/second"
    for request in backend.requests:
        assert request.headers.getall("host") == [backend.authority]
        assert (
            len(request.headers.getall("content-length", [])) + len(request.headers.getall("transfer-encoding", [])) < 2
        )
        assert not {name for name in request.headers if "_" in name and "encoding" in name.lower()}


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (b"/\r\nX: y", b"a"),
        (b"@evil/x", b"a"),
        (b":1234/x", b"a"),
        (b".evil/", b"a"),
        (b"\\\\evil\\x", b"a"),
        (b"foo:bar", b"a"),
        (b"http://evil/x", b"a"),
        (b"*", b"a"),
        (b"/x#y", b"a"),
        (b"/%0d%0aX: y", b"a"),
        (b"/%00", b"a"),
        (b"/x", b"a b"),
        (b"/x", b"a@evil"),
        (b"/x", b"a\r\nHost: b"),
        (b"/x", b"a/b"),
    ],
)
async def test_odd_targets_and_hosts_never_come_up(
    target: bytes, host: bytes, upstream: Upstream, serve: Serve
) -> None:
    backend = await upstream()
    for mapping in ({"match": "^/?(.*)", "url": f"{backend.url}/$1"}, {"match": "(.*)", "url": f"{backend.url}$1"}):
        site = await serve(mapping)
        peer = await site.connect()
        await peer.send(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, host))
        assert (await peer.head()).status in (400, 505)
    assert backend.requests == []
