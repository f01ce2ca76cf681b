"""REserve, and Node's http that it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .base import CACHE, Command, Missing, Peer, Server, find, output
from .configuration import write_configuration

REFERENCE_VERSION = "2.3.8"
INSTALL_WITHIN = 120  # seconds


class Reference(Peer):
    """REserve, from npm."""

    name = "REserve (Node.js)"
    _package = CACHE / f"reserve-{REFERENCE_VERSION}"
    _executable = _package / "node_modules/reserve/dist/cli.js"

    def prepare(self) -> str:
        find("node", "nodejs")
        if not self._executable.exists():
            self._install()
        return REFERENCE_VERSION

    def serves(self, *mappings: dict[str, Any]) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            configuration = write_configuration(folder, port, backend, mappings)
            return [find("node", "nodejs"), str(self._executable), "--silent", "--config", configuration]

        return Server(self, command)

    def _install(self) -> None:
        package = f"reserve@{REFERENCE_VERSION}"
        npm = [find("npm", "npm"), "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        self._package.mkdir(parents=True, exist_ok=True)
        printed = output([*npm, "--prefix", str(self._package), package], INSTALL_WITHIN)
        if not self._executable.exists():
            raise Missing(f"npm can't install {package}: {printed}")


class Node(Peer):
    """Node's own http module, which has neither mappings nor files."""

    name = "Node's http"

    def prepare(self) -> str:
        return output([find("node", "nodejs"), "--version"]).lstrip("v")

    def serves_hello(self) -> Server:
        return Server(self, lambda folder, port, backend: [find("node", "nodejs"), "node_http.js", str(port)])


REFERENCE = Reference()
NODE = Node()
