"""Writes the types of the mirror's client for JavaScript, from its code: `python -m tests.client_js.client_types`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.kit import node
from tests.page.declarations import PACKAGED

TYPES = PACKAGED.with_name("index.d.ts")

_OPTIONS = (
    *("--allowJs", "--checkJs", "--strict", "--declaration", "--emitDeclarationOnly"),
    *("--target", "ES2024", "--module", "ESNext"),
)


def client_types() -> str:
    """The text of `index.d.ts`. Raises RuntimeError with what is wrong in the code."""
    compiler = PACKAGED.parents[1] / "node_modules/.bin/tsc"
    with tempfile.TemporaryDirectory() as folder:
        done = node.run(compiler, *_OPTIONS, "--outDir", folder, "--ignoreConfig", PACKAGED.with_name("index.js"))
        if done.returncode:
            raise RuntimeError(done.stdout)
        return (Path(folder) / "index.d.ts").read_text()


if __name__ == "__main__":
    TYPES.write_text(client_types())
