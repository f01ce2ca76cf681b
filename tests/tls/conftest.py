"""A user's home without anything in it, and the clock by which certificates are made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reserve_core.tls import x509_building

After = Callable[[timedelta], None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's, and where what is kept in it goes."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> After:
    """Sets the clock of certificates: `after(timedelta(days=100))` from when the test began."""
    begun = datetime.now(UTC)

    def after(time: timedelta) -> None:
        monkeypatch.setattr(x509_building, "now", lambda: begun + time)

    return after
