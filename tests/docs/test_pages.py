"""The pages' files are written, their commands run, their configurations checked: all is as they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reserve_core import check
from reserve_core.config.pattern import compile_match
from tests.docs.pages import DOCS, LESSONS, PAGES, example, files
from tests.e2e.conftest import Start
from tests.kit import node
from tests.kit.forks import Forks
from tests.kit.markdown import Block, Section
from tests.kit.running import Running
from tests.kit.waiting import wait_until

ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
READY = "Server running at "
# Commands that ask a server that runs.
ASKING = ("listen", "resend", "wait")
# What the recipes have behind them.
API = "127.0.0.1:3000"
BOOKS_API = Path(__file__).with_name("books_api") / "reserve.json"

# What pytest loads here besides: it takes longer than their tests.
NOT_OF_A_READER = [
    word
    for name in (
        "anyio",
        "asyncio",
        "hypothesispytest",
        "pytest_cov",
        "schemathesis",
        "timeout",
        "xdist",
        "xdist.looponfail",
    )
    for word in ("-p", f"no:{name}")
]

Install = Callable[..., None]


def with_commands() -> list[tuple[str, str]]:
    return [
        (page, title)
        for page, found in PAGES.items()
        for title, section in found.items()
        if section.commands() and page not in LESSONS
    ]


class Console:
    """Runs the commands of a section or a lesson, in a folder. What they install is there for them alone.

    The servers listen on ports of their own: the addresses shown stand for theirs.
    """

    def __init__(self, folder: Path, command: Path, start: Start, forks: Forks, install: Install) -> None:
        self._folder = folder
        self._command = command
        self._forks = forks
        self._start = start
        self._install = install
        self._servers: dict[str, Running] = {}
        self._addresses: dict[str, str] = {}

    def knows(self, shown: str, url: str) -> None:
        """Has a server that runs already stand for the address shown."""
        self._addresses[shown] = urlsplit(url).netloc

    def write(self, texts: dict[str, str]) -> None:
        """Writes files into the folder, with the addresses of the servers that run."""
        for name, text in texts.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._here(text))

    def shows(self, line: str, output: str) -> None:
        """Holds the output of a command line to the one that is shown."""
        # A file that is shown is the one that the server has left; others ask it.
        program, *arguments = shlex.split(self._here(line))
        if output.startswith(READY) or program == "cat" or (program == "reserve" and arguments[0] not in ASKING):
            self.stop()
        self._shows(program, arguments, output)

    def _shows(self, program: str, arguments: list[str], output: str) -> None:
        if program == "cd":
            self._folder = self._folder / arguments[0]
        elif program == "pip" and "-e" in arguments:
            assert (arguments, output) == (["install", "-e", ".[test]"], "")
            project = tomllib.loads((self._folder / "pyproject.toml").read_text())["project"]
            self._install(self._folder, project["name"], project["entry-points"]["reserve"], project["version"])
        elif program == "npm":
            assert (arguments, output) == (["install", "--silent", "@octokit/webhooks-methods"], "")
            (self._folder / "node_modules").symlink_to(node.PACKAGES)
        elif program == "pip":
            assert arguments[:2] in (
                ["install", "reserve-core"],
                ["install", "reserve-core[tls]"],
                ["install", "reserve-core[import]"],
                ["install", "reserve-core[metrics]"],
                ["install", "reserve-core[qr]"],
                ["install", "reserve-core[yaml]"],
            )
        elif output.startswith(READY):
            self._serve(program, arguments, output)
        else:
            self._holds(program, arguments, output)

    def _holds(self, program: str, arguments: list[str], output: str) -> None:
        assert self._run(program, arguments) == _steady(self._here(output))

    def _here(self, text: str) -> str:
        """A text with the addresses of the servers that run instead of those shown."""
        return ADDRESS.sub(lambda shown: self._addresses.get(shown[0], shown[0]), text)

    def _serve(self, program: str, arguments: list[str], output: str) -> None:
        command = {"reserve": self._command, "python": Path(sys.executable)}[program]
        server = self._start(*arguments, command=command, cwd=self._folder)
        lines = output.splitlines()
        ready = [line for line in lines if line.startswith(READY)]
        for line in ready:
            shown, found = ADDRESS.search(line), ADDRESS.search(server.ready())
            assert shown is not None
            assert found is not None
            self._addresses[shown[0]] = found[0]
            self._servers[shown[0]] = server
        for line in lines[len(ready) :]:
            assert server.line() == self._here(line)

    def stop(self) -> None:
        """Stops all servers."""
        for server in self._servers.values():
            if server.process.poll() is None:
                assert server.stop() == 0
        self._servers.clear()

    def _run(self, program: str, arguments: list[str]) -> str:
        commands: dict[str, list[str | Path]] = {
            "reserve": [self._command],
            "python": [sys.executable],
            "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *NOT_OF_A_READER],
            "curl": ["curl", "--silent", "--show-error"],
            "cat": ["cat"],
            "node": ["node"],
            "sh": ["sh"],
        }
        arguments, target = (arguments[:-2], arguments[-1]) if ">" in arguments else (arguments, None)
        command = [*commands[program], *map(os.path.expanduser, arguments)]
        # pytest has no width to keep to where it finds CI; the pages show what a terminal of 80 columns does.
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
        run = self._forks.run(command, cwd=self._folder, env=environment)
        if target is None:
            return _steady(run.stdout + run.stderr)
        (self._folder / target).write_text(run.stdout)
        assert run.returncode == 0
        return _steady(run.stderr)


class Lesson(Console):
    """Takes the steps of a lesson one after the other, as its reader does: in terminals, an editor, and a folder."""

    def __init__(self, folder: Path, command: Path, start: Start, forks: Forks, install: Install) -> None:
        super().__init__(folder, command, start, forks, install)
        self._edited = False

    def take(self, block: Block) -> None:
        """Writes a file, runs commands, or looks at the terminal of the server that was started last."""
        if "Ctrl+C" in block.prose:
            assert self._servers.popitem()[1].stop() == 0
        if block.name is not None:
            self._edited = bool(self._servers)
            self.write({block.name: block.text})
        elif block.language == "text":
            self._said(block.text)
        for line, output in block.commands():
            self.shows(line, output)

    def shows(self, line: str, output: str) -> None:
        program, *arguments = shlex.split(self._here(line))
        self._shows(program, arguments, output)

    def _serve(self, program: str, arguments: list[str], output: str) -> None:
        taken = [address for address in self._servers if f"://{address}/" in output]
        assert taken == [], "The lesson has to stop the former server"
        super()._serve(program, arguments, output)

    def _holds(self, program: str, arguments: list[str], output: str) -> None:
        if program == "curl" and self._edited:  # a moment after it is saved
            with suppress(TimeoutError):
                wait_until(lambda: self._run(program, arguments) == _steady(self._here(output)))
        super()._holds(program, arguments, output)

    def _said(self, text: str) -> None:
        *_, server = self._servers.values()
        lines = _timeless(self._here(text)).splitlines()
        wait_until(lambda: all(line in _timeless(server.said) for line in lines))


def _timeless(line: str) -> str:
    return re.sub(r"\b[\d.]+ ms$", "1 ms", line, flags=re.MULTILINE)


def _steady(output: str) -> str:
    """An output without what differs from run to run."""
    output = re.sub(r" in [\d.]+s$", "", output.rstrip("\n"))
    output = re.sub(r"^\d\d:\d\d:\d\d (.+ )\d+ ms$", r"12:00:00 \g<1>1 ms", output, flags=re.MULTILINE)
    output = _timeless(output)
    return re.sub(r"(\(|dur=)[\d.]+( ms\)|$)", r"\g<1>1\2", output, flags=re.MULTILINE)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution on the path of the commands, as pip would: its folder, its name, its entry points."""

    def install(folder: Path, name: str, entry_points: dict[str, str], version: str = "1.0") -> None:
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        entries = "".join(f"{entry} = {module}\n" for entry, module in entry_points.items())
        (info / "entry_points.txt").write_text(f"[reserve]\n{entries}")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))))

    return install


@pytest.mark.parametrize(("page", "title"), with_commands())
def test_the_commands_of_a_section_do_what_it_says(
    page: str, title: str, start: Start, command: Path, forks: Forks, tmp_path: Path, install: Install
) -> None:
    console = Console(tmp_path, command, start, forks, install)
    if API in PAGES[page][title].text and page == "recipes.md":
        console.knows(API, start("--config", str(BOOKS_API)).ready())
    console.write(files(page, title))
    if page == "hooks.md":
        (tmp_path / "visits.py").write_text(example())
        install(tmp_path, "visits", {"visits": "visits"})
    for line, output in PAGES[page][title].commands():
        console.shows(line, output)


@pytest.mark.timeout(600)  # a dozen commands and servers, one after the other, each with a patience of its own
@pytest.mark.parametrize("page", LESSONS)
def test_a_lesson_works_from_its_first_line_to_its_last(
    page: str,
    start: Start,
    command: Path,
    forks: Forks,
    tmp_path: Path,
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join((str(command.parent), node.programs(), os.environ["PATH"])))
    (tmp_path / "empty").mkdir()
    lesson = Lesson(tmp_path / "empty", command, start, forks, install)
    for section in PAGES[page].values():
        for block in section.blocks:
            lesson.take(block)


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


def test_every_block_stands_in_a_section() -> None:
    """What stands before the first heading of a page isn't tried."""
    beginnings = {page: (DOCS / page).read_text().partition("\n## ")[0] for page in PAGES}
    assert [page for page, text in beginnings.items() if "\n```" in text] == []


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    kinds = {block.language for found in PAGES.values() for section in found.values() for block in section.blocks}
    assert kinds <= {"console", "css", "js", "json", "python", "html", "nginx", "sh", "text", "toml", "yaml"}
    loose = {
        page
        for page, found in PAGES.items()
        for section in found.values()
        for block in section.blocks
        if block.language == "python" and block.name is None
        if not page.startswith("api/")  # whose blocks are signatures
    }
    assert loose == {"hooks.md"}


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
