"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reserve_core import option


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    timing: Literal[True] = option(
        "Adds Server-Timing to the responses of the mappings behind it: which of them it was, and after which time"
    )
