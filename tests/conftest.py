"""What all tests can use."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import settings

pytest_plugins = ["tests.kit.hangs", "tests.kit.chromium"]

# How long an example takes says more of the machine than of the code.
settings.register_profile("reserve", deadline=None)
settings.load_profile("reserve")

Install = Callable[..., Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection() -> None:
    """Thousands of tests are made, and all of them stay: to look for garbage among them takes a seventh of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is there by now stays: whoever collects garbage, or looks for it, need not go through thousands of tests."""
    gc.collect()
    gc.freeze()
    gc.enable()


# The variable by which coverage follows processes, taken out of the environment: see `followed`.
_PROCESSES = "COVERAGE_PROCESS_CONFIG"
_OF_PROCESSES = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Coverage sets it whenever it begins, after each test that is marked with `no_cover`, too."""
    if found := os.environ.pop(_PROCESSES, ""):
        item.config.stash[_OF_PROCESSES] = found


@pytest.fixture
def followed(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that the processes of a test run count: `pytestmark = pytest.mark.usefixtures("followed")`.

    It costs them as much again as their start. Most run no line that no test runs in its own process.
    """
    if of_processes := pytestconfig.stash.get(_OF_PROCESSES, ""):
        monkeypatch.setenv(_PROCESSES, of_processes)


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the project."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def own_plugins(project: Path) -> set[str]:
    """The names of the project's own plugins."""
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    return set(settings["project"]["entry-points"]["reserve"])


@pytest.fixture(scope="session")
def prefixes(own_plugins: set[str]) -> set[str]:
    """The prefixes of those that are handlers."""
    from reserve_core import load_plugins

    return own_plugins & load_plugins().handlers.keys()


@pytest.fixture(scope="session")
def command() -> Path:
    """The installed `reserve` command."""
    return Path(sys.executable).with_name("reserve")


@pytest.fixture
def reserve(command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `reserve` in `tmp_path` to its end: `reserve("check", env={...})`.

    With an environment of its own it is a process. Otherwise it runs in this one: what an interpreter needs to start is
    many times what a command does.
    """

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        if env is not None:
            return subprocess.run(
                [command, *arguments],
                cwd=tmp_path,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        from reserve_core.cli import main  # here, as what is loaded before the tests doesn't count for coverage

        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(main, "commands", dict(main.commands))  # the plugins add theirs, as in a process of its own
            patch.setattr(main, "_complete", False)
            done = CliRunner().invoke(main, arguments, prog_name="reserve", catch_exceptions=False)
        return subprocess.CompletedProcess([command, *arguments], done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution: `install("greeter", {"greet": "greeter"}, {"greeter.py": "..."})`."""
    before = set(sys.modules)

    def install(
        name: str, entries: dict[str, str] | str, files: dict[str, str], version: str = "1.0", folder: str = "site"
    ) -> Path:
        site = tmp_path / folder
        information = site / f"{name.replace('-', '_')}-{version}.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        if isinstance(entries, dict):
            entries = "".join(f"{entry} = {value}\n" for entry, value in entries.items())
        (information / "entry_points.txt").write_text(f"[reserve]\n{entries}")
        for path, content in files.items():
            (site / path).write_text(content)
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(site)
        return site

    yield install
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]
