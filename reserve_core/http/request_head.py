"""The head of a request: what the parser lets pass and we don't (RFC 9112 3, 6; RFC 9110 7.2, 10.1.1)."""

from __future__ import annotations

from httptools import HttpRequestParser

from ..errors import HTTPError
from .target import canonical_url, is_host, origin_form

# What may keep a connection of HTTP/1.0 open; the parser takes both for the same.
_PERSISTENCE = (b"connection", b"proxy-connection")
_SCANNED = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect", b"upgrade", *_PERSISTENCE))
# What the parser knows of other protocols (RTSP, Icecast) and of proxies; it takes their version lines for HTTP's, too.
FOREIGN = frozenset(
    "ANNOUNCE CONNECT DESCRIBE FLUSH GET_PARAMETER PAUSE PLAY PRI RECORD REDIRECT "  # noqa: SIM905
    "SET_PARAMETER SETUP SOURCE TEARDOWN".split()
)
_METHODS = {method.encode(): method for method in "GET HEAD POST PUT PATCH DELETE OPTIONS".split()}  # noqa: SIM905


# method, version, target, canonical URL, length of the body in bytes (None: chunked), whether the connection persists,
# expects 100-continue, asks for an upgrade. A plain tuple: a named one costs as much as the rest of the check.
Head = tuple[str, str, str, str, int | None, bool, bool, bool]


def read_head(parser: HttpRequestParser, raw_target: bytes, headers: list[tuple[bytes, bytes]], scheme: str) -> Head:
    """Checks a parsed head. Raises `HTTPError` 400, 417, 501 or 505."""
    host: bytes | None = None
    coding: bytes | None = None
    length: int | None = 0
    expects_continue = upgrades = told = False
    for name, value in headers:
        key = name.lower()
        if key not in _SCANNED:
            continue
        if key == b"host":
            if host is not None:
                raise HTTPError(400, "The request has more than one Host header")
            host = value.strip(b" \t")
        elif key == b"content-length":
            length = int(value)
        elif key == b"transfer-encoding":
            if coding is None or coding == b"chunked":  # what isn't known stays so
                coding = value.strip().lower()
        elif key == b"expect":
            if value.lower() != b"100-continue":
                raise HTTPError(417, "The only expectation this server knows is 100-continue")
            expects_continue = True
        elif key == b"upgrade":
            upgrades = True
        else:
            told = True
    keep_alive: bool = parser.should_keep_alive()
    version = "1.1"
    if told or not keep_alive:
        # Else it is known: only HTTP/1.1 connections persist by default (RFC 9112 9.3). The parser writes the version
        # down each time it's asked.
        version = parser.get_http_version()
        if version != "1.1" and version != "1.0":
            raise HTTPError(505, "This server speaks HTTP/1.1")
        expects_continue = expects_continue and version == "1.1"
    if coding is not None:
        # A request whose end can't be found must be refused (RFC 9112 6.1).
        if version == "1.0":
            raise HTTPError(400, "Transfer-Encoding doesn't exist in HTTP/1.0")
        if coding != b"chunked":
            raise HTTPError(501, "The only transfer coding this server knows is chunked")
        length = None
    if host is None:
        if version == "1.1":
            raise HTTPError(400, "The request has no Host header")
        host = b""
    elif not is_host(host):
        raise HTTPError(400, "The Host header is invalid")
    verb = parser.get_method()
    method = _METHODS.get(verb) or verb.decode()
    if method in FOREIGN:
        raise HTTPError(400, f"{method} is for proxies or of another protocol")
    target = raw_target.decode("ascii")
    if target.startswith("/"):
        url = canonical_url(target)
    elif target == "*" and method == "OPTIONS":
        url = target  # the server as a whole (RFC 9112 3.2.4)
    else:
        url = canonical_url(origin_form(target, host.decode("ascii"), scheme))
    return method, version, target, url, length, keep_alive, expects_continue, upgrades
