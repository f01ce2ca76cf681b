"""Where a server may send requests to: the origins that its configuration lists, and nothing that they turn into.

A name that is listed may lead into a private network, that is what it is listed for. Yet whoever has the name chooses
its address, and may do so anew for each request: so it never leads to this machine or to what only this machine can
reach, such as the metadata of a cloud. Those are listed by their address, or as localhost. Names are looked up once,
and the addresses that were checked are connected to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult

from ..sending.outgoing_request import target_url

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
# Metadata of clouds that isn't link-local: Azure, Alibaba, Amazon by IPv6.
_METADATA = tuple(map(ip_network, ("168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32")))


def origin_of(url: SplitResult) -> str:
    """The origin of a URL (RFC 6454 4), with its port."""
    return f"{url.scheme}://{url.hostname}:{url.port or _DEFAULT_PORTS.get(url.scheme, 0)}"


def listed_origin(text: str) -> str:
    """The origin that an entry of `resend-to` is. Raises ValueError, saying what is wrong."""
    return origin_of(target_url(text, "resend-to:"))


def allowed_url(text: object, listed: Collection[str]) -> SplitResult:
    """The URL that a request is sent to. Raises ValueError when it's none, PermissionError when it isn't listed."""
    if not isinstance(text, str):
        raise ValueError('to is the URL to send it to: "http://localhost:3000"')
    url = target_url(text, "to:")
    if origin_of(url) not in map(listed_origin, listed):
        origin = f"{url.scheme}://{url.netloc}"
        raise PermissionError(
            f'This server sends nothing to {origin}: add it to its "resend-to" (reserve mirror --resend-to {origin}),'
            f" or send it from your own machine: reserve resend URL --to {origin}"
        )
    return url


async def addresses_of(url: SplitResult) -> list[str]:
    """The addresses to connect to. Raises OSError, and PermissionError when a name leads where none may."""
    host = str(url.hostname)
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} can't be a name: {error}") from error
    addresses = [str(address[0]) for *_, address in found]
    local = host == "localhost" or host.endswith(".localhost")  # names of this machine (RFC 6761 6.3)
    allowed = [address for address in addresses if local or not _is_out_of_reach(address)]
    if not allowed:
        raise PermissionError(
            f"{host} leads to {addresses[0]}, where no name may lead: if it's meant, list the address itself"
        )
    return allowed


def _is_out_of_reach(address: str) -> bool:
    """Whether nobody but this machine can reach what is at an address."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        embedded = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        ip = embedded or ip
    special = ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast
    return special or any(ip in network for network in _METADATA)
