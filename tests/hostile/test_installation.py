"""A wheel of the project, and a third party's plugin beside it, both installed by pip into a fresh environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.client import ask

if TYPE_CHECKING:
    from tests.e2e.conftest import Start

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def environment(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh virtual environment with the project, from its wheel, and hatchling."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", folder)
    _run(folder / "bin" / "python", "-m", "pip", "install", "-qq", project, "hatchling")
    return folder / "bin"


@pytest.fixture(scope="module")
def plugin(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plugin of the kit's, installed and tested with the commands that the kit tells."""
    folder = tmp_path_factory.mktemp("plugins")
    told = _run(environment / "reserve", "new-plugin", "say-hi", cwd=folder).stdout
    commands = re.findall("^    (.*)$", told, re.MULTILINE)
    path = {**os.environ, "PATH": f"{environment}:{os.environ['PATH']}"}
    run = _run("sh", "-e", "-c", "\n".join(commands), cwd=folder, env=path)
    assert "5 passed" in run.stdout
    return folder / "reserve-say-hi"


def _run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def test_in_its_folder_the_plugin_is_at_work_at_once(environment: Path, plugin: Path, start: Start) -> None:
    running = start(command=environment / "reserve", cwd=plugin)
    assert ask(f"{running.ready()}Ada").text == "Hello Ada!\n"
    assert running.stop() == 0


def test_its_wheel_has_what_users_need(environment: Path, plugin: Path, tmp_path: Path) -> None:
    _run(environment / "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=plugin)
    (wheel,) = tmp_path.glob("reserve_say_hi-0.1.0-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if ".dist-info/" not in name] == [
        "reserve_say_hi/__init__.py",
        "reserve_say_hi/py.typed",
    ]
    assert "reserve_say_hi-0.1.0.dist-info/entry_points.txt" in names
