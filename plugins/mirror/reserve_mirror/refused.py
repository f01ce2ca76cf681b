"""Requests that the server refuses before any mapping sees them: those are the ones to be debugged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reserve_core import HTTPError

from .mount import TAP

if TYPE_CHECKING:
    from reserve_core import Configuration, Event, Mapping


def passed(event: Event, configuration: Configuration, prefix: str) -> Iterator[tuple[Mapping, str]]:
    """The mappings of a prefix that a refused request would have come to, and the value each would have got.

    Its target was never made canonical, so it's looked for as it was sent. Only a tap is sure to let a request pass:
    behind any other mapping nothing is, as that may be one that protects the mirror.
    """
    if not event.url.startswith("/"):
        return
    for mapping in configuration.mappings:
        if mapping.methods is not None and event.method not in mapping.methods:
            continue
        try:
            match = mapping.search(event.url)
        except HTTPError:  # the expression takes too long
            return
        if (match is None) is not mapping.invert:
            continue
        if mapping.if_match is not None:
            return
        if mapping.handler.prefix == prefix and match is not None:
            yield mapping, mapping.value if mapping.template is None else mapping.template(match)
        if mapping.handler.prefix != TAP:
            return
