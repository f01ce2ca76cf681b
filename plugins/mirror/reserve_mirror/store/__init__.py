"""Where mirrors and their records are kept: one interface, a store in memory and one in Redis."""

from .event_hub import EventHub, EventQueue
from .group_store import GroupStore
from .interface import (
    GroupClaim,
    GroupTurn,
    MirrorSettings,
    MirrorState,
    Receipt,
    Record,
    RecordEntry,
    Store,
    StoredRecord,
    TooMany,
    TooManyGroups,
    Unavailable,
    is_after,
    parse_id,
)
from .mirror_event import MirrorEvent

__all__ = [
    "EventHub",
    "EventQueue",
    "GroupClaim",
    "GroupStore",
    "GroupTurn",
    "MirrorEvent",
    "MirrorSettings",
    "MirrorState",
    "Receipt",
    "Record",
    "RecordEntry",
    "Store",
    "StoredRecord",
    "TooMany",
    "TooManyGroups",
    "Unavailable",
    "is_after",
    "parse_id",
]
