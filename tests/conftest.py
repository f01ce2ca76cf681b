"""What all tests can use."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("reserve", deadline=None)
settings.load_profile("reserve")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the project."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def prefixes(project: Path) -> set[str]:
    """The prefixes of the project's own plugins."""
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    return set(settings["project"]["entry-points"]["reserve"])


@pytest.fixture(scope="session")
def command() -> Path:
    """The installed `reserve` command."""
    return Path(sys.executable).with_name("reserve")


@pytest.fixture
def reserve(command: Path, tmp_path: Path) -> Run:
    """Runs `reserve` in `tmp_path` to its end: `reserve("check", env={...})`."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *arguments],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
