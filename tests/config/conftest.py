"""What the tests of the configuration share: files in a folder, and handlers of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core.config import Configuration, check, read
from reserve_core.errors import ConfigError, Problem
from reserve_core.plugins import Plugins

Write = Callable[[str, Any], Path]
Check = Callable[..., Any]
Problems = Callable[..., Any]

GREET = '''
"""Greets."""

from reserve_core.hookspecs import hookimpl


@hookimpl
def schema():
    return {
        "type": "object",
        "properties": {
            "greet": {"type": "string", "description": "Whom to greet"},
            "times": {"type": "integer", "minimum": 1, "default": 1, "description": "How often to greet"},
            "tags": {"type": "array", "default": []},
        },
    }


@hookimpl
def methods():
    return ["get", "HEAD"]


@hookimpl
async def redirect(response, redirect):
    response.send(redirect)
'''

ANY = """
from reserve_core.hookspecs import hookimpl


@hookimpl
def schema():
    return {"type": "object", "properties": {"any": {"description": "Anything"}}}


@hookimpl
async def redirect(response):
    response.send("any")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Messages show paths relative to the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below `tmp_path`: a str as it is, anything else as JSON."""

    def write(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
        return path

    return write


@pytest.fixture
def handlers(write: Write) -> dict[str, str]:
    """Two local handlers for a configuration in `tmp_path`: `greet` (GET and HEAD) and `any` (all methods)."""
    write("greet.py", GREET)
    write("any.py", ANY)
    return {"greet": "./greet.py", "any": "./any.py"}


@pytest.fixture
def checked(tmp_path: Path, handlers: dict[str, str], write: Write) -> Check:
    """Checks a configuration that has the handlers `greet` and `any`, written to reserve.json."""

    async def checked(settings: dict[str, Any]) -> Configuration:
        own = {**settings, "handlers": {**handlers, **settings.get("handlers", {})}}
        return await check(read(write("reserve.json", {"mappings": [], **own})), Plugins())

    return checked


@pytest.fixture
def problems(checked: Check) -> Problems:
    """The problems of a configuration that has the handlers `greet` and `any`."""

    async def problems(settings: dict[str, Any]) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            await checked(settings)
        return caught.value.problems

    return problems


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, its key (plain and encrypted) and a key that isn't its own."""
    folder = tmp_path_factory.mktemp("certificates")
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -nodes -subj /CN=localhost"
    for name in ("own", "other"):
        _run(f"{make} -keyout {name}.key -out {name}.pem", folder)
    _run("openssl pkey -in own.key -aes256 -passout pass:secret -out encrypted.key", folder)
    (folder / "cut.key").write_bytes((folder / "own.key").read_bytes()[:100])
    return folder


def _run(command: str, folder: Path) -> None:
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
