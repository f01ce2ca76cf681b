from __future__ import annotations

from typing import Any

import pytest

from reserve_core.config.schema_errors import Finding, explain, shown
from reserve_core.config.validation import validator

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"description": "The name", "type": "string", "minLength": 1},
        "size": {"description": "The size", "type": "integer", "minimum": 1, "exclusiveMaximum": 10},
        "ratio": {"type": "number", "maximum": 1},
        "deep": {
            "type": "object",
            "properties": {"list": {"type": "array", "items": {"type": "boolean"}}},
            "additionalProperties": False,
        },
        "kind": {"enum": ["modified", "never"]},
        "word": {"type": "string", "pattern": "^a+$"},
        "either": {"description": "How", "anyOf": [{"type": "integer", "minimum": 5}, {"const": "auto"}]},
        "one": {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}]},
        "nothing": {"type": "null"},
        "few": {"type": "array", "maxItems": 1},
        "names": {"type": "object", "propertyNames": {"description": "Names", "pattern": r"^\w+$"}},
        "even": {"multipleOf": 2},
        "secret": {"description": "Hush", "writeOnly": True, "anyOf": [{"pattern": "^a+$"}, {"type": "null"}]},
        "secrets": {"type": "object", "writeOnly": True, "additionalProperties": {"writeOnly": True, "minLength": 9}},
    },
    "required": ["name"],
    "patternProperties": {"^x-": {"type": "string"}},
    "additionalProperties": False,
}


def findings(value: Any) -> list[Finding]:
    return explain(validator(SCHEMA).iter_errors(value))


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ({"nane": 1}, 'Unknown property "nane"', 'Did you mean "name"?'),
        (
            {"zzz": 1},
            'Unknown property "zzz"',
            "Known: deep, either, even, few, kind, name, names, nothing, one, ratio, secret, secrets, size, word",
        ),
        ({"deep": {"lst": []}}, 'Unknown property "lst" in "deep"', 'Did you mean "list"?'),
        ({"name": 5}, '"name" must be a string, not 5', "The name"),
        ({"name": ""}, '"name" must be filled in, not ""', "The name"),
        ({"size": "5"}, '"size" must be a whole number, not "5"', "Write 5 without the quotes"),
        ({"size": "five"}, '"size" must be a whole number, not "five"', "The size"),
        ({"size": True}, '"size" must be a whole number, not true', "The size"),
        ({"size": 0}, '"size" must be at least 1, not 0', "The size"),
        ({"size": 10}, '"size" must be less than 10, not 10', "The size"),
        ({"ratio": "0.5"}, '"ratio" must be a number, not "0.5"', "Write 0.5 without the quotes"),
        ({"ratio": 2}, '"ratio" must be at most 1, not 2', None),
        (
            {"deep": {"list": [True, "true"]}},
            '"deep.list[1]" must be true or false, not "true"',
            "Write true without the quotes",
        ),
        ({"kind": "modifed"}, '"kind" must be one of "modified", "never", not "modifed"', 'Did you mean "modified"?'),
        ({"word": "b"}, '"word" must be of the form ^a+$, not "b"', None),
        ({"either": "atuo"}, '"either" must be a whole number or "auto", not "atuo"', "How"),
        ({"either": "7"}, '"either" must be a whole number or "auto", not "7"', "Write 7 without the quotes"),
        ({"either": 1}, '"either" must be at least 5, not 1', "How"),
        ({"one": [1]}, '"one[0]" must be a string, not 1', None),
        ({"one": 1}, '"one" must be an array or an object, not 1', None),
        ({"nothing": "null"}, '"nothing" must be null, not "null"', "Write null without the quotes"),
        ({"x-a": 1}, '"x-a" must be a string, not 1', None),
        ({"few": [1, 2]}, '"few" must be a list of at most 1, not [1, 2]', None),
        ({"names": {"a b": 1}}, 'The name "a b" in "names" must be of the form ^\\w+$', "Names"),
        ({"even": 3}, '"even" must be other (3 is not a multiple of 2), not 3', None),
    ],
)
def test_an_error_in_words(value: dict[str, Any], message: str, hint: str | None) -> None:
    (finding,) = findings({"name": "x", **value})
    assert (finding.message, finding.hint) == (message, hint)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"secret": "hush"}, '"secret" must be of the form ^a+$'),
        ({"secrets": "hush"}, '"secrets" must be an object'),
        ({"secrets": {"a": "hush"}}, '"secrets.a" must be at least 9 characters long'),
    ],
)
def test_no_message_shows_a_secret(value: dict[str, Any], message: str) -> None:
    (finding,) = findings({"name": "x", **value})
    assert finding.message == message


def test_what_is_missing() -> None:
    assert findings({}) == [Finding((), '"name" is missing', "The name")]


def test_all_findings_each_once_with_its_path() -> None:
    found = findings({"size": 0, "zzz": 1, "yyy": 1, "deep": {"list": [1]}})
    assert sorted(finding.path for finding in found) == [(), ("deep", "list", 0), ("size",), ("yyy",), ("zzz",)]


def test_a_long_value_is_cut_short() -> None:
    assert shown({"a": "x" * 100}) == '{"a": "' + "x" * 50 + "..."
    assert shown("\x1b[31m") == '"\\u001b[31m"'
    assert shown({"a": print}) == '{"a": "<built-in function print>"}'
