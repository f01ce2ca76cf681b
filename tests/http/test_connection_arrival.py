"""Before the first request: a connection is counted and timed from its acceptance on, its TLS handshake included."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.http.handlers import GET, hello, others_are_well, refused

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve, Site
    from tests.kit.wire import Wire

HELLO_BEGUN = b"\x16\x03\x01\x02\x00\x01\x00"
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


async def ask(site: Site, context: ssl.SSLContext) -> bytes:
    """All that https answers to a GET."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port, ssl=context)
    try:
        writer.write(CLOSING)
        return await reader.read()
    finally:
        writer.close()


async def gone(wire: Wire) -> None:
    """The server has closed, or cut, without a word."""
    with suppress(ConnectionError):  # what it hasn't read makes the kernel reset
        await wire.closed()


@pytest.mark.parametrize("data", [b"", b"\r\n"], ids=["mute", "empty line"])
async def test_clients_that_ask_nothing_go_by_the_header_timeout(serve: Serve, data: bytes) -> None:
    site = await serve(hello, idle_timeout=3600, max_connections=2)
    wires = [await site.connect() for _ in range(2)]
    for wire in wires:
        await wire.send(data)
    await site.until(lambda: site.connections == 2)
    await refused(await site.connect(), 503)
    for wire in wires:
        await site.after_a_while(wire.closed())
    await site.until(lambda: site.connections == 0)
    await others_are_well(site)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_too_few_file_descriptors_are_told_once(
    serve: Serve,
    certificate: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tls: bool,
) -> None:
    monkeypatch.setattr("reserve_core.http.server_state.resource.getrlimit", lambda _: (4, 4))
    site = await serve(hello, certificate=certificate if tls else None)
    for _ in range(3):
        wire = await site.connect()
        if tls:
            await wire.closed()
        else:
            await refused(wire, 503)
    assert site.connections == 0
    (record,) = caplog.records
    assert "ulimit -n" in record.getMessage()
    caplog.clear()


@pytest.mark.parametrize("data", [b"", HELLO_BEGUN], ids=["mute", "half a hello"])
async def test_handshakes_are_counted_and_go_by_the_header_timeout(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext, data: bytes
) -> None:
    limits = {"idle_timeout": 3600, "max_connections": 2}
    site = await serve(hello, certificate=certificate, **limits)
    wires = [await site.connect() for _ in range(2)]
    for wire in wires:
        await wire.send(data)
    await site.until(lambda: site.connections == 2)
    await (await site.connect()).closed()
    assert site.connections == 2
    for wire in wires:
        await site.after_a_while(wire.closed())
    await site.until(lambda: site.connections == 0)
    assert (await ask(site, trusting)).startswith(b"HTTP/1.1 200 ")


async def test_a_handshake_that_has_ended_counts_once(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext
) -> None:
    seen: list[str] = []

    def handler(request: Request, response: Response) -> None:
        seen.append(f"{request.scheme} {request.client.address}")
        response.send("hello")

    site = await serve(handler, certificate=certificate, max_connections=1)
    for _ in range(3):
        assert (await ask(site, trusting)).startswith(b"HTTP/1.1 200 ")
        await site.until(lambda: site.connections == 0)
    assert seen == ["https 127.0.0.1"] * 3


async def test_a_client_that_is_mute_after_its_handshake_goes_by_the_header_timeout(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext
) -> None:
    site = await serve(hello, certificate=certificate, idle_timeout=3600)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port, ssl=trusting)
    assert await site.after_a_while(reader.read()) == b""
    writer.close()
    await site.until(lambda: site.connections == 0)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_small_segments_are_not_delayed(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext, encrypted: bool
) -> None:
    site = await serve(hello, certificate=certificate if encrypted else None)
    _, writer = await asyncio.open_connection("127.0.0.1", site.server.port, ssl=trusting if encrypted else None)
    await site.until(lambda: site.connections)
    (connection,) = site.server._http.connections
    await site.until(lambda: connection.transport.get_extra_info("socket"))
    accepted = connection.transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    writer.close()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_request_knows_both_ends_of_its_connection(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext, encrypted: bool
) -> None:
    seen: list[tuple[object, object, str]] = []

    def handler(request: Request, response: Response) -> None:
        seen.append((request.peer, request.local, request.client.address))
        response.send(b"")

    site = await serve(handler, certificate=certificate if encrypted else None)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port, ssl=trusting if encrypted else None)
    writer.write(CLOSING)
    await reader.read()
    own = writer.get_extra_info("sockname")
    assert seen == [(own, ("127.0.0.1", site.server.port), own[0])]
    writer.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("data", [b"", HELLO_BEGUN, b"\0nonsense", b"\x80\x2e\x01"])
async def test_who_leaves_a_handshake_leaves_nothing_behind(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext, data: bytes, how: str
) -> None:
    site = await serve(hello, certificate=certificate)
    wire = await site.connect()
    await wire.send(data)
    await site.until(lambda: site.connections)
    getattr(wire, how)()
    await site.until(lambda: site.connections == 0)
    assert (await ask(site, trusting)).startswith(b"HTTP/1.1 200 ")


async def test_a_stop_does_not_wait_for_handshakes(serve: Serve, certificate: dict[str, str]) -> None:
    site = await serve(hello, certificate=certificate)
    mute, begun = await site.connect(), await site.connect()
    await begun.send(HELLO_BEGUN)
    await site.until(lambda: site.connections == 2)
    await site.server.close(timeout=3600)
    for wire in (mute, begun):
        await gone(wire)
    with pytest.raises(ConnectionError):
        await site.connect()


async def test_http_on_a_port_of_https_is_told_so(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext
) -> None:
    site = await serve(hello, certificate=certificate)
    wire = await site.connect()
    response = await wire.ask(GET)
    assert (response.status, response.closes) == (400, True)
    assert b"This port speaks https" in response.body
    await wire.closed()
    assert (await ask(site, trusting)).startswith(b"HTTP/1.1 200 ")
