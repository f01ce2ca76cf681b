from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from reserve_core.config.positions import Path
from reserve_core.config.tomltext import locate, parse
from reserve_core.errors import ConfigError, Problem
from tests.config.test_positions import paths


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "a.toml")
    assert all(problem.hint for problem in caught.value.problems)
    return caught.value.problems


TEXT = '''\
# [no]
port = 8080  # a comment
hosts = [ "]", # ]
  'b"', [1,
    2,], { x = 1, y.z = [3], "q # " = """
"]""""" },
]
"a.b" . 'c' = 1
[ limits ]
max-body = 1.5e3

[[mappings]]
match = \'\'\'
# no'
[no]\'\'\'\'
headers.x-y = "\\"]#"
[[mappings]]
[mappings.options]
k = true
[[mappings.sub]]
z = -inf
[[mappings.sub]]
[x.y]
'''


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[mappings]\nstatus = 1\n[mappings]\nstatus = 2", 3),
        ("[mappings]\nstatus = 1\n[[mappings]]\nstatus = 2", 3),
        ("[[mappings]]\nstatus = 1\n [ mappings ]\nstatus = 2", 3),
    ],
)
def test_mappings_in_single_brackets_are_told_to_have_two(text: str, line: int) -> None:
    (problem,) = problems(text)
    assert problem.line == line
    assert problem.hint == "Write [[mappings]], in double brackets, above each mapping"


def test_another_table_that_is_written_twice_is_one_too_many() -> None:
    (problem,) = problems("[limits]\n[limits]\n[[mappings]]\n")
    assert problem.hint == "It is written twice: remove one of the two"


def test_every_value_has_its_line() -> None:
    parsed = parse(TEXT, "a.toml")
    assert parsed.value["hosts"][3] == {"x": 1, "y": {"z": [3]}, "q # ": '"]""'}
    lines = parsed.lines()
    assert set(lines) == paths(parsed.value)
    assert lines == {
        (): 1,
        ("port",): 2,
        ("hosts",): 3,
        ("hosts", 0): 3,
        ("hosts", 1): 4,
        ("hosts", 2): 4,
        ("hosts", 2, 0): 4,
        ("hosts", 2, 1): 5,
        ("hosts", 3): 5,
        ("hosts", 3, "x"): 5,
        ("hosts", 3, "y"): 5,
        ("hosts", 3, "y", "z"): 5,
        ("hosts", 3, "y", "z", 0): 5,
        ("hosts", 3, "q # "): 5,
        ("a.b",): 8,
        ("a.b", "c"): 8,
        ("limits",): 9,
        ("limits", "max-body"): 10,
        ("mappings",): 12,
        ("mappings", 0): 12,
        ("mappings", 0, "match"): 13,
        ("mappings", 0, "headers"): 16,
        ("mappings", 0, "headers", "x-y"): 16,
        ("mappings", 1): 17,
        ("mappings", 1, "options"): 18,
        ("mappings", 1, "options", "k"): 19,
        ("mappings", 1, "sub"): 20,
        ("mappings", 1, "sub", 0): 20,
        ("mappings", 1, "sub", 0, "z"): 21,
        ("mappings", 1, "sub", 1): 22,
        ("x",): 23,
        ("x", "y"): 23,
    }


def test_crlf_ends_a_line() -> None:
    parsed = parse("a = 1\r\n[b]\r\nc = '''\r\nd'''\r\ne = 2\r\n", "a.toml")
    assert parsed.value == {"a": 1, "b": {"c": "d", "e": 2}}
    assert parsed.lines() == {(): 1, ("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "e"): 5}


def test_an_empty_text_is_an_empty_configuration() -> None:
    assert parse("# nothing\n", "a.toml").value == {}


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("a = 1\nb = x", 2, "at column 5: Invalid value", "quotes"),
        ("a = 1\nb", 2, "Expected '=' after a key", "a name needs a value"),
        ("// = 'a'", 1, "Invalid statement", "quotes"),
        ("a = 1\nb = 2\na = 3", 3, "Cannot overwrite a value", "twice"),
        ("[a.b]\n[c]\n[a.b]", 3, 'Cannot declare "a.b" twice', "twice"),
        ("a = [\n1,\n", 3, "at the end of the text", "brackets"),
        ('a = "b\n', 1, "Illegal character", "quotes"),
        ('a = "\\d"', 1, "Unescaped '\\' in a string", "single quotes"),
        ("a = 1\n\nb = 1979-05-27 07:32:00", 3, "1979-05-27 07:32:00 is a date", "quotes"),
        ("[[a]]\n[[a]]\nb = [\n{c = 07:32:00}]", 4, "07:32:00 is a date", "quotes"),
    ],
)
def test_a_mistake_is_placed_and_its_mend_is_named(text: str, line: int, message: str, hint: str) -> None:
    (problem,) = problems(text)
    assert (problem.file, problem.line) == ("a.toml", line)
    assert message in problem.message
    assert problem.hint is not None
    assert hint in problem.hint


def test_all_dates_are_named_in_their_order() -> None:
    assert [problem.line for problem in problems("a = 1979-05-27\n[b]\nc = [07:32:00, 1,\n1979-05-27]")] == [1, 3, 4]


def test_a_text_nested_too_deeply_is_refused() -> None:
    assert problems("a = " + "[" * 100_000)[0].message == "Nested too deeply"


def test_a_number_nobody_can_read_is_refused() -> None:
    assert problems("port = " + "9" * 10_000)[0].message == "A number has too many digits"


NAMES = st.text("ab-.#[\"' é", min_size=1, max_size=4)
STRINGS = st.text("ab#,]}\"'\\\n é", max_size=6)
SCALARS = st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False, allow_infinity=False) | STRINGS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=10)
TABLES = st.dictionaries(NAMES, VALUES | st.lists(st.dictionaries(NAMES, VALUES), min_size=1), max_size=4)


class Writer:
    """Writes a value as TOML, in a spelling that `draw` chooses, and keeps the line of each member of a table."""

    def __init__(self, draw: st.DataObject) -> None:
        self.text = ""
        self.lines: dict[Path, int] = {}
        self._draw = draw

    def either(self, *choices: str) -> str:
        return str(self._draw.draw(st.sampled_from(choices)))

    def table(self, members: dict[str, Any], path: Path = ()) -> None:
        for name, value in members.items():
            if not self.of_tables(value):
                self.lines[*path, name] = self.text.count("\n") + 1
                end = self.either("\n", "  # [[x]]\n", "\n\n")
                self.text += f"{self.name(name)} {self.either('=', ' = ')} {self.inline(value)}{end}"
        for name, value in members.items():
            for index, member in enumerate(value if self.of_tables(value) else ()):
                self.lines[*path, name, index] = self.text.count("\n") + 1
                header = [self.name(str(each)) for each in (*path, name) if isinstance(each, str)]
                self.text += f"[[{self.either('.', ' . ').join(header)}]]\n"
                self.table(member, (*path, name, index))

    @staticmethod
    def of_tables(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)

    def name(self, name: str) -> str:
        plain = name.replace("-", "").isalnum() and name.isascii()
        return self.either(name, json.dumps(name)) if plain else json.dumps(name)

    def inline(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.name(name)} = {self.inline(each)}" for name, each in value.items()) + "}"
        if isinstance(value, list):
            comma = self.either(", ", " ,\n", ", # ]\n")
            return self.either("[", "[\n") + comma.join(map(self.inline, value)) + self.either("]", " # '\n ]")
        if isinstance(value, str) and "'" not in value:
            quote = "'''" if "\n" in value else self.either("'", "'''")
            return f"{quote}{chr(10) if quote == chr(39) * 3 else ''}{value}{quote}"
        return json.dumps(value)


@pytest.mark.no_cover
@settings(max_examples=30, deadline=None)
@given(TABLES, st.data())
def test_all_values_of_any_text_are_found(value: dict[str, Any], draw: st.DataObject) -> None:
    writer = Writer(draw)
    writer.table(value)
    parsed = parse(writer.text, "a.toml")
    assert parsed.value == value
    lines = locate(writer.text)
    assert set(lines) == paths(value)
    assert {path: lines[path] for path in writer.lines} == writer.lines
