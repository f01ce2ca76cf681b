"""The two builds: what the hot modules are, and that users can do with them what they can do with plain Python."""

from __future__ import annotations

import os
import tomllib
from importlib import import_module
from pathlib import Path


def hot_modules(project: Path) -> list[str]:
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    modules: list[str] = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]
    return modules


def test_the_build_that_is_asked_for_runs(project: Path) -> None:
    """`make test-compiled` has all hot modules compiled, the other tests none."""
    files = {str(import_module(name).__file__) for name in hot_modules(project)}
    compiled = os.environ.get("RESERVE_COMPILE") == "1"
    assert {file for file in files if file.endswith(".py") is compiled} == set()
