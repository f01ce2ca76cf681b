"""Choosing among precompressed siblings by Accept-Encoding (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import re
from functools import lru_cache

from reserve_core.kit import TOKEN

# The codings by what compresses best, and the endings of the siblings.
SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}

# A sibling may be older than its file by this (ns): some file systems and tools count in whole seconds.
_TOLERANCE = 2_000_000_000

_ELEMENT = re.compile(rf"({TOKEN})(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{{0,3}})?|1(?:\.0{{0,3}})?))?")


@lru_cache(maxsize=128)
def codings(accept_encoding: str) -> tuple[str, ...]:
    """The codings the client takes rather than none, best first.

    None is always taken if nothing else is there: an origin server may disregard the header.
    """
    weights: dict[str, float] = {}
    for element in accept_encoding.split(","):
        match = _ELEMENT.fullmatch(element.strip(" \t"))
        if match is not None:
            name = match[1].lower()
            weights["gzip" if name == "x-gzip" else name] = float(match[2] or 1)
    others = weights.get("*", 0.0)
    least = weights.get("identity", 0.0)
    wanted = [(weights.get(coding, others), coding) for coding in SUFFIXES]
    wanted.sort(key=lambda pair: -pair[0])
    return tuple(coding for weight, coding in wanted if weight > 0 and weight >= least)


def is_stale(sibling: int | None, file: int | None) -> bool:
    """Whether a sibling was made from a former version of its file, by the times of their last change (ns)."""
    return (sibling or 0) + _TOLERANCE < (file or 0)
