from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from reserve_core.config import Handler, Mapping, Table, table as module
from reserve_core.config.hosts import compile_hosts
from reserve_core.options_dataclass import Shape


async def nothing(*arguments: Any) -> None:
    return None


HANDLER = Handler("any", nothing, None, lambda: Shape({}), None)


def mapping(pattern: re.Pattern[str] | str, *, invert: bool = False, host: Any = None, index: int = 0) -> Mapping:
    return Mapping(
        index=index,
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
        host=compile_hosts(host, ""),
    )


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
    "(?:/ab|b/a)",
    "(a|b|cab)",
    "[^a]",
    ".*",
    "aba",
    "/a/b",
    *("s", "k", "i", "K", "é", "ß"),
]
FLAGS = st.sampled_from(
    [
        re.NOFLAG,
        re.IGNORECASE,
        re.IGNORECASE | re.ASCII,
        re.MULTILINE,
        re.MULTILINE | re.IGNORECASE | re.ASCII,
        re.ASCII,
    ]
)


@st.composite
def patterns(draw: st.DrawFn) -> re.Pattern[str]:
    text = draw(st.sampled_from(["", "^", "^", r"\A"])) + "".join(
        draw(st.lists(st.sampled_from(PATTERN_PIECES), max_size=5))
    )
    try:
        return re.compile(text, draw(FLAGS))
    except re.error:  # "^*", "|*" and the like
        return re.compile(re.escape(text))


# With what upper and lower case of other letters are: a long s, a dotted and a dotless i, a Kelvin sign.
URLS = st.lists(st.sampled_from([*PIECES, "aba", "A", "\n", *"skiSKIéÉßẞ\u017f\u0130\u0131\u212a"]), max_size=8).map(
    "".join
)


@given(
    st.lists(st.tuples(patterns(), st.sampled_from([False, False, True]), st.sampled_from([None, "a"])), max_size=12),
    st.lists(URLS, min_size=1, max_size=8),
    st.sampled_from([0, 1, 10]),
)
@example([(re.compile("^/a"), False, None), (re.compile("^/a/b"), False, None)], ["/a/c", "/a/b", "/a"], 10)
@example([(re.compile(each), False, None) for each in ("^.*aba", ".*", "^/a")], ["/aba", "/a"], 0)
@example([(re.compile(each), False, None) for each in ("^/(A|a)b", "(?ai)x")], ["/ab", "/Ab"], 10)
# A sigma's lower case depends on what follows it.
@example(
    [(re.compile(each), False, None) for each in ("^/\u0391\u03a3", "(?ai)x")],
    ["/\u0391\u03a3", "/\u0391\u03a3\u0391"],
    10,
)
def test_candidates_select_what_trying_all_selects(rules: list[Any], urls: list[str], few: int) -> None:
    mappings = [
        mapping(pattern, invert=invert, host=host, index=index) for index, (pattern, invert, host) in enumerate(rules)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", few)  # those that few tables have enough mappings for
        table = Table(mappings)

    def selected(tried: Iterable[Mapping], url: str, host: str) -> list[int]:
        return [
            each.index
            for each in tried
            if (each.pattern.search(url) is not None and each.host in (None, compile_hosts(host or None, "")))
            != each.invert
        ]

    for url in urls:
        assert selected(table.candidates(url), url, "") == selected(mappings, url, "")
        assert selected(table.candidates_on("a", url), url, "a") == selected(mappings, url, "a")


def test_candidates_on_a_host_are_those_of_the_host_as_well() -> None:
    rules: list[tuple[str, Any]] = [
        ("^/api/", "a.example"),
        ("(.*)", None),
        ("^/api/", "*.example"),
        ("(.*)", ["a.example", "*.a.example", "[::1]"]),
        ("^/", {"re": "^b"}),
        ("^/api/", "b.example"),
    ]
    mappings = [mapping(pattern, host=host, index=index) for index, (pattern, host) in enumerate(rules)]
    table = Table([*mappings, mapping("(.*)", host="x.example", invert=True, index=6)])
    assert table.asks_host

    def indexes(host: str, url: str) -> list[int]:
        return [each.index for each in table.candidates_on(host, url)]

    assert indexes("a.example", "/api/x") == [0, 1, 2, 3, 4, 6]
    assert indexes("a.example", "/") == [1, 3, 4, 6]
    assert indexes("c.a.example", "/api/x") == [1, 2, 3, 4, 6]
    assert indexes("b.example", "/api/") == [1, 2, 4, 5, 6]
    assert indexes("[::1]", "/") == [1, 3, 4, 6]
    assert indexes("example", "/api/") == indexes("", "/api/") == [1, 4, 6]
    assert table.candidates("/api/") == table.candidates_on("", "/api/")


@pytest.mark.parametrize("host", ["a", "*.a", {"re": "a"}])
@pytest.mark.parametrize("invert", [False, True])
def test_a_table_knows_whether_it_asks_for_the_host(host: Any, invert: bool) -> None:
    assert not Table([mapping("^/a")]).asks_host
    assert Table([mapping("^/a"), mapping("^/a", host=host, invert=invert)]).asks_host


NAMES = st.lists(st.sampled_from(["a", "b", "xa"]), min_size=1, max_size=3).map(".".join)
HOSTS = st.one_of(
    st.none(),
    st.lists(st.one_of(NAMES, NAMES.map("*.{}".format)), min_size=1, max_size=4),
    st.sampled_from(["^a", "a$", "b", r"\."]).map(lambda text: {"re": text}),
)
RULES = st.tuples(
    st.sampled_from(["^/", "^/a", "^/a/b", "(.*)", "b$", "^a"]),
    HOSTS,
    st.booleans(),
    st.sampled_from([None, frozenset({"GET"}), frozenset({"PUT"})]),
)


@given(
    st.lists(RULES, max_size=12),
    st.lists(st.tuples(st.one_of(st.just(""), NAMES), st.sampled_from(["/", "/a", "/a/b", "/b"])), min_size=1),
)
def test_a_host_selects_what_its_words_say(rules: list[Any], requests: list[tuple[str, str]]) -> None:
    mappings = []
    for index, (pattern, host, invert, methods) in enumerate(rules):
        mappings.append(mapping(pattern, host=host, invert=invert, index=index))
        mappings[-1].methods = methods
    table = Table(mappings)

    def is_on(rule: Any, host: str) -> bool:
        if isinstance(rule, dict):
            return host != "" and re.search(rule["re"], host) is not None
        return rule is None or any(host == each or (each[0] == "*" and host.endswith(each[1:])) for each in rule)

    for host, url in requests:
        expected = [
            index
            for index, (pattern, rule, invert, methods) in enumerate(rules)
            if ((methods is None or "GET" in methods) and is_on(rule, host) and bool(re.search(pattern, url))) != invert
        ]
        found = table.candidates_on(host, url) if host else table.candidates(url)
        assert [each.index for each in found if each.match("GET", url, host) is not None] == expected


def lines_of(action: Callable[[], Any]) -> int:
    """How many lines of Python run: the work, whatever the time."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(former)
    return count


@pytest.mark.parametrize(
    ("pattern", "flags", "url"),
    [
        ("^/service-{}/(.*)", 0, "/service-7/x"),
        ("^/service-{}/(.*)", re.IGNORECASE, "/SERVICE-7/x"),
        ("^/(a{0}|b{0})/(.*)", 0, "/b7/x"),
        ("^/(a|b)/(c|d){}/", 0, "/b/d7/"),
        (r"^.*/x{}/(\d+)$", 0, "/any/x7/1"),
        (r"^/[^/]+/(?:one{0}|two{0})(?!\w)(.*)", 0, "/any/two7"),
        (r"\.(js{0}|css{0})$", re.IGNORECASE, "/any.CSS7"),
    ],
)
@pytest.mark.parametrize("host", [None, "a.example"])
@pytest.mark.no_cover
def test_the_work_does_not_grow_with_the_number_of_mappings(pattern: str, flags: int, url: str, host: Any) -> None:
    def work(number: int) -> int:
        rules = [re.compile(pattern.format(index), re.ASCII | flags) for index in range(number)]
        table = Table(mapping(rule, host=host, index=index) for index, rule in enumerate([*rules, re.compile("(.*)")]))
        found: list[int] = []
        urls = (url, url + url, "/other")
        count = lines_of(lambda: found.extend(len(table.candidates_on("a.example", url)) for url in urls))
        assert found[0] == 2
        assert found[2] == 1
        return count

    assert work(500) == work(20)


@pytest.mark.parametrize(("form", "sizes"), [("host-{}.example", [2, 1, 1]), ("*.host-{}.example", [1, 2, 1])])
def test_the_work_does_not_grow_with_the_number_of_hosts(form: str, sizes: list[int]) -> None:
    def work(number: int) -> int:
        own = (mapping("(.*)", host=form.format(index), index=index) for index in range(number))
        table = Table([*own, mapping("(.*)", index=number)])
        found: list[int] = []
        hosts = ("host-7.example", "x.host-7.example", "other")
        count = lines_of(lambda: found.extend(len(table.candidates_on(host, "/x")) for host in hosts))
        assert found == sizes
        return count

    assert work(5_000) == work(10)
