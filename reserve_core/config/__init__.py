"""The configuration: read, checked, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy
from .interpolate import interpolate

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..limits import Limits
    from .checker import Settings, check
    from .configuration import Configuration
    from .handler import Handler
    from .mapping import Mapping
    from .reader import Source, read
    from .reference import Reference, load_reference
    from .schema import compose_schema
    from .table import Table

__all__ = [
    "Configuration",
    "Handler",
    "Limits",
    "Mapping",
    "Reference",
    "Settings",
    "Source",
    "Table",
    "check",
    "compose_schema",
    "interpolate",
    "load_reference",
    "read",
]

__getattr__: Callable[[str], Any] = lazy(
    __name__,
    {
        "..limits": ("Limits",),
        ".checker": ("Settings", "check"),
        ".configuration": ("Configuration",),
        ".handler": ("Handler",),
        ".mapping": ("Mapping",),
        ".reader": ("Source", "read"),
        ".reference": ("Reference", "load_reference"),
        ".schema": ("compose_schema",),
        ".table": ("Table",),
    },
)
