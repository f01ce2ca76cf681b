"""Node, for the modules of the mirror's page."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from tests.kit.waiting import PATIENCE

PROJECT = Path(__file__).parents[2]


@functools.cache
def _environment() -> dict[str, str]:
    """The environment of a process that finds Node first."""
    folder = subprocess.run([PROJECT / ".ci/node"], check=True, capture_output=True, text=True).stdout.strip()
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def run(*command: str | Path, text: str = "", folder: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command that needs Node in a folder of the project; `text` is its standard input."""
    return subprocess.run(
        [*map(str, command)],
        input=text,
        cwd=PROJECT / folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
