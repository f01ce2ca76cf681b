"""From a name to a connection: several addresses, one of which answers."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from reserve_url import dial
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.plugins.url.conftest import Serve, Upstream


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`resolves(address, ...)`: what the name several.example stands for. There is no name server to ask in a test."""
    original = socket.getaddrinfo

    def install(*addresses: str) -> None:
        def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
            if host != "several.example":
                return original(host, *arguments, **options)
            return [entry for address in addresses for entry in original(address, *arguments, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return install


async def test_an_address_that_refuses_is_passed_over(resolves: Any, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    resolves("127.0.0.2", "127.0.0.3", "::1", "127.0.0.1")
    site = await serve(f"http://several.example:{backend.port}")
    assert (await site.get()).body == b"ok"
    assert backend.requests[0].headers["host"] == f"several.example:{backend.port}"


async def test_an_address_that_does_not_answer_holds_nobody_up(resolves: Any, upstream: Upstream, serve: Serve) -> None:
    """RFC 8305 5"""
    backend = await upstream()
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind(("127.0.0.2", backend.port))
        full.listen(0)
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.2", backend.port))
        resolves("127.0.0.2", "127.0.0.1")
        site = await serve({"url": f"http://several.example:{backend.port}", "connect-timeout": 10 * PATIENCE})
        assert (await site.get()).body == b"ok"
        # What doesn't come about any more is given up.
        await asyncio.sleep(0.05)
        assert backend.connections == 1


async def test_no_address_answers(resolves: Any, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    resolves("127.0.0.2", "127.0.0.3")
    assert (await (await serve("http://several.example:1")).get()).status == 502
    resolves()
    assert (await (await serve("http://several.example:1")).get()).status == 502
    assert caplog.messages[-1] == "GET http://several.example:1/: no connection: the host has no address"


async def test_what_comes_at_the_moment_when_the_time_is_over_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    sock = socket.socket()

    async def attempt(*address: Any) -> socket.socket:
        return sock

    monkeypatch.setattr(dial, "_attempt", attempt)
    connecting = asyncio.create_task(dial._connect([(socket.AF_INET, ("127.0.0.1", 1))]))
    await asyncio.sleep(0)  # the attempt is made
    await asyncio.sleep(0)  # it comes
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await asyncio.sleep(0)
    assert sock.fileno() == -1
