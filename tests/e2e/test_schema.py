"""`reserve schema`: what an editor knows of a configuration whose `$schema` names the saved file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator


@pytest.fixture
def schema(reserve: Any) -> Any:
    run = reserve("schema")
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


def configurations(project: Path) -> list[dict[str, Any]]:
    """Those of the example site and of the README, the mappings of its tables included."""
    readme = (project / "README.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)]
    mappings = [json.loads(mapping) for mapping in re.findall(r"`(\{ \"match\".*?\})` \|$", readme, re.MULTILINE)]
    site = json.loads((project / "examples" / "site" / "reserve.json").read_text())
    return [site, *blocks, {"mappings": mappings}]


def test_it_is_valid_and_says_what_it_is(schema: Any, prefixes: set[str]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert schema["description"]
    Draft202012Validator.check_schema(schema)
    assert set(schema["$defs"]) >= prefixes


def test_every_configuration_of_the_project_is_right(schema: Any, project: Path) -> None:
    found = configurations(project)
    assert len([mapping for configuration in found for mapping in configuration["mappings"]]) > 15
    for configuration in found:
        Draft202012Validator(schema).validate({"$schema": "./reserve.schema.json", **configuration})


def test_a_property_that_is_misspelt_is_found(schema: Any, project: Path) -> None:
    """One of each configuration, and of each mapping whose handler is installed."""
    validator = Draft202012Validator(schema)
    tried = 0
    for configuration in configurations(project):
        assert not validator.is_valid({**configuration, "mapings": []})
        for mapping in configuration["mappings"]:
            if "custom" in mapping or schema["$defs"].keys().isdisjoint(mapping):
                continue  # what these take is up to the code they name
            tried += 1
            wrong = {**mapping, "mach": "/"}
            assert [error.message for error in validator.iter_errors({"mappings": [wrong]})] == [
                "Additional properties are not allowed ('mach' was unexpected)"
            ]
    assert tried > 5


@pytest.mark.parametrize("name", ["macth", "methods", "verb", "watchs", "if_match", "invertMatch", "path"])
def test_a_property_that_is_misspelt_is_no_member_of_ones_own(schema: Any, name: str) -> None:
    validator = Draft202012Validator(schema)
    assert not validator.is_valid({"mappings": [{name: "^/admin", "custom": "./h.py"}]})
    assert validator.is_valid({"mappings": [{f"x-{name}": "^/admin", "custom": "./h.py"}]})
    all_there = {"match": "/", "method": "GET", "watch": True, "if-match": "./c.py", "invert-match": False}
    assert validator.is_valid({"mappings": [{**all_there, "path": "./data", "batch": 5, "custom": "./h.py"}]})


def test_a_handler_that_is_misspelt_is_found(schema: Any) -> None:
    assert not Draft202012Validator(schema).is_valid({"mappings": [{"flie": "./"}]})


def test_a_plugin_left_out_is_not_in_it(reserve: Any) -> None:
    schema = json.loads(reserve("schema", "--no-plugin", "file").stdout)
    assert "file" not in schema["$defs"]
    assert not Draft202012Validator(schema).is_valid({"mappings": [{"file": "./"}]})
    assert Draft202012Validator(schema).is_valid({"mappings": [{"status": 404}]})


def test_a_configuration_that_names_it_is_served(reserve: Any, write: Any) -> None:
    write({"reserve.schema.json": reserve("schema").stdout})
    write({"reserve.json": {"$schema": "./reserve.schema.json", "mappings": [{"status": 404}]}})
    assert reserve("check").stdout == "reserve.json: ok, 1 mapping\n"
