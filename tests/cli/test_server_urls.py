"""The addresses by which a server is reached."""

from __future__ import annotations

import socket

import pytest

from reserve_core.cli.server_urls import addresses_of, is_loopback, reachable_urls


@pytest.mark.parametrize(
    ("hostname", "loopback"),
    [
        ("localhost", True),
        ("shop.localhost", True),
        ("Shop.LocalHost.", True),
        ("notlocalhost", False),
        ("localhost.example", False),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(hostname: str, loopback: bool) -> None:
    assert is_loopback(hostname) == loopback


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000/", "https://localhost:1/", "http://[::1]:80/"])
def test_a_server_on_one_address_is_reached_there(url: str) -> None:
    assert reachable_urls(url) == [url]


def test_a_wildcard_stands_for_the_addresses_of_this_machine() -> None:
    local, *others = addresses_of("0.0.0.0")
    assert local == "127.0.0.1"
    # Asks the system by another way: the address it would send from, if it has a way to anywhere.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return
        assert probe.getsockname()[0] in [local, *others]


def test_a_wildcard_of_one_family_stands_for_no_address_of_the_other() -> None:
    assert all(":" not in address for address in addresses_of("0.0.0.0"))
    assert all(":" in address for address in addresses_of("::"))
    assert all(not address.startswith("fe80") for address in addresses_of("::"))


def test_its_urls_have_scheme_and_port() -> None:
    assert reachable_urls("https://0.0.0.0:8443/")[0] == "https://127.0.0.1:8443/"
    assert all(url.startswith("http://[") and url.endswith("]:80/") for url in reachable_urls("http://[::]:80/")[:1])
