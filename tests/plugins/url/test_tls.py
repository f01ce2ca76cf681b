"""https upstream servers, with a certificate authority of their own."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from reserve_core import ConfigError

if TYPE_CHECKING:
    from tests.kit.upstream import Backend, Peer
    from tests.plugins.url.conftest import Serve, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    """The name of the authority's file, relative to the configuration."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return "ca.pem"


def context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def url(backend: Backend, host: str = "localhost") -> str:
    return f"https://{host}:{backend.port}"


async def test_the_seed_s_mapping_over_tls(authority: trustme.CA, ca: str, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(OK, context=context(authority, "localhost"))
    site = await serve({"match": "^/proxy/(https?)/(.*)", "url": "$1://$2", "allow-private": True, "ca": ca})
    for _ in range(3):
        response = await site.get(f"/proxy/https/localhost:{backend.port}/a?b=c")
        assert (response.status, response.body) == (200, b"ok")
    assert backend.requests[0].target == "/a?b=c"
    assert backend.requests[0].headers["host"] == f"localhost:{backend.port}"
    assert backend.connections == 1


@pytest.mark.parametrize(
    ("names", "options", "status"),
    [
        (["localhost"], {"ca": True}, 200),
        (["localhost"], {}, 502),
        (["localhost"], {"ignore-unverifiable-certificate": True}, 200),
        (["other.example"], {"ca": True}, 502),
        (["other.example"], {"ignore-unverifiable-certificate": True}, 200),
    ],
)
async def test_certificates_are_verified(
    names: list[str],
    options: dict[str, Any],
    status: int,
    authority: trustme.CA,
    ca: str,
    upstream: Upstream,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = await upstream(OK, context=context(authority, *names))
    if "ca" in options:
        options = {"ca": ca}
    response = await (await serve({"url": url(backend), **options})).get()
    assert response.status == status
    if status == 502:
        assert "certificate verify failed" in caplog.text
        assert backend.requests == []


async def test_an_address_in_a_certificate(authority: trustme.CA, ca: str, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(OK, context=context(authority, "127.0.0.1"))
    assert (await (await serve({"url": url(backend, "127.0.0.1"), "ca": ca})).get()).body == b"ok"


@pytest.mark.parametrize("preserve", [False, True])
async def test_the_server_is_told_its_own_name(
    preserve: bool, authority: trustme.CA, ca: str, upstream: Upstream, serve: Serve
) -> None:
    """SNI (RFC 6066 3), whatever the Host header says."""
    names: list[str | None] = []
    own = context(authority, "localhost")
    own.sni_callback = lambda sock, name, context: names.append(name)
    backend = await upstream(OK, context=own)
    site = await serve({"url": url(backend), "ca": ca, "preserve-host": preserve})
    assert (await site.get()).body == b"ok"
    assert names == ["localhost"]


async def test_plain_http_is_no_tls(upstream: Upstream, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def script(peer: Peer) -> None:
        await peer.some()
        await peer.send(OK)

    response = await (await serve({"url": url(await upstream(script))})).get()
    assert response.status == 502
    assert "no connection" in caplog.text


async def test_tls_is_no_plain_http(
    authority: trustme.CA, upstream: Upstream, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    backend = await upstream(OK, context=context(authority, "localhost"))
    assert (await (await serve(backend.url)).get()).status == 502


async def test_a_handshake_that_does_not_come_about(upstream: Upstream, serve: Serve) -> None:
    async def script(peer: Peer) -> None:
        await peer.rest()

    site = await serve({"url": url(await upstream(script)), "connect-timeout": 0.3})
    assert (await site.get()).status == 504


async def test_bodies_over_tls(authority: trustme.CA, ca: str, upstream: Upstream, serve: Serve) -> None:
    body = bytes(range(256)) * 8000
    backend = await upstream(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), context=context(authority, "localhost")
    )
    peer = await (await serve({"url": url(backend), "ca": ca})).connect()
    for _ in range(2):
        response = await peer.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert response.body == body
    assert backend.requests[1].body == body
    assert backend.connections == 1


@pytest.mark.parametrize("content", [None, "", "no certificate"])
async def test_an_authority_that_is_none_is_a_mistake(content: str | None, serve: Serve, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        await serve({"url": "https://h", "ca": "ca.pem"})
    await asyncio.sleep(0)
