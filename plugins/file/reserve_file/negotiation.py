"""Choosing among precompressed siblings by Accept-Encoding (RFC 9110 section 12.5.3)."""

from __future__ import annotations

from functools import lru_cache

from reserve_core.kit import accepted_codings

# The codings by what compresses best, and the endings of the siblings.
SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}

# A sibling may be older than its file by this (ns): some file systems and tools count in whole seconds.
_TOLERANCE = 2_000_000_000


@lru_cache(maxsize=128)
def codings(accept_encoding: str) -> tuple[str, ...]:
    """The codings the client takes rather than none, best first."""
    return accepted_codings(accept_encoding, SUFFIXES)


def is_stale(sibling: int | None, file: int | None) -> bool:
    """Whether a sibling was made from a former version of its file, by the times of their last change (ns)."""
    return (sibling or 0) + _TOLERANCE < (file or 0)
