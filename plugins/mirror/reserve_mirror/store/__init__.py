"""Where mirrors and what they captured are kept: one interface, two engines."""

from .errors import Unavailable
from .hub import Event, Hub, Watch
from .interface import Captured, Content, Entry, Record, Settings, State, Store, is_after, parse_id

__all__ = [
    "Captured",
    "Content",
    "Entry",
    "Event",
    "Hub",
    "Record",
    "Settings",
    "State",
    "Store",
    "Unavailable",
    "Watch",
    "is_after",
    "parse_id",
]
