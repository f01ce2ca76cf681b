"""All that touches the wire: requests, responses, connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy
from .client import Client
from .fixed_headers import FixedHeaders
from .request import Headers, Request
from .response import Response, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .forms import Form, FormFile
    from .prepared_message import PreparedMessage
    from .websocket import WebSocket, broadcast

__all__ = [
    "Client",
    "FixedHeaders",
    "Form",
    "FormFile",
    "Headers",
    "PreparedMessage",
    "Request",
    "Response",
    "WebSocket",
    "Writer",
    "broadcast",
]

# With Tornado and python-multipart, for those who have use for them.
__getattr__: Callable[[str], Any] = lazy(
    __name__,
    {
        ".forms": ("Form", "FormFile"),
        ".prepared_message": ("PreparedMessage",),
        ".websocket": ("WebSocket", "broadcast"),
    },
)
