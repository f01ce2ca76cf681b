"""Requests that are refused before their head is complete: the reason, and what is known of them."""

from __future__ import annotations

import re
from functools import lru_cache

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserInvalidURLError, HttpRequestParser

from ..tokens import TCHAR, TOKEN
from .request import Request
from .request_head import FOREIGN

# Bytes of a target that is too long, in the event.
LONGEST = 8192

# The beginning of a request line (RFC 9112 3).
_METHOD = b"(%b{1,64})" % TCHAR.encode()
_LINE = re.compile(rb"[\r\n]*%b ([^ \r\n]+)" % _METHOD)
_BEGINNINGS = re.compile(rb"\n%b " % _METHOD)
# Of a method that comes in pieces, one.
_PIECE = re.compile(rb"%b(?: |\Z)" % TOKEN.encode())
# Methods are case-sensitive: `delete` would pass rules for DELETE, and be taken for it by some servers.
_EXTENSION = re.compile(rb"([A-Z][A-Z0-9-]{0,31}) ")
_TLS_HANDSHAKE = b"\x16\x03"

_IN_TURN = "; others than the usual ones are taken in capital letters, in one piece, once earlier requests are answered"
_TWO_LENGTHS = "The request has both Content-Length and Transfer-Encoding"
_CODING = "The request has an invalid Transfer-Encoding: the only one this server knows is chunked"
_CHUNKS = "The chunks of the request's body are malformed"
_VALUE = "A header value has a character that it can't have, or a line that doesn't end with CR LF"
# What the parser finds, by the beginning of its words, and what we say of it. Its words are those of its source.
_SENTENCES = (
    (("Pause on PRI", "Expected HTTP/2"), 505, "This server speaks HTTP/1.1, not HTTP/2"),
    (("Invalid HTTP version",), 505, "This server speaks HTTP/1.1"),
    (("Invalid method for",), 400, "The method is for proxies or of another protocol"),
    (("Expected HTTP/", "Expected SOURCE"), 400, "The request line isn't a method, a target and HTTP/1.1"),
    (
        ("Expected CRLF after version", "Expected space after version"),
        400,
        "The request line goes on behind its version",
    ),
    (("Expected dot", "Invalid major", "Invalid minor"), 400, "The request line has a malformed version"),
    (("Content-Length can't", "Transfer-Encoding can't"), 400, _TWO_LENGTHS),
    (("Duplicate Content-Length",), 400, "The request has more than one Content-Length"),
    (("Content-Length overflow",), 400, "The Content-Length is too large"),
    (("Empty Content-Length", "Invalid character in Content-Length"), 400, "The Content-Length isn't a number"),
    (("Request has invalid `T", "Invalid `T", "Empty Transfer-Encoding"), 400, _CODING),
    (("Chunk size overflow",), 400, "A chunk of the request's body is too large"),
    (("Expected LF after chunk", "Missing expected CR after chunk", "Invalid character in chunk"), 400, _CHUNKS),
    (("Invalid quoted-pair in chunk",), 400, _CHUNKS),
    (("Invalid header value", "Missing expected"), 400, _VALUE),
    (("Unexpected space after start", "Unexpected whitespace"), 400, "A header line begins with white space"),
    (("Invalid header", "Expected LF after headers"), 400, "A header line has no valid name, or isn't one"),
)


def refusal(error: HttpParserError, start: bytes, heads: bytes) -> tuple[int, str]:
    """The status and the reason to give for what the parser can't read: its own words are for those who know it.

    `start` are the bytes that it was fed last if they begin the request or go on with its beginning, or empty. `heads`
    are these bytes if they have no part of a body, with a line break before them where a request begins.
    """
    if isinstance(error, HttpParserInvalidMethodError):
        return _method_refusal(start, heads)
    if isinstance(error, HttpParserInvalidURLError):
        return 400, "The request target has a character that it can't have, or isn't one"
    words = str(error)
    for beginnings, status, sentence in _SENTENCES:
        if words.startswith(beginnings):
            return status, sentence
    return 400, "The request is malformed"


def _method_refusal(start: bytes, heads: bytes) -> tuple[int, str]:
    if start.startswith(_TLS_HANDSHAKE):
        return 400, "This port speaks http, not https"
    # Where the request begins the parser doesn't tell, but all before that was well-formed.
    method = next((line[1] for line in _BEGINNINGS.finditer(heads) if not _is_known(line[1])), None)
    if method is not None:
        return 501, f"The method {method.decode()} is not known here{_IN_TURN}"
    if _PIECE.match(start):
        return 501, f"The method is not known here{_IN_TURN}"
    return 400, "The request doesn't begin with a method"


@lru_cache(maxsize=64)
def _is_known(method: bytes) -> bool:
    try:
        HttpRequestParser(object()).feed_data(method + b" ")
    except HttpParserError:
        return False
    return True


def extension_method(data: bytes) -> bytes:
    """The method at the beginning of `data` if it is one that the parser may not know, b"" otherwise."""
    match = _EXTENSION.match(data)
    return match[1] if match is not None and match[1].decode() not in FOREIGN else b""


def refused_request(
    parser: HttpRequestParser, target: bytes, headers: list[tuple[bytes, bytes]], data: bytes
) -> Request:
    """The request as far as the parser has told it: method, target and version are "" when they aren't known.

    A target that it doesn't take the parser doesn't tell: then it's looked for in `data`, with which the request must
    begin, or it is empty. In the text of a target, bytes that aren't UTF-8 are escaped.
    """
    method = parser.get_method()
    if not target:
        line = _LINE.match(data)
        method, target = (line[1], line[2]) if line is not None else (b"", b"")
    text = target[:LONGEST].decode("utf-8", "backslashreplace")
    version = parser.get_http_version()
    return Request(method.decode(), text, raw_headers=headers, http_version="" if version == "0.0" else version)
