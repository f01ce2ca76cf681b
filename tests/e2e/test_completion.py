"""The Tab key, in the shells that people have, in a terminal as they have it."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES
from tests.kit.waiting import PATIENCE

# What starts a shell without anybody's settings, and the line of them that the page has behind its own.
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], ":"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit && compinit -u"),
    "fish": (["--no-config", "-i"], "true"),
}
SETTINGS = dict(zip(SHELLS, (block.text for block in PAGES["cli.md"]["Completion"].blocks), strict=True))
TAB, BEGIN, END = "\t", "\x01", "\x05"


class Terminal:
    """A shell in a terminal."""

    def __init__(self, folder: Path, shell: str) -> None:
        arguments, before = SHELLS[shell]
        self.setup = f"{before}; {SETTINGS[shell].strip()}"
        self.said = ""
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            os.chdir(folder)
            os.execvp(shell, [shell, *arguments])

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait_for(self, text: str) -> re.Match[str]:
        """Waits until the terminal shows what matches the regular expression `text`."""
        end = time.monotonic() + PATIENCE
        while (found := re.search(text, self.said)) is None:
            ready, _, _ = select.select([self._terminal], [], [], max(end - time.monotonic(), 0))
            assert ready, self.said
            self.said += os.read(self._terminal, 65536).decode()
        return found

    def close(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._terminal)


Open = Callable[[str], Terminal]


@pytest.fixture
def terminal(tmp_path: Path, command: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a shell, in which the completion is set up, in a folder with a configuration and a folder to serve."""
    folder = tmp_path / "site"
    for path in ("dist/index.html", "shop.json", "mirror.yaml"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")
    monkeypatch.setenv("PATH", os.pathsep.join((str(command.parent), os.environ["PATH"])))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")
    opened: list[Terminal] = []

    def open_(shell: str) -> Terminal:
        if sys.platform != "linux" and shutil.which(shell) is None:
            pytest.skip(f"there is no {shell} here")  # on Linux, make debian has installed it
        if shell == "bash" and int(subprocess.check_output(["bash", "-c", "echo $BASH_VERSINFO"])) < 5:
            pytest.skip("this bash is too old: that of macOS is of 2007")
        terminal = Terminal(folder, shell)
        opened.append(terminal)
        terminal.type(f"{terminal.setup}; echo set'-'up\n")
        terminal.wait_for("set-up")
        return terminal

    yield open_
    for each in opened:
        each.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_commands_options_files_and_folders(terminal: Open, shell: str) -> None:
    there = terminal(shell)
    for typed, completed in (
        ("reserve chec", "reserve check"),
        ("reserve --show-c", "reserve --show-config"),
        ("reserve ./di", "reserve ./dist"),
        ("reserve serve di", "reserve serve dist"),
        ("reserve -c sh", "reserve -c shop.json"),
        ("reserve ./dist --config mi", "reserve ./dist --config mirror.yaml"),
        ("reserve explain --config sh", "reserve explain --config shop.json"),
        ("reserve check mi", "reserve check mirror.yaml"),
        ("reserve mirror --redis-u", "reserve mirror --redis-url"),
    ):
        there.type(f"{typed}{TAB}{BEGIN}echo '<{END}>'\n")
        assert there.wait_for(r"\n<(.*?)>")[1].rstrip(" /") == completed
        there.said = ""
