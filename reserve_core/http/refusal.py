"""A request that is refused before its head is whole: what there is of it, for those who look for the reason."""

from __future__ import annotations

import re

from httptools import HttpRequestParser

from .request import Request

# Of a target that is too long, bytes that are told.
LONGEST = 8192

# The beginning of a request line (RFC 9112 3).
_LINE = re.compile(rb"[\r\n]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) ([^ \r\n]+)")


def refused_request(
    parser: HttpRequestParser, target: bytes, headers: list[tuple[bytes, bytes]], data: bytes
) -> Request:
    """The request as far as the parser has told it: method and target are "" when they aren't known.

    A target that it doesn't take the parser doesn't tell: then it's looked for in `data`, with which the request must
    begin, or it is empty. In the text of a target, bytes that aren't UTF-8 are escaped.
    """
    method = parser.get_method()
    if not target:
        line = _LINE.match(data)
        method, target = (line[1], line[2]) if line is not None else (b"", b"")
    text = target[:LONGEST].decode("utf-8", "backslashreplace")
    return Request(method.decode(), text, raw_headers=headers, http_version=parser.get_http_version())
