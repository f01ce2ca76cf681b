from __future__ import annotations

import re
from typing import Any

import pytest

from reserve_core.config.pattern import compile_match
from reserve_core.errors import ConfigError, Problem


def groups(match: Any, url: str) -> tuple[str | None, ...] | None:
    found = compile_match(match).search(url)
    return None if found is None else found.groups()


@pytest.mark.parametrize(
    ("path", "url", "expected"),
    [
        ("/a", "/a", ("",)),
        ("/a", "/a/b", ("/b",)),
        ("/a", "/a?x=1", ("?x=1",)),
        ("/a", "/a-b", ("-b",)),
        ("/a", "/ab", None),
        ("/a", "/a_", None),
        ("/a", "/A", None),
        ("/a", "/x/a", None),
        ("/a.b", "/a.b", ("",)),
        ("/a.b", "/axb", None),
        ("/a b", "/a b", ("",)),
        ("/caf", "/café", None),
        ("/café", "/café", ("",)),
        ("/café", "/cafés", None),
        ("/a-", "/a-", ("",)),
        ("/a/", "/a/", ("",)),
        ("/a/", "/a/b/c?d", ("b/c?d",)),
        ("/a/", "/a", None),
        ("/", "/x", ("x",)),
        ("/books/:id", "/books/12", ("12", "")),
        ("/books/:id", "/books/12/x", ("12", "/x")),
        ("/books/:id", "/books/12?x=/1", ("12", "?x=/1")),
        ("/books/:id", "/books/café", ("café", "")),
        ("/books/:id", "/books/c++", ("c++", "")),
        ("/books/:id", "/books/", None),
        ("/books/:id", "/books", None),
        ("/books/:id/", "/books/12/x", ("12", "x")),
        ("/books/:id/", "/books/12", None),
        ("/a/:x-:y/z", "/a/1-2/z/t", ("1", "2", "/t")),
        ("/a/:x-:y/z", "/a/1/2-3/z", None),
        ("/a/:b.html", "/a/x.html", ("x", "")),
        ("/a/:b.html", "/a/xhtml", None),
        ("/x:", "/x:y", None),
        ("/x:", "/x:", ("",)),
        ("/:8080", "/:8080", ("",)),
    ],
)
def test_a_simple_path(path: str, url: str, expected: tuple[str, ...] | None) -> None:
    assert groups(path, url) == expected


def test_a_group_of_a_simple_path_has_its_name() -> None:
    match = compile_match("/books/:id/:page_2").search("/books/12/3")
    assert match is not None
    assert match.groupdict() == {"id": "12", "page_2": "3"}


@pytest.mark.parametrize(
    ("expression", "url", "expected"),
    [
        ("^/q", "/q/x", ()),
        ("b$", "/ab", ()),
        (r"/a\.b", "/x/a.b", ()),
        (r"^\/a\/(b)", "/a/b", ("b",)),
        ("^/(?<name>a+)", "/aa", ("aa",)),
        (r"^/(?<name>a+)\/\k<name>$", "/aa/aa", ("aa",)),
        (r"^/(?<name>a+)\/\k<name>$", "/aa/a", None),
        ("(?<=/x)/(a)", "/x/a", ("a",)),
        ("(?<!/x)/(a)", "/x/a", None),
        (r"^/\(?<a>(b)", "/<a>b", ("b",)),
        (r"^/([(?<]+)a>", "/?<(a>", ("?<(",)),
        (r"^/([^\](?<x]+)a>", "/b]?<(a>", None),
        (r"^/\d+$", "/١٢", None),
        (r"^/\w+$", "/é", None),
        (r"^/a\b", "/aé", ()),
        ("^/[[a]$", "/[", ()),
        ("^/[a||b]$", "/|", ()),
        ("(.*)", "/any?thing", ("/any?thing",)),
    ],
)
def test_a_regular_expression(expression: str, url: str, expected: tuple[str, ...] | None) -> None:
    assert groups(expression, url) == expected


def test_all_urls_match_by_default() -> None:
    match = compile_match().search("/a?b")
    assert match is not None
    assert match.groups() == ("/a?b",)


@pytest.mark.parametrize(
    ("match", "url", "expected"),
    [
        ({"re": "^/(a)", "flags": "i"}, "/A", ("A",)),
        ({"re": "^/(a)", "flags": ""}, "/A", None),
        ({"re": "^/(a)"}, "/A", None),
        ({"re": "a.b", "flags": "gus"}, "/a\nb", ()),
        # No path, as it says that it's an expression.
        ({"re": "/a"}, "/x/ab", ()),
    ],
)
def test_an_expression_with_flags(match: dict[str, str], url: str, expected: tuple[str, ...] | None) -> None:
    assert groups(match, url) == expected


def test_a_compiled_pattern_is_taken_as_it_is() -> None:
    pattern = re.compile(r"^/\w+$")
    assert compile_match(pattern) is pattern


def refused(match: Any) -> Problem:
    with pytest.raises(ConfigError) as caught:
        compile_match(match)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("expression", "reason", "position"),
    [
        ("^/(a", "unterminated subpattern", 3),
        ("^/*a**", "multiple repeat", 6),
        # Counted in what was written, not in its translation to Python.
        ("^/(?<a>x)(?<b>y)**", "multiple repeat", 18),
        (r"^/(?<a>x)\k<a>**", "multiple repeat", 16),
        ("^/(?<a>x)(?<a>y)", "redefinition of group name 'a'", 13),
        ("[a", "unterminated character set", 1),
    ],
)
def test_a_mistake_in_an_expression_is_placed(expression: str, reason: str, position: int) -> None:
    problem = refused(expression)
    assert f'"{expression}"' in problem.message
    assert reason in problem.message
    assert problem.message.endswith(f"at character {position}")
    assert problem.hint is not None
    assert "backslash" in problem.hint


@pytest.mark.parametrize("expression", ["(" * 10_000 + ")" * 10_000, "a{" + "9" * 30 + "}"])
def test_an_expression_too_large_for_python_is_refused(expression: str) -> None:
    assert "is not a regular expression" in refused(expression).message


@pytest.mark.parametrize(
    ("match", "message", "hint"),
    [
        ("books", '"books" can never match', 'Write "/books"'),
        ("", '"" can never match', '"(.*)"'),
        (":id", "can never match", 'Write "/:id"'),
        ("/:a/:a", 'the group ":a" twice', "a name of its own"),
        ({"re": "a", "flags": "iy"}, '"y" is not a flag', "i, m and s"),
        (re.compile(b"a"), "pattern of bytes", "str"),
        (5, "must be a string", "/path"),
    ],
)
def test_what_can_not_match_is_refused(match: Any, message: str, hint: str) -> None:
    problem = refused(match)
    assert message in problem.message
    assert hint in (problem.hint or "")
