"""Records one exchange while it happens: sees all that is read and all that is written, and changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

from .recorded_exchange import RecordedExchange, RecordedMessage, field_lines

if TYPE_CHECKING:
    from reserve_core import Headers, Request, Response
    from reserve_core.kit import Body

logger = logging.getLogger("reserve")

Keep = Callable[[RecordedExchange], None]

_WITHOUT_CONTENT = (204, 304)
# What a handler says of these isn't sent: they are the connection's.
_OF_CONNECTION = frozenset(("connection", "keep-alive", "transfer-encoding"))


class ExchangeRecorder:
    """The writer of one response, put in front of it by being made. Gives `keep` the exchange once it is complete,
    and logs what that raises: OSError, TimeoutError, ValueError.

    What is cut, has more than `limit` bytes in a body, or is an error of the server itself is not kept.
    """

    def __init__(self, request: Request, response: Response, limit: int, keep: Keep) -> None:
        self._request = request
        self._response = response
        self._writer = writer = response.writer
        self._limit = limit
        self._keep = keep
        self._time = datetime.now(UTC)
        self._started = perf_counter()
        self._first_line = f"{request.method} {request.raw_url} HTTP/{request.http_version}"
        self._fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.field_lines]
        self._asked = _BodyCopy(limit)
        body = request.body_at_hand()
        if body is None:
            request.wrap_body(self._asked.of)
        else:
            self._asked.take(body)
            self._asked.complete = True
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._sent = _BodyCopy(limit)
        self.inform = writer.inform
        self.abort = writer.abort
        response.writer = self

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        self._writer.send(status, headers, body)
        self._begin(status, headers)
        if "content-length" not in headers and status != 204 and (status != 304 or body):
            self._headers.append(("content-length", str(len(body))))
        self._add(body)
        self._finish()

    def start(self, status: int, headers: Headers) -> None:
        """See `Writer.start`."""
        self._writer.start(status, headers)
        self._begin(status, headers)
        if "content-length" not in headers and self._has_content:
            self._headers.append(("transfer-encoding", "chunked"))

    async def write(self, chunk: bytes) -> None:
        """See `Writer.write`."""
        await self._writer.write(chunk)
        self._add(chunk)

    async def end(self) -> None:
        """See `Writer.end`."""
        await self._writer.end()
        self._finish()

    @property
    def _has_content(self) -> bool:
        return self._status not in _WITHOUT_CONTENT and not self._first_line.startswith("HEAD ")

    def _begin(self, status: int, headers: Headers) -> None:
        self._status = status
        self._headers = [(name, value) for name, value in headers.items() if name.lower() not in _OF_CONNECTION]

    def _add(self, chunk: bytes) -> None:
        if self._has_content:
            self._sent.take(chunk)

    def _finish(self) -> None:
        reason = self._why_not()
        try:
            if reason == "":
                self._keep(self._exchange())
        except (OSError, TimeoutError, ValueError) as error:
            reason = str(error)
        if reason:
            logger.warning("%s is not recorded: %s", self._first_line.rpartition(" ")[0], reason)

    def _why_not(self) -> str | None:
        """Why the exchange isn't kept; None if that is as it should be, "" if it is kept."""
        mapping = self._request.mapping
        if self._request.error is not None or mapping is None or mapping.index < 0:
            return None  # no response of a mapping's: a server that is down now may be up soon
        if self._asked.size > self._limit or self._sent.size > self._limit:
            return f"a body has more than {self._limit} bytes, the limit max-body"
        return ""

    def _exchange(self) -> RecordedExchange:
        try:
            phrase = HTTPStatus(self._status).phrase
        except ValueError:
            phrase = ""
        chunked = ("transfer-encoding", "chunked") in self._headers
        # Of a body that no handler has read to its end nothing is kept: a part would be taken for all of it.
        asked, comment = (self._asked.chunks, "") if self._asked.complete else ([], "its body was not read to its end")
        trailers = self._response.trailers.items() if chunked else ()
        return RecordedExchange(
            RecordedMessage(self._first_line, field_lines(self._fields), b"".join(asked)),
            RecordedMessage(
                f"HTTP/1.1 {self._status} {phrase}".rstrip(),
                field_lines(self._headers),
                b"".join(self._sent.chunks),
                tuple(map(len, self._sent.chunks)) if chunked else (),
                field_lines(list(trailers)),
            ),
            f"{self._time:%Y-%m-%dT%H:%M:%S}.{self._time.microsecond // 1000:03}Z",
            round((perf_counter() - self._started) * 1000, 3),
            comment,
        )


class _BodyCopy:
    """What has come of a body: its chunks, up to `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.complete = False
        self._limit = limit
        self._body: Body | None = None

    def take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if chunk and self.size <= self._limit:
            self.chunks.append(chunk)

    # The body of a request, while a handler reads it.

    def of(self, body: Body) -> _BodyCopy:
        self._body = body
        return self

    @property
    def length(self) -> int | None:
        """See `Body.length`."""
        assert self._body is not None
        return self._body.length

    async def read(self) -> bytes:
        """See `Body.read`."""
        assert self._body is not None
        chunk = await self._body.read()
        self.take(chunk)
        self.complete = not chunk or self.size == self._body.length
        return chunk
