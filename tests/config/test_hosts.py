from __future__ import annotations

import re
import time
from typing import Any

import pytest

from reserve_core.config.hosts import Hosts, compile_hosts
from reserve_core.errors import ConfigError, HTTPError, Problem


def hosts(value: Any) -> Hosts:
    found = compile_hosts(value, "mapping 1")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "held", "others"),
    [
        ("example.com", ["example.com"], ["www.example.com", "xexample.com", "com", "", "example.com.org"]),
        ("*.example.com", ["a.example.com", "a.b.example.com"], ["example.com", "xexample.com", "com", ""]),
        (["a.example", "*.b.example"], ["a.example", "x.b.example"], ["b.example", "x.a.example"]),
        (["b.example", "*.b.example"], ["b.example", "x.b.example"], ["c.example"]),
        ("Example.COM.", ["example.com"], []),
        ("BÜCHER.example", ["xn--bcher-kva.example"], ["bücher.example"]),
        ("*.bücher.example", ["a.xn--bcher-kva.example"], ["xn--bcher-kva.example"]),
        ("xn--strae-oqa.de", ["xn--strae-oqa.de"], ["strasse.de"]),
        (["[0::1]", "127.0.0.1"], ["[::1]", "127.0.0.1"], ["::1", "[::2]"]),
        ("my_service", ["my_service"], []),
        ({"re": "^API-[0-9]\\."}, ["api-1.example"], ["x-api-1.example", "api-1", ""]),
        ({"re": ""}, ["x"], [""]),
        ({"re": "^a.b$", "flags": "i"}, ["a.b"], []),
        (re.compile("^A"), ["a.example"], ["b.example"]),
    ],
    ids=str,
)
def test_what_a_host_holds(value: Any, held: list[str], others: list[str]) -> None:
    found = hosts(value)
    assert [host for host in (*held, *others) if found.holds(host)] == held


def test_without_one_there_is_nothing_to_ask() -> None:
    assert compile_hosts(None, "mapping 1") is None


def test_the_same_hosts_are_equal() -> None:
    assert hosts(["a.example", "*.b"]) == hosts(["*.B", "A.example."])
    assert hosts({"re": "a"}) == hosts({"re": "a"}) != hosts({"re": "a", "flags": "s"})
    assert hosts("a") != hosts("*.a")


def test_no_host_has_two_of_its_keys() -> None:
    found = hosts(["a.b.c", "*.b.c", "*.x.b.c", "b.c", "x"])
    assert sorted(found.keys) == ["*.b.c", "b.c", "x"]


ALONE = ": the host alone, which has no scheme, port, path or space"
LEAVE_OUT = 'or leave "host" out for all hosts'


@pytest.mark.parametrize(
    ("value", "wrong", "mend"),
    [
        *(("", '""', LEAVE_OUT), ("*", '"*"', LEAVE_OUT), ("*.", '"*."', LEAVE_OUT), (" ", '" "', LEAVE_OUT)),
        ("a.*.example", '"a.*.example"', 'Only "*." at the beginning'),
        ("*a.example", '"*a.example"', 'Only "*." at the beginning'),
        ("*.*.example", '"*.*.example"', 'Only "*." at the beginning'),
        ("example.com:8080", '"example.com:8080"', f'Write "example.com"{ALONE}'),
        ("*.example.com:80", '"*.example.com:80"', f'Write "*.example.com"{ALONE}'),
        ("http://example.com/a", '"http://example.com/a"', f'Write "example.com"{ALONE}'),
        ("example.com/a", '"example.com/a"', f'Write "example.com"{ALONE}'),
        (" example.com", '" example.com"', f'Write "example.com"{ALONE}'),
        ("[::1]:80", '"[::1]:80"', f'Write "[::1]"{ALONE}'),
        ("::1", '"::1"', 'Write the address in brackets, as in a URL: "[::1]"'),
        ("*.[::1]", '"*.[::1]"', "Write a regular expression as"),
        ("a.example, b.example", '"a.example, b.example"', 'Write a list: ["a.example", "b.example"]'),
        ("^(a|b)$", '"^(a|b)$"', 'Write a regular expression as {"re": "^(a|b)$"}'),
        ("straße.de", '"straße.de"', 'Write it as browsers send it: "xn--strae-oqa.de"'),
        *((text, f'"{text}"', "letters, digits, - and _") for text in ("a b", "a..b", "-a", "a-.b", "a%62")),
        *((text, f'"{text[:56]}...', "letters, digits, - and _") for text in ("a" * 64, "é" * 64, "a." * 127 + "a")),
        (["a.example", "x:1"], '"x:1"', f'Write "x"{ALONE}'),
    ],
)
def test_a_mistake(value: Any, wrong: str, mend: str) -> None:
    problem = refused(value)
    assert problem.message == f'"host": {wrong} is no host'
    assert mend in (problem.hint or "")


def test_other_mistakes() -> None:
    assert refused([]).message == '"host" names no host'
    problem = refused({"re": "*.example.com"})
    assert problem.message == '"host": "*.example.com" is not a regular expression: nothing to repeat at character 1'
    assert '"x" is not a flag of "host"' in refused({"re": "a", "flags": "x"}).message
    assert refused(re.compile(b"a")).message == '"host" is a pattern of bytes: a host is a str'


def refused(value: Any) -> Problem:
    with pytest.raises(ConfigError) as caught:
        compile_hosts(value, "mapping 1")
    return caught.value.problems[0]


def test_a_bad_pattern_ends_in_time(caplog: pytest.LogCaptureFixture) -> None:
    found = hosts({"re": "^(a|aa)+$"})
    assert found.holds("aaa")
    begun = time.process_time()
    with pytest.raises(HTTPError) as caught:
        found.holds("a" * 200 + ".example")
    assert time.process_time() - begun < 1
    assert (caught.value.status, caught.value.reason) == (400, "The Host header is too long for this server's rules")
    assert 'mapping 1: its "host" takes too long for some hosts: they are answered with 400' in caplog.text
