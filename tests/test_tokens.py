"""The token and the list of HTTP, by the words of RFC 9110 5.6."""

from __future__ import annotations

import string

import pytest

from reserve_core.kit import credentials, is_token
from reserve_core.tokens import members

TCHARS = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters


def test_a_token_is_made_of_these_characters() -> None:
    every = [chr(code) for code in range(0x180)]
    allowed = [each for each in every if each in TCHARS]
    assert [each for each in every if is_token(each)] == allowed
    assert [each for each in every if is_token(f"x{each}x")] == allowed


@pytest.mark.parametrize("text", ["", "a b", "a\n", "\na"])
def test_what_is_no_token(text: str) -> None:
    assert not is_token(text)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], []), (["a"], ["a"]), (["a , b", "c"], ["a", "b", "c"]), ([", a,\t, b ,"], ["a", "b"]), ([""], [])],
)
def test_a_list_has_its_members_whatever_the_lines(values: list[str], expected: list[str]) -> None:
    assert members(values) == expected


@pytest.mark.parametrize(
    ("authorization", "parts"),
    [
        ("Bearer abc", ("bearer", "abc")),
        ("BASIC   YTpi ", ("basic", "YTpi")),
        ("Digest a=b, c=d", ("digest", "a=b, c=d")),
        ("Negotiate", ("negotiate", "")),
        ("", ("", "")),
    ],
)
def test_credentials_are_a_scheme_and_what_follows_it(authorization: str, parts: tuple[str, str]) -> None:
    assert credentials(authorization) == parts
