"""REserve and Vite, from npm, and Node's http that they stand on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .base import CACHE, HOST, Command, Missing, Peer, Server, find, output
from .configuration import write_configuration

REFERENCE_VERSION = "2.3.8"
VITE_VERSION = "8.4.0"
INSTALL_WITHIN = 120  # seconds


class _Package(Peer):
    """A command of a package from npm, which the first run installs."""

    package: str
    version: str
    script: str

    @property
    def _folder(self) -> Path:
        return CACHE / f"{self.package}-{self.version}"

    def prepare(self) -> str:
        find("node", "nodejs")
        if not self._script().exists():
            self._install()
        return self.version

    def command(self, *arguments: str) -> Command:
        return [find("node", "nodejs"), str(self._script()), *arguments]

    def _script(self) -> Path:
        return self._folder / "node_modules" / self.package / self.script

    def _install(self) -> None:
        package = f"{self.package}@{self.version}"
        npm = [find("npm", "npm"), "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        self._folder.mkdir(parents=True, exist_ok=True)
        printed = output([*npm, "--prefix", str(self._folder), package], INSTALL_WITHIN)
        if not self._script().exists():
            raise Missing(f"npm can't install {package}: {printed}")


class Reference(_Package):
    """REserve."""

    name = "REserve (Node.js)"
    package = "reserve"
    version = REFERENCE_VERSION
    script = "dist/cli.js"

    def serves(self, *mappings: dict[str, Any]) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            configuration = write_configuration(folder, port, backend, mappings)
            return self.command("--silent", "--config", configuration)

        return Server(self, command)


class Vite(_Package):
    """Vite's development server."""

    name = "Vite"
    package = "vite"
    version = VITE_VERSION
    script = "bin/vite.js"

    def serves_folder(self, name: str) -> Server:
        """A folder in the one where it runs."""
        return Server(
            self,
            lambda folder, port, backend: self.command(
                *("--port", str(port), "--strictPort", "--host", HOST, "--logLevel", "error", str(folder / name))
            ),
        )


class Node(Peer):
    """Node's own http module, which has neither mappings nor files."""

    name = "Node's http"

    def prepare(self) -> str:
        return output([find("node", "nodejs"), "--version"]).lstrip("v")

    def serves_hello(self) -> Server:
        return Server(self, lambda folder, port, backend: [find("node", "nodejs"), "node_http.js", str(port)])


REFERENCE = Reference()
NODE = Node()
VITE = Vite()
