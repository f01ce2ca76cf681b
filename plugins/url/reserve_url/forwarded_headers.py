"""The headers of a request to the upstream server, and of its response to the client (RFC 9110 7.6, RFC 7239)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from reserve_core.kit import is_token

if TYPE_CHECKING:
    from reserve_core import Client, Request

# As they go over the wire, and as text: Latin-1, which is the same characters.
Fields = list[tuple[bytes, bytes]]
Pairs = list[tuple[str, str]]

# The name by which the proxy appears in Via.
PSEUDONYM = "reserve"

# Of one connection and not of the message (RFC 9110 7.6.1).
_OF_CONNECTION = frozenset(
    (
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    )
)
# These are made anew for the next connection, or answered by this server (100-continue).
_MADE_ANEW = frozenset(
    (b"content-length", b"expect", b"forwarded", b"host", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto")
)
# What may not come behind a body: it would say, too late, how the message is to be read, routed, allowed or kept
# (RFC 9110 6.5.1).
_NO_TRAILERS = frozenset(
    (
        b"age",
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-language",
        b"content-location",
        b"content-range",
        b"content-type",
        b"cookie",
        b"date",
        b"expires",
        b"location",
        b"max-forwards",
        b"pragma",
        b"range",
        b"retry-after",
        b"set-cookie",
        b"trailer",
        b"vary",
        b"www-authenticate",
    )
)

# What may name the upstream server.
NAMING = (b"location", b"content-location", b"refresh", b"set-cookie")

_VIA_1_1: Final = (b"via", f"1.1 {PSEUDONYM}".encode())

_NOTHING: Final[frozenset[bytes]] = frozenset()
_BLANKS: Final = (b" ", b"\t")
# Options of Connection that name no header.
_NO_NAMES: Final = frozenset((b"", b"close", b"keep-alive", b"upgrade"))

# Names and values that are remembered: more than are in use, and not too many should a client make up long ones.
_KNOWN = 256

# What a header is to this server, by its name as it was spelled. Of a request and of a response.
_KEPT: Final = 0
_CLAIM: Final = 1
_DROPPED: Final = 2
_CONNECTION: Final = 3
_VIA: Final = 4
_LENGTH: Final = 5
_CODING: Final = 6
_PROTOCOL: Final = 7
_NAMING: Final = 8
_LOOKED_AT_UP = {b"connection": _CONNECTION, b"content-length": _LENGTH, b"via": _VIA}
_LOOKED_AT_DOWN = {
    b"connection": _CONNECTION,
    b"content-length": _LENGTH,
    b"transfer-encoding": _CODING,
    b"upgrade": _PROTOCOL,
    **dict.fromkeys(NAMING, _NAMING),
}
_up: Final[dict[bytes, int]] = {}
_down: Final[dict[bytes, int]] = {}


class RequestFields:
    """The headers of a request that are forwarded, and what the others say.

    `passes`: how many proxies of this name it has passed; `sized`: it has a content-length.
    """

    __slots__ = ("fields", "passes", "sized")

    def __init__(self, fields: Fields, proxied: bool) -> None:
        """`proxied`: a trusted proxy has passed on what is said of the client."""
        self.passes = 0
        self.sized = False
        kept: Fields = []
        named = _NOTHING
        for field in fields:
            name = field[0]
            kind = _up.get(name, -1)
            if kind < 0:
                kind = _kind_up(name)
            if kind == _VIA:
                self.passes += times_passed(field[1])
                kind = _KEPT
            elif kind == _CLAIM and proxied:
                kind = _KEPT
            if kind == _KEPT:
                # The parser leaves the white space behind a value (RFC 9112 5.1).
                kept.append((name, field[1].rstrip(b" \t")) if field[1].endswith(_BLANKS) else field)
            elif kind == _CONNECTION:
                named |= _options(field[1])
            elif kind == _LENGTH:
                self.sized = True
        self.fields: Fields = _without(kept, named) if named else kept


class ResponseFields:
    """The headers of a response that are forwarded, and what the others say of its framing (RFC 9112 6).

    `length` is the content-length, None if there is none; `codings` are the transfer codings, `options` those of
    Connection, `protocol` is what it switches to; `framed`: something is said of these. `naming`: one of the headers
    may name the upstream server.
    """

    __slots__ = ("codings", "fields", "framed", "length", "naming", "options", "protocol")

    def __init__(self, fields: Fields) -> None:
        self.length: int | None = None
        self.codings: list[bytes] = []
        self.options = _NOTHING
        self.protocol = b""
        self.framed = False
        self.naming = False
        kept: Fields = []
        for field in fields:
            name = field[0]
            kind = _down.get(name, -1)
            if kind < 0:
                kind = _kind_down(name)
            if kind == _KEPT:
                kept.append(field)
            elif kind == _NAMING:
                self.naming = True
                kept.append(field)
            elif kind != _DROPPED:
                self.framed = True
                value = field[1]
                if kind == _LENGTH:
                    self.length = int(value)  # one, and a number: the parser sees to it
                    kept.append(field)
                elif kind == _CONNECTION:
                    options = _options(value)
                    self.options = self.options | options if self.options else options
                elif kind == _CODING:
                    self.codings.append(value.lower())
                else:
                    self.protocol = value.lower()
        self.fields: Fields = kept
        if self.options and not self.options <= _NO_NAMES:
            self.fields = _without(kept, self.options)


def passed_trailers(trailers: Fields) -> Fields:
    """The trailers of a request or a response that may be sent on."""
    return [field for field in trailers if _kind_up(field[0]) in (_KEPT, _VIA) and field[0].lower() not in _NO_TRAILERS]


def upgrade_headers(fields: Fields) -> Fields:
    """What a response says of the protocols to switch to: it belongs to a 101 and a 426 (RFC 9110 7.8)."""
    protocols = [value for name, value in fields if name.lower() == b"upgrade"]
    return [(b"upgrade", b", ".join(protocols)), (b"connection", b"Upgrade")] if protocols else []


def as_bytes(pairs: Pairs) -> Fields:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def as_text(fields: Fields) -> Pairs:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def lines(fields: Fields, start: bytes = b"") -> bytes:
    """The lines of `fields`, behind `start`. Raises ValueError for a value that would break them (RFC 9110 5.5)."""
    parts = [start]
    values: list[bytes] = []
    for name, value in fields:
        parts += (name, b": ", value, b"\r\n")
        values.append(value)
    together = b"".join(values)
    if 10 in together or 13 in together or 0 in together:
        raise ValueError("A header value has a line break or a NUL (RFC 9110 5.5)")
    return b"".join(parts)


def unsecured(pairs: Pairs) -> Pairs:
    """The same with cookies that browsers send back over plain http, too (RFC 6265 4.1.2.5)."""
    return [(name, _unsecured_cookie(value) if name.lower() == "set-cookie" else value) for name, value in pairs]


def relocated(pairs: Pairs, url: str) -> Pairs:
    """The same with an absolute Location: it is relative to the `url` that was asked for (RFC 9110 10.2.2)."""
    return [(name, urljoin(url, value) if name.lower() == "location" else value) for name, value in pairs]


def hops_left(request: Request) -> int | None:
    """How often the request may be forwarded, None if that isn't limited (RFC 9110 7.6.2)."""
    if request.method not in ("OPTIONS", "TRACE"):
        return None
    limit = request.headers.get("max-forwards", "")
    return int(limit) if re.fullmatch("[0-9]{1,9}", limit) else None


def times_passed(value: bytes) -> int:
    """How many proxies of this name a Via names."""
    return [entry.split()[1:2] for entry in value.split(b",")].count([PSEUDONYM.encode()])


def _without(fields: Fields, named: frozenset[bytes]) -> Fields:
    """The fields but for those that a Connection header names: these go no further."""
    named -= _NO_NAMES
    return [field for field in fields if field[0].lower() not in named]


@lru_cache(maxsize=_KNOWN)
def _options(connection: bytes) -> frozenset[bytes]:
    """What a Connection header says, in lower case."""
    return frozenset([option.strip().lower() for option in connection.split(b",")])


def _kind_up(name: bytes) -> int:
    """Remembers what a request's header is. Servers that pass headers in variables take `_` for `-`."""
    lower = name.lower()
    key = lower.replace(b"_", b"-")
    if lower in _LOOKED_AT_UP:
        kind = _LOOKED_AT_UP[lower]
    elif key in _OF_CONNECTION or key in _MADE_ANEW:
        kind = _DROPPED
    else:
        kind = _CLAIM if key.startswith(b"x-forwarded-") or key == b"x-real-ip" else _KEPT
    return _remembered(_up, name, kind)


def _kind_down(name: bytes) -> int:
    """Remembers what a response's header is."""
    lower = name.lower()
    return _remembered(_down, name, _LOOKED_AT_DOWN.get(lower, _DROPPED if lower in _OF_CONNECTION else _KEPT))


def _remembered(kinds: dict[bytes, int], name: bytes, kind: int) -> int:
    if len(kinds) >= _KNOWN:
        kinds.clear()
    kinds[name] = kind
    return kind


def via(version: str) -> tuple[bytes, bytes]:
    """The Via of a message that came by HTTP/`version`."""
    return _VIA_1_1 if version == "1.1" else (b"via", f"{version} {PSEUDONYM}".encode("latin-1"))


@lru_cache(maxsize=_KNOWN)
def claim_lines(client: Client, scheme: str, host: str) -> bytes:
    """The lines of `claims`."""
    return lines(as_bytes(claims(client, scheme, host)))


def claims(client: Client, scheme: str, host: str) -> Pairs:
    """Where a request comes from, for the next server: its client, and the proxies on the way.

    `scheme` and `host` are those that the last of them has used.
    """
    elements = [_element(client.address, client.scheme, client.host), *(f"for={_node(hop)}" for hop in client.via)]
    if client.via:
        elements[-1] = _element(client.via[-1], scheme, host)
    pairs = [("forwarded", ", ".join(elements)), ("x-forwarded-proto", client.scheme)]
    if client.address:
        pairs.append(("x-forwarded-for", ", ".join((client.address, *client.via))))
    if client.host:
        pairs.append(("x-forwarded-host", client.host))
    return pairs


def _element(address: str, scheme: str, host: str) -> str:
    """An element of Forwarded (RFC 7239 4)."""
    if not host:
        return f"for={_node(address)};proto={scheme}"
    if not is_token(host):
        host = '"{}"'.format(re.sub(r'(["\\])', r"\\\1", host))
    return f"for={_node(address)};host={host};proto={scheme}"


def _node(address: str) -> str:
    return f'"[{address}]"' if ":" in address else address or "unknown"


def _unsecured_cookie(value: str) -> str:
    cookie, *attributes = value.split(";")
    kept = [cookie]
    for attribute in attributes:
        key = "".join(attribute.lower().split())
        if key == "samesite=none":
            kept.append(" SameSite=Lax")
        elif key != "secure":
            kept.append(attribute)
    return ";".join(kept)
