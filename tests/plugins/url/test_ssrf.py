"""Which addresses, hosts and proxies are allowed what."""

from __future__ import annotations

import pytest

from reserve_url.ssrf import HostPatterns, is_public
from reserve_url.upstream_url import parse_origin


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",  # Alibaba's metadata
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",  # Azure's
        "169.254.169.254",  # that of most others
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",  # Oracle's
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fd00:ec2::254",  # Amazon's
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "100.63.255.255",
        "172.15.255.255",
        "172.32.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
    ],
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("pattern", "authority", "allowed"),
    [
        ("e.example", "e.example", True),
        ("E.Example", "e.EXAMPLE", True),
        ("e.example", "e.example.", True),
        ("e.example", "e.example:8080", True),
        ("e.example", "sub.e.example", False),
        ("e.example", "e-example", False),
        ("e.example", "e.example.evil", False),
        ("*.e.example", "sub.e.example", True),
        ("*.e.example", "a.sub.e.example", True),
        ("*.e.example", "e.example", False),
        ("*.e.example", "evil-e.example", False),
        ("e.example:8080", "e.example:8080", True),
        ("e.example:8080", "e.example", False),
        ("e.example:80", "e.example", True),
        ("[::1]", "[::1]:3000", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.*", "127x0.0.1", False),
        ("*", "anything:1", True),
    ],
)
def test_host_patterns(pattern: str, authority: str, allowed: bool) -> None:
    assert HostPatterns(["other.example", pattern]).allow(parse_origin("http", authority)) is allowed


def test_no_host_pattern_allows_nothing() -> None:
    assert not HostPatterns([]).allow(parse_origin("http", "e.example"))
