"""Searching a URL within a bound: the same answers as the pattern's own, in time, whatever the URL."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterable

import pytest
from hypothesis import given, strategies as st

from reserve_core import HTTPError
from reserve_core.config.pattern import compile_match
from reserve_core.config.search import searcher

LONGEST = 8192
MAY_TAKE = 0.25  # seconds of the processor; what is bad takes minutes

# Patterns of people who mean well, that Python's own engine serves without any bound.
HARMLESS = [
    "(.*)",
    "^/(.*)",
    "^/api/.*$",
    "/books/:id",
    "/books/:id/pages/:page",
    "/path/",
    "^/mirror(/.*)?$",
    "^/([^/]+)/([^/]+)/(.*)",
    "^/(\\d+)-(\\w+)/",
    "\\.(png|css|js)$",
    "(.*)\\.php$",
    ".*\\.(?:png|css)(?:\\?|$)",
    "^/(?!private)(.*)",
    "^/a{1,5}b?",
    "^/v(\\d{1,3})/(?<rest>.*)",
    "^/a*ß",
]
# Patterns that a URL can make very slow, with such a URL (and one that is of use).
BAD = [
    ("^/(a+)+$", "/" + "a" * 60 + "!", "/aaa"),
    ("^/(a|aa)+$", "/" + "a" * 90 + "!", "/aaa"),
    ("^/(([^/]+)/?)+\\.html$", "/" + "a" * 60, "/a/b.html"),
    ("^/(\\w+\\s?)*!$", "/" + "a" * 60, "/a!"),
    ("^/(.*)/(.*)/(.*)\\.js$", "/" * (LONGEST - 1) + "x", "/a/b/c.js"),
    ("(a*)(a*)(a*)b", "/" + "a" * (LONGEST - 1), "/aab"),
    ("^/(a*)?(a*)?(a*)?(a*)?b", "/" + "a" * (LONGEST - 1), "/aab"),
    ("^/(?:a*|c)(?:a*|c)(?:a*|c)b", "/" + "a" * (LONGEST - 1), "/aab"),
    ("(?i)^/.*(?<!x)y.*z.*!$", "/" + "y" * (LONGEST - 1), "/yz!"),
    ("^/(.+)(.+)\\1!$", "/" + "a" * (LONGEST - 1), "/aba!"),
    ("[a-z]+[a-z0-9]+\\?", "/" + "a" * (LONGEST - 1), "/ab?"),
    ("^/(?=.*a.*b.*c)", "/" + "a" * (LONGEST // 2) + "b" * (LONGEST // 2), "/abc"),
]


@pytest.mark.parametrize("match", HARMLESS)
def test_most_patterns_are_their_own(match: str) -> None:
    pattern = compile_match(match)
    search = searcher(pattern, "mapping 1")
    assert search == pattern.search or "_once" in repr(search)


@pytest.mark.parametrize("match", HARMLESS)
@pytest.mark.parametrize("filler", ["a", "/", "-", ".php", "1/", "a/b-", ".png?", "é"])
def test_no_url_is_slow_for_them(match: str, filler: str) -> None:
    search = searcher(compile_match(match), "mapping 1")
    begun = time.process_time()
    search("/" + filler * ((LONGEST - 2) // len(filler)) + "!")
    assert time.process_time() - begun < MAY_TAKE


def test_a_long_word_is_no_work_before_a_search() -> None:
    pattern = compile_match(f"^/{'a' * 30_000}")
    begun = time.process_time()
    assert searcher(pattern, "mapping 1") == pattern.search
    assert time.process_time() - begun < MAY_TAKE


@pytest.mark.parametrize(("match", "url", "good"), BAD, ids=[match for match, _, _ in BAD])
def test_bad_patterns_end_in_time(match: str, url: str, good: str) -> None:
    search = searcher(compile_match(match), "mapping 3 (bad)")
    begun = time.process_time()
    with contextlib.suppress(HTTPError):
        assert search(url) is None
    assert time.process_time() - begun < MAY_TAKE
    assert search(good) is not None
    assert search("/nothing-like-it") is None


def test_time_over_is_told_once_and_no_url_is(caplog: pytest.LogCaptureFixture) -> None:
    search = searcher(compile_match("^/([a-z]+/?)+[0-9]$"), "mapping 3 (bad)")
    for _ in range(3):
        with pytest.raises(HTTPError, match="too long") as told:
            search("/" + "secret" * 1000)
        assert told.value.status == 414
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert 'mapping 3 (bad): its "match" takes too long' in caplog.text
    assert "secret" not in caplog.text


def of(matches: Iterable[str], longest: int) -> st.SearchStrategy[tuple[str, str]]:
    """A pattern, and a URL of at most so many characters."""
    return st.tuples(st.sampled_from([*matches]), st.text("/ab.js?-1\n", max_size=longest).map("/{}".format))


# Python's engine, which has no bound, takes four times as long for every two characters with the first four of these.
ENDLESS, POLYNOMIAL = [match for match, _, _ in BAD[:4]], [match for match, _, _ in BAD[4:]]


@given(of([*HARMLESS, *POLYNOMIAL], 60) | of(ENDLESS, 12))
def test_the_answers_are_those_of_the_pattern(match_and_url: tuple[str, str]) -> None:
    match, url = match_and_url
    pattern = compile_match(match)
    try:
        found = searcher(pattern, "mapping 1")(url)
    except HTTPError:
        return
    expected = pattern.search(url)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert (found.span(), found.groups(), found.groupdict()) == (
            *(expected.span(), expected.groups(), expected.groupdict()),
        )
        assert found[0] == expected[0]


def test_flags_mean_the_same() -> None:
    bad = {"re": "^/(A+)+\\d$", "flags": "i"}
    assert searcher(compile_match(bad), "")("/aaA1")
    assert not searcher(compile_match(bad), "")("/aa\N{ARABIC-INDIC DIGIT ONE}")
    assert searcher(re.compile("^/(A+)+ \\d$", re.VERBOSE), "")("/A\N{ARABIC-INDIC DIGIT ONE}")
