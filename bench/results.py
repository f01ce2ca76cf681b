"""What comes out of a run: rounds, the figures of a server, and how it compares with another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median


class Refused(Exception):
    """A figure that would mean nothing: the answers are wrong, or some failed."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run of wrk, or of pages that follow, against one server."""

    rate: float  # answers per second
    p50: float  # milliseconds that half of the answers took at most
    p99: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """`ours` as a multiple of another server: computed within each round, as both share what disturbed it."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{multiple(self.median)}x ({multiple(self.low)}-{multiple(self.high)})"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one server reached in one case. No rounds: its peer isn't on this machine, or it was refused."""

    name: str
    label: str  # the name and the version
    rounds: tuple[Round, ...] = ()
    refused: str = ""  # why
    target: float | None = None  # the least that the ratio must be

    @property
    def rate(self) -> float:
        return median(each.rate for each in self.rounds)

    @property
    def p50(self) -> float:
        return median(each.p50 for each in self.rounds)

    @property
    def p99(self) -> float:
        return median(each.p99 for each in self.rounds)


@dataclass(frozen=True, slots=True)
class Result:
    """One case: what `reserve` reached, and the others.

    `reported` are answers per second that somebody measured elsewhere, by a name: they are shown, never compared.
    """

    name: str
    title: str
    ours: Figures
    others: tuple[Figures, ...]
    reported: Mapping[str, float] = field(default_factory=dict)

    def ratio(self, other: Figures) -> Ratio | None:
        """None when one of both wasn't measured."""
        if not (self.ours.rounds and other.rounds):
            return None
        ratios = [ours.rate / theirs.rate for ours, theirs in zip(self.ours.rounds, other.rounds, strict=True)]
        return Ratio(median(ratios), min(ratios), max(ratios))

    def met(self, other: Figures) -> bool | None:
        """Whether the target holds; None when there is none, or no ratio."""
        ratio = self.ratio(other)
        return None if ratio is None or other.target is None else ratio.median >= other.target


def multiple(value: float) -> str:
    """With two decimals, or three digits if that's less: 0.87, 16.1, 370."""
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
