"""JSON as everybody reads it: Python's own takes and writes NaN and infinities, too, which are none of its numbers
(RFC 8259 6)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

# Raises ValueError for NaN and infinities, TypeError for what is no value of JSON.
dump: Final[Callable[[Any], str]] = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def parse(text: str | bytes) -> Any:
    """Raises ValueError and RecursionError."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
