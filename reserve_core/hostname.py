"""The host that a request names, in the one spelling that mappings match."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote

# Characters of a domain name (RFC 1035 2.3.4), and of what may become one: each percent-encoded, with a port.
LONGEST = 253
_LONGEST_SENT = 3 * LONGEST + 10


def hostname(value: str) -> str:
    """The host in the value of a Host header (RFC 9110 7.2): `WWW.Example.com.:8080` is `www.example.com`.

    In lower case, without port and final dot, percent-decoded, in A-labels (IDNA 2003). An IPv6 address has its
    brackets and its shortest spelling (RFC 5952). "" for what is no host, or longer than any.
    """
    return _hostname(value) if len(value) <= _LONGEST_SENT else ""


@lru_cache(maxsize=1024)
def _hostname(value: str) -> str:
    if value.startswith("["):
        address, bracket, _ = value[1:].partition("]")
        return _ipv6(address) if bracket else ""
    name = unquote(value.partition(":")[0]).lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    name = name.removesuffix(".")
    return name if len(name) <= LONGEST else ""


def _ipv6(text: str) -> str:
    from ipaddress import IPv6Address  # only where it's needed

    try:
        return f"[{IPv6Address(text)}]"
    except ValueError:
        return ""
