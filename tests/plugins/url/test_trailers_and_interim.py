"""What comes before a response and behind a body: interim responses (RFC 9110 15.2) and trailers (RFC 9110 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.upstream import OK

if TYPE_CHECKING:
    from tests.kit.upstream import Peer
    from tests.plugins.url.conftest import Serve, Upstream

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"


async def test_a_chunked_body_goes_up_with_its_trailers(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve(backend.url)
    peer = await site.connect()
    response = await peer.ask(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n"
    )
    assert response.body == b"ok"
    request = backend.requests[0]
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.headers["trailer"] == "X-Sum"
    assert "content-length" not in request.headers
    assert request.body == b"hello world"
    assert list(request.trailers.items()) == [("X-Sum", "1")]


@pytest.mark.parametrize(
    ("line", "body", "trailers"),
    [
        ("GET / HTTP/1.1", b"hello", [("X-Sum", "1"), ("X-Sum", "\xe9")]),
        ("GET / HTTP/1.0", b"hello", []),
        ("HEAD / HTTP/1.1", b"", []),
    ],
)
async def test_a_chunked_body_comes_down_with_its_trailers(
    line: str, body: bytes, trailers: list[tuple[str, str]], upstream: Upstream, serve: Serve
) -> None:
    async def script(peer: Peer) -> None:
        while True:
            request = await peer.message()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
            if not request.first_line.startswith("HEAD"):
                await peer.send(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\nX-Sum: \xe9\r\n\r\n")

    site = await serve((await upstream(script)).url)
    for _ in range(2):
        message = await (await site.connect()).ask(f"{line}\r\nHost: a\r\n\r\n".encode(), bodiless=not body)
        assert (message.status, message.body) == (200, body)
        assert message.headers["trailer"] == "X-Sum"
        assert list(message.trailers.items()) == trailers


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n", []),
        (HINTS, ["103 Early Hints"]),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 2 + HINTS, ["102 Processing", "102 Processing", "103 Early Hints"]),
        (b"HTTP/1.1 199 \r\n\r\n", ["199 "]),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
async def test_interim_responses_come_down(
    sent: bytes, passed: list[str], apart: bool, upstream: Upstream, serve: Serve
) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.message()
            await (peer.send(sent, OK) if apart else peer.send(sent + OK))

    backend = await upstream(script)
    peer = await (await serve(backend.url)).connect()
    for _ in range(2):
        await peer.send(GET)
        for line in passed:
            interim = await peer.head()
            assert interim.first_line == f"HTTP/1.1 {line}"
            link = [("Link", "</a.css>")] if line.startswith("103") else []
            assert list(interim.headers.items()) == [*link, ("via", "1.1 reserve")]
        response = await peer.message()
        assert (response.status, response.body) == (200, b"ok")
        assert "link" not in response.headers
    assert backend.connections == 1


async def test_a_client_of_http_1_0_gets_no_interim_response(upstream: Upstream, serve: Serve) -> None:
    site = await serve((await upstream(HINTS + OK)).url)
    response = await (await site.connect()).ask(b"GET / HTTP/1.0\r\n\r\n")
    assert (response.status, response.body) == (200, b"ok")
