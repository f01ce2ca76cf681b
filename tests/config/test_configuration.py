from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core.config import Configuration, Handler, check
from reserve_core.errors import ConfigError
from reserve_core.http import Request, Response
from reserve_core.options import Shape
from reserve_core.plugins import Plugins

Check = Callable[[dict[str, Any]], Any]


@pytest.fixture
async def configuration(checked: Check) -> Configuration:
    found: Configuration = await checked({"mappings": [{"any": "first"}]})
    return found


async def test_set_mappings_replaces_the_table(configuration: Configuration, tmp_path: Path) -> None:
    former = configuration.table
    await configuration.set_mappings([{"match": "/a", "greet": "$1"}, {"any": 2, "cwd": "www"}])
    assert configuration.table is not former
    assert [mapping.label for mapping in configuration.mappings] == ["mapping 1 (/a)", "mapping 2"]
    assert [mapping.cwd for mapping in configuration.mappings] == [tmp_path, tmp_path / "www"]
    # Whoever works on the former table can finish there.
    assert [mapping.value for mapping in former.mappings] == ["first"]


async def test_set_mappings_names_every_mistake_and_changes_nothing(configuration: Configuration) -> None:
    former = configuration.table
    with pytest.raises(ConfigError) as caught:
        await configuration.set_mappings([{"any": 1}, {"greet": 5}, {"match": "(", "any": 1}, {"mine": 1}])
    assert [problem.mapping for problem in caught.value.problems] == ["mapping 2", "mapping 3 (()", "mapping 4"]
    assert configuration.table is former


@pytest.mark.parametrize("mappings", [None, {"any": 1}, "any"])
async def test_set_mappings_takes_a_list(configuration: Configuration, mappings: Any) -> None:
    former = configuration.table
    with pytest.raises(ConfigError, match="The mappings must be a list"):
        await configuration.set_mappings(mappings)
    assert configuration.table is former


async def test_mappings_can_be_removed(configuration: Configuration) -> None:
    await configuration.set_mappings([])
    assert configuration.mappings == ()


async def test_a_table_is_swapped_when_it_is_whole() -> None:
    """While a handler takes its time to validate, requests see the former table."""
    may_go_on = asyncio.Event()
    slow = asyncio.Event()

    async def validate(mapping: Any, configuration: Any) -> None:
        if mapping.value == "slow":
            slow.set()
            await may_go_on.wait()

    async def redirect(*arguments: Any) -> None: ...

    handler = Handler("x", redirect, validate, lambda: Shape({"properties": {"x": {}}}), None)
    configuration = await check({"mappings": [{"x": "first"}]}, Plugins(handlers={"x": handler}))
    change = asyncio.create_task(configuration.set_mappings([{"x": "fast"}, {"x": "slow"}]))
    await slow.wait()
    assert [mapping.value for mapping in configuration.mappings] == ["first"]
    may_go_on.set()
    await change
    assert [mapping.value for mapping in configuration.mappings] == ["fast", "slow"]


async def test_it_dispatches_once_it_is_served(configuration: Configuration) -> None:
    request = Request("GET", "/")
    response = Response(None)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="isn't served"):
        await configuration.dispatch(request, response)
    dispatched = []

    async def dispatch(request: Request, response: Response) -> None:
        dispatched.append(request)

    configuration.dispatch = dispatch
    await configuration.dispatch(request, response)
    assert dispatched == [request]


async def test_it_knows_its_plugins_and_takes_no_other_attributes(configuration: Configuration) -> None:
    assert isinstance(configuration.plugins, Plugins)
    with pytest.raises(AttributeError):
        configuration.mapping = ()  # type: ignore[attr-defined]
