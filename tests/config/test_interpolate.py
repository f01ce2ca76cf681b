from __future__ import annotations

import re
from typing import Any

import pytest

from reserve_core.config import interpolate
from reserve_core.config.interpolate import compile_template


def matched(pattern: str, text: str) -> re.Match[str]:
    match = re.match(pattern, text)
    assert match is not None
    return match


MATCH = matched(r"/(?P<kind>\w+)/(\w+)(/x)?(b)(c)(d)(e)(f)(g)(h)", "/books/12bcdefgh")


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("$1", "books"),
        ("$kind", "books"),
        ("./$1/$2.html", "./books/12.html"),
        ("$2$1", "12books"),
        ("$0", "/books/12bcdefgh"),
        ("$10", "h"),
        ("$1a", "booksa"),
        ("$kind-$2", "books-12"),
        # A group that took no part, and groups that there are not.
        ("[$3]", "[]"),
        ("$3", ""),
        ("$1[$3]", "books[]"),
        ("[$11]", "[]"),
        ("$99", ""),
        ("$1[$99]", "books[]"),
        ("[$kinds]", "[]"),
        ("$kind_", ""),
        ("[$01]", "[]"),
        ("$" + "9" * 5000, ""),
        # Dollars.
        ("$$", "$"),
        ("$$1", "$1"),
        ("$$$1", "$books"),
        ("a$", "a$"),
        ("$ 1", "$ 1"),
        ("${kind}", "${kind}"),
        ("$-$1", "$-books"),
        # What Python's formatting would take for its own.
        ("%s $1 %d {0} $2", "%s books %d {0} 12"),
        ("100% $1", "100% books"),
        ("$été", "$été"),
    ],
)
def test_groups_are_put_into_a_string(pattern: str, value: str) -> None:
    assert interpolate(MATCH, pattern) == value


def test_lists_and_dicts_are_interpolated_at_any_depth() -> None:
    pattern = {"a": "$1", "b": ["x", {"c": ["$2"]}, 5], "$1": None, "d": {"e": "plain"}}
    assert interpolate(MATCH, pattern) == {"a": "books", "b": ["x", {"c": ["12"]}, 5], "$1": None, "d": {"e": "plain"}}


def test_the_pattern_stays_as_it_was_and_members_keep_their_order() -> None:
    pattern = {"a": 1, "b": "$1", "c": ["$2", 3]}
    result = interpolate(MATCH, pattern)
    result["c"].append("more")
    assert list(result) == ["a", "b", "c"]
    assert pattern == {"a": 1, "b": "$1", "c": ["$2", 3]}


@pytest.mark.parametrize("value", ["plain", "", "cost: 5 $", 404, None, True, {"a": ["b"]}, [], print, ("$1",)])
def test_a_value_without_groups_needs_no_template(value: Any) -> None:
    assert compile_template(value) is None
    assert interpolate(MATCH, value) is value


def test_a_template_serves_many_matches() -> None:
    template = compile_template("./$1-$2")
    assert template is not None
    for text in ("a/b", "c/d"):
        assert template(matched("(.)/(.)", text)) == f"./{text[0]}-{text[2]}"


def test_a_match_without_groups_leaves_nothing() -> None:
    """As with invert-match."""
    assert interpolate(matched("", "/x"), ["$1", "./$1", "$1/$name", "$0"]) == ["", "./", "/", ""]
