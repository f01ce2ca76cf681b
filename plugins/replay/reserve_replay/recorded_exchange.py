"""A recorded exchange: a request and its response, each with all that HTTP/1.1 has said of it (RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reserve_core import Headers
from reserve_core.kit import TOKEN

_REQUEST_LINE = re.compile(rf"(?!#)({TOKEN}) ([!-~]+) HTTP/1\.[01]")
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([2-9][0-9]{2})(?: [\t -~\x80-\xff]*)?")
_FIELD_LINE = re.compile(rf"({TOKEN}):[ \t]*([^\0\r\n]*?)[ \t]*")  # what a server takes, it may be more than RFC 9110

_WITHOUT_CONTENT = (204, 304)


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """A request or a response. Lines have a char per byte (Latin-1), and no end of line.

    `body` is without its transfer coding: of a chunked one, `chunks` are the sizes, and `trailer_lines` what came
    behind it. Where the sizes aren't those of the body, because somebody has edited it, it is one chunk.
    """

    first_line: str  # "GET /books?page=2 HTTP/1.1", "HTTP/1.1 200 OK"
    field_lines: tuple[str, ...] = ()  # "Content-Type: text/plain"
    body: bytes = b""
    chunks: tuple[int, ...] = ()
    trailer_lines: tuple[str, ...] = ()

    @property
    def headers(self) -> Headers:
        """The header fields."""
        return Headers(map(parse_field, self.field_lines))

    @property
    def trailers(self) -> Headers:
        """The fields behind the body."""
        return Headers(map(parse_field, self.trailer_lines))

    @property
    def is_chunked(self) -> bool:
        """Whether it says so."""
        return self.headers.get("transfer-encoding", "").lower().endswith("chunked")

    def pieces(self) -> Iterator[bytes]:
        """The body in its chunks."""
        sizes = self.chunks if sum(self.chunks) == len(self.body) else (len(self.body),)
        start = 0
        for size in sizes:
            if size:
                yield self.body[start : start + size]
            start += size

    def with_body(self, body: bytes) -> RecordedMessage:
        """The same with another body, whose length a content-length says."""
        if body == self.body:
            return self
        lines = tuple(_with_length(line, len(body)) for line in self.field_lines)
        return replace(self, field_lines=lines, body=body)

    def wire(self, has_content: bool = True) -> bytes:
        """The bytes of the message, as it was sent. A content-length is that of the body, whatever its line says.

        Without `has_content` there is no body, as in the response to HEAD, and the line stays.
        """
        lines = [self.first_line, *self.field_lines]
        if self.is_chunked and has_content:
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in self.pieces())
            body += b"0\r\n" + "".join(f"{line}\r\n" for line in self.trailer_lines).encode("latin-1") + b"\r\n"
        else:
            body = self.body
            if has_content:
                lines = [_with_length(line, len(body)) for line in lines]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def _with_length(line: str, length: int) -> str:
    name, colon, value = line.partition(":")
    return f"{name}: {length}" if colon and name.lower() == "content-length" and value.strip() != str(length) else line


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """A request and its response. Raises `MessageError` for lines that HTTP/1.1 doesn't have.

    `time` is when the request came (ISO 8601, UTC), `duration` the milliseconds up to the end of the response,
    `comment` a remark on it, `place` where it stands, for messages: `api/0001-GET-books`, `api.har, entry 3`.
    """

    request: RecordedMessage
    response: RecordedMessage
    time: str = ""
    duration: float | None = None
    comment: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        check_request_line(self.request.first_line)
        check_status_line(self.response.first_line)
        for message in (self.request, self.response):
            for line in (*message.field_lines, *message.trailer_lines):
                parse_field(line)

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.first_line.partition(" ")[0]

    @property
    def target(self) -> str:
        """What the request has asked for: a path and a query, as they were sent."""
        return self.request.first_line.split(" ")[1]

    @property
    def status(self) -> int:
        """The status of the response."""
        return int(self.response.first_line.split(" ")[1])

    @property
    def has_content(self) -> bool:
        """Whether the response can have a body (RFC 9110 6.4.1)."""
        return self.method != "HEAD" and self.status not in _WITHOUT_CONTENT

    def request_bytes(self) -> bytes:
        """The request as it was on the wire."""
        request = self.request
        if request.body and not request.is_chunked and "content-length" not in request.headers:  # written by hand
            request = replace(request, field_lines=(*request.field_lines, "Content-Length: 0"))
        return request.wire()

    def response_bytes(self) -> bytes:
        """The response as it was on the wire."""
        return self.response.wire(self.has_content)

    def at(self, place: str) -> RecordedExchange:
        """The same at another place."""
        return replace(self, place=place)

    def __str__(self) -> str:
        return f"{self.method} {self.target} from {self.place}" if self.place else f"{self.method} {self.target}"


class MessageError(ValueError):
    """A line that is none of HTTP, and how to mend it."""

    def __init__(self, fault: str, mend: str) -> None:
        super().__init__(fault)
        self.mend = mend


def check_request_line(line: str) -> None:
    """Raises `MessageError`."""
    if _REQUEST_LINE.fullmatch(line) is None:
        raise MessageError(f"{line!r} is no request line", "Write GET /path HTTP/1.1")


def check_status_line(line: str) -> None:
    """Raises `MessageError`."""
    if _STATUS_LINE.fullmatch(line) is None:
        raise MessageError(f"{line!r} is no status line", "Write HTTP/1.1 200 OK")


def parse_field(line: str) -> tuple[str, str]:
    """The name and the value of a header line. Raises `MessageError` when it is none."""
    match = _FIELD_LINE.fullmatch(line)
    if match is None:
        raise MessageError(f"{line!r} is no header line", "Write Name: value; an empty line ends the head")
    return match[1], match[2]


def field_lines(pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The header lines of names and values."""
    return tuple(f"{name}: {value}" if value else f"{name}:" for name, value in pairs)
