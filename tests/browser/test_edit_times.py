"""`python -m bench.edits`: it sees what it times. Nothing is measured here."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from bench import edits
from bench.peers import VITE, Missing


def test_edits_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(peer: object) -> str:
        raise Missing("there is no network here")

    monkeypatch.setattr(type(VITE), "prepare", missing)
    done = CliRunner().invoke(edits.main, ["--edits", "1"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Vite is left out" in done.stderr
    assert [line.split(" reserve")[0].strip() for line in done.stdout.splitlines()] == ["a page", "a style sheet"]
