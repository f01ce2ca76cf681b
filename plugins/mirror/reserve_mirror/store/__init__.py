"""Where mirrors and what they captured are kept: one interface, two engines."""

from .event_hub import Hub, Watch
from .interface import Captured, Content, Entry, Record, Settings, State, Store, Unavailable, is_after, parse_id
from .mirror_event import MirrorEvent

__all__ = [
    "Captured",
    "Content",
    "Entry",
    "Hub",
    "MirrorEvent",
    "Record",
    "Settings",
    "State",
    "Store",
    "Unavailable",
    "Watch",
    "is_after",
    "parse_id",
]
