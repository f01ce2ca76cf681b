from __future__ import annotations

from typing import Any

import pytest

from reserve_core.config import check, read
from reserve_core.config.checker import with_mappings
from reserve_core.config.reader import Source
from tests.config.conftest import Write
from tests.config.handlers import handler, plugins

pytestmark = pytest.mark.usefixtures("folder")


async def warned(mapping: dict[str, Any]) -> list[str]:
    """The warnings of a mapping with the handler `x`, each with its hint."""
    warnings = (await check({"mappings": [{"x": "", **mapping}]}, plugins(handler("x")))).warnings
    return [f"{warning.message}. {warning.hint}" for warning in warnings]


EMPTY = "Without the group it is empty; a dollar that is meant as one is written $$"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"match": "^/a/(.*)", "x": "$2"}, "the match has the group $1; there is no $2"),
        ({"match": "^/a/(.*)", "x": "$1/$rest"}, "the match has the group $1; there is no $rest"),
        ({"match": "^/a/(.*)", "x": "http://$API_HOST/$1"}, "the match has the group $1; there is no $API_HOST"),
        ({"match": "^/a/(.*)", "x": "$10 $2 $2"}, "the match has the group $1; there is no $10 and no $2"),
        ({"match": "^/a/", "x": "$1"}, "the match has no groups; there is no $1"),
        ({"match": "/a/:id", "x": "$3"}, "the match has the groups $1, $2 and $id; there is no $3"),
        ({"x": {"deep": ["$1", "$2"], "$3": 4}}, "the match has the group $1; there is no $2"),
        ({"invert-match": True, "x": "$1"}, 'with "invert-match" nothing is captured; there is no $1'),
    ],
)
async def test_a_group_that_is_not_there(mapping: dict[str, Any], message: str) -> None:
    assert await warned(mapping) == [f'"x": {message}. {EMPTY}']


@pytest.mark.parametrize(
    "mapping",
    [
        {"match": "/a/:id", "x": "$id $1 $2 $0"},
        {"x": "$1 $$2 $ 5 $-"},
        {"x": ["$0", {"a": "$1"}, 5, None]},
        {"match": "^/(?<a>x)(y)?", "x": "$a$2"},
    ],
)
async def test_groups_that_are_there(mapping: dict[str, Any]) -> None:
    assert await warned(mapping) == []


@pytest.mark.parametrize("match", ["/img/*", "^/img/*", "/img/*.png", "/img/*/x", "/*", {"re": "/img/*"}])
async def test_a_glob(match: Any) -> None:
    (warning,) = await warned({"match": match})
    assert "is a regular expression, in which /* is any number of slashes" in warning
    assert "for all that is below it" in warning


NO_GLOBS = ["/img/", "^/img/.*", "^/img/*$", "^/(.*)/*", "/img/[^/]*", r"^/a\/*b", "^/x*/", "^/a/+"]


@pytest.mark.parametrize("match", NO_GLOBS)
async def test_a_regular_expression_that_is_no_glob(match: str) -> None:
    assert await warned({"match": match}) == []


@pytest.mark.parametrize(
    ("method", "warning"),
    [
        ("GTE", '"method": no client sends GTE. Did you mean "GET"?'),
        ("gte", '"method": no client sends GTE. Did you mean "GET"?'),
        (["GET", "PSOT"], '"method": no client sends PSOT. Did you mean "POST"?'),
        ("GET, DELTE", '"method": no client sends DELTE. Did you mean "DELETE"?'),
        ("*", '"method": * is the name of one method. Leave "method" out for all'),
        ("all", '"method": ALL is the name of one method. Leave "method" out for all'),
    ],
)
async def test_a_method_that_nobody_sends(method: Any, warning: str) -> None:
    assert await warned({"method": method}) == [warning]


@pytest.mark.parametrize("method", ["get", "PURGE,LOCK", "M-SEARCH", ["LIST", "FOO"], "QUERY", "LINK"])
async def test_methods_that_somebody_may_send(method: Any) -> None:
    assert await warned({"method": method}) == []


@pytest.mark.parametrize("text", ["^a.example:8080$", "^(a|b):80", r":\d+$", "a(:80)?$", "a:[0-9]+"])
async def test_a_port_that_no_host_has(text: str) -> None:
    (warning,) = await warned({"host": {"re": text}})
    assert warning.startswith('"host": "')
    assert warning.endswith("Leave the port out: the mapping applies on any")


@pytest.mark.parametrize("text", ["^a$", r"^\[::1\]$", "^(?:80|a)", "(?i:80)", "::80"])
async def test_a_host_without_a_port(text: str) -> None:
    assert await warned({"host": {"re": text}}) == []


async def test_a_handler_warns_with_the_place_of_a_property(write: Write) -> None:
    async def validate(mapping: Any, configuration: Any) -> None:
        mapping.warn("It is slow", "Use less", "size")
        mapping.warn("It is odd")
        mapping.warn_of_groups({"a": "$1 $2"}, "size")

    write("base.json", '{"mappings": [\n{"x": 1,\n "size": 2}\n]}')
    write("reserve.json", '{"extends": "./base.json",\n"mappings": [\n{"x": 3, "match": "/img/*"}]}')
    source: Source = read("reserve.json")
    warnings = (await check(source, plugins(handler("x", validate, size={})))).warnings
    assert [(warning.file, warning.line, warning.mapping) for warning in warnings] == [
        *[("reserve.json", 3, "mapping 1 (/img/*)")] * 4,
        *[("base.json", line, "mapping 1") for line in (3, 2, 3)],
    ]
    assert str(warnings[4]) == "base.json:3: mapping 1: It is slow\n    Use less"
    assert str(warnings[5]) == "base.json:2: mapping 1: It is odd"
    assert warnings[6].message == '"size": the match has the group $1; there is no $2'


async def test_new_mappings_have_their_own() -> None:
    configuration = await check({"mappings": [{"x": "$2"}]}, plugins(handler("x")))
    assert [warning.mapping for warning in configuration.warnings] == ["mapping 1"]
    assert list((await with_mappings(configuration, [{"x": "$1"}])).warnings) == []
