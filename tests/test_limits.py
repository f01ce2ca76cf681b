from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reserve_core.config import Limits
from reserve_core.limits import LIMITS
from reserve_core.options_dataclass import json_name


def test_the_defaults() -> None:
    assert Limits() == Limits(
        max_url=8192,
        max_headers=65536,
        max_body=16777216,
        max_connections=10000,
        header_timeout=10.0,
        body_timeout=30.0,
        min_body_rate=240,
        idle_timeout=75.0,
        write_timeout=60.0,
        shutdown_timeout=10.0,
    )


def test_limits_do_not_change() -> None:
    limits = Limits()
    with pytest.raises(FrozenInstanceError):
        limits.max_url = 1  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        limits.other = 1  # type: ignore[attr-defined]


def test_the_schema_has_each_limit_with_its_default_and_a_description() -> None:
    schema = LIMITS.schema
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert list(properties) == [json_name(limit) for limit in fields(Limits)]
    assert "max-url" in properties
    for limit in fields(Limits):
        described = properties[json_name(limit)]
        assert described["default"] == limit.default
        assert described["description"]
        assert described["minimum"] <= limit.default <= described["maximum"]
        assert described["type"] == {"int": "integer", "float": "number"}[str(limit.type)]


def test_limits_made_of_json_are_those_written_and_the_defaults() -> None:
    limits = LIMITS.make({"max-url": 100.0, "idle-timeout": 5})
    assert limits == Limits(max_url=100, idle_timeout=5.0)
    assert isinstance(limits.max_url, int)
    assert isinstance(limits.idle_timeout, float)


@pytest.mark.parametrize(
    "values",
    [
        {"max-url": 1},
        {"max-url": 100.5},
        {"max-urls": 100},
        {"idle-timeout": 0},
        {"idle-timeout": 1e300},
        {"max-body": "1"},
    ],
)
def test_the_schema_refuses(values: dict[str, Any]) -> None:
    assert not Draft202012Validator(LIMITS.schema).is_valid(values)
