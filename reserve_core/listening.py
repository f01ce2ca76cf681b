"""The sockets that a server listens on."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .http.flow import UNSENT

if TYPE_CHECKING:
    from .config import Configuration

BACKLOG = 2048

# Ports above one that is taken, of which the next free one is looked for.
_NEXT = 100
_LAST = 65535

# Where macOS itself listens, for AirPlay.
_AIRPLAY = (5000, 7000)


class PortTaken(OSError):
    """Another program listens there. `next_free` is the next port of the same host where nobody does, if there is."""

    def __init__(self, host: str, port: int, next_free: int | None) -> None:
        other = "" if next_free is None else f": {next_free} is free"
        super().__init__(
            errno.EADDRINUSE, f"{host}:{port} is in use already: {_stop(port)}, or choose another port{other}"
        )
        self.next_free: int | None = next_free


def bind(configuration: Configuration) -> list[socket.socket]:
    """Sockets that listen where `configuration` says. Raises OSError, saying what to do, when that can't be had."""
    host, port = configuration.hostname, configuration.port
    try:
        return _listening(host, port)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port, _next_free(host, port)) from error
        raise _explained(error, f"{host}:{port}") from error


def _listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on all addresses of `host`."""
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            if sockets and not port:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])  # one free port for all
            with suppress(_NotHere):
                sockets.append(_bound(family, address, host))
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    except BaseException:
        for each in sockets:
            each.close()
        raise
    return sockets


def _next_free(host: str, taken: int) -> int | None:
    for port in range(taken + 1, min(taken + _NEXT, _LAST) + 1):
        try:
            for each in _listening(host, port):
                each.close()
        except OSError:
            continue
        return port
    return None


def _stop(port: int) -> str:
    if sys.platform == "darwin" and port in _AIRPLAY:
        return "stop the other program (the AirPlay Receiver of macOS, unless it is switched off in its settings)"
    return "stop the other program"


class _NotHere(Exception):
    """One of the addresses of a name that this machine doesn't have, as `::1` where IPv6 is switched off."""


def _addresses(hostname: str, port: int) -> Iterator[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """The addresses that a name stands for, IPv4 first, each once."""
    found: Iterable[tuple[Any, ...]] = socket.getaddrinfo(
        hostname or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, _, _, _, address in sorted(set(found)):
        # macOS counts the link-local address of its loopback interface to localhost, and asks before one listens there.
        if not (hostname == "localhost" and family == socket.AF_INET6 and address[3]):
            yield family, address


def _bound(family: socket.AddressFamily, address: tuple[Any, ...], hostname: str) -> socket.socket:
    try:
        bound = socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT or (error.errno == errno.EADDRNOTAVAIL and hostname == "localhost"):
            raise _NotHere from error
        raise
    bound.setblocking(False)
    # Connections have these from it. asyncio sees to small segments only where a socket names its protocol.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return bound


def _explained(error: OSError | UnicodeError, place: str) -> OSError:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        text = f"No right to listen on {place}: ports below 1024 need root, choose another one"
    elif number == errno.EADDRNOTAVAIL:
        text = f"{place} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all its addresses"
    else:
        text = f"Can't listen on {place}: {getattr(error, 'strerror', None) or error}"
    return OSError(number, text)
