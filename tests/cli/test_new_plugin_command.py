"""`reserve new-plugin`: what it writes, and what it refuses. That it works once installed is in tests/e2e."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

FILES = [
    ".github/workflows/test.yml",
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "reserve.json",
    "reserve_say_hi/__init__.py",
    "reserve_say_hi/py.typed",
    "tests/test_say_hi.py",
]


def written(folder: Path) -> dict[str, str]:
    """The files of a folder by their paths in it, without what tools have left there."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not re.search(r"__pycache__|\.\w+_cache|\.venv", str(path))
    }


def test_it_writes_a_distribution_and_says_how_to_go_on(reserve: Any, tmp_path: Path) -> None:
    run = reserve("new-plugin", "say-hi")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[:2] == ["reserve-say-hi is written. Go on with:", "    cd reserve-say-hi"]
    files = written(tmp_path / "reserve-say-hi")
    assert list(files) == FILES
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "reserve-say-hi"
    assert project["entry-points"] == {"reserve": {"say-hi": "reserve_say_hi"}}


def test_the_workflow_and_the_readme_do_what_it_says(reserve: Any, tmp_path: Path, project: Path) -> None:
    commands = re.findall("^    (.*)$", reserve("new-plugin", "say-hi").stdout, re.MULTILINE)[1:]
    files = written(tmp_path / "reserve-say-hi")
    job = yaml.safe_load(files[".github/workflows/test.yml"])["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == commands
    assert all(f"$ {command}\n" in files["README.md"] for command in commands)
    classifiers = tomllib.loads((project / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons = [line.rpartition(" ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)]
    assert job["strategy"]["matrix"] == {"python-version": pythons}


def test_the_example_is_what_it_writes(reserve: Any, tmp_path: Path, project: Path) -> None:
    """So the project's own linter and type checker see what it writes."""
    assert reserve("new-plugin", "hello").returncode == 0
    assert written(project / "examples" / "reserve-hello") == written(tmp_path / "reserve-hello"), (
        "Run: rm -r examples/reserve-hello && reserve new-plugin hello --directory examples"
    )


@pytest.mark.parametrize("name", ["2fa", "import", "greeting", "say_hi", f"{'long-' * 12}name"])
def test_whatever_its_name_the_code_is_in_order(reserve: Any, tmp_path: Path, reserve_mock: Any, name: str) -> None:
    assert reserve("new-plugin", name).returncode == 0
    module = name.replace("-", "_")
    folder = tmp_path / f"reserve-{name}"
    package = folder / f"reserve_{module}" / "__init__.py"
    for tool in (["check", "--isolated"], ["format", "--isolated", "--check"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *tool], cwd=folder, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]["reserve"] == {
        name: f"reserve_{module}"
    }
    site = reserve_mock({"handlers": {name: str(package)}, "mappings": [{"match": "^/(.*)", name: "$1"}]})
    assert site.request("GET", "/Ada").text == "Hello Ada!\n"


def test_it_writes_elsewhere(reserve: Any, tmp_path: Path) -> None:
    run = reserve("new-plugin", "say-hi", "--directory", "my work/plugins")
    assert "    cd 'my work/plugins/reserve-say-hi'\n" in run.stdout
    assert list(written(tmp_path / "my work" / "plugins" / "reserve-say-hi")) == FILES


def test_a_repository_that_is_there_is_filled(reserve: Any, tmp_path: Path) -> None:
    folder = tmp_path / "reserve-say-hi"
    (folder / ".git").mkdir(parents=True)
    (folder / "LICENSE").write_text("mine")
    assert reserve("new-plugin", "say-hi").returncode == 0
    assert sorted(written(folder)) == sorted([*FILES, "LICENSE"])


@pytest.mark.parametrize("name", ["README.md", "reserve_say_hi/py.typed"])
def test_nothing_is_overwritten(reserve: Any, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "reserve-say-hi" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    run = reserve("new-plugin", "say-hi")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        f"Error: reserve-say-hi/{name} is there already, and nothing is overwritten\n"
        "    Choose another name, or another folder: --directory DIR\n"
    )
    assert written(tmp_path) == {f"reserve-say-hi/{name}": "mine"}


@pytest.mark.parametrize(
    ("name", "message", "mend"),
    [
        ("", "can't be the name of a package", "my-plugin"),
        ("Say Hi", "can't be the name of a package", '"-" between words: say-hi\n'),
        ("../up", "can't be the name of a package", "between words: up\n"),
        ("say.hi", "can't be the name of a package", "between words: say-hi\n"),
        ("hi\n", "can't be the name of a package", "between words: hi\n"),
        ("reserve-hi", "is the name of a distribution", "Write: reserve new-plugin hi\n"),
        ("core", "The package reserve_core is there already", "Choose another name"),
        ("file", "is taken: by reserve-core", "Choose another name"),
        ("n" * 300, "can't be written: File name too long", "Choose another name"),
        *[(name, "has a prefix that is a property of every mapping", "Rename it") for name in ("host", "match")],
        ("if-match", "has a prefix that is a property of every mapping", "Rename it"),
    ],
)
def test_a_name_that_cannot_be_is_refused(reserve: Any, tmp_path: Path, name: str, message: str, mend: str) -> None:
    run = reserve("new-plugin", name)
    assert (run.returncode, run.stdout) == (2, "")
    assert message in run.stderr
    assert mend in run.stderr
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broken_plugin_is_no_hindrance_but_keeps_its_prefix(reserve: Any, tmp_path: Path) -> None:
    info = tmp_path / "packages" / "breaker-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: breaker\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[reserve]\nbroken = no_such_module\n")
    env = {"PYTHONPATH": str(tmp_path / "packages")}
    assert "taken: by breaker 1.0 (no_such_module)" in reserve("new-plugin", "broken", env=env).stderr
    assert reserve("new-plugin", "whole", env=env).returncode == 0


@pytest.mark.parametrize("directory", ["file", "file/below"])
def test_a_folder_that_cannot_be_is_named(reserve: Any, tmp_path: Path, directory: str) -> None:
    (tmp_path / "file").write_text("")
    run = reserve("new-plugin", "say-hi", "--directory", directory)
    assert (run.returncode, run.stdout) == (2, "")
    assert directory in run.stderr
    assert "Traceback" not in run.stderr
