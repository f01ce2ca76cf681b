"""The configuration: read, checked, compiled."""

from ..limits import Limits
from .checker import check
from .configuration import Configuration
from .interpolate import interpolate
from .mapping import Handler, Mapping
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
    "Source",
    "Table",
    "check",
    "compose_schema",
    "interpolate",
    "load_reference",
    "read",
]
