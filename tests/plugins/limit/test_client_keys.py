"""Which requests are one client's."""

from __future__ import annotations

from base64 import b64encode
from typing import Literal

import pytest

from reserve_core import Request
from reserve_limit.client_keys import client_by
from reserve_limit.options import ClientHeader


def client(by: Literal["address", "user"] | ClientHeader, address: str = "192.0.2.1", **headers: str) -> str:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return client_by(by)(Request("GET", "/", fields, peer=(address, 1)))


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


def test_an_ipv4_address_is_a_client() -> None:
    assert client("address") == "192.0.2.1"
    assert client("address", "::ffff:192.0.2.1") == "192.0.2.1"  # as a socket of both families has it


def test_a_64_of_ipv6_is_a_client() -> None:
    one = client("address", "2001:db8:1:2::1")
    assert client("address", "2001:db8:1:2:ffff::9") == one
    assert client("address", "2001:db8:1:3::1") != one
    assert client("address", "fe80::1%eth0") == client("address", "fe80::2")


def test_without_an_address_all_are_one() -> None:
    assert client_by("address")(Request("GET", "/")) == ""


def test_a_header_is_one() -> None:
    by = ClientHeader(header="X-Api-Key")
    one = client(by, x_api_key="one")
    assert client(by, "192.0.2.2", x_api_key="one") == one
    assert client(by, x_api_key="two") != one
    assert client(by) == client("address")
    assert client(by, x_api_key="") == client("address")


def test_nobody_takes_the_place_of_an_address() -> None:
    assert client(ClientHeader(header="X-Api-Key"), x_api_key="192.0.2.1") != client("address")


@pytest.mark.parametrize("text", ["", "x" * 60_000, "\udcff\u1234", "\xff"])
def test_what_is_kept_of_a_header_is_short(text: str) -> None:
    assert len(client(ClientHeader(header="X-Api-Key"), x_api_key=text)) <= 32


def test_a_user_of_basic_credentials_is_one_whatever_the_password() -> None:
    ada = client("user", authorization=basic("ada:1"))
    assert client("user", "192.0.2.2", authorization=basic("ada:2").replace("Basic", "basic")) == ada
    assert client("user", authorization=basic("bob:1")) != ada


@pytest.mark.parametrize("broken", ["Basic !", "Basic YWRh", "Basic Y", "Bearer one"])
def test_other_credentials_are_one_each(broken: str) -> None:
    one = client("user", authorization=broken)
    assert client("user", "192.0.2.2", authorization=broken) == one
    assert client("user", authorization="Bearer two") != one
    assert one != client("user", authorization=basic("ada:1"))


@pytest.mark.parametrize("none", ["", "Basic", "Basic "])
def test_without_credentials_it_is_the_address(none: str) -> None:
    assert client("user", authorization=none) == client("user") == client("address")
