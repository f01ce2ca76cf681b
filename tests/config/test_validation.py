"""What is surely valid, is valid for jsonschema too; whatever isn't plain is left to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator, SchemaError

from reserve_core import load_plugins
from reserve_core.config.schema import SETTINGS, core_schema, mapping_schema
from reserve_core.config.validation import findings, surely_valid, unsound, validator

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(["", "a", "ab", "1"]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.sampled_from("abc"), values, max_size=3),
    max_leaves=5,
)
TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
COUNTS = st.integers(0, 2)


def _schemas(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "properties": st.dictionaries(st.sampled_from("ab"), schemas, max_size=2),
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "additionalProperties": schemas,
        "propertyNames": schemas,
        "items": schemas,
        "anyOf": st.lists(schemas, min_size=1, max_size=2),
        "pattern": st.sampled_from(["^a", "b$", "."]),
        "minLength": COUNTS,
        "maxLength": COUNTS,
        "minItems": COUNTS,
        "uniqueItems": st.booleans(),
        "maxItems": COUNTS,
        "minimum": COUNTS,
        "maximum": COUNTS,
        "exclusiveMinimum": COUNTS,
        "exclusiveMaximum": COUNTS,
        "not": schemas,  # not known: never sure
    }
    return st.lists(st.sampled_from(list(keywords)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: keywords[name] for name in names})
    )


SCHEMAS: st.SearchStrategy[Any] = st.recursive(st.booleans(), _schemas, max_leaves=4)


@given(SCHEMAS, VALUES)
def test_what_is_surely_valid_is_valid(schema: Any, value: Any) -> None:
    if surely_valid(schema, value):
        assert Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "keyword", ["type", "enum", "properties", "required", "items", "anyOf", "minLength", "default"]
)
@given(argument=VALUES | SCHEMAS)
def test_what_is_sound_is_sound_for_jsonschema(keyword: str, argument: Any) -> None:
    schema = {keyword: argument}
    try:
        Draft202012Validator.check_schema(schema)
        sound = True
    except SchemaError:
        sound = False
    assert (unsound(schema) is None) is sound


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (False, 1),
        ({"not": False}, 1),  # valid, but by a keyword that isn't known here
        ({"type": "integer"}, True),
        ({"type": "boolean"}, 1),
        ({"const": 1}, True),
        ({"const": [1]}, [1]),
        ({"properties": {"a": False}}, {"a": 1}),
        ({"properties": {"a": True}, "additionalProperties": False}, {"b": 1}),
        ({"required": ["a"]}, {}),
    ],
)
def test_it_is_sure_of_nothing_else(schema: Any, value: Any) -> None:
    assert not surely_valid(schema, value)


def test_objects_that_json_cannot_hold_pass() -> None:
    assert surely_valid({"type": "string"}, print)
    assert validator({"type": "string"}).is_valid(print)


def test_the_schemas_of_the_built_in_handlers_are_plain(prefixes: set[str]) -> None:
    """Else each start would import jsonschema."""
    handlers = load_plugins().handlers
    least = {"object": {}, "array": [], "string": "x", "integer": 200}
    assert surely_valid(core_schema(), {"mappings": [], "port": "auto", "hostname": SETTINGS["hostname"]["default"]})
    for prefix in prefixes:
        schema = mapping_schema(handlers[prefix])
        own_schema = schema["properties"][prefix]
        kinds = own_schema.get("type", [""])
        kind = kinds if isinstance(kinds, str) else kinds[0]
        own = (
            own_schema["const"]
            if "const" in own_schema
            else own_schema["enum"][0]
            if "enum" in own_schema
            else "10/s"
            if prefix == "limit"
            else least[kind]
        )
        value = {prefix: own, "match": "^/", "method": ["GET"]}
        assert surely_valid(schema, value), prefix


def test_the_patterns_of_the_built_in_handlers_are_told_in_words(prefixes: set[str]) -> None:
    """Who has written something else is helped by no regular expression."""
    handlers = load_plugins().handlers
    assert [place for prefix in sorted(prefixes) for place in _bare_patterns(handlers[prefix].schema, prefix)] == []


def _bare_patterns(schema: Any, place: str) -> Iterator[str]:
    """Where a schema has a pattern without a description. Alternatives have that of what they are of."""
    if not isinstance(schema, dict):
        return
    if "pattern" in schema and "description" not in schema:
        yield place
    for name, member in schema.get("properties", {}).items():
        yield from _bare_patterns(member, f"{place}.{name}")
    for keyword in ("additionalProperties", "items", "propertyNames"):
        yield from _bare_patterns(schema.get(keyword), f"{place} {keyword}")
    for alternative in schema.get("anyOf", []):
        yield from _bare_patterns({"description": schema.get("description"), **alternative}, place)


def test_a_mistake_is_explained() -> None:
    (finding,) = findings({"properties": {"port": {"type": "integer"}}}, {"port": "80"})
    assert (finding.path, finding.hint) == (("port",), "Write 80 without the quotes")
