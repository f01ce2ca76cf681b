"""A server that a mirror's requests are sent on to, and `reserve listen` that does so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import launching
from tests.kit.hook_target import HookTarget, hook_target

if TYPE_CHECKING:
    import subprocess

    from tests.kit.running import Running
    from tests.plugins.mirror.conftest import Site


@pytest.fixture
def store_kind() -> str:
    """The sites of these tests: a listener knows no store."""
    return "memory"


@pytest.fixture(autouse=True)
def state_home(environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where listeners keep how far they have come, unless they are told otherwise."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def target() -> Iterator[HookTarget]:
    with hook_target() as target:
        yield target


Listen = Callable[..., "subprocess.CompletedProcess[str]"]
StartListening = Callable[..., "Running"]


@pytest.fixture
def listen(reserve: Listen, site: Site, target: HookTarget) -> Listen:
    """Sends on what is there, and ends: `listen("--json", path="/hook", at=other_site)`."""

    def run(*options: str, path: str = "/hook", at: Site = site) -> subprocess.CompletedProcess[str]:
        return reserve("listen", f"{at.url}/r/orders", "--to", f"{target.url}{path}", "--once", *options)

    return run


@pytest.fixture
def start_listening(
    command: Path, site: Site, target: HookTarget, state_home: Path, tmp_path: Path, followed: None
) -> Iterator[StartListening]:
    """Starts `reserve listen` as a process, which sends on until it is stopped."""
    with launching(tmp_path) as launch:

        def run(*options: str, url: str = "", variables: dict[str, str] | None = None) -> Running:
            arguments = ["listen", url or f"{site.url}/r/orders", "--to", f"{target.url}/hook", *options]
            return launch(command, *arguments, cwd=tmp_path, variables=variables or {})

        yield run
