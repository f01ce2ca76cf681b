from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reserve_core.config import Configuration, Handler, compose_schema
from reserve_core.config.properties import MAPPING_PROPERTIES
from reserve_core.config.schema import DIALECT, SETTINGS, core_schema, mapping_schema
from reserve_core.config.validation import validator
from reserve_core.options_dataclass import Shape

Check = Callable[[dict[str, Any]], Any]


async def nothing(*arguments: Any) -> None:
    return None


def handler(prefix: str, schema: dict[str, Any]) -> Handler:
    return Handler(prefix, nothing, None, lambda: Shape(schema), None)


@pytest.fixture
async def configuration(checked: Check) -> Configuration:
    found: Configuration = await checked({})
    return found


async def test_it_is_a_schema_that_json_can_hold(configuration: Configuration) -> None:
    schema = compose_schema(configuration.handlers)
    assert schema["$schema"] == DIALECT
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


async def test_every_property_has_a_description_for_the_editor(configuration: Configuration) -> None:
    schema = compose_schema(configuration.handlers)
    for part in (schema, *schema["$defs"].values()):
        for name, described in part["properties"].items():
            assert described.get("description") or name == "tags", name


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"$schema": "./reserve.schema.json", "port": "auto", "hostname": "::1", "max-redirect": 0},
        {"port": 0, "limits": {"max-url": 100, "idle-timeout": 0.5}, "extends": ["./a.json"], "cwd": "./www"},
        {"ssl": {"cert": "a", "key": "b"}, "listeners": ["./a.py:b"], "handlers": {"mine": "./mine.py"}},
        {"mappings": [{"greet": "$1", "times": 2}, {"any": 5, "match": {"re": "a", "flags": "i"}}]},
        {"mappings": [{"any": 1, "host": "a"}, {"any": 1, "host": ["a", "*.b"]}, {"any": 1, "host": {"re": "a"}}]},
        {"mappings": [{"any": None, "method": ["GET"], "invert-match": True, "cwd": ".", "if-match": "./a.py:b"}]},
    ],
)
async def test_what_it_accepts(configuration: Configuration, settings: dict[str, Any]) -> None:
    Draft202012Validator(compose_schema(configuration.handlers)).validate(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"prot": 1},
        {"port": 70_000},
        {"port": "5000"},
        {"hostname": ""},
        {"max-redirect": -1},
        {"ssl": {"cert": "a"}},
        {"limits": {"max-urls": 1}},
        {"mappings": {}},
        {"mappings": [{}]},
        {"mappings": [{"nobody": 1}]},
        {"mappings": [{"greet": 5}]},
        {"mappings": [{"greet": "x", "tims": 1}]},
        {"mappings": [{"any": 1, "match": 5}]},
        {"mappings": [{"any": 1, "match": {"flags": "i"}}]},
    ],
)
async def test_what_it_refuses(configuration: Configuration, settings: dict[str, Any]) -> None:
    assert not Draft202012Validator(compose_schema(configuration.handlers)).is_valid(settings)


def test_the_parts_of_a_handler_stay_its_own() -> None:
    """Two handlers with definitions of the same name."""
    kinds = {
        name: handler(
            name,
            {"properties": {name: {"$ref": "#/$defs/value"}}, "$defs": {"value": {"description": name, "type": kind}}},
        )
        for name, kind in (("one", "string"), ("two", "integer"))
    }
    schema = Draft202012Validator(compose_schema(kinds))
    assert schema.is_valid({"mappings": [{"one": "x"}, {"two": 2}]})
    assert not schema.is_valid({"mappings": [{"one": 1}]})
    assert not schema.is_valid({"mappings": [{"two": "x"}]})
    assert validator(mapping_schema(kinds["two"])).is_valid({"two": 2})
    assert not validator(mapping_schema(kinds["two"])).is_valid({"two": "x"})


def test_a_property_that_is_another_handlers_prefix_names_no_handler() -> None:
    """As the compiler has it: `{"two": ..., "one": ...}` is a mapping of `two` if `one` is a property of it."""
    schema = Draft202012Validator(
        compose_schema(
            {
                "one": handler("one", {"properties": {"one": {"type": "string"}}}),
                "two": handler("two", {"properties": {"two": {}, "one": {"type": "integer"}}}),
            }
        )
    )
    assert schema.is_valid({"mappings": [{"one": "x"}, {"two": 2, "one": 1}]})
    assert not schema.is_valid({"mappings": [{"one": 1}]})
    assert not schema.is_valid({"mappings": [{"two": 2, "one": "x"}]})


def test_a_member_that_another_handler_does_not_take_names_no_handler() -> None:
    """As the compiler has it, where mappings may have members of their own."""
    schema = Draft202012Validator(
        compose_schema(
            {
                "one": handler("one", {"properties": {"one": {"type": "string"}}}),
                "two": handler("two", {"properties": {"two": {}}, "additionalProperties": True}),
            }
        )
    )
    assert schema.is_valid({"mappings": [{"one": "x"}, {"two": 2, "one": 1}]})
    assert not schema.is_valid({"mappings": [{"one": 1}]})
    assert not schema.is_valid({"mappings": [{"two": 2, "one": "x"}]})


@pytest.mark.parametrize("brings", [{"handlers": {"mine": "./mine.py"}}, {"extends": "./a.json"}, {"extend": "a.json"}])
async def test_a_file_may_bring_handlers_along(configuration: Configuration, brings: dict[str, Any]) -> None:
    schema = Draft202012Validator(compose_schema(configuration.handlers))
    mapping = {"mine": 1, "more": 2}
    assert not schema.is_valid({"mappings": [mapping]})
    assert schema.is_valid({**brings, "mappings": [mapping]})
    for wrong in ({"mine": 1, "match": 5}, {"greet": "x", "tims": 1}, "mine"):
        assert not schema.is_valid({**brings, "mappings": [wrong]})


def test_without_handlers_no_mapping_is_right() -> None:
    schema = Draft202012Validator(compose_schema({}))
    assert schema.is_valid({"mappings": []})
    assert not schema.is_valid({"mappings": [{"match": "/"}]})
    assert schema.is_valid({"handlers": {"mine": "./mine.py"}, "mappings": [{"mine": 1}]})


def test_references_lead_from_the_root_where_editors_look_them_up() -> None:
    tree: dict[str, Any] = {
        "properties": {"tree": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {"items": {"$ref": "#"}}},
    }
    schema = compose_schema({"tree": handler("tree", tree)})
    assert schema["$defs"]["tree"]["properties"]["tree"] == {"$ref": "#/$defs/tree/$defs/node"}
    assert schema["$defs"]["tree"]["$defs"]["node"] == {"items": {"$ref": "#/$defs/tree"}}
    assert tree["properties"] == {"tree": {"$ref": "#/$defs/node"}}


@pytest.mark.parametrize(
    ("mapping", "offered"),
    [
        ({}, {"greet", "any", *MAPPING_PROPERTIES}),
        ({"match": "/a"}, {"greet", "any", *MAPPING_PROPERTIES}),
        ({"greet": "x"}, {"greet", "times", "tags", *MAPPING_PROPERTIES}),
        ({"any": 1}, {"any", *MAPPING_PROPERTIES}),
    ],
)
async def test_an_editor_offers_what_fits_the_handler(
    configuration: Configuration, mapping: dict[str, Any], offered: set[str]
) -> None:
    schema = compose_schema(configuration.handlers)
    assert _offered(schema, schema["properties"]["mappings"]["items"], mapping) == offered


def _offered(root: dict[str, Any], schema: dict[str, Any], value: dict[str, Any]) -> set[str]:
    """The properties that apply to the object, found as editors do: by the conditions that hold for it."""
    names = set(schema.get("properties", ()))
    parts = list(schema.get("allOf", ()))
    if "if" in schema and Draft202012Validator(schema["if"]).is_valid(value):
        parts.append(schema["then"])
    if "$ref" in schema:
        parts.append(root["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    return names.union(*(_offered(root, part, value) for part in parts))


def test_a_mapping_takes_other_properties_only_if_its_handler_does() -> None:
    properties: dict[str, Any] = {"properties": {"mine": {}}}
    assert not validator(mapping_schema(handler("mine", properties))).is_valid({"mine": 1, "more": 2})
    assert validator(mapping_schema(handler("mine", {**properties, "additionalProperties": True}))).is_valid(
        {"mine": 1, "more": 2}
    )


def test_objects_that_json_can_not_hold_are_left_to_the_handlers() -> None:
    kind = handler("mine", {"properties": {"mine": {"type": "string"}, "kind": {"enum": ["a"]}}})
    lenient = validator(mapping_schema(kind))
    assert lenient.is_valid({"mine": print, "kind": Path("x"), "if-match": print})
    assert not lenient.is_valid({"mine": 5})
    assert not lenient.is_valid({"mine": "x", "kind": "b"})


def test_the_defaults_are_what_an_empty_configuration_has() -> None:
    assert {name: schema["default"] for name, schema in SETTINGS.items() if "default" in schema} == {
        "port": 5000,
        "hostname": "127.0.0.1",
        "max-redirect": 10,
        "trusted-proxies": [],
    }
    assert set(core_schema()["properties"]) == {
        *("$schema", "extends", "extend", "port", "hostname", "cwd", "max-redirect"),
        *("ssl", "handlers", "listeners", "mappings", "limits", "trusted-proxies", "//", "$comment"),
    }
    assert set(MAPPING_PROPERTIES) == {
        *("match", "host", "method", "invert-match", "if-match", "cwd", "exclude-from-holding-list", "//", "$comment"),
    }
