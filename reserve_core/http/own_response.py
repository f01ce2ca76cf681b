"""Whose response it is that a writer is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request import Request


def is_own_response(request: Request) -> bool:
    """Whether the response is the server's own: a status, or what a handler has raised.

    For writers that look at a response while it is sent; others come from files, functions, applications, other
    servers.
    """
    mapping = request.mapping
    return request.error is not None or (mapping is not None and mapping.handler.prefix == "status")
