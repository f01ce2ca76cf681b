"""Ports nobody listens on."""

from __future__ import annotations

import random
import socket

# Below those that systems give to outgoing connections (RFC 6056 2.1): no client takes one while its server is away.
_LASTING = range(20_000, 32_000)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free, and is given to nobody else for a while."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def lasting_port() -> int:
    """A TCP port of 127.0.0.1 that is free, for a server that ends and comes back to it.

    Another process may choose the same at this moment: then the server doesn't start, and takes another.
    """
    while True:
        try:
            with socket.create_server(("127.0.0.1", random.choice(_LASTING))) as free:
                port: int = free.getsockname()[1]
                return port
        except OSError:
            continue
