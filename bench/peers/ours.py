"""This project, in both of its builds, on one Python or another."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import Command, Missing, Peer, Server, output
from .configuration import write_configuration

_PROJECT = Path(__file__).parents[2]
_INSTALLED = Path(sysconfig.get_path("scripts"), "reserve")
_INTERPRETER = _PROJECT / "bench/interpreter.py"
_PURE = _PROJECT / ".venv/bin/reserve"


@dataclass(frozen=True, slots=True)
class Reserve(Peer):
    """An installed `reserve`. Where there is none, `remedy` says how to get it."""

    name: str
    executable: Path
    remedy: str

    def prepare(self) -> str:
        if not self.executable.exists():
            raise Missing(self.remedy)
        return output([str(self.executable), "--version"]).removeprefix("reserve ")

    def serves(self, *mappings: dict[str, Any], note: str = "", workers: int = 1, silent: bool = True) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            options = ["--silent"] if silent else []
            options += ["--workers", str(workers), "--config", write_configuration(folder, port, backend, mappings)]
            return [str(self.executable), *options]

        return Server(self, command, note, cores=workers)

    def serves_live(self, name: str) -> Server:
        """A folder in the one where it runs, whose pages are reloaded."""

        def command(folder: Path, port: int, backend: int) -> Command:
            return [str(self.executable), str(folder / name), "--live", "--silent", "--port", str(port)]

        return Server(self, command)


class _Beside(Reserve):
    """A build to compare with the one that is measured."""

    def prepare(self) -> str:
        if self.executable == _INSTALLED:
            raise Missing("it's the build that is measured: make bench takes the compiled one")
        return super().prepare()


class _OnPython(Reserve):
    """An installation on another Python, which stands for the version: what is compared is the Pythons."""

    def prepare(self) -> str:
        super().prepare()
        return f"({output([str(self.executable.with_name('python')), str(_INTERPRETER)])})"


# The build of the Python that runs the benchmark, and to stand beside it the one that `make run` installs.
RESERVE = Reserve("reserve", _INSTALLED, "reserve isn't installed for this Python: pip install -e .")
PURE = _Beside("reserve, pure Python", _PURE, "make run installs it")

# One of each build on each Python.
PYTHONS = tuple(
    _OnPython(
        f"reserve on {version}, {build}", _PROJECT / f"{folder}-{version}/bin/reserve", "make bench-pythons does it"
    )
    for version in ("3.11", "3.12", "3.13")
    for build, folder in (("compiled", ".venv-compiled"), ("pure Python", ".venv"))
)
