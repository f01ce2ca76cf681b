from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from reserve_core.config import check
from reserve_core.config.pattern import compile_match
from reserve_core.config.reach import Area, area
from tests.config.handlers import handler, plugins


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        *(("(.*)", Area("")), (".*", Area("")), ("^", Area("")), ("^(.*)$", Area("")), ("^/", Area("/"))),
        *(("^/(.*)", Area("/")), ("^/api/", Area("/api/")), ("^/api(/.*)?", None), ("^/api/((.*))$", Area("/api/"))),
        *(
            ("/api", Area("/api", whole_word=True)),
            ("/api/", Area("/api/")),
            ("/books/:id", None),
            ("^/(a)pi", Area("/api")),
        ),
        *(("^/api$", None), ("^/api/.+", None), ("^/a|^/b", None), (r"\.php$", None), ("^/img/*", None)),
        *(("^/a.*b", None), ("^/a.+", None), ({"re": "^/api/.*", "flags": "i"}, Area("/api/"))),
    ],
    ids=repr,
)
def test_an_area_is_what_a_beginning_decides(match: Any, expected: Area | None) -> None:
    assert area(compile_match(match)) == expected


PIECES = ["^", "/", "a", "b", "(.*)", ".*", "$", "(?!\\w)", "[^/]*", "(a)", "x?", "|", "\\.", "+", "(?i:B)"]


@given(st.lists(st.sampled_from(PIECES), max_size=5), st.text("/abAB.xé_-", max_size=4))
def test_a_pattern_matches_all_of_its_area(pieces: list[str], rest: str) -> None:
    try:
        pattern = re.compile("".join(pieces), re.ASCII)
    except re.error:
        return
    found = area(pattern)
    if found is not None and not (found.whole_word and re.match(r"\w", rest, re.ASCII)):
        assert pattern.search(found.prefix + rest)


async def final(mapping: Any, configuration: Any) -> None:
    mapping.final = True


async def ended(*mappings: dict[str, Any]) -> list[int]:
    """The numbers of the mappings that no request reaches. Those of `end` and `get` are final, those of `on` aren't."""
    loaded = plugins(handler("end", final), handler("on"), replace(handler("get", final), methods=GET))
    warnings = (await check({"mappings": list(mappings)}, loaded)).warnings
    assert all(warning.message.startswith("No request comes here: mapping ") for warning in warnings)
    return [int(re.findall(r"mapping (\d+)", str(warning))[0]) for warning in warnings]


GET = frozenset({"GET", "HEAD"})
ALL, API = {"end": 1}, {"end": 1, "match": "^/api/"}


@pytest.mark.parametrize(
    "later",
    [
        {"on": 1},
        {"end": 1, "match": "(.*)"},
        {"on": 1, "match": "^/api/x"},
        {"on": 1, "method": "GET", "match": r"\.php$"},
        {"on": 1, "invert-match": True, "match": "^/x"},
    ],
)
async def test_nothing_comes_behind_what_ends_all(later: dict[str, Any]) -> None:
    assert await ended(ALL, later) == [2]


async def test_what_is_below_a_beginning_that_ends_all() -> None:
    assert await ended(API, {"on": 1, "match": "^/api/x"}, {"on": 1, "match": "/api/:id"}, {"on": 1}) == [2, 3]
    assert await ended({"end": 1, "match": "/api"}, {"on": 1, "match": "/api/x"}, {"on": 1, "match": "/api"}) == [2, 3]
    assert await ended({"end": 1, "match": "^/(a|b)/"}, {"on": 1, "match": "^/(a|b)/"}) == [2]


@pytest.mark.parametrize(
    "mappings",
    [
        [{"on": 1}, {"on": 1}],  # each may leave the request to the next one
        [{**ALL, "method": "GET"}, {"on": 1}],
        [{**ALL, "method": "GET"}, {"on": 1, "method": "GET,POST"}],
        [{"get": 1}, {"on": 1}],
        [{**ALL, "invert-match": True, "match": "^/x"}, {"on": 1}],
        [{**ALL, "if-match": "reserve_core.functions:accepts_html"}, {"on": 1}],
        [{"end": 1, "match": "^/api/$"}, {"on": 1, "match": "^/api/x"}],
        [API, {"on": 1, "match": "^/apis"}, {"on": 1, "match": "^/api"}, {"on": 1, "match": "/api/x|/b"}],
        [API, {"on": 1, "match": {"re": "^/api/x", "flags": "i"}}, {"on": 1, "invert-match": True, "match": "^/api/"}],
        [{"end": 1, "match": "/api"}, {"on": 1, "match": "/apis"}, {"on": 1, "match": "^/api"}],
    ],
)
async def test_what_is_not_proven_is_not_said(mappings: list[dict[str, Any]]) -> None:
    assert await ended(*mappings) == []


A, ALSO_A = {"host": ["a.example", "*.b"]}, {"host": ["*.B", "a.example."]}


async def test_hosts_that_are_ended() -> None:
    on = {"on": 1}
    assert await ended(ALL, {**on, **A}, {**on, **A, "invert-match": True}) == [2, 3]
    assert await ended({**ALL, **A}, {**on, **ALSO_A}, {**API, **A}) == [2, 3]
    assert await ended({**API, "host": {"re": "^a"}}, {**on, "host": {"re": "^a"}, "match": "^/api/x"}) == [2]
    assert await ended(
        {**ALL, "method": "GET"}, {**API, **A, "method": "POST"}, {**API, **A, "method": "GET,POST"}
    ) == [3]


@pytest.mark.parametrize(
    "later",
    [
        {},
        {"host": "c.example"},
        {"host": ["a.example", "*.b", "c.example"]},
        {"host": {"re": "a"}},
        {**A, "invert-match": True},
        {"match": "^/x", "invert-match": True},
    ],
)
async def test_other_hosts_are_not_ended(later: dict[str, Any]) -> None:
    assert await ended({**ALL, **A}, {"on": 1, **later}) == []


async def test_methods_that_are_ended() -> None:
    others = {"get": 1, "invert-match": True, "match": "^/x"}
    assert await ended({"get": 1}, {"on": 1, "method": "GET"}, others) == [2, 3]
    assert await ended({**ALL, "method": "GET,POST"}, {"get": 1, "method": "GET"}, {"get": 1}) == [2]
    assert await ended({**ALL, "method": "GET"}, {**API, "method": "POST"}, {**API, "method": "GET,POST"}) == [3]
    assert await ended({**ALL, "method": "GET"}, {**API, "method": "POST"}, {**API, "method": "GET,PUT"}, API) == []


async def test_all_that_end_are_named() -> None:
    mappings = [{**ALL, "method": "GET"}, {**API, "method": "POST"}, {**API, "method": "GET,POST"}]
    (warning,) = (await check({"mappings": mappings}, plugins(handler("end", final)))).warnings
    assert warning.message == "No request comes here: mapping 1 and mapping 2 (^/api/) end them all"


@pytest.mark.no_cover
async def test_many_mappings_are_told_in_time() -> None:
    """Each is compared with what may hold it, not with all before it."""
    mappings = [{**API, "method": f"M{index}"} for index in range(2000)]
    begun = time.process_time()
    assert await ended(*mappings[:500]) == []
    few, begun = time.process_time() - begun, time.process_time()
    assert await ended(*mappings) == []
    assert time.process_time() - begun < 12 * few
