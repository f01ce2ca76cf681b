"""The URLs under which a server is reached: computed, printed, opened in the browser."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import click

from .command_process import say

# The names and addresses by which this machine calls itself.
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(hostname: str) -> bool:
    """Whether it leads to this machine: its addresses, `localhost`, and all names below that (RFC 6761 6.3)."""
    address = _address(hostname)
    return is_localhost(hostname) if address is None else address.is_loopback


def is_localhost(hostname: str) -> bool:
    return f".{hostname.lower().removesuffix('.')}".endswith(".localhost")


def addresses_of(hostname: str) -> list[str]:
    """The addresses of a server that listens on `hostname`: of a wildcard all of this machine, loopback first.

    Those of IPv6 that hold for one link only are left out: a URL of them would not be the same on each machine.
    """
    wildcard = _address(hostname)
    if wildcard is None or not wildcard.is_unspecified:
        return [hostname]
    addresses = [
        address
        for address in _interface_addresses()
        if address.version == wildcard.version and not (address.version == 6 and address.is_link_local)
    ]
    return [str(address) for address in sorted(dict.fromkeys(addresses), key=lambda address: not address.is_loopback)]


def reachable_urls(url: str) -> list[str]:
    """Where a server is reached whose own URL is `url`: that, or one for each address when its host is a wildcard."""
    parts = urlsplit(url)
    hosts = addresses_of(parts.hostname or "")
    if hosts in ([], [parts.hostname]):
        return [url]
    return [f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{parts.port}/" for host in hosts]


def list_urls(url: str) -> None:
    """Prints where a server is reached that listens on all addresses; of another one its URL says it."""
    urls = reachable_urls(url)
    if urls == [url]:
        return
    local, *others = urls
    say(f"    on this machine  {local}")
    for other in others:
        say(f"    from elsewhere   {other}")


def url_from_elsewhere(url: str) -> str | None:
    """Where other devices reach a server whose own URL is `url`; None when only this machine does.

    Of several addresses it is the one that the system itself uses to reach others.
    """
    urls = {urlsplit(each).hostname or "": each for each in reachable_urls(url)}
    others = {host: each for host, each in urls.items() if not is_loopback(host)}
    return others.get(_own_address(next(iter(others), ""))) or next(iter(others.values()), None)


def open_browser(page: str) -> None:
    """Opens a page in the user's browser. Says so when there is none; the server goes on.

    In a thread that nobody waits for: a browser in the terminal returns when it is left.
    """
    import webbrowser

    def work() -> None:
        try:
            opened = webbrowser.open(page)
        except (webbrowser.Error, OSError):
            opened = False
        if not opened:
            click.echo(f"No browser could be opened: go to {page}", err=True)

    threading.Thread(target=work, daemon=True).start()


def _address(hostname: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(hostname)
    except ValueError:
        return None


def _own_address(other: str) -> str:
    """The address that this machine sends from, of the family of `other`; '' without a network. Nothing is sent."""
    family, documentation = (socket.AF_INET6, "2001:db8::1") if ":" in other else (socket.AF_INET, "192.0.2.1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((documentation, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _interface_addresses() -> Iterator[IPv4Address | IPv6Address]:
    from ifaddr import get_adapters

    for adapter in get_adapters():
        for each in adapter.ips:
            yield ip_address(each.ip if isinstance(each.ip, str) else each.ip[0])
