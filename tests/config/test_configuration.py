from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from reserve_core.config import Configuration, check
from reserve_core.config.checker import with_mappings
from reserve_core.errors import ConfigError
from reserve_core.plugins import Plugins

Check = Callable[[dict[str, Any]], Any]


@pytest.fixture
async def configuration(checked: Check) -> Configuration:
    found: Configuration = await checked({"mappings": [{"any": "first"}]})
    return found


async def test_other_mappings_make_another_configuration(configuration: Configuration, tmp_path: Path) -> None:
    changed = await with_mappings(configuration, [{"match": "/a", "greet": "$1"}, {"any": 2, "cwd": "www"}])
    assert [mapping.label for mapping in changed.mappings] == ["mapping 1 (/a)", "mapping 2"]
    assert [mapping.cwd for mapping in changed.mappings] == [tmp_path, tmp_path / "www"]
    # Whoever works on the former ones can finish there.
    assert [mapping.value for mapping in configuration.mappings] == ["first"]


async def test_other_mappings_are_checked_as_in_a_file(configuration: Configuration) -> None:
    with pytest.raises(ConfigError) as caught:
        await with_mappings(configuration, [{"any": 1}, {"greet": 5}, {"match": "(", "any": 1}, {"mine": 1}])
    assert [problem.mapping for problem in caught.value.problems] == ["mapping 2", "mapping 3 (()", "mapping 4"]


@pytest.mark.parametrize("mappings", [None, {"any": 1}, "any"])
async def test_mappings_are_a_list(configuration: Configuration, mappings: Any) -> None:
    with pytest.raises(ConfigError, match="The mappings must be a list"):
        await with_mappings(configuration, mappings)


async def test_mappings_can_be_removed(configuration: Configuration) -> None:
    assert (await with_mappings(configuration, [])).mappings == ()


async def test_a_checked_configuration_is_checked_once(configuration: Configuration) -> None:
    assert await check(configuration) is configuration


async def test_nothing_in_it_changes(configuration: Configuration) -> None:
    with pytest.raises(FrozenInstanceError):
        configuration.port = 1  # type: ignore[misc]


async def test_it_knows_its_plugins(configuration: Configuration) -> None:
    assert isinstance(configuration.plugins, Plugins)
