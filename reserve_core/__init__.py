"""A plugin-based web server for developers: an ordered list of mappings says which handler answers which URL."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# A module of the same name would take the place of a function that is imported later: these come at once, and light.
from .body import body
from .capture import capture
from .log import log
from .mock import mock
from .send import send

if TYPE_CHECKING:
    from .config import Configuration, Handler, Mapping, Reference, check, load_reference, read
    from .config.interpolate import interpolate
    from .errors import ConfigError, Disconnected, HTTPError, PluginError, Problem, ResponseError
    from .events import Event
    from .hookspecs import hookimpl
    from .http import Form, FormFile, Headers, Request, Response, WebSocket, Writer, broadcast
    from .mock import Mock, MockedResponse
    from .plugins import load_plugins
    from .server import Server, serve

__version__ = "0.1.0"

# The rest comes when it is asked for (PEP 562): neither a command nor a test run waits for what it doesn't use.
_MODULES = {
    ".config": ("Configuration", "Handler", "Mapping", "Reference", "check", "interpolate", "load_reference", "read"),
    ".errors": ("ConfigError", "Disconnected", "HTTPError", "PluginError", "Problem", "ResponseError"),
    ".events": ("Event",),
    ".hookspecs": ("hookimpl",),
    ".http": ("Form", "FormFile", "Headers", "Request", "Response", "WebSocket", "Writer", "broadcast"),
    ".mock": ("Mock", "MockedResponse"),
    ".plugins": ("load_plugins",),
    ".server": ("Server", "serve"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

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


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULE_OF[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _MODULE_OF.keys())
