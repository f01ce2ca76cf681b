"""The writer that says in Server-Timing who has responded (W3C Server Timing 3)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from reserve_core.kit import HeadWriter

if TYPE_CHECKING:
    from reserve_core import Headers, Mapping, Request, Response


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
