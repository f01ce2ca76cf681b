"""The mirror's client for JavaScript: with a real server, its types, and its package."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import __version__
from reserve_core.testing import TestServer
from tests.client_js.client_types import TYPES, client_types
from tests.kit import node
from tests.kit.client import ask
from tests.kit.markdown import FENCED
from tests.kit.waiting import PATIENCE, wait_until
from tests.page.declarations import PACKAGED, declarations

PACKAGE = PACKAGED.parent
README = (PACKAGE / "README.md").read_text()
SHOWN = "http://127.0.0.1:5000/"  # where `reserve mirror` runs
MAX_LINES = 150


@pytest.fixture
def mirrors(reserve_server: Callable[[dict[str, Any]], TestServer]) -> str:
    """A server that is what `reserve mirror` starts, in the place of `SHOWN`."""
    port = reserve_server({"mappings": [{"match": "^(/.*)$", "mirror": "$1", "redis-url": None}]}).port
    return f"http://127.0.0.1:{port}/"


def test_it_does_what_it_says(
    reserve_server: Callable[[dict[str, Any]], TestServer],
) -> None:
    mirror = {"match": "^/mirror(/.*)?$", "mirror": "$1", "redis-url": None, "token": "correct-horse"}
    server = reserve_server({"mappings": [mirror, {"status": 404}]})
    url = f"http://127.0.0.1:{server.port}/mirror"
    done = node.run("node", "--test", Path(__file__).with_name("client.test.mjs"), RESERVE_BASE=url)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_s_example_works(mirrors: str, tmp_path: Path) -> None:
    (example,) = (text for language, text in FENCED.findall(README) if language == "js")
    assert SHOWN in example
    (tmp_path / "example.mjs").write_text(example.replace(SHOWN, mirrors))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/reserve-mirror").symlink_to(PACKAGE)
    with node.start("node", tmp_path / "example.mjs") as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        wait_until(lambda: ask(url.replace("/r/", "/api/mirrors/")).json()["rules"])
        status = ask(f"{url}/orders/17", "POST", '{"order": {"id": 17}}').status
        shown, errors = process.communicate(timeout=PATIENCE)
    assert (status, process.returncode, errors) == (503, 0, "")
    assert shown.endswith(' {"order": {"id": 17}}\n')
    assert ask(url.replace("/r/", "/api/mirrors/")).status == 404


def test_the_readme_s_calls_are_those_of_the_client() -> None:
    named = set(re.findall(r"`mirror\.(\w+)\(", README))
    methods = set(re.findall(r"^    (?:async )?(\w+)\(", TYPES.read_text(), re.MULTILINE)) - {"constructor"}
    assert named | {"ask"} == methods


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
