"""IP networks, and whether an address is in one of them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from .errors import ConfigError

# Addresses whose place is remembered: more than a server has neighbours.
_KNOWN = 4096


class Networks:
    """The value of `trusted-proxies`: IP addresses, and networks as `10.0.0.0/8`. `"10.1.2.3" in networks` asks.

    An IPv4 address is found in its IPv6 spelling (`::ffff:10.1.2.3`), too. What is no address is in no network.
    """

    __slots__ = ("_known", "_networks")

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Raises `ConfigError` for what is no address and no network."""
        self._networks = tuple(map(_network, networks))
        self._known: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"Networks({[str(network) for network in self._networks]})"

    def __contains__(self, address: str) -> bool:
        if not self._networks:
            return False
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            known = self._known[address] = self._has(address)
        return known

    def _has(self, address: str) -> bool:
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:  # there is none: a mock, a Unix socket
            return False
        spellings = (ip, ip.ipv4_mapped) if isinstance(ip, IPv6Address) and ip.ipv4_mapped else (ip,)
        return any(each in network for network in self._networks for each in spellings)


def client_network(address: str) -> str:
    """What stands for the client at an IP address: of IPv6 its first half, as the other one is each computer's own."""
    if ":" not in address:
        return address
    ip = IPv6Address(address)
    return f"{int(ip) >> 64:x}/64" if ip.ipv4_mapped is None else str(ip.ipv4_mapped)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ConfigError(
            f'"trusted-proxies": {text!r} is no IP address or network', 'Write "127.0.0.1", "::1" or "10.0.0.0/8"'
        ) from None


NOWHERE = Networks()
