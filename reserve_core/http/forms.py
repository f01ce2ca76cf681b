"""Forms: urlencoded and multipart bodies (RFC 7578, RFC 2046 5.1), parsed by python-multipart."""

from __future__ import annotations

import asyncio
import logging
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass, field
from string import hexdigits
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from multidict import MultiDict
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ..errors import HTTPError
from .charset import codec, codec_of, parameters

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# It tells its logger of each malformed body. What clients send is no warning, and no line of the console's log.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

# More parts than this are an attack, not a form.
MAX_PARTS = 1000
# Bytes of a body that is parsed at once. A larger one is parsed in a thread, and in pieces of this size: no piece keeps
# the interpreter to itself for long.
PIECE = 64 * 1024

# A value with its charset, and its language, which tells us nothing (RFC 8187 3.2).
_EXTENDED = re.compile("([A-Za-z0-9-]+)'[A-Za-z0-9-]*'(.*)")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BYTES = {f"{high}{low}".encode(): bytes.fromhex(high + low) for high in hexdigits for low in hexdigits}


@dataclass(slots=True)
class FormFile:
    """A file of a multipart form, its content as sent.

    Parts that aren't of a form (`multipart/mixed`, `multipart/related`) are files, too: `name` is their Content-ID, and
    "" if there is none.
    """

    name: str
    filename: str
    content_type: str
    body: bytes


@dataclass(slots=True)
class Form:
    """The fields of a form, ordered and with duplicates, and its files; `error` is why there are no more of them."""

    fields: MultiDict[str] = field(default_factory=MultiDict)
    files: list[FormFile] = field(default_factory=list)
    error: HTTPError | None = None


async def read_form(content_type: str, body: bytes) -> Form:
    """What `parse_form` gives, without holding up the event loop."""
    if len(body) <= PIECE:
        return parse_form(content_type, body)
    return await asyncio.to_thread(parse_form, content_type, body)


def parse_form(content_type: str, body: bytes) -> Form:
    """The form in `body`, as far as it can be read; empty for a content type that isn't a form's."""
    kind, options = parse_options_header(content_type)
    if kind == b"application/x-www-form-urlencoded":
        return _parse_fields(body)
    if not kind.startswith(b"multipart/"):
        return Form()
    collector = _Collector(kind == b"multipart/form-data")
    form = collector.form
    try:
        _parse_parts(options.get(b"boundary", b""), body, collector)
    except HTTPError as error:
        form.error = error
    return form


def _parse_fields(body: bytes) -> Form:
    form = Form()
    if body.count(b"&") >= MAX_PARTS:
        form.error = HTTPError(413, f"The form has more than {MAX_PARTS} fields")
    for field_ in body.split(b"&", MAX_PARTS)[:MAX_PARTS]:
        if field_:
            name, _, value = field_.partition(b"=")
            form.fields.add(_text(map(_unescaped, _pieces(name))), _text(map(_unescaped, _pieces(value))))
    return form


def _parse_parts(boundary: bytes, body: bytes, collector: _Collector) -> None:
    """Parses a multipart body. Raises `HTTPError` 400 where it is malformed, 413 for too many parts."""
    if not boundary:
        raise HTTPError(400, "The multipart body's content type names no boundary")
    why = ""
    # What comes before the first boundary is for readers who don't know of parts (RFC 2046 5.1.1).
    begin = 0 if body.startswith(b"--" + boundary) else body.find(b"\r\n--" + boundary) + 2
    if begin > 1:
        body = body[begin:]
    try:
        parser = MultipartParser(boundary, collector.callbacks())
        for piece in _pieces(body):
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        why = f"is malformed: {error}"
    else:
        if not collector.complete:
            why = f"ends before its last boundary{collector.place}"
    if why:
        delimiter = b"--" + boundary
        if delimiter not in body:
            why = f"doesn't have the boundary that its content type names, {boundary.decode('latin-1')!r}"
        elif delimiter + b"\n" in body:
            why = "ends its lines with LF, not with CR LF (RFC 2046 4.1.1)"
        raise HTTPError(400, f"The multipart body {why}")


def _pieces(data: bytes) -> Iterator[bytes]:
    """`data` in pieces, none of which ends within a percent-encoding."""
    start = 0
    while start < len(data):
        end = start + PIECE
        percent = data.find(b"%", end - 2, end)
        if percent >= 0 and end < len(data):
            end = percent  # no percent-encoding has one within
        yield data[start:end]
        start = end


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda escape: _BYTES[escape[1]], data.replace(b"+", b" "))


def _text(pieces: Iterator[bytes], codec: str = "utf_8") -> str:
    decoder = getincrementaldecoder(codec)("replace")
    return "".join(map(decoder.decode, pieces)) + decoder.decode(b"", True)


class _Collector:
    """Gathers what the multipart parser reports into a form. In one with `named_parts` each has to have a name."""

    def __init__(self, named_parts: bool) -> None:
        self.form = Form()
        self.complete = False
        self._named_parts = named_parts
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._data: list[bytes] = []
        self._parts = 0

    @property
    def place(self) -> str:
        """Where the body has ended, in words."""
        name = self._disposition().get(b"name")
        return "" if name is None else f", in the part {name.decode('utf-8', 'replace')!r}"

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self.part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self.header_end,
            "on_part_data": lambda data, start, end: self._data.append(data[start:end]),
            "on_part_end": self.part_end,
            "on_end": self.end,
        }

    def part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise HTTPError(413, f"The form has more than {MAX_PARTS} parts")
        self._headers = {}
        self._data = []

    def header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def part_end(self) -> None:
        options = self._disposition()
        body = b"".join(self._data)
        name = options.get(b"name")
        if name is None and self._named_parts:
            raise HTTPError(400, "A part of the multipart body has no name")
        if name is None or b"filename" in options:
            filename = options.get(b"filename", b"").decode("utf-8", "replace")
            default = b"application/octet-stream" if b"filename" in options else b"text/plain"  # RFC 2046 5.1
            content_type = self._headers.get(b"content-type", default).decode("latin-1")
            if name is None:
                name = self._headers.get(b"content-id", b"").strip(b"<> ")
            self.form.files.append(FormFile(name.decode("utf-8", "replace"), filename, content_type, body))
        else:
            codec = codec_of(self._headers.get(b"content-type", b"").decode("latin-1"))
            self.form.fields.add(name.decode("utf-8", "replace"), _text(_pieces(body), codec))
        self._headers = {}

    def _disposition(self) -> dict[bytes, bytes]:
        header = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(header)
        if b"*" in header:
            # RFC 7578 4.2 allows only the other form, but clients send this one, some with a makeshift of the other.
            for name, value in parameters(header.decode("latin-1")):
                extended = _EXTENDED.fullmatch(value)
                if name.endswith("*") and extended is not None:
                    text = unquote_to_bytes(extended[2]).decode(codec(extended[1]), "replace")
                    options[name[:-1].encode("latin-1")] = text.encode()
        return options

    def end(self) -> None:
        self.complete = True
