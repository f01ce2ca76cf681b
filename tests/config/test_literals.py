from __future__ import annotations

import re

import pytest

from reserve_core.config.literals import Parts, needs, required_prefix


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
        ("^(?=/a)/b", "/b"),
        ("(^/a)", "/a"),
        # Nothing that all URLs begin with, or nothing that is plain to see.
        ("/api/", ""),
        ("(.*)", ""),
        ("", ""),
        ("^", ""),
        ("^/x|/y", ""),
        ("(?<!x)^/a", ""),
        ("(?i)^/api", ""),
        ("(?m)^/api", ""),
        ("^(?i:/a)b", ""),
        ("^/(?i:a)b", "/"),
    ],
)
def test_the_prefix_that_a_pattern_requires(pattern: str, prefix: str) -> None:
    assert required_prefix(re.compile(pattern)) == prefix


def test_a_debugging_pattern_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pattern = re.compile("^/a", re.DEBUG)
    capsys.readouterr()
    assert required_prefix(pattern) == "/a"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("pattern", "beginnings"),
    [
        ("^/(a1|b1)/(.*)", ["/a1/", "/b1/"]),
        ("^/(one|two)-[xy]$", ["/one-x", "/one-y", "/two-x", "/two-y"]),
        ("^/(a|(?:b|c)d)e", ["/ae", "/bde", "/cde"]),
        ("^/(a.*|b)c", ["/a", "/b"]),  # not all that there is of the first
        ("^/(a|ab)", ["/a"]),
        ("^/(a|)b?", ["/"]),
        ("^(/a|/b|.c)", [""]),
        ("^/[^a]b", ["/"]),
        (r"^/[a\d]b", ["/"]),
        ("^/[a-z]b", ["/"]),
        (r"^/(\w+)/(a|b)", ["/"]),
        (f"^/({'|'.join(map(str, range(10, 74)))})/", [f"/{number}/" for number in range(10, 74)]),
        (f"^/({'|'.join(map(str, range(10, 75)))})/", ["/"]),  # one more than are expanded
        ("^/(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)", None),
    ],
)
def test_the_beginnings_that_a_pattern_requires(pattern: str, beginnings: list[str] | None) -> None:
    found = needs(re.compile(pattern)).beginnings
    if beginnings is None:
        assert len(found) == 64
        assert all(len(text) == len("/ababab") for text in found)
    else:
        assert list(found) == beginnings


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        (r"^.*/x1/(\d+)$", [["/x1/"]]),
        ("^/api/(.*)/books/(.*)/pages$", [["/books/"], ["/pages"]]),
        (r"\.(js|css)$", [[".js", ".css"]]),
        ("/(a/b)c|x", []),
        ("(?m)^/api", [["/api"]]),
        ("/.b/.*/c", []),  # too short to be worth a search
        ("^/api", []),
        ("(/api/)?", []),
        ("(?!/api)(?<!/api)", []),
        ("(?i:/api)/books", [["/books"]]),
    ],
)
def test_the_parts_that_a_pattern_requires(pattern: str, parts: list[list[str]]) -> None:
    assert [list(texts) for texts in needs(re.compile(pattern)).parts] == parts


def test_casefolded_text_is_known_of_patterns_that_ignore_the_case_of_ascii() -> None:
    for flags in (re.ASCII | re.IGNORECASE, re.NOFLAG):
        assert needs(re.compile("^/Straße/(.*)/KIX", flags), folds=True) == (["/strasse/"], [["/kix"]])
    assert needs(re.compile("^/(A|a)", re.ASCII | re.IGNORECASE), folds=True) == (["/a"], [])
    # "\u0131", a dotless i, has an upper case I.
    assert needs(re.compile("^/kix", re.IGNORECASE), folds=True) == (("",), ())
    assert needs(re.compile("^/kix", re.ASCII | re.IGNORECASE)) == (("",), ())


def test_parts_are_found_by_what_few_of_them_have() -> None:
    parts = Parts(([["/common/"], [f"/x{number}/"]], number) for number in range(100))
    assert parts.within("/common/x42/") == {42}
    assert parts.within("/common/x4/x17/") == {4, 17}
    assert parts.within("/common/x100/") == parts.within("/x") == parts.within("") == set()


def test_one_of_several_texts_is_enough_for_a_part() -> None:
    parts = Parts([([["one", "another"]], 1), ([["other"]], 2)])
    assert parts.within("/one") == {1}
    assert parts.within("/another/one") == {1, 2}
    assert parts.within("/other") == {2}
