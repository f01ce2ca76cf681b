"""One request and its response, from servers that do as they like."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from reserve_mirror.sending.http_exchange import HTTPResponse, NoResponse, exchange
from tests.kit.ports import free_port
from tests.kit.upstream import Peer, serving
from tests.kit.waiting import PATIENCE

REQUEST = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


def saying(data: bytes, *, stays: bool = False) -> Callable[[Peer], Awaitable[None]]:
    """A server that sends these bytes, and closes unless it `stays`."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(data)
        if stays:
            await peer.reader.read()

    return script


async def ask(data: bytes, *, stays: bool = False, is_head: bool = False, limit: int | None = None) -> HTTPResponse:
    async with serving(saying(data, stays=stays)) as server:
        return await exchange(urlsplit(server.url), REQUEST, timeout=PATIENCE, is_head=is_head, limit=limit)


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", 200, b"ok!"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            b"HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n1",
            201,
            b"1",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 101, b""),
    ],
)
async def test_a_response_ends_where_it_says(data: bytes, status: int, body: bytes) -> None:
    response = await ask(data, stays=True)
    assert (response.status, response.body, response.size) == (status, body, len(body))


async def test_without_a_length_it_ends_with_the_connection() -> None:
    assert (await ask(b"HTTP/1.0 200 OK\r\n\r\nall of it")).body == b"all of it"


async def test_headers_are_as_they_came() -> None:
    response = await ask(b"HTTP/1.1 200 OK\r\nX-One: a \r\nx-one: caf\xe9\r\nContent-Length: 0\r\n\r\n")
    assert response.headers == [("X-One", "a"), ("x-one", "caf\xe9"), ("Content-Length", "0")]


async def test_to_head_there_is_no_body() -> None:
    response = await ask(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", stays=True, is_head=True)
    assert (response.status, response.body) == (200, b"")


async def test_of_a_long_body_the_beginning_is_kept() -> None:
    response = await ask(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"a" * 300_000, limit=10)
    assert (response.body, response.size) == (b"a" * 10, 300_000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the connection was closed before the end of a response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "the connection was closed before the end of a response"),
        (b"SSH-2.0-OpenSSH\r\n", "what came is no response of HTTP/1.1: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, "a response with a head of more than 131072 bytes"),
    ],
)
async def test_what_is_no_response_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(NoResponse) as caught:
        await ask(data)
    assert str(caught.value).startswith(reason)
    assert caught.value.sent


async def test_who_says_nothing_is_not_waited_for() -> None:
    async with serving(saying(b"", stays=True)) as server:
        with pytest.raises(NoResponse, match=r"no response within 0\.01 seconds"):
            await exchange(urlsplit(server.url), REQUEST, timeout=0.01)


async def test_a_connection_that_is_reset_is_no_response() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.reset()

    async with serving(script) as server:
        with pytest.raises(NoResponse) as caught:
            await exchange(urlsplit(server.url), REQUEST, timeout=PATIENCE)
    assert caught.value.sent


async def test_a_response_counts_that_comes_before_the_request_has_ended() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await peer.reader.read()

    async with serving(script) as server:
        request = b"POST /x HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n" + bytes(50_000_000)
        assert (await exchange(urlsplit(server.url), request, timeout=PATIENCE)).status == 413


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_where_nothing_listens_nothing_was_sent(host: str) -> None:
    with pytest.raises(NoResponse, match="nothing listens there") as caught:
        await exchange(urlsplit(f"http://{host}:{free_port()}"), REQUEST, timeout=PATIENCE)
    assert not caught.value.sent


async def test_https_asks_for_a_certificate_that_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with serving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), context) as server:
        url = urlsplit(f"https://localhost:{server.port}")
        with pytest.raises(NoResponse, match=r"its certificate isn't trusted, .* \(SSL_CERT_FILE names"):
            await exchange(url, REQUEST, timeout=PATIENCE)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert (await exchange(url, REQUEST, timeout=PATIENCE)).status == 200
