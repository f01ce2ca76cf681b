"""`--qr`: what a phone that looks at the terminal reads."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reserve_core.cli.server_urls import url_from_elsewhere
from tests.kit.qr_codes import read_qr_code
from tests.kit.waiting import PATIENCE, wait_until

Show = Callable[..., list[str]]

pytestmark = pytest.mark.usefixtures("followed")


@pytest.fixture
def show(command: Path, tmp_path: Path) -> Iterator[Show]:
    """Runs a command in a terminal: `show("--qr", NO_COLOR="1")` gives the lines up to the one below the code."""
    running: list[subprocess.Popen[bytes]] = []

    def show(*arguments: str, **variables: str) -> list[str]:
        terminal, end = pty.openpty()
        running.append(
            subprocess.Popen(
                [command, *arguments, "--port", "0"],
                cwd=tmp_path,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=end,
            )
        )
        os.close(end)
        said = []
        with os.fdopen(terminal, encoding="utf-8", newline="") as lines:
            for line in lines:
                said.append(line.rstrip("\r\n"))
                if said[-1].startswith("http"):
                    return said
        raise AssertionError(said)

    yield show
    for process in running:
        process.terminate()
        process.wait(PATIENCE)


def code_of(lines: list[str]) -> list[str]:
    return [line for line in lines if "█" in line or "▀" in line]


@pytest.fixture
def elsewhere() -> str:
    """The address of this machine that others reach."""
    url = url_from_elsewhere("http://0.0.0.0:1/")
    if url is None:
        pytest.skip("this machine has no network")
    return str(urlsplit(url).hostname)


def test_a_terminal_of_any_colours_shows_it(show: Show, elsewhere: str) -> None:
    lines = show("--qr", "--host", "0.0.0.0")
    page = lines[-1]
    assert urlsplit(page).hostname == elsewhere
    assert f"    from elsewhere   {page}" in lines
    code = code_of(lines)
    assert all("\x1b[" in line for line in code)
    assert read_qr_code(code) == read_qr_code(code, dark_terminal=False) == page


def test_without_colours_a_dark_terminal_shows_it(show: Show, elsewhere: str) -> None:
    lines = show("--qr", "--host", "0.0.0.0", NO_COLOR="1")
    assert "\x1b" not in "".join(lines)
    assert read_qr_code(code_of(lines)) == lines[-1]


def test_a_file_or_a_pipe_gets_it_without_colours(start: Any, elsewhere: str) -> None:
    """It was asked for: a supervisor's or a container's log is looked at in a terminal, too."""
    running = start("--qr", "--host", "0.0.0.0", "--silent")
    port = urlsplit(running.ready()).port
    lines = [running.line()]
    while not lines[-1].startswith("http"):
        lines.append(running.line())
    assert read_qr_code(lines[:-1]) == lines[-1] == f"http://{elsewhere}:{port}/"
    assert running.stop() == 0


def test_workers_show_it_once(show: Show, elsewhere: str) -> None:
    lines = show("--qr", "--host", "0.0.0.0", "--workers", "2")
    assert read_qr_code(code_of(lines)) == lines[-1]


def test_a_mirror_shows_its_page(show: Show, elsewhere: str) -> None:
    lines = show("mirror", "--qr", "--host", "0.0.0.0", "--code", "orders")
    assert read_qr_code(code_of(lines)) == lines[-1]
    assert lines[-1].startswith(f"http://{elsewhere}:")
    assert lines[-1].endswith("/v/orders")


@pytest.mark.parametrize("command_", ["serve", "mirror"])
def test_where_only_this_machine_reaches_it_the_mend_is_told(start: Any, command_: str) -> None:
    running = start(command_, "--qr")
    running.ready()
    mend = "No QR code: only this machine reaches 127.0.0.1; listen on all addresses with --host 0.0.0.0\n"
    wait_until(lambda: running.errors.endswith(mend))
    assert running.stop() == 0


def test_a_terminal_without_its_characters_gets_the_address(
    start: Any, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    running = start("--qr", "--host", "0.0.0.0")
    port = urlsplit(running.ready()).port
    mend = f"No QR code: iso8859-1 has no characters for it; go to http://{elsewhere}:{port}/\n"
    wait_until(lambda: running.errors.endswith(mend))
    assert running.stop() == 0


@pytest.mark.parametrize("arguments", [("--qr",), ("mirror", "--qr")], ids=" ".join)
def test_without_segno_it_says_how_to_get_it(
    reserve: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    run = reserve(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "Error: --qr needs the package segno: pip install 'reserve-core[qr]'\n"
