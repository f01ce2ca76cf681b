"""The sockets that a server listens on."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .http.flow import UNSENT

if TYPE_CHECKING:
    from .config import Configuration

BACKLOG = 2048


def bind(configuration: Configuration) -> list[socket.socket]:
    """Sockets that listen where `configuration` says. Raises OSError, saying what to do, when that can't be had."""
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(configuration.hostname, configuration.port):
            if sockets and not configuration.port:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])  # one free port for all
            with suppress(_NotHere):
                sockets.append(_bound(family, address, configuration.hostname))
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    except (OSError, UnicodeError) as error:
        for each in sockets:
            each.close()
        raise _explained(error, configuration) from error
    return sockets


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


def _explained(error: OSError | UnicodeError, configuration: Configuration) -> OSError:
    place = f"{configuration.hostname}:{configuration.port}"
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        text = f"{place} is in use already: stop the other program, or choose another port (0 takes a free one)"
    elif number in (errno.EACCES, errno.EPERM):
        text = f"No right to listen on {place}: ports below 1024 need root, choose another one"
    elif number == errno.EADDRNOTAVAIL:
        text = f"{place} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all its addresses"
    else:
        text = f"Can't listen on {place}: {getattr(error, 'strerror', None) or error}"
    return OSError(number, text)
