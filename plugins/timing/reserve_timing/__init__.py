"""Says in the header Server-Timing which mapping has responded, and how long that took.

    { "match": "^/", "timing": true }

stands before the mappings that it is about. Browsers show the header among a request's timings.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from reserve_core import hookimpl
from reserve_core.kit import HeadWriter, first_time

if TYPE_CHECKING:
    from reserve_core import Headers, Mapping, Prediction, Request, Response

    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def redirect(request: Request, response: Response) -> None:
    if first_time(request, TimingWriter):
        TimingWriter(request, response)


@hookimpl
def explain() -> Prediction:
    from reserve_core import Prediction

    return Prediction.passes("adds Server-Timing to the response")


class TimingWriter(HeadWriter):
    """Adds the header to the head of a response."""

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__(response)
        self._request = request
        self._begin = time.perf_counter()

    def change(self, status: int, headers: Headers) -> None:
        """See `HeadWriter.change`."""
        mapping = self._request.mapping
        if mapping is not None:
            headers.add("server-timing", metric(mapping, (time.perf_counter() - self._begin) * 1000))


def metric(mapping: Mapping, spent: float) -> str:
    """The metric of a mapping that has responded after `spent` ms (W3C Server Timing 3)."""
    place = "".join(character for character in mapping.place if " " <= character <= "~" and character not in '"\\')
    return f'{mapping.handler.prefix};desc="{place}";dur={spent:.1f}'
