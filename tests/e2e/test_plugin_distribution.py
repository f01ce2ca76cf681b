"""A third party's plugin: installed beside the project into a fresh environment, its prefix simply works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MAPPING = {"match": "^/hello/(.*)", "hello": "$1", "greeting": "Hi"}


@pytest.fixture(scope="module")
def environment(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh virtual environment with the project and examples/reserve-hello installed."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", folder)
    hello = project / "examples" / "reserve-hello"
    _run(folder / "bin" / "python", "-m", "pip", "install", "-qq", project, f"{hello}[test]")
    return folder / "bin"


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run


@pytest.mark.timeout(180)
def test_its_prefix_answers_with_no_handlers_in_the_configuration(
    environment: Path, start: Any, ask: Any, write: Any
) -> None:
    write({"reserve.json": {"mappings": [MAPPING, {"status": 404}]}})
    running = start(command=environment / "reserve")
    url = running.ready()
    assert ask(f"{url}hello/Ada").text == "Hi Ada!\n"
    assert ask(f"{url}hello/Ada", "POST").status == 404
    assert running.stop() == 0
    assert running.errors == ""


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("mistake", "named"),
    [({"greting": "Hi"}, '"greeting"'), ({"greeting": 1}, "greeting"), ({"greeting": " "}, "the greeting is empty")],
)
def test_its_schema_and_its_checks_are_enforced(
    environment: Path, write: Any, tmp_path: Path, mistake: dict[str, Any], named: str
) -> None:
    mapping = {name: value for name, value in MAPPING.items() if name != "greeting"}
    write({"reserve.json": {"mappings": [{**mapping, **mistake}]}})
    run = subprocess.run([environment / "reserve", "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert "reserve.json:" in run.stderr
    assert named in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.timeout(180)
def test_its_own_tests_pass(environment: Path, project: Path, tmp_path: Path) -> None:
    tests = project / "examples" / "reserve-hello" / "tests"
    run = _run(environment / "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", tmp_path, tests)
    assert "4 passed" in run.stdout
