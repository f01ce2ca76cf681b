"""A recorded request as the bytes that are sent on: its own, without what is of a connection (RFC 9110 7.6.1)."""

from __future__ import annotations

import hashlib
import re
from typing import TypedDict
from urllib.parse import SplitResult, quote, urlsplit

from reserve_core.kit import canonical_url

from ..json_shapes import RequestSummary

# Of one connection and not of the request. Of 100-continue there is nothing to wait for: the whole body is here.
_OF_CONNECTION = frozenset(
    (
        *("connection", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    )
)
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_WORD = re.compile("[!-~]+")


class SentRequest(TypedDict):
    """What is sent of a request besides its body: these members of its `RequestSummary`."""

    method: str
    url: str  # absolute, the request target as received
    path: str  # below the mirror, canonical: the end of the URL's
    headers: list[list[str]]


def target_url(text: str, name: str = "--to") -> SplitResult:
    """The URL that requests are sent on to, as an option or a member has it. Raises ValueError, saying what is
    wrong.
    """
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        raise ValueError(f"{name} {text}: {error}") from None
    if url.scheme not in ("http", "https") or not url.hostname or not _WORD.fullmatch(text):
        raise ValueError(f"{name} {text} is not a URL as http://localhost:3000/hook")
    if url.username is not None or url.query or url.fragment:
        raise ValueError(f"{name} has a host, maybe a port and a path, and nothing else: http://localhost:3000/hook")
    return url


def why_not_whole(summary: RequestSummary, body: bytes) -> str:
    """Why a record is not to be sent: `body`, what the mirror has kept, isn't all of it; "" when it is."""
    if "failure" in summary:
        return f"it isn't whole: {summary['failure']['reason']}"
    if summary["truncated"]:
        return "the mirror hasn't kept its body to the end"
    if hashlib.sha256(body).hexdigest() != summary["sha256"]:
        return "the mirror hasn't kept its body as it was"
    return ""


def request_bytes(summary: SentRequest, body: bytes, to: SplitResult) -> bytes:
    """The request, with the path below the mirror behind that of the URL `to`."""
    lines = [f"{summary['method']} {request_target(summary, to)} HTTP/1.1", f"Host: {to.netloc}"]
    dropped = _OF_CONNECTION | {name.lower() for name in _connection_options(summary)}
    sized = False
    for name, value in summary["headers"]:
        lower = name.lower()
        if lower == "content-length":
            if not sized:  # what came twice was the same
                lines.append(f"{name}: {len(body)}")
            sized = True
        elif lower not in dropped:
            lines.append(f"{name}: {value}")
    if body and not sized:  # it came in chunks
        lines.append(f"Content-Length: {len(body)}")
    lines.append("Connection: close")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def request_target(summary: SentRequest, to: SplitResult) -> str:
    """The path and the query that a request goes to."""
    rest, separator, query = _below_the_mirror(summary).partition("?")
    path = to.path.removesuffix("/") + rest if rest.startswith("/") else to.path + rest
    return quote(f"{path or '/'}{separator}{query}", safe=_PRINTABLE, encoding="latin-1")


def _below_the_mirror(summary: SentRequest) -> str:
    """What follows the mirror's code in the URL, spelled as it was sent: `path` is the canonical form of it."""
    raw = summary["url"].partition("://")[2]
    raw_path, separator, query = raw[raw.find("/") :].partition("?")
    path = summary["path"]
    places = [place for place, character in enumerate(raw_path) if character == "/"] if path else [len(raw_path)]
    spelled = (raw_path[place:] for place in places if not path or canonical_url(raw_path[place:]) == path)
    return f"{next(spelled, quote(path, safe=_PRINTABLE))}{separator}{query}"


def _connection_options(summary: SentRequest) -> list[str]:
    return [
        option.strip()
        for name, value in summary["headers"]
        if name.lower() == "connection"
        for option in value.split(",")
    ]
