"""The README's files are written, its commands run, and their output is what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.kit.markdown import Section, sections

ADDRESS = "http://127.0.0.1:5000/"


@pytest.fixture(scope="module")
def readme(project: Path) -> dict[str, Section]:
    return sections((project / "README.md").read_text())


def test_its_make_targets_exist(readme: dict[str, Section], project: Path) -> None:
    commands = [command for command, _ in readme["Look at it"].commands()]
    assert commands == ["make run", "make test"]
    for command in commands:
        subprocess.run([*command.split(), "--dry-run"], cwd=project, check=True, capture_output=True)


@pytest.mark.parametrize("title", ["Your first configuration", "Write your own handler in two minutes"])
def test_its_examples_answer_as_it_says(
    readme: dict[str, Section], title: str, write: Any, reserve: Any, start: Any
) -> None:
    section = readme[title]
    write(section.files())
    url, asked = "", 0
    for command, output in section.commands():
        program, *arguments = command.split()
        if program == "pip":
            assert arguments == ["install", "reserve-core"]
        elif program == "curl":
            asked += 1
            assert _curl(arguments, url).rstrip("\n") == output.replace(ADDRESS, url).rstrip("\n")
        elif arguments:
            assert reserve(*arguments).stdout == output
        else:
            url = start().ready()
            assert output == f"Server running at {ADDRESS}\n"
    assert asked


def _curl(arguments: list[str], url: str) -> str:
    command = ["curl", "--silent", "--show-error", *(argument.replace(ADDRESS, url) for argument in arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_mappings_of_its_table_hold(
    readme: dict[str, Section], write: Any, reserve: Any, prefixes: set[str]
) -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| `(\{.*\})` \|$", readme["The handlers"].text, re.MULTILINE)
    assert {prefix for prefix, _ in rows} == prefixes
    for prefix, mapping in rows:
        assert prefix in json.loads(mapping)
    write(readme["Your first configuration"].files())
    write({"404.html": "", "sorry.html": "", "dist/index.html": ""})
    write({"table.json": {"mappings": [json.loads(mapping) for _, mapping in rows]}})
    assert reserve("check", "table.json").stdout == f"table.json: ok, {len(rows)} mappings\n"


def test_its_help_is_that_of_the_command(readme: dict[str, Section], reserve: Any) -> None:
    ((command, output),) = readme["The command line"].commands()
    assert command == "reserve --help"
    assert reserve("--help", env={"COLUMNS": "80"}).stdout == output


def test_its_schema_fits_its_configuration(
    readme: dict[str, Section], write: Any, reserve: Any, command: Path, tmp_path: Path
) -> None:
    section = readme["In your editor"]
    write(section.files())
    ((line, output),) = section.commands()
    env = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"}
    run = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert run.stdout == output
    settings = json.loads((tmp_path / "reserve.json").read_text())
    Draft202012Validator(json.loads((tmp_path / settings["$schema"]).read_text())).validate(settings)
    assert reserve("check").returncode == 0


def test_its_entry_point_is_what_a_distribution_needs(readme: dict[str, Section], project: Path) -> None:
    (published,) = [block.text for section in readme.values() for block in section.blocks if block.language == "toml"]
    group = published.splitlines()[0]
    assert group in (project / "examples" / "reserve-hello" / "pyproject.toml").read_text()


def test_its_links_lead_somewhere(project: Path) -> None:
    for document in (project / "README.md", project / "examples" / "reserve-hello" / "README.md"):
        links = re.findall(r"\]\((?!https?://)([^)#]+)\)", document.read_text())
        assert [link for link in links if not (document.parent / link).exists()] == []
