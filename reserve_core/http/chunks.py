"""The chunks of a request's body, by themselves: async generators are what mypyc doesn't compile."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request import Request


async def chunks(request: Request) -> AsyncGenerator[bytes]:
    """What `request.stream()` returns."""
    if request._kept is not None:
        if request._kept:
            yield request._kept
        return
    request._take()
    while chunk := await request._body.read():
        yield chunk
