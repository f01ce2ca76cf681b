"""Says in the header Server-Timing which mapping has responded, and how long that took.

    { "match": "^/", "timing": true }

stands before the mappings that it is about. Browsers show the header among a request's timings.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Headers, Mapping, Prediction, Request, Response, Writer

    from .options import Options


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def redirect(request: Request, response: Response) -> None:
    # A request is timed once, also when a handler redirects it to another URL.
    if "timing" not in request.state:
        request.state["timing"] = response.writer = TimingWriter(response.writer, request)


@hookimpl
def explain() -> Prediction:
    from reserve_core import Prediction

    return Prediction.passes("adds Server-Timing to the response")


class TimingWriter:
    """Adds the header to the head of a response, and passes the rest on."""

    def __init__(self, writer: Writer, request: Request) -> None:
        self._writer = writer
        self._request = request
        self._begin = time.perf_counter()
        self._metric = ""
        self.inform = writer.inform
        self.write = writer.write
        self.end = writer.end
        self.abort = writer.abort

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        self._add(headers)
        self._writer.send(status, headers, body)

    def start(self, status: int, headers: Headers) -> None:
        """See `Writer.start`."""
        self._add(headers)
        self._writer.start(status, headers)

    def _add(self, headers: Headers) -> None:
        mapping = self._request.mapping
        if mapping is None:
            return
        if self._metric:  # of a response that was refused: this one takes its place
            others = [value for value in headers.popall("server-timing", ()) if value != self._metric]
            headers.extend(("server-timing", value) for value in others)
        self._metric = metric(mapping, (time.perf_counter() - self._begin) * 1000)
        headers.add("server-timing", self._metric)


def metric(mapping: Mapping, spent: float) -> str:
    """The metric of a mapping that has responded after `spent` ms (W3C Server Timing 3)."""
    place = "".join(character for character in mapping.place if " " <= character <= "~" and character not in '"\\')
    return f'{mapping.handler.prefix};desc="{place}";dur={spent:.1f}'
