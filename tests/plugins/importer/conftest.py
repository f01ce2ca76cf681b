"""The command `reserve import` in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from reserve_core.cli import main


class Imported(NamedTuple):
    """What the command has told: its exit code, the configuration it printed, the lines of standard error."""

    code: int
    configuration: dict[str, Any]
    told: list[str]

    @property
    def mappings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.configuration["mappings"]
        return found


Import = Callable[..., Imported]


@pytest.fixture
def import_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Imports a text: `import_text(text, "nginx.conf", "--port", "80")`."""
    monkeypatch.chdir(tmp_path)

    def import_text(text: str, name: str = "nginx.conf", *options: str) -> Imported:
        Path(name).write_text(text)
        result = CliRunner().invoke(main, ["import", name, *options])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        configuration = json.loads(result.stdout) if result.stdout.startswith("{") else {}
        return Imported(result.exit_code, configuration, result.stderr.splitlines())

    return import_text
