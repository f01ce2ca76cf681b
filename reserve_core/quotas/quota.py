"""The algorithm: a token bucket, as the generic cell rate algorithm keeps it, in whole numbers.

A client owes `cost` for each request. What it owes is paid as time goes by, `count` for each microsecond, so that after
a period it has paid for `count` requests. A request passes as long as no more than `capacity` is owed then.

    debts after 3 requests at once, "10/s":  3 * cost;  0.1 s later:  2 * cost;  0.3 s later:  0, the bucket is full

All that is to be kept of a client is when its debts were computed, and what they were. A refused request costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

SECOND = 1_000_000  # in microseconds
_PERIODS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Quota:
    """`count` requests in a `period` of seconds, `burst` of them at once."""

    # So that no debt is greater than 2**53: Redis computes in floating point.
    MAX_COUNT: ClassVar[int] = 1_000_000
    # What `parse` takes: up to MAX_COUNT.
    PATTERN: ClassVar[str] = "^[1-9][0-9]{0,5}/[smh]$"

    count: int
    period: int
    burst: int

    @classmethod
    def parse(cls, text: str, burst: int | None = None) -> Quota:
        """The quota that the options write as `text`, such as "10/s"."""
        count, _, unit = text.partition("/")
        return cls(int(count), _PERIODS[unit], burst or int(count))

    @property
    def text(self) -> str:
        """What `parse` makes it of."""
        return f"{self.count}/{next(unit for unit, period in _PERIODS.items() if period == self.period)}"

    @property
    def cost(self) -> int:
        """What is owed for one request."""
        return self.period * SECOND

    @property
    def capacity(self) -> int:
        """What may be owed."""
        return self.burst * self.cost

    def remaining(self, debt: int) -> int:
        """How many requests would pass at once."""
        return (self.capacity - debt) // self.cost

    def wait(self, debt: int) -> int:
        """Seconds, rounded up, until one more would pass; 0 when nothing is owed."""
        if not debt:
            return 0
        too_much = debt - (self.burst - self.remaining(debt) - 1) * self.cost
        return -(-too_much // (self.count * SECOND))


class Verdict(NamedTuple):
    """Whether a request passes, and what is owed then, for each quota."""

    passes: bool
    debts: tuple[int, ...]


def take(quotas: Sequence[Quota], debts: Sequence[int], elapsed: int) -> Verdict:
    """One more request of a client that owed `debts`, `elapsed` microseconds ago; it passes if all `quotas` hold."""
    owed = [max(0, debt - elapsed * quota.count) for quota, debt in zip(quotas, debts, strict=True)]
    then = [debt + quota.cost for quota, debt in zip(quotas, owed, strict=True)]
    passes = all(debt <= quota.capacity for quota, debt in zip(quotas, then, strict=True))
    return Verdict(passes, tuple(then if passes else owed))
