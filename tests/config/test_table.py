from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from reserve_core.config import Handler, Mapping, Table, table as module
from reserve_core.config.table import required_prefix
from reserve_core.options import Shape


async def nothing(*arguments: Any) -> None:
    return None


HANDLER = Handler("any", nothing, None, lambda: Shape({}), None)


def mapping(pattern: re.Pattern[str] | str, *, invert: bool = False) -> Mapping:
    return Mapping(
        index=0,
        label="",
        handler=HANDLER,
        pattern=re.compile(pattern),
        methods=None,
        invert=invert,
        if_match=None,
        value=None,
        template=None,
        properties={},
        cwd=Path("/"),
    )


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("^/api/(.*)", "/api/"),
        (r"\A/api", "/api"),
        (r"^/a\.b\/c\b(.*)", "/a.b/c"),
        ("^/(api)/(?P<n>x)(y)", "/api/xy"),
        ("^/(?:api|apply)/", "/ap"),
        ("^/a|^/b", "/"),
        ("^/ab?c", "/a"),
        ("^/a+", "/"),
        ("^/a(bc)+d", "/a"),
        ("^/a[b]c", "/abc"),
        ("^/(a|b)c", "/"),
        ("^/(ab?)c", "/a"),
        ("^/a[bc]", "/a"),
        ("^/a$", "/a"),
        ("(?x) ^ /a b # comment", "/ab"),
        ("^/é", "/é"),
        # Nothing that all URLs begin with, or nothing that is plain to see.
        ("/api/", ""),
        ("(.*)", ""),
        ("", ""),
        ("^", ""),
        ("^/x|/y", ""),
        ("^(?=/a)/b", ""),
        ("(?<!x)^/a", ""),
        ("(?i)^/api", ""),
        ("(?m)^/api", ""),
        ("^(?i:/a)b", ""),
        ("^/(?i:a)b", "/"),
        ("(^/a)", ""),
    ],
)
def test_the_prefix_that_a_pattern_requires(pattern: str, prefix: str) -> None:
    assert required_prefix(re.compile(pattern)) == prefix


def test_a_debugging_pattern_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pattern = re.compile("^/a", re.DEBUG)
    capsys.readouterr()
    assert required_prefix(pattern) == "/a"
    assert capsys.readouterr().out == ""


def test_candidates_are_those_that_may_match_in_their_order() -> None:
    first, api, anywhere, books, root, inverted = mappings = [
        mapping("^/api/books/(.*)"),
        mapping("^/api/(.*)"),
        mapping("[.]js$"),
        mapping("^/api/books/1"),
        mapping("^/"),
        mapping("^/never", invert=True),
    ]
    table = Table(mappings)
    assert table.mappings == tuple(mappings)
    assert len(table) == 6
    assert table.candidates("/api/books/1") == tuple(mappings)
    assert table.candidates("/api/books/2") == (first, api, anywhere, root, inverted)
    assert table.candidates("/api/x") == (api, anywhere, root, inverted)
    assert table.candidates("/apj") == (anywhere, root, inverted)
    assert table.candidates("*") == (anywhere, inverted)
    assert table.candidates("") == (anywhere, inverted)
    assert books not in table.candidates("/api/books/")


def test_an_empty_table_has_no_candidates() -> None:
    assert Table().candidates("/") == ()


def test_candidates_are_built_once() -> None:
    table = Table([mapping("^/a"), mapping("(.*)")])
    assert table.candidates("/a/1") is table.candidates("/a/2")
    assert table.candidates("/b") is table.candidates("/c")


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 30)
    common = [mapping("(.*)") for _ in range(9)]
    own = [mapping(f"^/{number}/") for number in range(100)]
    table = Table([*common, *own])
    built = {}
    for number in range(100):
        built[number] = table.candidates(f"/{number}/")
        assert built[number] == (*common, own[number])
    kept = [number for number in range(100) if table.candidates(f"/{number}/") is built[number]]
    assert len(kept) <= 3


PIECES = ["/", "a", "b", "/a", "/ab", "/a/b", "c", "."]
PATTERN_PIECES = [
    *PIECES,
    "a?",
    "[ab]",
    "(a|b)",
    "b*",
    "(?:/a)+",
    r"\b",
    "$",
    "|",
    "(b)",
    "(?=a)",
    "(?i:A)",
    r"\w",
    "^",
]
FLAGS = st.sampled_from([re.NOFLAG, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.ASCII])


@st.composite
def patterns(draw: st.DrawFn) -> re.Pattern[str]:
    text = draw(st.sampled_from(["", "^", "^", r"\A"])) + "".join(
        draw(st.lists(st.sampled_from(PATTERN_PIECES), max_size=5))
    )
    try:
        return re.compile(text, draw(FLAGS))
    except re.error:  # "^*", "|*" and the like
        return re.compile(re.escape(text))


URLS = st.lists(st.sampled_from([*PIECES, "A", "\n"]), max_size=6).map("".join)


@given(st.lists(st.tuples(patterns(), st.booleans()), max_size=12), st.lists(URLS, min_size=1, max_size=8))
@example([(re.compile("^/a"), False), (re.compile("^/a/b"), False)], ["/a/c", "/a/b", "/a"])
def test_candidates_select_what_trying_all_selects(rules: list[tuple[re.Pattern[str], bool]], urls: list[str]) -> None:
    mappings = [mapping(pattern, invert=invert) for pattern, invert in rules]
    table = Table(mappings)

    def selected(tried: Any, url: str) -> list[int]:
        return [id(one) for one in tried if (one.pattern.search(url) is not None) != one.invert]

    for url in urls:
        assert selected(table.candidates(url), url) == selected(mappings, url)


def test_the_work_does_not_grow_with_the_number_of_mappings() -> None:
    """Counted in lines of Python that run, not in time."""

    def lines(number: int) -> int:
        table = Table([*(mapping(f"^/service-{index}/(.*)") for index in range(number)), mapping("(.*)")])
        count = 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        former = sys.gettrace()
        sys.settrace(trace)
        try:
            found = [table.candidates(url) for url in ("/service-7/x", "/service-7/y", "/other")]
        finally:
            sys.settrace(former)
        assert [len(candidates) for candidates in found] == [2, 2, 1]
        return count

    assert lines(5_000) == lines(10)
