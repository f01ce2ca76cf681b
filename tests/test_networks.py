"""Which addresses are in which networks."""

from __future__ import annotations

import pytest

from reserve_core import ConfigError, Networks


@pytest.mark.parametrize(
    "address",
    [
        *("10.255.0.1", "::ffff:10.255.0.1", "::FFFF:0AFF:1", "192.168.1.7", "172.16.255.1"),
        *("fd12::1", "FD12:0::1", "fd12::1%eth0", "::ffff:198.51.100.1"),
    ],
)
def test_inside(address: str) -> None:
    networks = Networks(["10.0.0.0/8", "192.168.1.7", "fd00::/8", "172.16.2.3/16", "::ffff:198.51.100.0/120"])
    assert address in networks
    assert address in networks  # remembered


@pytest.mark.parametrize(
    "address", ["11.0.0.1", "::ffff:11.0.0.1", "::10.0.0.1", "192.168.1.8", "fe80::1%eth0", "", "unix:", "10.0.0.1:80"]
)
def test_outside(address: str) -> None:
    assert address not in Networks(["10.0.0.0/8", "192.168.1.7", "fd00::/8"])
    assert address not in Networks()


def test_all_addresses() -> None:
    assert "203.0.113.9" in Networks(["0.0.0.0/0"])
    assert "2001:db8::1" not in Networks(["0.0.0.0/0"])
    assert "2001:db8::1" in Networks(["::/0"])


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/33", "10.0.0", "", "010.0.0.1", "10.0.0.1:80", "*"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match=r'^"trusted-proxies": .* is no IP address or network') as error:
        Networks(["10.0.0.0/8", text])
    assert repr(text) in str(error.value)
    assert '"10.0.0.0/8"' in str(error.value.problems[0].hint)


def test_of_a_host_of_clients_no_more_is_remembered_than_useful() -> None:
    networks = Networks(["10.0.0.0/8"])
    for number in range(10_000):
        assert (f"10.0.{number // 256}.{number % 256}" in networks) is True
    assert len(networks._known) < 5000
