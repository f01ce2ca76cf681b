"""What a response depends on (RFC 9110 12.5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request import Headers


def add_vary(headers: Headers, name: str) -> None:
    """Says in Vary that the response depends on the request's header `name`, unless it says so already, or `*`."""
    values = headers.getall("vary", ())
    names = {each.strip().lower() for value in values for each in value.split(",")}
    if name.lower() not in names and "*" not in names:
        headers["vary"] = ", ".join((*values, name))
