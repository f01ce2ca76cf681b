"""Byte ranges (RFC 9110 section 14): pure functions of the header and the size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

Range = tuple[int, int]  # from, to before: as slices count

# More is never asked for in earnest, and makes the server work for nothing (RFC 9110 section 17.15).
MAX_RANGES = 16

_UNIT = re.compile(r"bytes[ \t]*=(.*)", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(r"[ \t]*([0-9]*)[ \t]*-[ \t]*([0-9]*)[ \t]*")


def parse_ranges(header: str, size: int) -> list[Range] | None:
    """The ranges asked for of `size` bytes, in their order, cut to the size.

    None: to be ignored, as it's malformed, of another unit, or asks for too much (overlapping or too many ranges);
    empty: none can be satisfied. A range that ends before it begins can't be satisfied: RFC 9110 section 14.2 leaves
    the choice between ignoring and rejecting it.
    """
    match = _UNIT.fullmatch(header.strip())
    if match is None:
        return None
    specs = [spec for spec in match[1].split(",") if spec.strip(" \t")]
    if not 0 < len(specs) <= MAX_RANGES:
        return None
    ranges = []
    for spec in specs:
        found = _SPEC.fullmatch(spec)
        if found is None or not (found[1] or found[2]):
            return None
        start, stop = _resolve(found[1], found[2], size)
        if start < stop:
            ranges.append((start, stop))
        elif not size and not found[1] and _number(found[2], 1):
            return None  # the last bytes of an empty file are all it has, but Content-Range can't say so
    return None if _overlap(ranges) else ranges


def content_range(span: Range | None, size: int) -> str:
    """The value of Content-Range; None: the request can't be satisfied."""
    return f"bytes */{size}" if span is None else f"bytes {span[0]}-{span[1] - 1}/{size}"


def multipart_heads(ranges: Sequence[Range], size: int, content_type: str, boundary: str) -> tuple[list[bytes], bytes]:
    """The frame of a multipart/byteranges body (RFC 9110 section 14.6): what precedes each range, and the end."""
    start = f"\r\n--{boundary}\r\ncontent-type: {content_type}\r\ncontent-range: "
    heads = [f"{start}{content_range(span, size)}\r\n\r\n".encode() for span in ranges]
    heads[0] = heads[0][2:]
    return heads, f"\r\n--{boundary}--\r\n".encode()


def _resolve(first: str, last: str, size: int) -> Range:
    """The range of one spec; empty or inverted when it can't be satisfied."""
    if not first:
        return size - _number(last, size), size
    return _number(first, size), _number(last, size - 1) + 1 if last else size


def _number(digits: str, limit: int) -> int:
    """A number, or `limit` if that is less: without computing with ten thousand digits."""
    digits = digits.lstrip("0")
    return limit if len(digits) > 19 else min(int(digits or "0"), limit)


def _overlap(ranges: list[Range]) -> bool:
    ordered = sorted(ranges)
    return any(one[1] > other[0] for one, other in pairwise(ordered))
