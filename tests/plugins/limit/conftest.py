"""A clock for limits."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reserve_core.kit import MemoryCounters
from reserve_limit import limiter


@dataclass
class Clock:
    """Stands still. `now` is in seconds."""

    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all counters in memory that are made from now on."""
    clock = Clock()
    monkeypatch.setattr(limiter, "MemoryCounters", lambda quotas, _: MemoryCounters(quotas, lambda: clock.now))
    return clock
