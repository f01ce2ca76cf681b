"""The installed `reserve` command as a process of its own, and a client that asks it."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

READY = "Server running at "
PATIENCE = 20  # seconds until a line that must come is missed


class Running:
    """A running command: `url` is where its first server is, `errors` what it wrote to standard error."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process = process
        self.output: list[str] = []
        self._errors = errors
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                self._lines.put(line.rstrip("\n"))
        self._lines.put("")

    def line(self) -> str:
        """The next line of standard output, '' at its end."""
        line = self._lines.get(timeout=PATIENCE)
        if line:
            self.output.append(line)
        return line

    def ready(self) -> str:
        """Waits for the next ready line, and returns the URL that stands in it."""
        line = self.line()
        assert line.startswith(READY), f"{line!r} instead of the ready line; {self.errors}"
        return line.removeprefix(READY)

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Waits for the end, and returns the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join()
        while not self._lines.empty():
            self.line()
        return code

    def stop(self) -> int:
        """Stops it as a service manager does, and returns the exit code."""
        self.signal()
        return self.wait()


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Waits until `condition()` holds: what a process does is seen after a moment."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


Start = Callable[..., Running]


@pytest.fixture
def start(command: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `reserve` in `tmp_path` on a free port: `start("--verbose", command=..., cwd=...)`."""
    runs: list[Running] = []

    def run(*arguments: str, command: Path = command, cwd: Path = tmp_path) -> Running:
        errors = tmp_path / f"stderr-{len(runs)}"
        with errors.open("w") as stderr:
            process = subprocess.Popen(
                [command, *arguments, *(() if "--port" in arguments else ("--port", "0"))],
                cwd=cwd,
                env={**os.environ, "PYTHONWARNINGS": "default"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        runs.append(Running(process, errors))
        return runs[-1]

    yield run
    for running in runs:
        if running.process.poll() is None:
            running.process.kill()
        running.wait()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str | dict[str, Any]]], None]:
    """Writes files into `tmp_path`: a text as it is, a dict as JSON."""

    def write(files: dict[str, str | dict[str, Any]]) -> None:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))

    return write


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Answer]


@pytest.fixture
def ask() -> Ask:
    """Sends one request and returns its answer; follows no redirect."""

    def ask(url: str, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        parts = urlsplit(url)
        assert parts.hostname is not None
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
        try:
            connection.request(
                method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers or {}
            )
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return ask
