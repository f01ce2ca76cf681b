"""Asking a mirror that isn't where it should be: the commands and tests that do so are told why."""

from __future__ import annotations

import asyncio

import pytest

from reserve_mirror.mirror_client import ask
from tests.kit.ports import free_port
from tests.kit.upstream import Peer, serving


async def problem_of(url: str) -> str:
    with pytest.raises(OSError, match=r"^There is no mirror at ") as caught:
        await asyncio.to_thread(ask, f"{url}/wait", [("timeout", "0")], None, 0)
    return str(caught.value).removeprefix(f"There is no mirror at {url}: ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot found",
            "what responds there is another server, or speaks https",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "what responds there is another server, or speaks https"),
        (b"220 mail.example ESMTP\r\n", "what came is no response of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "what came is no response of HTTP/1.1"),
        (b"", "Remote end closed connection without response"),
    ],
)
async def test_another_server_is_no_mirror(data: bytes, reason: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(data)

    async with serving(script) as server:
        assert await problem_of(f"http://127.0.0.1:{server.port}/api/mirrors/orders") == reason


async def test_https_where_it_is_not_spoken() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(script) as server:
        url = f"https://127.0.0.1:{server.port}/api/mirrors/orders"
        assert await problem_of(url) == "it doesn't speak https: write http://"


async def test_where_nothing_listens() -> None:
    assert await problem_of(f"http://127.0.0.1:{free_port()}/api/mirrors/orders") == "nothing listens there"
