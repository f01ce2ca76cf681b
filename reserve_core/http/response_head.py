"""The head of a response: its header fields as lines, with what they say of the framing (RFC 9110 5, RFC 9112 6)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from ..errors import ResponseError
from ..tokens import is_token
from .request import Headers

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}

# Header fields in bytes.
Fields = list[tuple[bytes, bytes]]

_ORDINARY: Final = 0
_LENGTH: Final = 1
_DROPPED: Final = 2
_CONNECTION: Final = 3
_DATE: Final = 4
_VARY: Final = 5
_SPECIAL = {
    "content-length": _LENGTH,
    "transfer-encoding": _DROPPED,
    "keep-alive": _DROPPED,
    "connection": _CONNECTION,
    "date": _DATE,
}
# What each header name seen so far means for the framing of a response. Names come from handlers, not from clients,
# yet a proxied response may bring any: the size is bounded.
_kinds: Final[dict[str, int]] = {}
# The same for names that were received, in bytes.
_received_kinds: Final[dict[bytes, int]] = {}


def render_fields(status: int, headers: Headers, date: str) -> tuple[str, int | None, bool]:
    """The lines of `headers` that may go out, the content-length among them, and whether they end the connection.

    `date` is the line of the Date header, added when there is none. Framing is the connection's own affair: what
    handlers say of it is dropped. Raises `ResponseError` for what can't be sent.
    """
    if not 200 <= status <= 999:
        raise ResponseError(f"{status!r} is not a status that ends a request (RFC 9110 15)")
    length: int | None = None
    closes = False
    text = ""
    for name, value in headers.items():
        kind = _kinds.get(name)
        if kind is None:
            kind = _kind(name)
        if kind:
            if kind == _LENGTH:
                length = _length(value, length)
                if status == 204:
                    length = None
                    continue
            elif kind == _DATE:
                date = ""
            elif kind == _CONNECTION:
                closes = closes or "close" in value.lower()
                if closes or "upgrade" not in value.lower():
                    continue
            else:
                continue
        if not value.isprintable():
            _check_value(value)
        text += f"{name}: {value}\r\n"
    return text + date, length, closes


def render_received(status: int, fields: Fields, size: int, date: str) -> bytes | None:
    """The head of a response with a body of `size` bytes whose `fields` go out as they came.

    None: there is something to be done for them, as they are about the connection, can't be sent, or have to be joined.
    Raises `ResponseError` for names that are none.
    """
    if not 200 <= status <= 999:
        return None
    dated = sized = varies = False
    values: list[bytes] = []
    parts = [(_STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n").encode()]
    for name, value in fields:
        kind = _received_kinds.get(name, -1)
        if kind < 0:
            kind = _received_kind(name)
        if kind != _ORDINARY:
            if kind == _DATE:
                dated = True
            elif kind == _LENGTH:
                if sized or status == 204 or value != str(size).encode():
                    return None
                sized = True
            elif kind == _VARY and not varies and _is_plain(value):
                varies = True
            else:
                return None
        parts += (name, b": ", value, b"\r\n")
        values.append(value)
    together = b"".join(values)
    if 10 in together or 13 in together or 0 in together:
        return None
    rest = "" if dated else date
    if not sized and status != 204 and (status != 304 or size):
        rest += f"content-length: {size}\r\n"
    parts.append(f"{rest}\r\n".encode())
    return b"".join(parts)


def render_field(name: str, value: str) -> str:
    """The line of one field. Raises `ResponseError` for what can't be sent."""
    _kind(name)
    _check_value(value)
    return f"{name}: {value}\r\n"


def is_framing(name: str) -> bool:
    """Whether a field of that name is about the connection or the length of the body."""
    return _kind(name) not in (_ORDINARY, _DATE)


def render_head(status: int, fields: str) -> bytes:
    """The status line, the lines of the fields, and the empty one. Raises `ResponseError` for what isn't Latin-1."""
    line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    return _encoded(f"{line}{fields}\r\n")


def render_interim(status: int, headers: Headers) -> bytes:
    """An interim response, which has no body (RFC 9110 15.2). Raises `ResponseError` for what can't be sent."""
    return render_head(status, _unframed(headers))


def render_switching(fields: Iterable[tuple[str, str]]) -> bytes:
    """The head of a 101, which says all of its framing itself (RFC 9110 15.2.2). Raises `ResponseError` for what can't
    be sent."""
    text = ""
    for name, value in fields:
        text += render_field(name, value)
    return render_head(101, text)


def render_trailers(trailers: Headers) -> bytes:
    """What follows the last chunk of a body (RFC 9112 7.1.2). Raises `ResponseError` for what can't be sent."""
    return _encoded(f"{_unframed(trailers)}\r\n")


def _unframed(headers: Headers) -> str:
    """The lines of `headers` that say nothing of framing."""
    text = ""
    for name, value in headers.items():
        if not is_framing(name):
            text += render_field(name, value)
    return text


def _encoded(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        value = error.object[error.start : error.end]
        raise ResponseError(f"{value!r} in a header value is beyond Latin-1 (RFC 9110 5.5)") from error


def _kind(name: str) -> int:
    if not is_token(name):
        raise ResponseError(f"{name!r} is not a valid header name (RFC 9110 5.1)")
    if len(_kinds) > 4096:
        _kinds.clear()
    kind = _kinds[name] = _SPECIAL.get(name.lower(), _ORDINARY)
    return kind


def _received_kind(name: bytes) -> int:
    kind = _VARY if name.lower() == b"vary" else _kind(name.decode("latin-1"))
    if len(_received_kinds) > 4096:
        _received_kinds.clear()
    _received_kinds[name] = kind
    return kind


@lru_cache(maxsize=256)
def _is_plain(vary: bytes) -> bool:
    """Whether a Vary names nothing twice."""
    names = [name.strip().lower() for name in vary.split(b",")]
    return len(set(names)) == len(names)


def _length(value: str, known: int | None) -> int:
    if not (value.isascii() and value.isdigit()) or (known is not None and int(value) != known):
        raise ResponseError(f"{value!r} is not a content-length (RFC 9110 8.6)")
    return int(value)


def _check_value(value: str) -> None:
    # A line break would make one handler's value another header of everybody's.
    if "\n" in value or "\r" in value or "\0" in value:
        raise ResponseError(f"{value!r} has a line break or a NUL: no header value (RFC 9110 5.5)")
