"""The installed `reserve` command as a process of its own, and a client that asks it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit import client
from tests.kit.client import ReceivedResponse
from tests.kit.forks import Forks, Process, forking, process
from tests.kit.running import Running

Start = Callable[..., Running]
Popen = Callable[..., Process]


@contextmanager
def launching(folder: Path, popen: Popen = process) -> Iterator[Start]:
    """What starts a command line: `launch(command, "--verbose", cwd=..., variables=...)`. Its errors go to a file in
    `folder`; all that it has started ends at the end. `popen` makes the process."""
    runs: list[Running] = []

    def launch(*command: str | Path, cwd: Path, variables: dict[str, str]) -> Running:
        errors = folder / f"stderr-{len(runs)}"
        with errors.open("w") as stderr:
            started = popen(command, cwd=cwd, env={**os.environ, **variables}, stderr=stderr)
        runs.append(Running(started, errors))
        return runs[-1]

    yield launch
    for running in runs:
        if running.process.poll() is None:
            running.process.kill()
        running.wait()


@contextmanager
def starting(installed: Path, folder: Path, popen: Popen = process) -> Iterator[Start]:
    """What starts the `installed` command in `folder` on a free port; all that it has started ends at the end."""
    with launching(folder, popen) as launch:

        def run(*arguments: str, command: Path = installed, cwd: Path = folder) -> Running:
            port = () if "--port" in arguments else ("--port", "0")
            return launch(command, *arguments, *port, cwd=cwd, variables={"PYTHONWARNINGS": "default"})

        yield run


@pytest.fixture(scope="session")
def forks(command: Path) -> Iterator[Forks]:
    """What starts `reserve` by a fork, where what it does is tested, not how it starts:
    `pytestmark = pytest.mark.usefixtures("forks")`."""
    with forking(command) as forks:
        yield forks


@pytest.fixture
def start(command: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts `reserve` in `tmp_path` on a free port: `start("--verbose", command=..., cwd=...)`."""
    popen = request.getfixturevalue("forks") if "forks" in request.fixturenames else process
    with starting(command, tmp_path, popen) as start:
        yield start


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str | dict[str, Any]]], None]:
    """Writes files into `tmp_path`: a text as it is, a dict as JSON."""

    def write(files: dict[str, str | dict[str, Any]]) -> None:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))

    return write


Ask = Callable[..., ReceivedResponse]


@pytest.fixture
def ask() -> Ask:
    """Sends one request and returns its response; follows no redirect."""
    return client.ask
