"""All that touches the wire: requests, responses, connections."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .request import Headers, Request
from .response import Response, Writer

if TYPE_CHECKING:
    from .forms import Form, FormFile
    from .websocket import WebSocket, broadcast

__all__ = ["Form", "FormFile", "Headers", "Request", "Response", "WebSocket", "Writer", "broadcast"]

# With Tornado and python-multipart, for those who have use for them.
_MODULE_OF = {"Form": ".forms", "FormFile": ".forms", "WebSocket": ".websocket", "broadcast": ".websocket"}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULE_OF[name], __name__), name)
    return value
