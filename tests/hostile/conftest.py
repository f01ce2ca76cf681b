"""The scoreboard of the checks, and the size they have.

`pytest` runs the quick checks at a small size. With `--scoreboard FILE` all of them run at full size, those marked
`hostile` too, and the figures go to the file; that is `make hostile`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import start, write
from tests.hostile.program import launch
from tests.hostile.scoreboard import KEYS, Scoreboard
from tests.plugins.url.conftest import clock, serve, stack, until, upstream

__all__ = ["clock", "launch", "serve", "stack", "start", "until", "upstream", "write"]

Score = Callable[[str], None]
Scale = Callable[[int, int], int]
Within = Callable[[float], float]
Keep = Callable[[list[dict[str, Any]]], None]

BOARD = pytest.StashKey[Scoreboard]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--scoreboard",
        type=Path,
        metavar="FILE",
        help="run all checks of tests/hostile at full size, and write what they found to FILE",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[BOARD] = Scoreboard()
    if _file(config) and config.getoption("numprocesses", None):
        raise pytest.UsageError("--scoreboard measures: it takes no -n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _file(config):
        return
    long = [item for item in items if item.get_closest_marker("hostile")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if not report.passed:  # a check that was skipped has shown nothing
        item.config.stash[BOARD].failed(_key(item.path), item.name)
    return report  # type: ignore[return-value]


def pytest_sessionfinish(session: pytest.Session) -> None:
    file = _file(session.config)
    if file:
        board = session.config.stash[BOARD]
        board.write(file)
        if not board.passed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _file(config):
        terminalreporter.section("scoreboard")
        for line in config.stash[BOARD].lines():
            terminalreporter.line(line)


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Score:
    """`score("180 vectors, 0 disagreements")`: what a check has found, for the row its file is named after.

    Call it before the assertion: the scoreboard shall show what was found when it fails, too.
    """
    key = _key(request.path)
    assert key in KEYS, f"{request.path.name} is named after no row of the scoreboard"
    board = request.config.stash[BOARD]
    return lambda figure: board.found(key, figure)


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Scale:
    """`scale(1_000, 50_000)`: the first in `make test`, the second with `--scoreboard`."""
    full = _file(request.config) is not None
    return lambda small, large: large if full else small


@pytest.fixture
def within(request: pytest.FixtureRequest) -> Within:
    """`within(0.1)`: a bound of time. In `make test`, which shares the machine with others, there is none."""
    full = _file(request.config) is not None
    return lambda bound: bound if full else math.inf


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Keep:
    """`keep([{"vector": ...}, ...])`: the details of a figure. They go next to the scoreboard, an object a line."""
    board = _file(request.config)

    def write(details: list[dict[str, Any]]) -> None:
        if board:
            lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in details)
            board.with_name(f"{board.stem}-{_key(request.path)}.json").write_text(f"[\n{lines}\n]\n")

    return write


def _file(config: pytest.Config) -> Path | None:
    # The option isn't known when the run began with another folder.
    file: Path | None = config.getoption("--scoreboard", None)
    return file


def _key(path: Path) -> str:
    return path.stem.removeprefix("test_")
