"""The pages' files are written, their commands run, their configurations checked: all is as they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import check
from reserve_core.config.pattern import compile_match
from tests.e2e.conftest import Start
from tests.kit.markdown import Section, sections
from tests.kit.running import Running

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {str(path.relative_to(DOCS)): sections(path.read_text()) for path in sorted(DOCS.rglob("*.md"))}
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
READY = "Server running at "

Write = Callable[[dict[str, str]], None]
Install = Callable[[Path, str, dict[str, str]], None]


def files(page: str, title: str) -> dict[str, str]:
    """The files of a section, and those of earlier sections that it names."""
    found: dict[str, str] = {}
    for section in PAGES[page].values():
        found |= section.files()
        if section.title == title:
            break
    return {name: text for name, text in found.items() if f"`{name}`" in PAGES[page][title].text}


def with_commands() -> list[tuple[str, str]]:
    return [(page, title) for page, found in PAGES.items() for title, section in found.items() if section.commands()]


class Console:
    """Runs the commands of a section, in a folder with its files. What they install is there for them alone."""

    def __init__(self, folder: Path, command: Path, start: Start, install: Install) -> None:
        self._folder = folder
        self._command = command
        self._start = start
        self._install = install
        self._server: Running | None = None
        self._address = ""

    def shows(self, line: str, output: str) -> None:
        """Holds the output of a command line to the one that is shown."""
        program, *arguments = shlex.split(ADDRESS.sub(self._address, line) if self._address else line)
        if program == "cd":
            self._folder = self._folder / arguments[0]
        elif program == "pip" and "-e" in arguments:
            assert (arguments, output) == (["install", "-e", ".[test]"], "")
            project = tomllib.loads((self._folder / "pyproject.toml").read_text())["project"]
            self._install(self._folder, project["name"], project["entry-points"]["reserve"])
        elif program == "pip":
            assert arguments[:2] == ["install", "reserve-core"]
        elif output.startswith(READY):
            self._serve(program, arguments, output)
        else:
            # A file that is shown is the one that the server has left; `reserve wait` asks it.
            if program == "cat" or (program == "reserve" and arguments[0] != "wait"):
                self._stop()
            assert self._run(program, arguments) == _steady(ADDRESS.sub(self._address or r"\g<0>", output))

    def _serve(self, program: str, arguments: list[str], output: str) -> None:
        self._stop()
        command = {"reserve": self._command, "python": Path(sys.executable)}[program]
        self._server = self._start(*arguments, command=command, cwd=self._folder)
        ready = [line for line in output.splitlines() if line.startswith(READY)]
        urls = [self._server.ready() for _ in ready]
        found = ADDRESS.search(urls[0])
        assert found is not None
        self._address = found[0]
        for line in output.splitlines()[len(ready) :]:
            assert self._server.line() == ADDRESS.sub(self._address, line)

    def _stop(self) -> None:
        if self._server is not None and self._server.process.poll() is None:
            assert self._server.stop() == 0

    def _run(self, program: str, arguments: list[str]) -> str:
        commands: dict[str, list[str | Path]] = {
            "reserve": [self._command],
            "python": [sys.executable],
            "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio"],
            "curl": ["curl", "--silent", "--show-error"],
            "cat": ["cat"],
        }
        arguments, target = (arguments[:-2], arguments[-1]) if ">" in arguments else (arguments, None)
        command = [*commands[program], *arguments]
        run = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        if target is None:
            return _steady(run.stdout + run.stderr)
        (self._folder / target).write_text(run.stdout)
        assert run.returncode == 0
        return _steady(run.stderr)


def _steady(output: str) -> str:
    """An output without what differs from run to run."""
    return re.sub(r" in [\d.]+s$", "", output.rstrip("\n"))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution on the path of the commands, as pip would: its folder, its name, its entry points."""

    def install(folder: Path, name: str, entry_points: dict[str, str]) -> None:
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        entries = "".join(f"{entry} = {module}\n" for entry, module in entry_points.items())
        (info / "entry_points.txt").write_text(f"[reserve]\n{entries}")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))))

    return install


@pytest.mark.parametrize(("page", "title"), with_commands())
def test_the_commands_of_a_section_do_what_it_says(
    page: str, title: str, write: Write, start: Start, command: Path, tmp_path: Path, install: Install
) -> None:
    write(files(page, title))
    if page == "plugins.md":
        (tmp_path / "visits.py").write_text(example())
        install(tmp_path, "visits", {"visits": "visits"})
    console = Console(tmp_path, command, start, install)
    for line, output in PAGES[page][title].commands():
        console.shows(line, output)


def test_every_file_belongs_to_a_command() -> None:
    alone = [
        f"{page}: {title}: {name}"
        for page, found in PAGES.items()
        for title, section in found.items()
        for name in section.files()
        if not section.commands() and name != "pyproject.toml"
    ]
    assert alone == []


def fragments() -> list[str]:
    return [
        block.text
        for found in PAGES.values()
        for section in found.values()
        for block in section.blocks
        if block.language == "json" and block.name is None
    ]


@pytest.mark.parametrize("text", fragments())
async def test_a_mapping_shown_alone_holds(text: str) -> None:
    mapping = json.loads(text)
    # What a tap records is shown somewhere.
    others = [{"match": "^/mirror(/.*)?$", "mirror": "$1"}] if "tap" in mapping else []
    configuration = await check({"mappings": [mapping, *others]})
    assert len(configuration.mappings) == 1 + len(others)


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    kinds = {block.language for found in PAGES.values() for section in found.values() for block in section.blocks}
    assert kinds <= {"console", "json", "python", "html", "text", "toml"}
    loose = {
        page
        for page, found in PAGES.items()
        for section in found.values()
        for block in section.blocks
        if block.language == "python" and block.name is None
    }
    assert loose == {"plugins.md"}


def rows(section: Section) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in section.text.splitlines() if line.startswith("| `")
    ]


@pytest.mark.parametrize("row", rows(PAGES["configuration.md"]["Match"]), ids=lambda row: row[0])
def test_a_match_applies_to_what_the_table_says(row: list[str]) -> None:
    match, applies, others, _ = row
    pattern = compile_match(match.strip("`"))
    assert [url for url in re.findall("`(.*?)`", applies) if not pattern.search(url)] == []
    assert [url for url in re.findall("`(.*?)`", others) if pattern.search(url)] == []


def test_a_status_has_the_text_of_the_table(reserve_mock: Any) -> None:
    table = re.findall(r"^\| (\d+) \| (.+) \|$", (DOCS / "handlers" / "status.md").read_text(), re.MULTILINE)
    assert table
    for status, text in table:
        assert reserve_mock({"mappings": [{"status": int(status)}]}).request("GET", "/").text == text


def test_the_testing_example_is_the_one_in_examples(project: Path) -> None:
    folder = project / "examples" / "testing"
    shown = PAGES["testing.md"]["A first test file"].files()
    there = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert shown == {str(path.relative_to(folder)): path.read_text() for path in there}


def example() -> str:
    """The plugin whose hooks are the examples of the plugin guide."""
    found = PAGES["plugins.md"]
    blocks = [block for title in ("The hooks", "The events") for block in found[title].blocks]
    return "\n\n".join(block.text for block in blocks if block.language == "python" and ": ...\n" not in block.text)
