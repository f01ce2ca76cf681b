"""The limits of a server: how much a client may send, and how long anything may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .options_dataclass import option, shape_of

# The largest whole number that every JSON reader keeps exact.
_MAX_INTEGER = 2**53 - 1
_MAX_SECONDS = 24 * 3600


def _seconds(default: float, description: str, minimum: float = 0.1) -> Any:
    return option(f"{description}, in seconds", default=default, minimum=minimum, maximum=_MAX_SECONDS)


def _count(default: int, description: str, minimum: int) -> Any:
    return option(description, default=default, minimum=minimum, maximum=_MAX_INTEGER)


@dataclass(frozen=True, slots=True)
class Limits:
    """The `limits` of a configuration, in bytes and seconds. In JSON, `max_url` is written `max-url`."""

    __schema__: ClassVar[dict[str, Any]] = {"description": "How much a client may send, and how long anything may take"}

    max_url: int = _count(8192, "Longest request target, in bytes; a longer one is answered with 414", 64)
    max_headers: int = _count(65536, "Largest header section, in bytes; a larger one is answered with 431", 256)
    max_body: int = _count(
        16 * 1024 * 1024, "Largest body a handler may hold in memory, in bytes (413); streamed bodies have no limit", 0
    )
    max_connections: int = _count(10_000, "Connections open at once, handshakes of TLS included; one more gets 503", 1)
    header_timeout: float = _seconds(
        10.0, "Time to receive a request's headers; for the first one, from the TLS handshake on"
    )
    body_timeout: float = _seconds(30.0, "Time between two chunks of a request's body")
    min_body_rate: int = _count(
        240,
        "Least bytes of a request's body a second: who falls behind by body-timeout gets 408; 0 for no such limit",
        0,
    )
    idle_timeout: float = _seconds(75.0, "Time a connection may wait for its next request")
    write_timeout: float = _seconds(60.0, "Time a client may take to receive what waits for it")
    drain_time: float = _seconds(
        0.0, "Time a server that stops still takes requests, so that who balances load can leave it out first", 0
    )
    shutdown_timeout: float = _seconds(10.0, "Time requests may take to finish when the server stops", 0)


LIMITS = shape_of(Limits)
