"""What a release is held to: the version, the changelog and the tag agree, and nothing of this machine goes out."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from reserve_core import __version__

DATED = "# Changelog\n\n## [1.2.0] - 2026-11-30\n\n## [1.1.0] - 2026-10-01\n"
UNRELEASED = "# Changelog\n\n## [1.2.0] - unreleased\n"


@pytest.fixture(scope="module")
def check(project: Path) -> dict[str, Any]:
    return runpy.run_path(str(project / ".ci" / "release_check.py"))


@pytest.mark.parametrize(
    ("version", "changelog", "tag", "words"),
    [
        ("1.2.0", DATED, "v1.2.0", []),
        ("1.2.0", UNRELEASED, "", []),
        ("1.2.0", UNRELEASED, "v1.2.0", ["no date"]),
        ("1.2.0", DATED, "1.2.0", ["The tag 1.2.0 is not that of version 1.2.0: v1.2.0"]),
        ("1.2.0", UNRELEASED, "v1.3.0", ["The tag v1.3.0", "no date"]),
        ("1.1.0", DATED, "v1.1.0", ["newest section"]),
        ("1.3.0", DATED, "", ["newest section"]),
        ("1.2.0", "# Changelog\n", "", ["newest section"]),
    ],
)
def test_version_changelog_and_tag_agree(
    check: dict[str, Any], version: str, changelog: str, tag: str, words: list[str]
) -> None:
    problems = check["version_problems"](version, changelog, tag)
    assert len(problems) == len(words)
    for problem, word in zip(problems, words, strict=True):
        assert word in problem


def test_the_version_of_today_could_be_released_once_it_is_dated(check: dict[str, Any], project: Path) -> None:
    assert check["version_problems"](__version__, (project / "CHANGELOG.md").read_text(), "") == []


@pytest.mark.parametrize(
    ("name", "shipped_tests", "wrong"),
    [
        ("reserve_core/server.py", False, False),
        ("reserve_core/testing.py", False, False),
        ("reserve_core/cli/plugin_template/tests/test_MODULE.py.template", False, False),
        ("tests/test_body.py", False, True),
        ("tests/kit/wire.py", False, True),
        ("reserve_file/test_ranges.py", False, True),
        ("tests/test_body.py", True, False),
        ("reserve_core/__pycache__/server.cpython-311.pyc", True, True),
    ],
)
def test_neither_tests_nor_what_was_made_here_goes_out(
    check: dict[str, Any], name: str, shipped_tests: bool, wrong: bool
) -> None:
    assert bool(check["content_problems"]({name: b""}, shipped_tests=shipped_tests)) == wrong


def test_no_path_of_this_machine_goes_out(check: dict[str, Any], project: Path) -> None:
    (problem,) = check["content_problems"]({"a.py": b"x = '%b/b'" % str(project).encode()}, shipped_tests=False)
    assert problem.startswith("a.py: has the path")


def test_the_project_has_one_home(project: Path) -> None:
    """The addresses in pyproject.toml, and those that the README's links are made of, begin as Source does."""
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    source = settings["project"]["urls"]["Source"]
    readme = settings["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    for text in [*settings["project"]["urls"].values(), *(rule["replacement"] for rule in readme)]:
        assert text.removeprefix("](").startswith((source, rf'\1="{source}')), text


def test_the_readme_of_the_index_has_no_relative_links(project: Path) -> None:
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    text = (project / "README.md").read_text()
    for rule in settings["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'\bsrc(?:set)?="([^"]+)"', text)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "http://", "#"))] == []
