"""Requests that the server refuses before any mapping sees them, which are recorded where they would have gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reserve_core import HTTPError

from .prefixes import TAP

if TYPE_CHECKING:
    from reserve_core import Event, LiveConfiguration, Mapping


def mappings_reached(event: Event, configuration: LiveConfiguration, prefix: str) -> Iterator[tuple[Mapping, str]]:
    """The mappings of a prefix that a refused request would have come to, and the value each would have got.

    Its target was never made canonical, so it's looked for as it was sent. Only a tap is sure to let a request pass:
    behind any other mapping nothing is, as that may be one that protects the mirror.
    """
    request = event.request
    if request is None or not event.url.startswith("/"):
        return
    for mapping in configuration.mappings:
        try:
            match = mapping.match(request.method, event.url, request.hostname)
        except HTTPError:  # the expression takes too long
            return
        if match is None:
            continue
        if mapping.if_match is not None:
            return
        if mapping.handler.prefix == prefix:
            yield mapping, mapping.value if mapping.template is None else mapping.template(match)
        if mapping.handler.prefix != TAP:
            return
