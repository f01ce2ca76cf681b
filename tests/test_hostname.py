from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from reserve_core import Request
from reserve_core.hostname import LONGEST, hostname


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("example.com", "example.com"), ("WWW.Example.COM", "www.example.com"), ("localhost:8080", "localhost")),
        *(("example.com.", "example.com"), ("example.com.:80", "example.com"), ("example.com:", "example.com")),
        *(("127.0.0.1:5000", "127.0.0.1"), ("my_service", "my_service"), ("", ""), (":80", ""), (".", "")),
        # IPv6, in the spelling of RFC 5952.
        *(("[::1]", "[::1]"), ("[::1]:5000", "[::1]"), ("[0:0:0:0:0:0:0:1]", "[::1]")),
        *(("[2001:DB8::0:A]:80", "[2001:db8::a]"), ("[::1", ""), ("[x]", "")),
        # Punycode, however it comes.
        *(("xn--bcher-kva.example", "xn--bcher-kva.example"), ("XN--BCHER-KVA.example", "xn--bcher-kva.example")),
        *(("bücher.example", "xn--bcher-kva.example"), ("B%C3%9CCHER.example:80", "xn--bcher-kva.example")),
        *(
            ("ex%61mple%2Ecom%2E", "example.com"),
            ("example\N{IDEOGRAPHIC FULL STOP}com", "example.com"),
            ("é..com", ""),
        ),
        *(("a" * LONGEST, "a" * LONGEST), ("a" * (LONGEST + 1), ""), ("é" * 64 + ".com", "")),
    ],
)
def test_a_host_has_one_spelling(value: str, expected: str) -> None:
    assert hostname(value) == expected


@given(st.text(st.sampled_from("aZé.:[]%20-_*ß。 "), max_size=12))
def test_the_spelling_of_a_spelling_is_the_same(value: str) -> None:
    name = hostname(value)
    assert name.isascii()
    assert "%" in name or ":" in name or name.endswith(".") or hostname(name) == name


def test_the_longest_header_takes_no_time() -> None:
    begun = time.process_time()
    for text in ("a." * 500_000, "%61" * 300_000, "é." * 500_000, "[" + ":" * 1_000_000):
        assert hostname(text) == ""
    assert time.process_time() - begun < 0.1


def test_a_request_knows_its_own() -> None:
    assert Request("GET", "/", {"host": "A.example:80", "x-forwarded-host": "b.example"}).hostname == "a.example"
    assert Request("GET", "/", {"x-forwarded-host": "b.example"}).hostname == ""
