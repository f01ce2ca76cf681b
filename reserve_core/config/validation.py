"""Validates by JSON Schema (draft 2020-12): with jsonschema where there is something to find.

Importing jsonschema takes longer than all the rest of a start. Most configurations are right and most schemas use
the plainest keywords: those are judged here, and only in their favour. Whatever isn't surely valid is jsonschema's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .environment import EnvironmentText
from .schema_errors import Finding, explain

# What JSON can hold. A configuration given as a dict may hold other objects (functions, patterns, paths): the schema
# says nothing about those, the handler's `validate` does.
_JSON = (dict, list, str, int, float, bool, type(None))

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def findings(schema: dict[str, Any], value: Any) -> list[Finding]:
    """What is wrong with `value` by the `schema`, which is sound."""
    return [] if surely_valid(schema, value) else explain(validator(schema).iter_errors(value))


def converted(schema: Any, value: Any) -> Any:
    """`value` with the variables of the environment that are wanted as numbers or booleans as what they amount to.

    A schema's `properties`, `additionalProperties` and `items` say what is wanted.
    """
    if isinstance(value, EnvironmentText):
        if value.plain is value or surely_valid(schema, value):
            return value
        return value.plain if surely_valid(schema, value.plain) or findings(schema, value) else value
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        return {name: converted(known.get(name, others), member) for name, member in value.items()}
    if isinstance(value, list):
        return [converted(schema.get("items", True), member) for member in value]
    return value


def unsound(schema: Any) -> str | None:
    """Why `schema` is no JSON Schema; None if it is one."""
    if _is_plain(schema):
        return None
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return error.message
    return None


def validator(schema: dict[str, Any]) -> Any:
    """A validator of jsonschema that knows nothing about objects JSON can't hold and lets them pass."""
    global _validator_class
    if _validator_class is None:
        from jsonschema import Draft202012Validator
        from jsonschema.validators import extend

        checks = {keyword: _for_json(check) for keyword, check in Draft202012Validator.VALIDATORS.items()}
        _validator_class = extend(Draft202012Validator, checks)  # type: ignore[no-untyped-call]
    return _validator_class(schema)


_validator_class: Any = None


def _for_json(check: Callable[..., Any]) -> Callable[..., Any]:
    def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        return check(validator, value, instance, schema) if isinstance(instance, _JSON) else None

    return checked


def surely_valid(schema: Any, value: Any) -> bool:
    """Whether `value` is valid by a sound `schema`. False says nothing: jsonschema has to look."""
    if isinstance(schema, bool):
        return schema
    return not isinstance(value, _JSON) or all(
        keyword in _ANNOTATIONS or (keyword in _KEYWORDS and _KEYWORDS[keyword][1](argument, value, schema))
        for keyword, argument in schema.items()
    )


def _is_plain(schema: Any) -> bool:
    """Whether it's sound and has no keyword but those known here. False says nothing."""
    return isinstance(schema, bool) or (
        isinstance(schema, dict)
        and all(
            _ANNOTATIONS[keyword](argument)
            if keyword in _ANNOTATIONS
            else keyword in _KEYWORDS and _KEYWORDS[keyword][0](argument)
            for keyword, argument in schema.items()
        )
    )


# What arguments of keywords are.


def _are_plain(schemas: Any) -> bool:
    return isinstance(schemas, dict) and all(map(_is_plain, schemas.values()))


def _are_alternatives(schemas: Any) -> bool:
    return isinstance(schemas, list) and bool(schemas) and all(map(_is_plain, schemas))


def _are_types(names: Any) -> bool:
    names = [names] if isinstance(names, str) else names
    return isinstance(names, list) and bool(names) and _are_names(names) and _TYPES.keys() >= set(names)


def _are_names(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _is_count(argument: Any) -> bool:
    return type(argument) is int and argument >= 0


def _is_number(argument: Any) -> bool:
    return type(argument) in (int, float)


def _is_pattern(argument: Any) -> bool:
    try:
        re.compile(argument)
    except (re.error, TypeError):
        return False
    return isinstance(argument, str)


# What they ask of a value. One that they aren't about is valid.


def _has_type(names: Any, value: Any, schema: dict[str, Any]) -> bool:
    names = [names] if isinstance(names, str) else names
    # True is a number for Python, and for JSON it's none.
    return any(isinstance(value, _TYPES[name]) and (name == "boolean") is isinstance(value, bool) for name in names)


def _equals(argument: Any, value: Any) -> bool:
    return type(argument) is type(value) and not isinstance(value, dict | list) and bool(argument == value)


def _has_properties(schemas: Any, value: Any, schema: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(
        surely_valid(schemas[name], member) for name, member in value.items() if name in schemas
    )


def _has_additional(additional: Any, value: Any, schema: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return True
    known = schema.get("properties", {})
    return all(surely_valid(additional, member) for name, member in value.items() if name not in known)


def _about(kind: type | tuple[type, ...], holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Any], bool]:
    """A keyword that is about values of a kind."""
    return lambda argument, value, schema: not isinstance(value, kind) or holds(argument, value)


_NUMBER = (int, float)

_ANNOTATIONS: dict[str, Callable[[Any], bool]] = {
    "title": lambda argument: isinstance(argument, str),
    "description": lambda argument: isinstance(argument, str),
    "default": lambda argument: True,
    "deprecated": lambda argument: isinstance(argument, bool),
    "writeOnly": lambda argument: isinstance(argument, bool),
    "examples": lambda argument: isinstance(argument, list),
}

# For each keyword whether its argument is sound, and whether a value is valid by it.
_KEYWORDS: dict[str, tuple[Callable[[Any], bool], Callable[[Any, Any, dict[str, Any]], bool]]] = {
    "type": (_are_types, _has_type),
    "enum": (
        lambda argument: isinstance(argument, list),
        lambda argument, value, schema: any(_equals(each, value) for each in argument),
    ),
    "const": (lambda argument: True, lambda argument, value, schema: _equals(argument, value)),
    "properties": (_are_plain, _has_properties),
    "required": (_are_names, _about(dict, lambda argument, value: value.keys() >= set(argument))),
    "additionalProperties": (_is_plain, _has_additional),
    "propertyNames": (
        _is_plain,
        _about(dict, lambda argument, value: all(surely_valid(argument, name) for name in value)),
    ),
    "items": (_is_plain, _about(list, lambda argument, value: all(surely_valid(argument, item) for item in value))),
    "anyOf": (
        _are_alternatives,
        lambda argument, value, schema: any(surely_valid(each, value) for each in argument),
    ),
    "pattern": (_is_pattern, _about(str, lambda argument, value: re.search(argument, value) is not None)),
    "minLength": (_is_count, _about(str, lambda argument, value: len(value) >= argument)),
    "maxLength": (_is_count, _about(str, lambda argument, value: len(value) <= argument)),
    "minItems": (_is_count, _about(list, lambda argument, value: len(value) >= argument)),
    "maxItems": (_is_count, _about(list, lambda argument, value: len(value) <= argument)),
    "uniqueItems": (
        lambda argument: isinstance(argument, bool),
        _about(list, lambda argument, value: not argument or _are_names(value)),
    ),
    "minimum": (_is_number, _about(_NUMBER, lambda argument, value: value >= argument)),
    "maximum": (_is_number, _about(_NUMBER, lambda argument, value: value <= argument)),
    "exclusiveMinimum": (_is_number, _about(_NUMBER, lambda argument, value: value > argument)),
    "exclusiveMaximum": (_is_number, _about(_NUMBER, lambda argument, value: value < argument)),
}
