"""The `reserve` command as a process of its own."""

from __future__ import annotations

import queue
import signal
import threading
from pathlib import Path

from tests.kit.forks import Process
from tests.kit.waiting import PATIENCE

READY = "Server running at "


class Running:
    """A running command: `url` is where its first server is, `errors` what it wrote to standard error."""

    def __init__(self, process: Process, errors: Path) -> None:
        self.process = process
        self.output: list[str] = []
        self._errors = errors
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
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
    def said(self) -> str:
        """What it has written until now, to standard output and then to standard error."""
        while not self._lines.empty():
            self.line()
        return "\n".join([*self.output, self.errors])

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Waits for the end, and returns the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive(), "a process that it started keeps its output open"
        while not self._lines.empty():
            self.line()
        return code

    def stop(self) -> int:
        """Stops it as a service manager does, and returns the exit code."""
        self.signal()
        return self.wait()
