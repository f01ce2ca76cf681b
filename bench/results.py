"""What comes out of a run: rounds, the figures of a server, and how it compares with another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

By = Literal["rate", "cpu"]


class Refused(Exception):
    """A figure that would mean nothing: the responses are wrong, or some failed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a client saw while it loaded one server."""

    responses: int
    seconds: float
    p50: float  # milliseconds that half of the responses took at most
    p99: float


@dataclass(frozen=True, slots=True)
class Round:
    """One load of one server, and what it took of the processor."""

    rate: float  # responses per second
    p50: float  # milliseconds
    p99: float
    cpu: float  # microseconds for each response, of all processes of the server

    @classmethod
    def of(cls, load: Load, cpu: float) -> Round:
        """`cpu` are the seconds that the server's processes took for the whole load."""
        return cls(load.responses / load.seconds, load.p50, load.p99, cpu / load.responses * 1e6)


@dataclass(frozen=True, slots=True)
class Ratio:
    """`ours` as a multiple of another server: computed within each round, as both share what disturbed it."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{multiple(self.median)}x ({multiple(self.low)}-{multiple(self.high)})"


@dataclass(frozen=True, slots=True)
class Target:
    """The least that a ratio must be: that of the rates, or that of the CPU time."""

    least: float
    by: By = "rate"

    def __str__(self) -> str:
        return f"{self.least:g}x{' CPU' if self.by == 'cpu' else ''}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one server reached in one case. No rounds: its peer isn't on this machine, or it was refused."""

    name: str
    label: str  # the name and the version
    rounds: tuple[Round, ...] = ()
    refused: str = ""  # why
    target: Target | None = None

    @property
    def rate(self) -> float:
        return self._median(lambda each: each.rate)

    @property
    def p50(self) -> float:
        return self._median(lambda each: each.p50)

    @property
    def p99(self) -> float:
        return self._median(lambda each: each.p99)

    @property
    def cpu(self) -> float:
        return self._median(lambda each: each.cpu)

    def _median(self, figure: Callable[[Round], float]) -> float:
        return median(map(figure, self.rounds))


@dataclass(frozen=True, slots=True)
class Result:
    """One case: what `reserve` reached, and the others."""

    name: str
    title: str
    ours: Figures
    others: tuple[Figures, ...]

    def ratio(self, other: Figures, by: By = "rate") -> Ratio | None:
        """How many times as fast as the other one `reserve` is, or with how many times less CPU time it does the same.

        More is better in both. None when one of both wasn't measured.
        """
        if not (self.ours.rounds and other.rounds):
            return None
        pairs = zip(self.ours.rounds, other.rounds, strict=True)
        ratios = [ours.rate / theirs.rate if by == "rate" else theirs.cpu / ours.cpu for ours, theirs in pairs]
        return Ratio(median(ratios), min(ratios), max(ratios))

    def met(self, other: Figures) -> bool | None:
        """Whether the target holds; None when there is none, or no ratio."""
        if other.target is None or (ratio := self.ratio(other, other.target.by)) is None:
            return None
        return ratio.median >= other.target.least


def multiple(value: float) -> str:
    """With two decimals, or three digits if that's less: 0.87, 16.1, 370."""
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
