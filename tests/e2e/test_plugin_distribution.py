"""A third party's plugin: made with the kit, installed beside the project into a fresh environment, it simply works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.kit.markdown import sections

pytestmark = pytest.mark.timeout(240)

MAPPING = {"match": "^/hi/(.*)", "say-hi": "$1", "greeting": "Hi {}!"}


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


def test_in_its_folder_it_is_at_work_at_once(environment: Path, plugin: Path, start: Any, ask: Any) -> None:
    running = start(command=environment / "reserve", cwd=plugin)
    url = running.ready()
    assert ask(f"{url}Ada").text == "Hello Ada!\n"
    assert ask(url).text == "Hello World!\n"
    assert running.stop() == 0


def test_its_prefix_answers_with_no_handlers_in_the_configuration(
    environment: Path, plugin: Path, start: Any, ask: Any, write: Any
) -> None:
    write({"reserve.json": {"mappings": [MAPPING, {"status": 404}]}})
    running = start(command=environment / "reserve")
    url = running.ready()
    assert ask(f"{url}hi/Ada").text == "Hi Ada!\n"
    assert ask(f"{url}hi/Ada", "POST").status == 404
    assert running.stop() == 0
    assert running.errors == ""


def test_its_readme_is_right(environment: Path, plugin: Path, start: Any, ask: Any, write: Any) -> None:
    section = sections((plugin / "README.md").read_text())["Use it"]
    write(section.files())
    running = start(command=environment / "reserve")
    (asked, answer) = re.findall("`GET /(.*?)` is answered with `(.*?)`", section.text)[0]
    assert ask(f"{running.ready()}{asked}").text == f"{answer}\n"
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ({"greting": "Hi {}"}, '"greting"'),
        ({"greeting": 1}, "greeting"),
        ({"greeting": "Hi"}, "no place for the name"),
    ],
)
def test_its_schema_and_its_checks_are_enforced(
    environment: Path, plugin: Path, write: Any, tmp_path: Path, mistake: dict[str, Any], named: str
) -> None:
    mapping = {name: value for name, value in MAPPING.items() if name != "greeting"}
    write({"reserve.json": {"mappings": [{**mapping, **mistake}]}})
    run = subprocess.run([environment / "reserve", "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert "reserve.json:" in run.stderr
    assert named in run.stderr
    assert "Traceback" not in run.stderr


def test_its_wheel_has_what_users_need(environment: Path, plugin: Path, tmp_path: Path) -> None:
    _run(environment / "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=plugin)
    (wheel,) = tmp_path.glob("reserve_say_hi-0.1.0-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if ".dist-info/" not in name] == [
        "reserve_say_hi/__init__.py",
        "reserve_say_hi/py.typed",
    ]
    assert "reserve_say_hi-0.1.0.dist-info/entry_points.txt" in names
