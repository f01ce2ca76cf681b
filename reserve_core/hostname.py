"""The host that a request names, in the one spelling that mappings match."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

# Characters of a domain name (RFC 1035 2.3.4), and of what may become one: each percent-encoded, with a port.
LONGEST = 253
_LONGEST_SENT = 3 * LONGEST + 10
# A host without a port in an option, or with a dot before it all those that end so: an `option`'s pattern takes it.
HOST_NAME = r"\.?[A-Za-z0-9_.-]+"
_WILDCARDS = frozenset(("0.0.0.0", "::", ""))  # noqa: S104  # listening there is no name


def hostname(value: str) -> str:
    """The host in the value of a Host header (RFC 9110 7.2): `WWW.Example.com.:8080` is `www.example.com`.

    In lower case, without port and final dot, percent-decoded, in A-labels (IDNA 2003). An IPv6 address has its
    brackets and its shortest spelling (RFC 5952). "" for what is no host, or longer than any.
    """
    return _hostname(value) if len(value) <= _LONGEST_SENT else ""


class OwnHosts:
    """The names by which browsers may reach a server that is for its own machine and its neighbours.

    A foreign page whose own host name has been made to resolve to this server (DNS rebinding) has this server's origin,
    by that name: so only names count that are known to be ours. Those are localhost and what ends with it, `listens`,
    the name that the server listens on, and those that are `allowed`; ".example.com" stands for all that end so. Nobody
    can rebind an IP address.
    """

    def __init__(self, listens: str, allowed: Iterable[str] = ()) -> None:
        own = {"localhost", *map(str.lower, allowed), *([] if listens in _WILDCARDS else [listens.lower()])}
        self._names = frozenset(name for name in own if not name.startswith("."))
        self._suffixes = (".localhost", *(name for name in own if name.startswith(".")))

    def holds(self, name: str) -> bool:
        """Whether `name`, in the spelling of `hostname`, is one of them."""
        return name in self._names or name.endswith(self._suffixes) or _is_address(name)


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


def _is_address(name: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
