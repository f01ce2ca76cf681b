"""The mirror's client for JavaScript: with a real server, its types, and its package."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reserve_core import __version__
from reserve_core.testing import TestServer
from tests.client_js.client_types import TYPES, client_types
from tests.kit import node
from tests.page.declarations import PACKAGED, declarations

PACKAGE = PACKAGED.parent
MAX_LINES = 150


def test_it_does_what_it_says(
    reserve_server: Callable[[dict[str, Any]], TestServer],
) -> None:
    mirror = {"match": "^/mirror(/.*)?$", "mirror": "$1", "redis-url": None, "token": "correct-horse"}
    server = reserve_server({"mappings": [mirror, {"status": 404}]})
    url = f"http://127.0.0.1:{server.port}/mirror"
    done = node.run("node", "--test", Path(__file__).with_name("client.test.mjs"), RESERVE_BASE=url)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_types_are_those_of_its_code() -> None:
    assert TYPES.read_text() == client_types(), "make format writes them anew"


def test_its_shapes_are_those_of_the_server() -> None:
    assert PACKAGED.read_text() == declarations(), "make format writes them anew"


def test_its_package_is_whole_and_of_this_version() -> None:
    package = json.loads((PACKAGE / "package.json").read_text())
    assert package["version"] == __version__, "it's the version of reserve: see docs/releasing.md"
    assert "dependencies" not in package
    assert {*package["files"], "package.json", "README.md", "LICENSE"} == {file.name for file in PACKAGE.iterdir()}
    assert (PACKAGE / "LICENSE").read_text() == (node.PROJECT / "LICENSE").read_text()
    assert len((PACKAGE / "index.js").read_text().splitlines()) <= MAX_LINES
