"""Opening a connection: name to addresses, the addresses that are allowed, TCP, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from .connection_pool import ConnectionPool
from .ssrf import is_public
from .upstream_connection import UpstreamConnection
from .upstream_errors import ForbiddenDestinationError, UpstreamError, UpstreamTimeoutError
from .upstream_url import Origin

# Seconds until the next address is tried beside one that doesn't answer (RFC 8305 5).
ATTEMPT_DELAY = 0.25

# Family and socket address.
SocketAddress = tuple[socket.AddressFamily, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Dialer:
    """How connections are opened. Times are in seconds.

    `verify`: the certificate of an https server has to be valid; `ca`: a file of certificates to trust besides the
    system's.
    """

    connect_timeout: float
    timeout: float
    verify: bool = True
    ca: Path | None = None

    async def dial(self, origin: Origin, *, public_only: bool) -> UpstreamConnection:
        """A new connection. With `public_only`, only to a public address: the one that is checked is connected to.

        Raises `UpstreamError`.
        """
        context = tls_context(self.verify, self.ca) if origin.scheme == "https" else None
        try:
            async with asyncio.timeout(self.connect_timeout):
                addresses = await _resolve(origin)
                if public_only:
                    addresses = [address for address in addresses if is_public(address[1][0])]
                    if not addresses:
                        raise ForbiddenDestinationError("it has no public address, and allow-private isn't set")
                return await self._open(origin, await _connect(addresses), context)
        except TimeoutError as error:
            raise UpstreamTimeoutError(f"no connection within {self.connect_timeout:g} s") from error
        except (OSError, UnicodeError) as error:  # TLS errors are OSErrors, impossible names UnicodeErrors
            raise UpstreamError(f"no connection: {getattr(error, 'strerror', None) or error}") from error

    async def _open(self, origin: Origin, sock: socket.socket, context: ssl.SSLContext | None) -> UpstreamConnection:
        try:
            _, upstream = await asyncio.get_running_loop().create_connection(
                lambda: UpstreamConnection(self.timeout),
                sock=sock,
                ssl=context,
                server_hostname=None if context is None else origin.host.removesuffix("."),
            )
        except BaseException:
            sock.close()
            raise
        return upstream


@asynccontextmanager
async def connection_pool(dialer: Dialer, public_only: bool, limit: int) -> AsyncIterator[ConnectionPool]:
    """A pool of connections that `dialer` opens. At its end, those that are in use close with their exchange."""
    pool = ConnectionPool(partial(dialer.dial, public_only=public_only), limit, dialer.connect_timeout)
    yield pool
    pool.close()


@cache
def tls_context(verify: bool, ca: Path | None) -> ssl.SSLContext:
    """Raises OSError when `ca` can't be read, ssl.SSLError when it holds no certificates."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca is not None:
        context.load_verify_locations(ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _resolve(origin: Origin) -> list[SocketAddress]:
    """The addresses of the host, the best first, the families by turns (RFC 8305 4)."""
    found = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    families: dict[socket.AddressFamily, list[SocketAddress]] = {}
    for family, _, _, _, address in found:
        families.setdefault(family, []).append((family, address))
    turns = chain.from_iterable(zip_longest(*families.values()))
    return [address for address in turns if address is not None]


async def _connect(addresses: list[SocketAddress]) -> socket.socket:
    """A socket connected to the address that answers first. Raises the OSError of the last attempt if none does."""
    waiting = deque(addresses)
    running: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_attempt(*waiting.popleft())))
            done, running = await asyncio.wait(
                running, timeout=ATTEMPT_DELAY if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            connected = [task.result() for task in done if task.exception() is None]
            for sock in connected[1:]:
                sock.close()
            if connected:
                return connected[0]
            failure = next((task.exception() for task in done), failure)
    finally:
        for task in running:
            task.add_done_callback(_close)
            task.cancel()
    raise failure or OSError("the host has no address")


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """Nobody waits any more for what has come nevertheless, at the moment when the time was over."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _attempt(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
