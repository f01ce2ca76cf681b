"""Which content codings a client takes."""

from __future__ import annotations

import pytest

from reserve_core.kit import accepted_codings

OFFERED = ("br", "zstd", "gzip")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("gzip", ("gzip",)),
        ("x-gzip", ("gzip",)),
        ("gzip, deflate, br, zstd", ("br", "zstd", "gzip")),
        ("gzip;q=1.0, br;q=0.5", ("gzip", "br")),
        ("GZIP ; Q=0.5 , Br ;q=0.51", ("br", "gzip")),
        ("*", ("br", "zstd", "gzip")),
        ("*;q=0", ()),
        ("gzip, *;q=0", ("gzip",)),
        ("*;q=0.5, br;q=0", ("zstd", "gzip")),
        ("br;q=0, gzip;q=0.000", ()),
        ("identity", ()),
        ("identity;q=0, gzip", ("gzip",)),
        ("identity;q=0", ()),
        ("identity;q=0.5, gzip;q=0.4, br;q=0.6", ("br",)),
        ("identity;q=1, *;q=0", ()),
        ("gzip;q=0, *", ("br", "zstd")),
        ("identity;q=0.5, gzip;q=0.4, br;q=0.5", ("br",)),
        ("deflate", ()),
        ("brotli", ()),
        (",,;,=", ()),
        ("br;q=nan", ()),
        ("gzip;q=2, br;q=1.5, zstd;q=x", ()),
        ("gzip;level=9, , br", ("br",)),
    ],
)
def test_the_codings_by_their_qualities(header: str, expected: tuple[str, ...]) -> None:
    assert accepted_codings(header, OFFERED) == expected


def test_equal_ones_stay_in_the_order_of_who_offers_them() -> None:
    assert accepted_codings("br, gzip, zstd;q=0.9", ("gzip", "zstd", "br")) == ("gzip", "br", "zstd")
