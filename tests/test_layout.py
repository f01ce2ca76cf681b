"""The repository's own order: each plugin stands everywhere it has to, the top level stays as it is."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

GUIDES = (".github/CONTRIBUTING.md", ".github/AGENTS.md")

# What each package may have: files and classes that stand for the same role wherever they are.
ROLES = {"__init__.py", "options.py", "testing.py", "py.typed", "package.json"}
CLASSES = {"Options"}

MAX_LINES = 400


@pytest.fixture(scope="module")
def settings(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def plugins(project: Path) -> list[str]:
    """The names of the built-in plugins: the folders of `plugins/`."""
    return sorted(folder.name for folder in (project / "plugins").iterdir() if folder.is_dir())


# What checks the scripts of a plugin with a page. It isn't packaged.
SCRIPT_CHECKS = {"package.json", "package-lock.json", ".npmrc", "tsconfig.json", "json_shapes.d.ts"}


def test_a_plugin_folder_holds_one_package_named_after_it(project: Path, plugins: list[str]) -> None:
    assert plugins
    for name in plugins:
        folder = project / "plugins" / name
        entries = {entry.name for entry in folder.iterdir()} - {"__pycache__", "node_modules"}
        has_scripts = (folder / f"reserve_{name}/static").is_dir()
        client = {"client-js"} if name == "mirror" else set()  # a package of npm
        assert entries == {f"reserve_{name}", *(SCRIPT_CHECKS if has_scripts else ()), *client}


def test_every_plugin_is_packaged(settings: dict[str, Any], plugins: list[str]) -> None:
    packages = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packages == ["reserve_core", *(f"plugins/{name}/reserve_{name}" for name in plugins)]


def test_every_plugin_has_an_entry_point_named_after_its_prefix(settings: dict[str, Any], plugins: list[str]) -> None:
    entries = settings["project"]["entry-points"]["reserve"]
    assert {name: f"reserve_{name}" for name in plugins}.items() <= entries.items()
    # A package may hold more than one prefix, each in a module of its own.
    others = {name: module for name, module in entries.items() if name not in plugins}
    assert [name for name, module in others.items() if module.partition(".")[0][len("reserve_") :] not in plugins] == []


def test_every_plugin_is_type_checked(settings: dict[str, Any], plugins: list[str]) -> None:
    assert {f"plugins/{name}" for name in plugins} <= set(settings["tool"]["mypy"]["mypy_path"])


def test_the_core_may_import_no_plugin(settings: dict[str, Any], plugins: list[str]) -> None:
    banned = settings["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(banned) == {f"reserve_{name}" for name in plugins}


def test_the_core_imports_no_plugin(project: Path, plugins: list[str]) -> None:
    """What the linter can't see: an import by name."""
    name = re.compile(rf"\breserve_({'|'.join(plugins)})\b")
    assert [str(path) for path in (project / "reserve_core").rglob("*.py") if name.search(path.read_text())] == []


def test_every_package_says_that_it_is_typed(project: Path, settings: dict[str, Any]) -> None:
    packages = [
        *settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
        "examples/reserve-hello/reserve_hello",
    ]
    assert [package for package in packages if not (project / package / "py.typed").is_file()] == []


def test_the_map_names_every_package(project: Path, plugins: list[str]) -> None:
    """The one of `docs/design.md`: the packages of the core, the folders of the plugins."""
    text = (project / "docs/design.md").read_text()
    packages = sorted(file.parent.name for file in (project / "reserve_core").glob("*/__init__.py"))
    assert packages
    folders = [*(f"reserve_core/{name}/" for name in packages), *(f"plugins/{name}/" for name in plugins)]
    assert [folder for folder in folders if f"| `{folder}` |" not in text] == []


def test_every_plugin_has_tests_of_its_own(project: Path, plugins: list[str]) -> None:
    assert [name for name in plugins if not list((project / "tests/plugins" / name).glob("test_*.py"))] == []


def test_every_handler_has_a_page_that_the_first_one_names(project: Path, prefixes: set[str]) -> None:
    pages = {str(page.relative_to(project / "docs")): page.read_text() for page in (project / "docs").rglob("*.md")}
    of = {name: page for page, text in pages.items() for name in re.findall(r"<!-- table: handler (\w+) -->", text)}
    assert prefixes - of.keys() == set()
    assert [of[name] for name in prefixes if f"]({of[name]})" not in pages["index.md"]] == []


def test_tests_and_plugin_folders_are_no_packages(project: Path) -> None:
    assert list((project / "tests").rglob("__init__.py")) == []
    assert list((project / "plugins").glob("*/__init__.py")) == []


def test_the_top_level_holds_nothing_else(project: Path) -> None:
    folders = {"reserve_core", "plugins", "tests", "bench", "examples", "docs"}
    files = {
        "pyproject.toml",
        "zensical.toml",
        "README.md",
        "SECURITY.md",
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
        "Dockerfile",
    }
    known = {*folders, *files, "compose.yaml"}
    ignored = {line.strip("/") for line in (project / ".gitignore").read_text().split()}
    assert {entry.name for entry in project.iterdir() if not entry.name.startswith(".")} - ignored <= known


def test_the_license_is_that_of_the_package(project: Path, settings: dict[str, Any]) -> None:
    assert settings["project"]["license"] == "MIT"
    assert "MIT License" in (project / "LICENSE").read_text()


def test_the_changelog_knows_the_version(project: Path) -> None:
    from reserve_core import __version__

    changelog = (project / "CHANGELOG.md").read_text()
    assert f"## [{__version__}]" in changelog


@pytest.mark.parametrize("guide", GUIDES)
def test_what_a_guide_for_contributors_names_is_there(project: Path, guide: str) -> None:
    """Files and folders, by their path in the project, with NAME for any plugin; what `make` is asked for."""
    text = (project / guide).read_text()
    code = re.findall(r"`([^`\n]+)`|^\$ (.+)$", text, re.MULTILINE)
    words = {word.strip(",;:") for span in code for part in span for word in part.split()}
    paths = {
        word for word in words if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", word) and re.search(r"/|\.(py|md|toml)$", word)
    }
    assert len(paths) > 10
    made = {".venv/bin/pytest", ".venv/bin/python", "site/"}  # by make
    assert [path for path in paths - made if not list(project.glob(path.replace("NAME", "*").rstrip("/")))] == []

    folder = (project / guide).parent
    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)]
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_for_contributors_names_targets_of_make(project: Path, guide: str) -> None:
    asked = set(re.findall(r"(?:`|^\$ )make ([\w.-]+)", (project / guide).read_text(), re.MULTILINE))
    targets = re.findall(r"^([\w.%-]+):", (project / "Makefile").read_text(), re.MULTILINE)
    known = re.compile("|".join(re.escape(target).replace("%", r"\d+") for target in targets))
    assert asked
    assert {target for target in asked if not known.fullmatch(target)} == set()


def test_ci_runs_every_python_that_the_package_names(project: Path, settings: dict[str, Any]) -> None:
    jobs = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())["jobs"]
    name = "Programming Language :: Python :: "
    pythons = {each.removeprefix(name) for each in settings["project"]["classifiers"] if each.startswith(f"{name}3.")}
    assert pythons <= set(jobs["pythons"]["strategy"]["matrix"]["python"])


@pytest.mark.parametrize("workflow", ["ci.yml"])
def test_a_workflow_is_bounded(project: Path, workflow: str) -> None:
    """In rights, in time, and in the code of others that it runs: one commit of it, not what a tag comes to mean."""
    text = (project / ".github/workflows" / workflow).read_text()
    settings = yaml.safe_load(text)
    assert settings["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in settings["jobs"].values())
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", each)] == []


def sources(project: Path) -> list[Path]:
    """The files of the core and of the built-in plugins."""
    files = [file for folder in ("reserve_core", "plugins") for file in (project / folder).rglob("*") if file.is_file()]
    return [file for file in files if not {"__pycache__", "node_modules"} & set(file.parts)]


@pytest.fixture(scope="module")
def python_sources(project: Path) -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text()) for file in sources(project) if file.suffix == ".py"}


def test_a_file_name_is_used_once(project: Path) -> None:
    """A fuzzy finder, a traceback and a tab of an editor show the name without its folder."""
    names = Counter(file.name for file in sources(project))
    assert [name for name, count in names.items() if count > 1 and name not in ROLES] == []


def test_a_class_name_is_used_once(python_sources: dict[Path, ast.Module]) -> None:
    names = Counter(
        node.name.lstrip("_")
        for tree in python_sources.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1 and name not in CLASSES] == []


def test_a_response_is_no_answer_in_a_name(project: Path, python_sources: dict[Path, ast.Module]) -> None:
    """See the glossary: handlers answer, what they send is a response."""
    named = [str(file) for file in sources(project) if "answer" in file.name.lower()]
    for file, tree in python_sources.items():
        named += [f"{file.name}: {name}" for name in _names(tree) if "answer" in name.lower()]
    assert named == []


def _names(tree: ast.Module) -> Iterator[str]:
    """Of modules, classes, functions, parameters, attributes and variables."""
    for node in ast.walk(tree):
        for field in ("name", "id", "attr", "arg", "module"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def test_no_file_is_too_long(project: Path) -> None:
    lengths = {
        file.name: len(file.read_text().splitlines())
        for file in sources(project)
        if file.suffix in (".py", ".js", ".css")
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
