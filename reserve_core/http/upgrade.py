"""From HTTP to another protocol on the same connection (RFC 9110 7.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from multidict import CIMultiDict

from ..native import mypyc_attr
from ..tokens import members

if TYPE_CHECKING:
    from .request import Request
    from .upgraded_stream import UpgradedStream
    from .websocket import WebSocket

# What a 426 says (RFC 9110 15.5.22, RFC 6455 4.4).
WEBSOCKET_13 = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


@mypyc_attr(native_class=False)
class Upgrader(Protocol):
    """The connection of a request that asks for an upgrade (RFC 9110 7.8)."""

    async def accept(self, request: Request, **options: Any) -> WebSocket:
        """Accepts a WebSocket handshake."""

    def hand_over(self, fields: Iterable[tuple[str, str]]) -> UpgradedStream:
        """Sends a 101 with `fields`: from now on the connection is the caller's, in the protocol that they name.

        Raises `ResponseError` when the response has begun, `Disconnected` when the client has gone.
        """


def asks_for(protocol: str, headers: CIMultiDict[str]) -> bool:
    """Whether the header fields of a request name `protocol`, in lower case, as one to change to."""
    return protocol in map(str.lower, members(headers.getall("upgrade", ()))) and "upgrade" in map(
        str.lower, members(headers.getall("connection", ()))
    )
