from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, strategies as st

from reserve_core.config.names import meant, misspellings, slips, suggestion
from reserve_core.config.properties import MAPPING_PROPERTIES

OPEN = {*MAPPING_PROPERTIES, "custom", "watch"}
HANDLERS = ["custom", "file", "headers", "mirror", "status", "tap", "url", "use"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        *(("macth", "match"), ("mach", "match"), ("matchh", "match"), ("amtch", "match"), ("Match", "match")),
        *(("methods", "method"), ("metohd", "method"), ("mehtdo", "method"), ("METHOD", "method")),
        *(("verb", "method"), ("verbs", "method"), ("http-method", "method"), ("path", "match"), ("route", "match")),
        *(("hostname", "host"), ("hosts", "host"), ("vhost", "host"), ("domain", "host"), ("Host", "host")),
        *(("if_match", "if-match"), ("ifMatch", "if-match"), ("fi-match", "if-match"), ("condition", "if-match")),
        *(("invertMatch", "invert-match"), ("inver-mach", "invert-match"), ("watchs", "watch"), ("cdw", "cwd")),
    ],
)
def test_a_name_that_was_meant(name: str, known: str) -> None:
    assert meant(name, OPEN) == known


@pytest.mark.parametrize(
    "name",
    [
        *("batch", "patch", "catch", "matches", "watcher", "watchers", "cmd", "cd", "customer", "theme", "greeting"),
        *("metadata", "fifo", "limit", "data", "x", "", "é", "urls", "files", "title", "location", "prefix", "when"),
    ],
)
def test_a_name_of_ones_own(name: str) -> None:
    assert meant(name, OPEN - {"custom"}) is None


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("abc", "acb", 1), ("abc", "axc", 1), ("abcd", "bacdx", 2)],
)
def test_slips_are_counted(one: str, other: str, count: int) -> None:
    assert slips(one, other) == slips(other, one) == count


@given(st.sampled_from(sorted(OPEN)), st.data())
def test_what_an_editor_refuses_is_what_the_check_refuses(known: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(known)))
    cut = data.draw(st.integers(position, min(len(known), position + 2)))
    put = data.draw(st.text(string.ascii_letters + "-_", max_size=2))
    name = known[:position] + put + known[cut:]
    if re.search(misspellings(known, OPEN), name):
        assert meant(name, [known]) == known
    elif slips(name, known) == 1 and len(known) > 3 and name[0] == known[0]:
        assert name in OPEN


@pytest.mark.parametrize("name", [*sorted(OPEN), "batch", "cmd", "customer", "x-match"])
def test_an_editor_refuses_no_name_that_may_be_right(name: str) -> None:
    assert [known for known in OPEN - {"custom"} if re.search(misspellings(known, OPEN), name)] == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("static", 'Did you mean "file"?'),
        ("redirect", 'Did you mean "status"? Write "status": 302, "headers": {"location": "/new"}'),
        ("proxy", 'Did you mean "url"?'),
        ("proxy_pass", 'Did you mean "url"?'),
        ("rewrite", 'Did you mean "custom"? Its function returns the other URL'),
        ("add_header", 'Did you mean "headers"?'),
        ("middleware", 'Did you mean "use"?'),
        ("record", 'Did you mean "tap"?'),
        ("stat", 'Did you mean "status"?'),
        ("cus", 'Did you mean "custom"?'),
        ("cu", "The handlers are: custom, file, headers, mirror, status, tap, url, use"),
        ("nothing", "The handlers are: custom, file, headers, mirror, status, tap, url, use"),
    ],
)
def test_what_other_servers_call_a_handler(name: str, hint: str) -> None:
    assert suggestion(name, HANDLERS, "The handlers are") == hint


def test_nothing_is_suggested_that_is_not_there() -> None:
    assert suggestion("redirect", ["file"]) == "Known: file"
    assert suggestion("FILE", ["file", "status"]) == 'Did you mean "file"?'
    assert suggestion("nothing", ["status", "file"], "Installed") == "Installed: file, status"
    assert suggestion("x", []) == "Known: none"
