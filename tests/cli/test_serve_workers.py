"""The folder that `reserve serve --workers` makes for its workers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from reserve_core.cli.serve_workers import workers_folder


def test_the_folder_of_the_workers_is_removed_with_all_that_is_in_it() -> None:
    with workers_folder() as folder:
        assert folder is not None
        (folder / "0").mkdir()
        (folder / "0/kept").touch()
    assert not folder.exists()


def test_workers_go_without_a_folder_where_there_is_no_room_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with workers_folder() as folder:
        assert folder is None
