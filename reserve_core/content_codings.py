"""Which content codings a client takes (RFC 9110 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .tokens import TOKEN

_ELEMENT = re.compile(rf"({TOKEN})(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{{0,3}})?|1(?:\.0{{0,3}})?))?")


def accepted_codings(accept_encoding: str, offered: Iterable[str]) -> tuple[str, ...]:
    """The `offered` codings that the client takes rather than none, by how much it likes them; equal ones stay in their
    order.

    None is always taken if nothing else is there: an origin server may disregard the header. Without the header a
    client has not asked for any coding: "" is the same.
    """
    weights: dict[str, float] = {}
    for element in accept_encoding.split(","):
        match = _ELEMENT.fullmatch(element.strip(" \t"))
        if match is not None:
            name = match[1].lower()
            weights["gzip" if name == "x-gzip" else name] = float(match[2] or 1)
    others = weights.get("*", 0.0)
    least = weights.get("identity", 0.0)
    wanted = [(weights.get(coding, others), coding) for coding in offered]
    wanted.sort(key=lambda pair: -pair[0])
    return tuple(coding for weight, coding in wanted if weight > 0 and weight >= least)
