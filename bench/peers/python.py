"""Peers that are packages of the Python that runs the benchmark: those of the extra `bench`."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .base import HOST, Command, Missing, Peer, Server


class _Package(Peer):
    """An installed package, by default of the peer's name."""

    def prepare(self) -> str:
        package = self.name.partition(" ")[0]
        try:
            return version("tornado" if package == "tornado.web" else package)
        except PackageNotFoundError as error:
            raise Missing(f"{package} isn't installed for this Python: pip install -e '.[bench]'") from error


class Tornado(_Package):
    """An Application of tornado.web, which answers most of the cases."""

    name = "tornado.web"

    def serves(self, rules_before: int = 0) -> Server:
        return Server(
            self, lambda folder, port, backend: [sys.executable, "tornado_web.py", str(port), str(rules_before)]
        )


class Uvicorn(_Package):
    """uvicorn with uvloop and httptools, which is what its extra `standard` brings."""

    name = "uvicorn"

    def serves(self, app: str) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
            return [sys.executable, "-m", "uvicorn", app, "--host", HOST, "--port", str(port), *options]

        return Server(self, command)


class Granian(_Package):
    """granian, whose HTTP is Rust, with uvloop and one of its interfaces. Files never come to the application."""

    def __init__(self, interface: str) -> None:
        self.name = f"granian ({interface.upper()})"
        self._interface = interface

    def serves(self, app: str) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            options = ["--interface", self._interface, "--loop", "uvloop", "--http", "1", "--no-log"]
            options += ["--backlog", "4096", "--backpressure", "4096"]  # it would leave connections beyond 1,024 alone
            options += ["--static-path-route", "/files", "--static-path-mount", "files"]
            return [sys.executable, "-m", "granian", *options, "--host", HOST, "--port", str(port), app]

        return Server(self, command)


class Websockets(_Package):
    """The library's own server, with uvloop."""

    name = "websockets"

    def serves_echo(self) -> Server:
        return Server(self, lambda folder, port, backend: [sys.executable, "websockets_echo.py", str(port)])


TORNADO = Tornado()
UVICORN = Uvicorn()
GRANIAN_RSGI = Granian("rsgi")
GRANIAN_ASGI = Granian("asgi")
WEBSOCKETS = Websockets()
