"""The writers that the response to a failure goes through, too, although what they stand around is over."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .request import Request

_KEY = "reserve.failure_writers"


class SurroundingWriter(Protocol):
    """A writer that completes a response when who gives it has returned: see `BodyWriter.around`."""

    async def around(self, respond: Awaitable[None]) -> None:
        """Has `respond` give the response, and completes it."""


def await_failure(request: Request, writer: SurroundingWriter) -> None:
    """Has `writer` complete the response that the dispatcher sends when a handler has failed; the innermost first."""
    writers: list[SurroundingWriter] = request.state.setdefault(_KEY, [])
    writers.append(writer)


async def through_failure_writers(request: Request, respond: Awaitable[None]) -> None:
    """Has `respond` give the response to a failure, and each of those writers complete it. Raises what they raise."""
    writers: list[SurroundingWriter] = request.state.pop(_KEY, [])
    for writer in writers:
        respond = writer.around(respond)
    await respond
