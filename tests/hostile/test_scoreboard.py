"""The scoreboard itself: what it counts as passed, and that a failure can't hide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.scoreboard import KEYS, Scoreboard

SOAK = "def test_it(score):\n    score('0 descriptors left')\n"


@pytest.fixture
def checks(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder of checks of its own, with this one's conftest."""
    pytester.makeini("[pytest]\nmarkers = hostile")
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    return pytester


def run(checks: pytest.Pytester, *options: str) -> pytest.RunResult:
    return checks.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", *options)


def rows(checks: pytest.Pytester) -> dict[str, dict[str, Any]]:
    document = json.loads((checks.path / "board.json").read_text())
    assert document.keys() == {"date", "seconds", "machine", "rows"}
    return {row["row"]: row for row in document["rows"]}


def test_a_row_passes_when_all_its_checks_do() -> None:
    board = Scoreboard()
    for key in KEYS:
        assert not board.passed
        board.found(key, "0 wrong")
    assert board.passed
    board.failed("soak", "test_it")
    assert not board.passed
    assert [row["row"] for row in board.document()["rows"] if not row["passed"]] == ["soak"]


def test_a_terminal_shows_each_row_with_its_figures() -> None:
    board = Scoreboard()
    for key in KEYS:
        board.found(key, f"{key} held")
    board.failed("soak", "test_it")
    lines = board.lines()
    assert sum(line.startswith("pass  ") for line in lines) == len(KEYS) - 1
    start = next(number for number, line in enumerate(lines) if line.startswith("FAIL  Soak: "))
    assert [line.strip() for line in lines[start + 1 : start + 3]] == ["soak held", "test_it failed"]


def test_figures_are_written_and_rows_without_one_fail(checks: pytest.Pytester) -> None:
    checks.makepyfile(test_soak=SOAK)
    result = run(checks, "--scoreboard", "board.json")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["pass  Soak: *", "      0 descriptors left", "FAIL  Connections: *", "*no figure"])
    found = rows(checks)
    assert tuple(found) == KEYS
    assert {key for key, row in found.items() if row["passed"]} == {"soak"}
    assert found["soak"]["figures"] == ["0 descriptors left"]


@pytest.mark.parametrize(
    "what",
    ["assert False", "import pytest; pytest.skip('no time')", "import pytest; pytest.xfail('known')"],
)
def test_a_check_that_does_not_pass_fails_its_row(checks: pytest.Pytester, what: str) -> None:
    checks.makepyfile(test_soak=f"{SOAK}\ndef test_other(score):\n    score('seen')\n    {what}\n")
    run(checks, "--scoreboard", "board.json")
    soak = rows(checks)["soak"]
    assert (soak["figures"], soak["failed"], soak["passed"]) == (["0 descriptors left", "seen"], ["test_other"], False)


def test_a_fixture_that_fails_fails_the_row(checks: pytest.Pytester) -> None:
    checks.makepyfile(test_soak=f"import pytest\n@pytest.fixture(autouse=True)\ndef f():\n    yield\n    1/0\n{SOAK}")
    run(checks, "--scoreboard", "board.json")
    assert rows(checks)["soak"]["failed"] == ["test_it"]


def test_a_figure_belongs_to_a_row(checks: pytest.Pytester) -> None:
    checks.makepyfile(test_nothing=SOAK)
    result = run(checks)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_nothing.py is named after no row*"])


def test_long_checks_and_full_size_are_for_the_scoreboard(checks: pytest.Pytester) -> None:
    checks.makepyfile(
        test_soak="import pytest\n\n"
        "def test_short(scale, score):\n    score(f'{scale(1, 1000)} requests')\n\n"
        "@pytest.mark.hostile\ndef test_long(score):\n    score('an hour')\n"
    )
    run(checks).assert_outcomes(passed=1, deselected=1)
    assert not (checks.path / "board.json").exists()
    run(checks, "--scoreboard", "board.json").assert_outcomes(passed=2)
    assert rows(checks)["soak"]["figures"] == ["1000 requests", "an hour"]


def test_details_go_next_to_the_scoreboard(checks: pytest.Pytester) -> None:
    checks.makepyfile(test_soak="def test_it(keep):\n    keep([{'a': 1}, {'a': 2}])\n")
    run(checks)
    assert list(checks.path.glob("*.json")) == []
    run(checks, "--scoreboard", "board.json")
    text = (checks.path / "board-soak.json").read_text()
    assert json.loads(text) == [{"a": 1}, {"a": 2}]
    assert text.count("\n") == 4


def test_processes_side_by_side_would_spoil_the_figures(checks: pytest.Pytester) -> None:
    result = run(checks, "--scoreboard", "board.json", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*it takes no -n*"])
