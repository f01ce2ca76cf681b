"""What a server asks of the system for its sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from reserve_core import serve
from tests.kit.waiting import settled


async def test_the_system_takes_little_of_what_a_client_does_not_read() -> None:
    written = 0

    async def endless(request: Any, response: Any) -> None:
        nonlocal written
        while True:
            await response.write(bytes(1 << 16))
            written += 1 << 16

    async with await serve({"mappings": [{"custom": endless}]}, port=0) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", server.port))
            await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await settled(lambda: written)
            assert 0 < written < 1 << 20
        await server.close(force=True)
