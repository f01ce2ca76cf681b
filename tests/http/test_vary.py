"""What a response says that it depends on."""

from __future__ import annotations

import pytest

from reserve_core import Headers
from reserve_core.kit import add_vary


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "accept-encoding"),
        (["origin"], "origin, accept-encoding"),
        (["Origin, Cookie", "accept"], "Origin, Cookie, accept, accept-encoding"),
        (["Accept-Encoding"], "Accept-Encoding"),
        (["origin, ACCEPT-ENCODING"], "origin, ACCEPT-ENCODING"),
        (["*"], "*"),
    ],
)
def test_a_name_stands_in_vary_once(before: list[str], after: str) -> None:
    headers = Headers([("vary", value) for value in before])
    add_vary(headers, "accept-encoding")
    assert headers.getall("vary") == [after]
