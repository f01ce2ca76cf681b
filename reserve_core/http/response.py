"""The response as handlers see it, and the writers that it can be wrapped by."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from multidict import CIMultiDict

from ..defaults import CACHEABLE, JSON, NO_STORE, TEXT, with_charset
from ..errors import ResponseError
from ..native import mypyc_attr
from . import strict_json
from .fixed_headers import FixedHeaders
from .ready_headers import ReadyHeaders
from .request import Headers
from .sendfile import CHUNK, copy_file

HeaderValues = Mapping[str, str] | Iterable[tuple[str, str]]


@mypyc_attr(native_class=False)
class Writer(Protocol):
    """Where a response goes: to the connection, or to the writer that wraps it.

    A response is either one `send`, or `start`, any number of `write`, and `end`; `Response` keeps the order. To see
    or change a response while it is sent, put your own writer in front of the present one:
    `response.writer = MyWriter(response.writer)`.
    """

    def inform(self, status: int, headers: Headers) -> None:
        """An interim response (1xx), before the final one."""

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole response at once."""

    def start(self, status: int, headers: Headers) -> None:
        """The head of a response whose body follows in chunks. May delay it until the first chunk."""

    async def write(self, chunk: bytes) -> None:
        """A chunk of the body; returns when the next one may come. Raises `Disconnected` when nobody receives it."""

    async def end(self) -> None:
        """The body is complete."""

    def abort(self) -> None:
        """The response can't be completed: cuts it so that its receiver notices."""


class ConnectionWriter:
    """What the writer of a connection can do beyond `Writer`. Where it is wrapped, a response does without it."""

    __slots__ = ()

    @abstractmethod
    def send_ready(self, status: int, headers: ReadyHeaders, body: bytes) -> bool:
        """Sends the whole response if nothing has to be added to `headers`. Returns whether it did."""

    @abstractmethod
    def start_ready(self, status: int, headers: ReadyHeaders, size: int) -> bool:
        """Begins a response with a body of `size` bytes if nothing has to be added to `headers`. Returns whether it
        did."""

    @abstractmethod
    async def write_file(self, file: int, offset: int, count: int) -> None:
        """See `Response.write_file`; the head is out, or waits for the body."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Response:
    """The response to one request.

    `status` and `headers` can be changed until the head has gone out. The writer takes care of what the request's
    method and the status mean for the body (HEAD, 204, 304).

    `cache_control` is the Cache-Control of a response whose headers don't say for how long it may be kept, where a
    cache would guess (RFC 9111 4.2.2). A handler that passes on what another server says sets it to None: nothing is
    added.
    """

    __slots__ = ("_headers", "_ready", "_trailers", "cache_control", "ended", "headers_sent", "status", "writer")

    def __init__(self, writer: Writer) -> None:
        self.writer: Writer = writer
        self.status: int = 200
        self._headers: Headers | None = None  # made when asked for
        self._ready: ReadyHeaders | None = None  # those that went out in their stead
        self._trailers: Headers | None = None  # made when asked for: few responses have any
        self.cache_control: str | None = NO_STORE
        self.headers_sent: bool = False
        self.ended: bool = False

    def __repr__(self) -> str:
        state = "ended" if self.ended else "sending" if self.headers_sent else "open"
        return f"<Response {self.status} {state}>"

    @property
    def headers(self) -> Headers:
        """The header fields, case-insensitive, duplicates and order kept; they can be changed until the head is out."""
        headers = self._headers
        if headers is None:
            headers = self._headers = CIMultiDict(self._ready or ())
            if self._ready is not None:
                self._keep_from_caches()
        return headers

    @headers.setter
    def headers(self, fields: HeaderValues) -> None:
        self._headers = fields if isinstance(fields, CIMultiDict) else CIMultiDict(fields)

    @property
    def trailers(self) -> Headers:
        """The fields that follow a chunked body, empty at first; they can be changed until the end (RFC 9110 6.5).

        Where the body is not chunked HTTP has no place for them, and they are left out.
        """
        if self._trailers is None:
            self._trailers = CIMultiDict()
        return self._trailers

    @trailers.setter
    def trailers(self, fields: HeaderValues) -> None:
        self._trailers = CIMultiDict(fields)

    def replace_headers(self, values: HeaderValues) -> None:
        """Sets `values` in `headers`: each name's former values go, its new ones come all.

        Vary alone is added to, each name once: a response varies by whatever any of those has looked at that took part
        in it (RFC 9110 12.5.5).
        """
        headers = self.headers
        earlier: Sequence[str] = ()
        if headers:
            values = list(values.items() if isinstance(values, Mapping) else values)
            earlier = headers.getall("vary", ())
            for name in {name for name, _ in values}:
                headers.popall(name, None)
        headers.extend(values)
        now = headers.getall("vary", ())
        if now and (earlier or len(now) > 1 or "," in now[0]):
            names = [name.strip() for value in (*earlier, *now) for name in value.split(",")]
            once: dict[str, str] = {}
            for name in names:
                once.setdefault(name.lower(), name)
            if earlier or len(once) < len(names):
                headers["vary"] = ", ".join(once.values())

    def inform(self, status: int, headers: HeaderValues = ()) -> None:
        """Sends an interim response, such as 103 with the links of the page to come (RFC 9110 15.2, RFC 8297).

        A client of HTTP/1.0 doesn't know of them and gets none. Raises `ResponseError` when the response has begun, for
        101 and for a status that isn't from 100 to 199.
        """
        if self.headers_sent:
            raise self._too_late()
        if not 100 <= status <= 199 or status == 101:
            raise ResponseError(f"{status!r} is not the status of an interim response (RFC 9110 15.2)")
        self.writer.inform(status, CIMultiDict(headers))

    def send(self, data: Any = b"", status: int | None = None, headers: HeaderValues | None = None) -> None:
        """The whole response in one plain call.

        `data` is bytes, a str (sent as UTF-8 text/plain) or a JSON value (application/json). A content-type that is set
        already stays; one of text gets the charset it lacks, unless `data` is bytes. `headers` replace those of the
        same name; with bytes, `FixedHeaders` cost least. Raises `ResponseError` when the response has begun, TypeError
        when `data` can't be sent, ValueError when it has a number that JSON has not, NaN or an infinity.
        """
        if self.headers_sent:
            raise self._too_late()
        body, content_type = encode(data)
        if status is not None:
            self.status = status
        if headers is None:
            if self._send_ready(_PLAIN[content_type], body):
                return
        else:
            if content_type is None and isinstance(headers, ReadyHeaders) and self._send_ready(headers, body):
                return
            self.replace_headers(headers)
        if content_type is not None:
            describe(self.headers, content_type)
        self._send(body)

    async def send_file(
        self, file: int, offset: int, count: int, status: int | None = None, headers: HeaderValues | None = None
    ) -> None:
        """The whole response, whose body is a part of an open file: see `write_file`. `headers` are as in `send`.

        Raises what `write_file` raises, and `ResponseError` when the response has begun.
        """
        if self.headers_sent:
            raise self._too_late()
        if status is not None:
            self.status = status
        if not (isinstance(headers, ReadyHeaders) and self._send_ready(headers, None, count)):
            if headers is not None:
                self.replace_headers(headers)
            self.headers["content-length"] = str(count)
        await self.write_file(file, offset, count)
        await self.end()

    async def write(self, chunk: bytes | str) -> None:
        """Sends a chunk of the body, the head before the first one; returns when the next one may come.

        A str is sent as UTF-8; as the first chunk it gives a content-type of text the charset it lacks. Raises
        `ResponseError` after the end, `Disconnected` when the client has gone.
        """
        if self.ended:
            raise self._too_late()
        if isinstance(chunk, str):
            chunk = self._encoded(chunk)
        if not self.headers_sent:
            self._start()
        if chunk:
            await self.writer.write(chunk)

    async def write_file(self, file: int, offset: int, count: int) -> None:
        """Sends a part of an open file as a chunk of the body: `count` bytes from position `offset` on.

        `file` is the descriptor of a regular file, which is left open, and its own position as it is. Where a
        content-length is set and nothing stands between, no wrapped writer and no TLS, the system sends the bytes
        without reading them here. Raises EOFError when the file has fewer bytes by now: the response can't be
        completed then. Raises OSError when it can't be read, and what `write` raises.
        """
        if self.ended:
            raise self._too_late()
        if not self.headers_sent:
            self._start()
        writer = self.writer
        # A little is sent at once with what is before it.
        if count > CHUNK and isinstance(writer, ConnectionWriter):
            await writer.write_file(file, offset, count)
        else:
            await copy_file(writer.write, file, offset, count)

    async def end(self, chunk: bytes | str = b"") -> None:
        """Ends the response, with a last chunk if there is one. Raises what `write` raises."""
        if self.ended:
            raise self._too_late()
        if isinstance(chunk, str):
            chunk = self._encoded(chunk)
        if not self.headers_sent:
            self._send(chunk)
            return
        if chunk:
            await self.writer.write(chunk)
        self.ended = True
        await self.writer.end()

    def abort(self) -> None:
        """Cuts a response that can't be completed, so that the client notices: never a clean end to half a body."""
        self.headers_sent = self.ended = True
        self.writer.abort()

    def reset(self) -> None:
        """Closes the connection with a TCP reset, as a server that crashes: before a response, or in the middle of it.

        Then `status` is 0: there is none.
        """
        self.status = 0
        self.abort()

    def _start(self) -> None:
        self._keep_from_caches()
        try:
            self.writer.start(self.status, self.headers)
        except (AttributeError, TypeError) as error:
            _tell_of_values(self.headers, error)
            raise
        self.headers_sent = True

    def _encoded(self, chunk: str) -> bytes:
        if not self.headers_sent:
            describe(self.headers)
        return chunk.encode()

    def _keep_from_caches(self) -> None:
        if self.status in CACHEABLE and self.cache_control is not None:
            headers = self.headers
            if "cache-control" not in headers and "expires" not in headers:
                headers["cache-control"] = self.cache_control

    def _send_ready(self, headers: ReadyHeaders, body: bytes | None, size: int = 0) -> bool:
        """Sends `headers` as they are, if there are no others and they go straight to the connection. Returns whether
        it did. With None as `body`, one of `size` bytes follows."""
        writer = self.writer
        if self._headers or self.cache_control != headers.cache_control or not isinstance(writer, ConnectionWriter):
            return False
        # Reset when the writer has something to add.
        if body is None:
            self.headers_sent = writer.start_ready(self.status, headers, size)
        else:
            self.headers_sent = self.ended = writer.send_ready(self.status, headers, body)
        if self.headers_sent:
            self._ready, self._headers = headers, None
        return self.headers_sent

    def _send(self, body: bytes) -> None:
        self._keep_from_caches()
        # Reset when the writer refuses the response: another one may be sent.
        self.headers_sent = self.ended = True
        try:
            self.writer.send(self.status, self.headers, body)
        except BaseException as error:
            self.headers_sent = self.ended = False
            _tell_of_values(self.headers, error)
            raise

    def _too_late(self) -> ResponseError:
        what = "has ended" if self.ended else "has begun: its head went out"
        return ResponseError(f"The response {what} already; a handler that answers must be the only one that does")


def _tell_of_values(headers: Any, error: BaseException) -> None:
    """Says which header made the writer fail: nobody looks at each value before, for the few that are no text."""
    if isinstance(error, AttributeError | TypeError):
        for name, value in headers.items():
            if not isinstance(value, str):
                raise ResponseError(f"The header {name} has {value!r}, which is no text: write a str") from error


# Of responses that are given none.
_PLAIN: dict[str | None, FixedHeaders] = {
    None: FixedHeaders(()),
    TEXT: FixedHeaders({"content-type": TEXT}),
    JSON: FixedHeaders({"content-type": JSON}),
}


def encode(data: Any) -> tuple[bytes, str | None]:
    """The bytes of `data` and the content type they have: None for bytes, which may be anything."""
    if isinstance(data, str):
        return data.encode(), TEXT
    if isinstance(data, bytes):
        return data, None
    if isinstance(data, bytearray | memoryview):
        return bytes(data), None
    return strict_json.dump(data).encode(), JSON


def describe(headers: Headers, content_type: str | None = None) -> None:
    """Says what a body is that was encoded here: what `headers` say, with the charset of text, else `content_type`."""
    given = headers.get("content-type")
    if given is None:
        if content_type is not None:
            headers["content-type"] = content_type
    elif (whole := with_charset(given)) != given:
        headers["content-type"] = whole
