"""A clock for limits."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reserve_limit import memory_counters


@dataclass
class Clock:
    """Stands still. `now` is in seconds."""

    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all counters in memory that are made from now on."""
    clock, made = Clock(), memory_counters.MemoryCounters
    monkeypatch.setattr(memory_counters, "MemoryCounters", lambda policy, _: made(policy, lambda: clock.now))
    return clock
