"""Holds what a handler says of its mappings, a JSON Schema or a dataclass of options, to the contract of `schema`."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from typing import Any

from ..errors import ContractError
from ..options_dataclass import Shape, field_name, shape_of
from .properties import MAPPING_PROPERTIES
from .validation import findings, unsound


def checked_shape(described: Any, prefix: str) -> Shape:
    """The shape of the mappings with this prefix, of what a `schema()` returns. Raises `ContractError`."""
    shape = _shape_of(described) if isinstance(described, type) else Shape(described)
    schema: Any = shape.schema
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise ContractError(
            "returns a schema() that is not the one of an object", 'Return {"type": "object", ...}, or a dataclass'
        )
    fault = _unsound(schema)
    if fault is not None:
        raise ContractError(f"returns an invalid schema(): {fault}", "See JSON Schema, draft 2020-12")
    properties = schema.get("properties", {})
    if prefix not in properties:
        mend = _field(described, prefix) if isinstance(described, type) else 'Describe it under "properties"'
        raise ContractError(f'returns a schema() without the property "{prefix}"', mend)
    taken = next((name for name in properties if name in MAPPING_PROPERTIES), None)
    if taken is not None:
        raise ContractError(f'returns a schema() with "{taken}", which every mapping has', "Remove or rename it")
    return shape


def _shape_of(options: type) -> Shape:
    if not is_dataclass(options):
        raise ContractError(
            f"returns a schema() that is no dataclass: {options.__qualname__}", "Write @dataclass(frozen=True) above it"
        )
    return shape_of(options, _check_option)


def _field(options: type, prefix: str) -> str:
    """How the prefix's property is written in a dataclass of options."""
    field = field_name(prefix)
    named = "" if field else f', name="{prefix}"'
    return f'Write in {options.__name__}: {field or "value"}: str = option("What it is for"{named})'


def _check_option(place: str, schema: dict[str, Any]) -> None:
    fault = _unsound(schema)
    if fault is not None:
        raise ContractError(f"declares {place} by an invalid schema: {fault}", "See JSON Schema, draft 2020-12")
    if "default" in schema:
        found = findings({**schema, "default": None}, schema["default"])
        if found:
            raise ContractError(f"declares {place} with a default that it refuses: {found[0].message}", "Change one")


def _unsound(schema: dict[str, Any]) -> str | None:
    try:
        return unsound(json.loads(json.dumps(schema)))  # as editors read it
    except (TypeError, ValueError) as error:
        return str(error)
