"""A third party's plugin: made with the kit and installed beside the project, it simply works.

Installed means what an installer leaves behind: a package and its metadata with an entry point. That pip does so is
shown by tests/hostile/test_installation.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.kit.markdown import sections

pytestmark = pytest.mark.usefixtures("followed")

MAPPING = {"match": "^/hi/(.*)", "say-hi": "$1", "greeting": "Hi {}!"}


@pytest.fixture(scope="module")
def written(command: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plugin of the kit's."""
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run([command, "new-plugin", "say-hi"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "reserve-say-hi"


@pytest.fixture
def plugin(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder, once it is installed."""
    project = tomllib.loads((written / "pyproject.toml").read_text())["project"]
    site = tmp_path / "site"
    shutil.copytree(written / "reserve_say_hi", site / "reserve_say_hi")
    information = site / f"reserve_say_hi-{project['version']}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    entries = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["reserve"].items())
    (information / "entry_points.txt").write_text(f"[reserve]\n{entries}")
    monkeypatch.setenv("PYTHONPATH", str(site))
    return written


def test_its_own_tests_pass(plugin: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=plugin,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "5 passed" in run.stdout


def test_in_its_folder_it_is_at_work_at_once(plugin: Path, start: Any, ask: Any) -> None:
    running = start(cwd=plugin)
    url = running.ready()
    assert ask(f"{url}Ada").text == "Hello Ada!\n"
    assert ask(url).text == "Hello World!\n"
    assert running.stop() == 0


def test_its_prefix_answers_with_no_handlers_in_the_configuration(
    plugin: Path, start: Any, ask: Any, write: Any
) -> None:
    write({"reserve.json": {"mappings": [MAPPING, {"status": 404}]}})
    running = start()
    url = running.ready()
    assert ask(f"{url}hi/Ada").text == "Hi Ada!\n"
    assert ask(f"{url}hi/Ada", "POST").status == 404
    assert running.stop() == 0
    assert running.errors == ""


def test_its_readme_is_right(plugin: Path, start: Any, ask: Any, write: Any) -> None:
    section = sections((plugin / "README.md").read_text())["Use it"]
    write(section.files())
    running = start()
    (asked, response) = re.findall("`GET /(.*?)` is answered with `(.*?)`", section.text)[0]
    assert ask(f"{running.ready()}{asked}").text == f"{response}\n"
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
    plugin: Path, write: Any, reserve: Any, mistake: dict[str, Any], named: str
) -> None:
    mapping = {name: value for name, value in MAPPING.items() if name != "greeting"}
    write({"reserve.json": {"mappings": [{**mapping, **mistake}]}})
    run = reserve("check", env={"PYTHONPATH": os.environ["PYTHONPATH"]})
    assert (run.returncode, run.stdout) == (2, "")
    assert "reserve.json:" in run.stderr
    assert named in run.stderr
    assert "Traceback" not in run.stderr
