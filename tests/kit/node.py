"""Node, for the modules of the mirror's page."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from tests.kit.waiting import PATIENCE

PROJECT = Path(__file__).parents[2]
PACKAGES = PROJECT / "plugins/mirror/node_modules"  # that npm has installed


@functools.cache
def programs() -> str:
    """The folder of `node` and `npm`."""
    return subprocess.run([PROJECT / ".ci/node"], check=True, capture_output=True, text=True).stdout.strip()


def run(*command: str | Path, text: str = "", folder: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that needs Node in a folder of the project; `text` is its standard input."""
    return subprocess.run(
        [*map(str, command)],
        input=text,
        cwd=PROJECT / folder,
        env={**_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def start(*command: str | Path) -> subprocess.Popen[str]:
    """Starts a command that needs Node, whose output is read."""
    return subprocess.Popen(
        [*map(str, command)], env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": os.pathsep.join((programs(), os.environ["PATH"]))}
