"""Who has sent a request, as far as the proxies that are trusted tell: `X-Forwarded-*` and `Forwarded` (RFC 7239)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from ..networks import Networks
from ..tokens import TOKEN, members
from .target import is_host

if TYPE_CHECKING:
    from .request import Headers, Request


class Client(NamedTuple):
    """A client, and how it has asked.

    `address` is its IP address ("" when it has none, as on a Unix socket), `scheme` the one it used (`http` or
    `https`), `host` the name and port it asked for ("" without a Host header). `proxied` says whether a trusted proxy
    has passed the request on; `via` are the addresses of those that are known to, the client's first.
    """

    address: str
    scheme: str
    host: str
    proxied: bool = False
    via: tuple[str, ...] = ()


def client_behind(request: Request, trusted: Networks) -> Client:
    """The client of a request that may have come by proxies of the networks `trusted`.

    It is the nearest hop that is none of them: what stands before it in the headers, it may have written itself. What
    isn't told, or is malformed, is as the nearer hop has it; in the end, as the connection has it.
    """
    peer = request.peer
    address = peer[0] if peer is not None else ""
    if address not in trusted:
        return Client(address, request.scheme, request.host)
    scheme, host = request.scheme, request.host
    via: list[str] = []
    for sender, told_scheme, told_host in _hops(request.headers):
        scheme = _SCHEMES.get(told_scheme.lower(), scheme)
        if told_host and is_host(told_host.encode("latin-1")):
            host = told_host
        before = _address(sender[:_LONGEST])
        if not before:
            break
        via.insert(0, address)
        address = before
        if address not in trusted:
            break
    return Client(address, scheme, host, True, tuple(via))


# Some proxies call it by the protocol that is asked for.
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

# What a proxy says of the request it got: its sender, scheme and host, "" for what isn't told.
_Hop = tuple[str, str, str]


def _hops(headers: Headers) -> Iterable[_Hop]:
    """What the proxies say, the nearest first.

    Most write X-Forwarded-* and pass on a Forwarded that the client has made up: it counts if there is nothing else.
    """
    senders, schemes, hosts = (members(headers.getall(f"x-forwarded-{name}", ())) for name in ("for", "proto", "host"))
    if senders or schemes or hosts:
        return zip_longest(senders[::-1], schemes[::-1], hosts[::-1], fillvalue="")
    return _elements(", ".join(headers.getall("forwarded", ())))


_PAIR = rf'({TOKEN})=({TOKEN}|"(?:[^"\\]|\\.)*+")'
_PAIRS = re.compile(_PAIR)
_ELEMENT = re.compile(rf"[ \t]*+(?:{_PAIR})?(?:[ \t]*+;[ \t]*+(?:{_PAIR})?)*+[ \t]*+")


def _elements(forwarded: str) -> Iterator[_Hop]:
    """What the elements of a Forwarded say, the last one first, up to one that is malformed (RFC 7239 4).

    Read from the end, the elements that a proxy has added are found behind whatever the client has written.
    """
    end = len(forwarded)
    while end >= 0:
        start = forwarded.rfind(",", 0, end)
        # A comma may be part of a quoted string.
        while _ELEMENT.fullmatch(forwarded, start + 1, end) is None:
            if start < 0:
                return
            start = forwarded.rfind(",", 0, start)
        pairs = {name.lower(): _unquoted(value) for name, value in _PAIRS.findall(forwarded, start + 1, end)}
        if pairs:
            yield pairs.get("for", ""), pairs.get("proto", ""), pairs.get("host", "")
        end = start


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


# An address with a port, or with brackets (RFC 7239 6).
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(?:[0-9]{1,5}|_[0-9A-Za-z._-]+))?")


# Of what is given for an address, characters that are looked at: more than any has, and few enough to be remembered.
_LONGEST = 64


@lru_cache(maxsize=1024)
def _address(node: str) -> str:
    """The IP address that a header gives for a hop, "" if it gives none: `unknown`, `_hidden` or what is malformed."""
    match = _NODE.fullmatch(node)
    try:
        ip = ip_address(node if match is None else match[1] or match[2])
    except ValueError:
        return ""
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None:
            return ""
        ip = ip.ipv4_mapped or ip
    return str(ip)
