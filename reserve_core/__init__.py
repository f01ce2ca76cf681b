"""A plugin-based web server for developers: an ordered list of mappings says which handler answers which URL."""

from .body import body
from .capture import capture
from .config import Configuration, Handler, Mapping, Reference, check, interpolate, load_reference, read
from .errors import ConfigError, Disconnected, HTTPError, PluginError, Problem, ResponseError
from .events import Event
from .hookspecs import hookimpl
from .http import Form, FormFile, Headers, Request, Response, WebSocket, Writer, broadcast
from .log import log
from .mock import Mock, MockedResponse, mock
from .plugins import load_plugins
from .send import send
from .server import Server, serve

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "Configuration",
    "Disconnected",
    "Event",
    "Form",
    "FormFile",
    "HTTPError",
    "Handler",
    "Headers",
    "Mapping",
    "Mock",
    "MockedResponse",
    "PluginError",
    "Problem",
    "Reference",
    "Request",
    "Response",
    "ResponseError",
    "Server",
    "WebSocket",
    "Writer",
    "__version__",
    "body",
    "broadcast",
    "capture",
    "check",
    "hookimpl",
    "interpolate",
    "load_plugins",
    "load_reference",
    "log",
    "mock",
    "read",
    "send",
    "serve",
]
