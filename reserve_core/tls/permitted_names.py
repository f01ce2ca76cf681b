"""Whom the local authority can vouch for: names and addresses that nobody reaches from elsewhere.

Its certificate says so itself (RFC 5280 4.2.1.10): whoever steals its key can't be your bank with it.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

# Each with all names below it. RFC 6761: these are of no public DNS.
DOMAINS = ("localhost", "test")
# Loopback, private (RFC 1918), link-local; loopback, unique local (RFC 4193), link-local.
NETWORKS: tuple[IPv4Network | IPv6Network, ...] = tuple(
    map(
        ip_network,
        (
            *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
            *("::1/128", "fc00::/7", "fe80::/10"),
        ),
    )
)

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?:{'|'.join(DOMAINS)})")


class TooManyNames(Exception):
    """A certificate gets no more names."""


def is_permitted_domain(name: str) -> bool:
    """Whether it is the name of a host, in lower case, that the authority can vouch for."""
    return len(name) <= 253 and _NAME.fullmatch(name) is not None


def is_permitted(name: str) -> bool:
    """Whether the authority can vouch for a name or an address."""
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return is_permitted_domain(name)
    return any(address in network for network in NETWORKS)
