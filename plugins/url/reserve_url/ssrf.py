"""Which servers a client may choose: against requests that reach into a private network (SSRF)."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from .upstream_url import Origin

# Not public, or not a single host: RFC 6890 and the IANA registry of special-purpose addresses.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's metadata, though it looks public
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# Public addresses are only given out of this block.
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4, which leads to any IPv4 address
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one that everybody on the internet may connect to."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        embedded = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if embedded is None:
            return ip in _PUBLIC_V6 and not any(ip in network for network in _NOT_PUBLIC_V6)
        ip = embedded
    return not any(ip in network for network in _NOT_PUBLIC_V4)


def is_loopback(hostname: str) -> bool:
    """Whether a server that listens on `hostname` is reached from this machine only."""
    try:
        return ip_address(hostname).is_loopback
    except ValueError:
        return f".{hostname.lower()}".endswith(".localhost")  # all names below it, too (RFC 6761 6.3)


class HostPatterns:
    """The `allow-hosts` of a mapping: `example.com`, `*.example.com`, `example.com:8080`. Without a port, any port."""

    def __init__(self, patterns: Collection[str]) -> None:
        self.all = "*" in patterns
        alternatives = "|".join(re.escape(pattern.lower()).replace(r"\*", ".*") for pattern in patterns)
        self._regex = re.compile(alternatives)

    def allow(self, origin: Origin) -> bool:
        host = origin.host.removesuffix(".")
        name = f"[{host}]" if ":" in host else host
        return any(self._regex.fullmatch(text) for text in (name, f"{name}:{origin.port}"))
