"""Request Mirror, the original that the mirror follows."""

from __future__ import annotations

from pathlib import Path

from .base import CACHE, HOST, Command, Missing, Peer, Server


class RequestMirror(Peer):
    """A checkout of it, which is on no package index, with a Python of its own: its requirements need 3.8.

    They are pinned, those that they need in turn aren't: the README says which ones go with them.
    """

    name = "Request Mirror"
    _checkout = CACHE / "request-mirror"
    _python = _checkout / ".venv/bin/python"

    def prepare(self) -> str:
        if not self._python.exists():
            raise Missing(f"there is no {self._python}: bench/README.md says how to install it")
        return "1.0.0"

    def serves(self, code: str) -> Server:
        """Needs Redis as the backend."""

        def command(folder: Path, port: int, backend: int) -> Command:
            script = str(folder / "request_mirror.py")
            return [str(self._python), script, str(self._checkout), str(port), f"redis://{HOST}:{backend}", code]

        return Server(self, command)


REQUEST_MIRROR = RequestMirror()
