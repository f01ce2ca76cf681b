"""Handlers and plugins that exist in tests only."""

from __future__ import annotations

from typing import Any

import pytest

from reserve_core.config import Handler, check
from reserve_core.errors import ConfigError, Problem
from reserve_core.options_dataclass import Shape
from reserve_core.plugins import Plugins


async def nothing(*arguments: Any) -> None:
    return None


def handler(prefix: str, validate: Any = None, **properties: Any) -> Handler:
    return shaped(prefix, {"properties": {prefix: {}, **properties}}, validate)


def shaped(prefix: str, schema: dict[str, Any], validate: Any = None) -> Handler:
    """A handler whose mappings have this schema."""
    shape = Shape(schema)
    return Handler(prefix, nothing, validate, lambda: shape, None, "reserve-test", "1.2")


def plugins(*handlers: Handler) -> Plugins:
    return Plugins(handlers={handler.prefix: handler for handler in handlers})


async def refused(source: Any, loaded: Plugins | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        await check(source, loaded or Plugins())
    return caught.value.problems
