"""The headers of a request on its way up and of an answer on its way down (RFC 9110 7.6, RFC 7239)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from reserve_core.kit import is_token

if TYPE_CHECKING:
    from reserve_core import Client, Headers, Request

Pairs = list[tuple[str, str]]

# The name by which the proxy appears in Via.
PSEUDONYM = "reserve"

# Of one connection and not of the message (RFC 9110 7.6.1).
_OF_CONNECTION = frozenset(
    (
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    )
)
# These are made anew for the next connection, or answered by this server (100-continue).
_MADE_ANEW = frozenset(
    ("content-length", "expect", "forwarded", "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
)
# What may not come behind a body: it would say, too late, how the message is to be read, routed, allowed or kept
# (RFC 9110 6.5.1).
_NO_TRAILERS = frozenset(
    (
        "age",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-location",
        "content-range",
        "content-type",
        "cookie",
        "date",
        "expires",
        "location",
        "max-forwards",
        "pragma",
        "range",
        "retry-after",
        "set-cookie",
        "trailer",
        "vary",
        "www-authenticate",
    )
)

_NOTHING: frozenset[str] = frozenset()

# Names that are remembered: more than are in use, and not too many should a client make up long ones.
_KNOWN = 256

_KEPT, _CLAIM, _DROPPED = range(3)


def request_headers(request: Request, client: Client) -> Pairs:
    """The headers that go up, but for Host and framing.

    What is said of those the request has passed before goes up as far as it is known of `client`.
    """
    headers = request.headers
    named = _named_by_connection(headers.getall("connection", ()))
    pairs = []
    for name, value in headers.items():
        kind = _kind(name)
        if (kind == _KEPT or (kind == _CLAIM and client.proxied)) and (not named or name.lower() not in named):
            pairs.append((name, value))
    pairs.append(("via", f"{request.http_version} {PSEUDONYM}"))
    pairs += _claims(client, request.scheme, request.host)
    return pairs


def passed_trailers(trailers: Iterable[tuple[str, str]]) -> Pairs:
    """The trailers of a request or an answer that may be sent on."""
    return [(name, value) for name, value in trailers if _kind(name) == _KEPT and name.lower() not in _NO_TRAILERS]


def answer_headers(fields: Iterable[tuple[bytes, bytes]], version: str) -> Pairs:
    """The headers of an answer that came by HTTP/`version`."""
    pairs: Pairs = []
    options: list[str] = []
    for raw_name, raw_value in fields:
        name = _name_down(raw_name)
        value = raw_value.decode("latin-1")
        if name is not None:
            pairs.append((name, value))
        elif raw_name.lower() == b"connection":
            options.append(value)
    if options and (named := _named_by_connection(options)):
        pairs = [(name, value) for name, value in pairs if name.lower() not in named]
    pairs.append(("via", f"{version} {PSEUDONYM}"))
    return pairs


def upgrade_headers(fields: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """What an answer says of the protocols to switch to: it belongs to a 101 and a 426 (RFC 9110 7.8)."""
    protocols = [value.decode("latin-1") for name, value in fields if name.lower() == b"upgrade"]
    return [("upgrade", ", ".join(protocols)), ("connection", "Upgrade")] if protocols else []


def head_bytes(first_line: str, pairs: Pairs) -> bytes:
    """The head of a message. Raises ValueError for a value that would break it (RFC 9110 5.5)."""
    text = "".join([f"{name}: {value}\r\n" for name, value in pairs])
    count = len(pairs)
    if text.count("\n") != count or text.count("\r") != count or "\0" in text:
        raise ValueError("A header value has a line break or a NUL (RFC 9110 5.5)")
    return f"{first_line}\r\n{text}\r\n".encode("latin-1")


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


def times_passed(headers: Headers) -> int:
    """How many proxies of this name a message has passed."""
    return sum(entry.split()[1:2] == [PSEUDONYM] for value in headers.getall("via", ()) for entry in value.split(","))


@lru_cache(maxsize=_KNOWN)
def _kind(name: str) -> int:
    """What becomes of a request header. Servers that pass headers in variables take `_` for `-`."""
    key = name.lower().replace("_", "-")
    if key in _OF_CONNECTION or key in _MADE_ANEW:
        return _DROPPED
    return _CLAIM if key.startswith("x-forwarded-") or key == "x-real-ip" else _KEPT


@lru_cache(maxsize=_KNOWN)
def _name_down(raw_name: bytes) -> str | None:
    """The name of an answer's header; None if it isn't forwarded."""
    name = raw_name.decode("latin-1")
    return None if name.lower() in _OF_CONNECTION else name


def _named_by_connection(values: Iterable[str]) -> frozenset[str]:
    """The headers that a Connection header names: they go no further."""
    named = _NOTHING
    for value in values:
        named |= _options(value)
    return named


@lru_cache(maxsize=_KNOWN)
def _options(value: str) -> frozenset[str]:
    return frozenset(option.strip().lower() for option in value.split(",")) - {"", "close", "keep-alive", "upgrade"}


@lru_cache(maxsize=_KNOWN)
def _claims(client: Client, scheme: str, host: str) -> tuple[tuple[str, str], ...]:
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
    return tuple(pairs)


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
