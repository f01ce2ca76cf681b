from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from reserve_core.config import yamltext
from reserve_core.config.yamltext import parse
from reserve_core.errors import ConfigError, Problem
from tests.config.test_positions import JSON, paths


@pytest.fixture(autouse=True, params=["CSafeLoader", "SafeLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml, and PyYAML where it was installed without."""
    monkeypatch.setattr(yamltext, "_Loader", getattr(yaml, request.param))


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "a.yaml")
    assert all(problem.hint for problem in caught.value.problems)
    return caught.value.problems


TEXT = """\
# a comment
port: 8080
limits: {max-body: 1_0,
  "max-url": 5}

mappings:
- match: ^/(.*)   # another
  file: |
    one
    two
-
  headers:
    - {x: 1}
    -
"""


def test_every_value_has_its_line() -> None:
    parsed = parse(TEXT, "a.yaml")
    assert parsed.value == {
        "port": 8080,
        "limits": {"max-body": "1_0", "max-url": 5},
        "mappings": [{"match": "^/(.*)", "file": "one\ntwo\n"}, {"headers": [{"x": 1}, None]}],
    }
    assert parsed.lines() == {
        (): 1,
        ("port",): 2,
        ("limits",): 3,
        ("limits", "max-body"): 3,
        ("limits", "max-url"): 4,
        ("mappings",): 6,
        ("mappings", 0): 7,
        ("mappings", 0, "match"): 7,
        ("mappings", 0, "file"): 8,
        ("mappings", 1): 12,
        ("mappings", 1, "headers"): 12,
        ("mappings", 1, "headers", 0): 13,
        ("mappings", 1, "headers", 0, "x"): 13,
        ("mappings", 1, "headers", 1): 14,
    }


def test_crlf_ends_a_line() -> None:
    parsed = parse("a: 1\r\nb:\r\n  c: d\r\n", "a.yaml")
    assert parsed.value == {"a": 1, "b": {"c": "d"}}
    assert parsed.lines() == {(): 1, ("a",): 1, ("b",): 2, ("b", "c"): 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("true", True), ("False", False), ("~", None), ("", None), ("Null", None), ("-12", -12), ("0o17", 15)),
        *(("0x1F", 31), ("1e3", 1000.0), (".5", 0.5), ("-.INF", -float("inf")), ("0755", 755)),
        # What other versions of YAML take for something else.
        *(("no", "no"), ("On", "On"), ("5:30", "5:30"), ("1_000", "1_000"), ("2001-12-14", "2001-12-14"), ("=", "=")),
        *(("'true'", "true"), ('"1"', "1"), ("!!str 1", "1"), ("! 1", "1"), ("!!int 7", 7), ("|-\n  1", "1")),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: Any) -> None:
    found = parse(f"a: {text}", "a.yaml").value["a"]
    assert (found, type(found)) == (value, type(value))


def test_names_are_text() -> None:
    assert parse("404: a\ntrue: b\nno: c\n3.0: d", "a.yaml").value == {"404": "a", "true": "b", "no": "c", "3.0": "d"}


class TestAliases:
    def test_an_alias_stands_for_what_its_anchor_holds_and_has_its_own_line(self) -> None:
        parsed = parse("a: &x\n  b: 1\nc: *x\nd: &y text\ne: [*y]", "a.yaml")
        assert parsed.value == {"a": {"b": 1}, "c": {"b": 1}, "d": "text", "e": ["text"]}
        lines = parsed.lines()
        assert (lines["c",], lines["e", 0]) == (3, 5)
        assert ("c", "b") not in lines

    def test_members_are_taken_over_and_written_ones_win(self) -> None:
        parsed = parse("a: &x {p: 1, q: 2}\nb: &y {q: 3, r: 3}\nc:\n  <<: [*x, *y]\n  p: 4\nd: {<<: {s: 5}}", "a.yaml")
        assert parsed.value["c"] == {"p": 4, "q": 2, "r": 3}
        assert parsed.value["d"] == {"s": 5}
        assert (parsed.lines()["c", "p"], parsed.lines()["c", "r"]) == (5, 4)

    def test_a_billion_laughs_are_too_many(self) -> None:
        lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        (problem,) = problems("\n".join(lines))
        assert (problem.line, problem.message) == (5, "The aliases stand for more than 100,000 values")

    def test_so_are_a_billion_merged(self) -> None:
        lines = ["a0: &a0 {k: 1}"]
        lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10)]
        assert problems("\n".join(lines))[0].message == "The aliases stand for more than 100,000 values"

    @pytest.mark.parametrize(
        ("text", "line", "message"),
        [
            ("a: 1\nb: *x", 2, "There is no anchor &x before"),
            ("a: &x\n  - *x", 2, "*x stands within what it stands for"),
            ("a: &x {b: {<<: *x}}", 1, "*x stands within what it stands for"),
            ("a: &x b\n*x : 1", 2, "An alias is no name of a property"),
            ("a: 1\n<<: 5", 2, '"<<" takes the members of an object over'),
            ("<<: [{}, 5]", 1, '"<<" takes the members of an object over'),
        ],
    )
    def test_what_stands_for_nothing_is_refused(self, text: str, line: int, message: str) -> None:
        (problem,) = problems(text)
        assert (problem.file, problem.line, problem.message) == ("a.yaml", line, message)


def test_all_duplicate_properties_are_named() -> None:
    first, second = problems("a: 1\nb:\n  c: 1\n  c: 2\n'a': 3")
    assert (first.line, first.message) == (4, '"c" is written twice in one object, first on line 3')
    assert (second.line, second.message) == (5, '"a" is written twice in one object, first on line 1')


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("a: 1\nb: c: d", 2, "at column 5: mapping values", "quotes"),
        ("a:\n\t- b", 2, "at column 1: found character", "tabs"),
        ("a: `b`", 1, "at column 4: found character", "quotes"),
        ('a: "\\d"', 1, "escape", "backslash twice"),
        ("a: [1,\n 2\nb: 3", 3, "expected ',' or ']'", "bracket"),
        ("a: 'b\n", 2, "end of stream", "quotes"),
        ("a: 1\nb: \x07", 2, "a control character", "Remove it"),
        ("a: 1\n---\na: 2", 2, "A second document", "extends"),
        ("? [a]\n: 1", 1, "no name of a property", "name"),
        ("a: !!python/object:os.system b", 1, "has no meaning here", "Remove it"),
        ("a: !env b", 1, "has no meaning here", "Remove it"),
        ("a: !!set {b}", 1, "has no meaning here", "Remove it"),
        ("- " * 500, 1, "Nested too deeply", "fewer levels"),
        ("[" * 500, 1, "Nested too deeply", "fewer levels"),
    ],
)
def test_a_mistake_is_placed_and_its_mend_is_named(text: str, line: int, message: str, hint: str) -> None:
    (problem,) = problems(text)
    assert (problem.file, problem.line) == ("a.yaml", line)
    assert message in problem.message
    assert problem.hint is not None
    assert hint in problem.hint


def test_a_depth_that_the_parser_itself_would_not_bear_is_refused() -> None:
    (problem,) = problems("a: " + "[" * 100_000)
    assert problem.line == 1


def test_a_number_nobody_can_read_is_refused() -> None:
    assert problems("port: " + "9" * 10_000)[0].message == "A number has too many digits"


@pytest.mark.no_cover
@given(JSON, st.booleans())
def test_all_values_of_any_text_are_found(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, default_style='"', width=40)
    parsed = parse(text, "a.yaml")
    assert (parsed.value, set(parsed.lines())) == (value, paths(value))
