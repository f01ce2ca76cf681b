"""A plugin-based web server for developers: an ordered list of mappings says which handler answers which URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

# A module of the same name would take the place of a function that is imported later: these come at once, and light.
from .body import body
from .capture import capture
from .lazy import lazy
from .log import log
from .mock import mock
from .send import send

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .config import Configuration, Handler, Mapping, Reference, check, load_reference, read
    from .config.interpolate import interpolate
    from .errors import ConfigError, Disconnected, HTTPError, PluginError, Problem, ResponseCut, ResponseError
    from .events import Event
    from .explanation.prediction import Prediction
    from .hookspecs import hookimpl
    from .http import (
        Client,
        FixedHeaders,
        Form,
        FormFile,
        Headers,
        PreparedMessage,
        Request,
        Response,
        WebSocket,
        Writer,
        broadcast,
    )
    from .live_configuration import LiveConfiguration
    from .memory_response import MemoryResponse
    from .mock import Mock
    from .networks import Networks
    from .options_dataclass import option
    from .plugins import load_plugins
    from .resources import Resources
    from .server import Server, serve

__version__ = "0.1.0"

__all__ = [
    "Client",
    "ConfigError",
    "Configuration",
    "Disconnected",
    "Event",
    "FixedHeaders",
    "Form",
    "FormFile",
    "HTTPError",
    "Handler",
    "Headers",
    "LiveConfiguration",
    "Mapping",
    "MemoryResponse",
    "Mock",
    "Networks",
    "PluginError",
    "Prediction",
    "PreparedMessage",
    "Problem",
    "Reference",
    "Request",
    "Resources",
    "Response",
    "ResponseCut",
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
    "option",
    "read",
    "send",
    "serve",
]


# None of these is the name of a module, too.
__getattr__: Callable[[str], Any] = lazy(
    __name__,
    {
        ".config": (
            "Configuration",
            "Handler",
            "Mapping",
            "Reference",
            "check",
            "interpolate",
            "load_reference",
            "read",
        ),
        ".errors": (
            "ConfigError",
            "Disconnected",
            "HTTPError",
            "PluginError",
            "Problem",
            "ResponseCut",
            "ResponseError",
        ),
        ".events": ("Event",),
        ".explanation.prediction": ("Prediction",),
        ".hookspecs": ("hookimpl",),
        ".http": (
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
        ),
        ".live_configuration": ("LiveConfiguration",),
        ".memory_response": ("MemoryResponse",),
        ".mock": ("Mock",),
        ".networks": ("Networks",),
        ".options_dataclass": ("option",),
        ".plugins": ("load_plugins",),
        ".resources": ("Resources",),
        ".server": ("Server", "serve"),
    },
)


def __dir__() -> list[str]:
    return sorted(globals().keys() | set(__all__))
