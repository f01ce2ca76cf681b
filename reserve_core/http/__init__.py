"""All that touches the wire: requests, responses, connections."""

from .forms import Form, FormFile
from .request import Headers, Request
from .response import Response, Writer
from .websocket import WebSocket, broadcast

__all__ = ["Form", "FormFile", "Headers", "Request", "Response", "WebSocket", "Writer", "broadcast"]
