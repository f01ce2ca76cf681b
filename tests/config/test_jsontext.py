from __future__ import annotations

import pytest

from reserve_core.config.jsontext import parse
from reserve_core.errors import ConfigError, Problem


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "a.json")
    return caught.value.problems


def test_valid_json_is_parsed() -> None:
    assert parse('{"a": [1, 2.5, true, null, "\\u00e9"]}', "a.json").value == {"a": [1, 2.5, True, None, "é"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('// first\n{"a": 1} // last', {"a": 1}),
        ('{"a": /* one */ 1, /* 2\n3 */ "b": [1, 2,],\n}', {"a": 1, "b": [1, 2]}),
        ('{"a": [1, // one\n /* , */ ]\r\n,}', {"a": [1]}),
        ('{"// no": "/* no */", "b": "\\"// no,]", }', {"// no": "/* no */", "b": '"// no,]'}),
        ('{"//": "one", "$comment": "two"}', {"//": "one", "$comment": "two"}),
        ('{"a": "/*", "b": "*/",}', {"a": "/*", "b": "*/"}),
    ],
)
def test_comments_and_commas_behind_the_last_member_are_passed_over(text: str, value: object) -> None:
    assert parse(text, "a.json").value == value


def test_lines_are_those_of_the_text_with_its_comments() -> None:
    text = '// {\n{ /*\n\n*/ "a": [ // [\n1, // ,\n2,\n],\n"b": "//" }'
    assert parse(text, "a.json").lines() == {(): 1, ("a",): 4, ("a", 0): 5, ("a", 1): 6, ("b",): 8}


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ('{"a": 1,,}', (1, 9), "comma before the closing bracket", "Remove the comma"),
        ("[,\n]", (1, 2), "comma before the closing bracket", "Remove the comma"),
        ("{ /* all */ ,}", (1, 13), "comma before the closing bracket", "Remove the comma"),
        ('{"a": ,}', (1, 7), "comma before the closing bracket", "Remove the comma"),
        ('{"a": 1} /* one\n', (1, 10), "comment without its end", "*/"),
        ('{\n# all\n"a": 1}', (2, 1), "comment of another language", "//"),
        ('{ // one\n"a": tru,}', (2, 6), "a value is expected", 'Write "tru"'),
        ('{"a": "x\n// y"}', (1, 9), "line break", "Close the string"),
        ('{"a": "// x', (1, 7), "closing double quote", "Close"),
        ("{'a': 1}", (1, 2), "single quote", "double quotes"),
        ("{\"a\": 'b'}", (1, 7), "single quote", "double quotes"),
        ("{a: 1}", (1, 2), "property's name", 'Write "a"'),
        ('{"a": yes}', (1, 7), "a value is expected", 'Write "yes"'),
        ('{"a": True}', (1, 7), "True is not JSON", "Write true"),
        ('{"a": None}', (1, 7), "None is not JSON", "Write null"),
        ('{"a": undefined}', (1, 7), "undefined", "null"),
        ('{"a": "\\d"}', (1, 8), "escape", "backslash twice"),
        ('{"a": "x\ny"}', (1, 9), "line break", "Close the string"),
        ('{"a": "x', (1, 7), "closing double quote", "Close"),
        ('{"a" 1}', (1, 6), "colon", "between"),
        ('{"a": 1\n"b": 2}', (2, 1), "a comma or a closing bracket is missing", "before"),
        ('{"a": 1,, "b": 2}', (1, 9), "comma too many", "Remove"),
        ('{"a": 1}}', (1, 9), "after the end", "Remove"),
        ('{"a": 1', (1, 8), "ends too early", "bracket"),
        ("", (1, 1), "ends too early", "{}"),
        ('{"a": -}', (1, 7), "a value is expected", "quotes"),
        ('{"NaN": "NaN",\n "b": NaN}', (2, 7), "NaN is not a JSON number", "Write a number"),
        ('{"a": -Infinity}', (1, 7), "-Infinity is not a JSON number", "Write a number"),
    ],
)
def test_a_mistake_is_placed_and_its_mend_is_named(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    (problem,) = problems(text)
    assert (problem.file, problem.line) == ("a.json", place[0])
    assert f"at column {place[1]}: " in problem.message
    assert message in problem.message
    assert problem.hint is not None
    assert hint in problem.hint


def test_all_duplicate_properties_are_named() -> None:
    first, second = problems('{"a": 1,\n "b": {"c": 1,\n "c": 2},\n "a": 3}')
    assert (first.line, first.message) == (3, '"c" is written twice in one object, first on line 2')
    assert (second.line, second.message) == (4, '"a" is written twice in one object, first on line 1')


def test_duplicate_properties_between_comments_are_named() -> None:
    (problem,) = problems('{"a": 1, // one\n /* two */ "a": 2,\n}')
    assert (problem.line, problem.message) == (2, '"a" is written twice in one object, first on line 1')


def test_a_text_nested_too_deeply_is_refused() -> None:
    assert problems("[" * 200_000)[0].message == "Nested too deeply"


def test_a_number_nobody_can_read_is_refused() -> None:
    assert problems('{"port": ' + "9" * 10_000 + "}")[0].message == "A number has too many digits"
