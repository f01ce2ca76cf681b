"""The command where little is as it should be: it serves or says in one sentence why it can't, and never dies of it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from dataclasses import dataclass
from itertools import chain, combinations
from typing import TYPE_CHECKING

import pytest

from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.conftest import Scale, Score

SERVE = ("serve", "serve --workers 2")
# Each with the code it ends with where all is well.
COMMANDS = {
    "check": 0,
    "check missing.json": 2,
    "schema": 0,
    "plugins": 0,
    "plugins --json": 0,
    "serve --show-config": 0,
    "--version": 0,
    "--help": 0,
    "serve --help": 0,
    "no-such-command": 2,
    "new-plugin here": 0,
    "wait http://127.0.0.1:1/r/x": 2,
}
FEW = ("check", "check missing.json", "serve")
CLOSED = [
    " ".join(f"{number}>&-" for number in numbers)
    for numbers in chain.from_iterable(combinations(range(3), size) for size in (1, 2, 3))
]


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What is odd: what a shell does before it becomes the command, through what, and its redirections.

    `codes` are those that a command may end with besides its own.
    """

    name: str
    before: str = ":"
    through: str = ""
    redirect: str = ""
    codes: frozenset[int] = frozenset()

    def start(self, command: Path, arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["sh", "-c", f'{self.before}; exec {self.through} "$0" "$@" {self.redirect}', command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


CANNOT = frozenset({1})
SURROUNDINGS = (
    Surrounding("standard input closed", redirect="<&-"),
    Surrounding("standard output full", redirect=">/dev/full", codes=CANNOT),
    Surrounding("64 file descriptors", before="ulimit -n 64", codes=CANNOT),
    *(Surrounding(f"closed: {redirect}", redirect=redirect) for redirect in CLOSED),
    Surrounding("standard error full", redirect="2>/dev/full", codes=CANNOT),
    Surrounding("both full", redirect=">/dev/full 2>&1", codes=CANNOT),
    Surrounding("full, unbuffered", before="export PYTHONUNBUFFERED=1", redirect=">/dev/full", codes=CANNOT),
    Surrounding("no HOME", before="unset HOME XDG_CACHE_HOME XDG_DATA_HOME"),
    Surrounding("an empty environment", through="env -i"),
    Surrounding("a folder nobody can write to", before="cd /proc/self", codes=frozenset({1, 2})),
    Surrounding("a folder that is gone", before="mkdir gone; cd gone; rmdir ../gone", codes=frozenset({1, 2})),
)


@pytest.mark.timeout(900)
def test_it_serves_or_says_why_not(command: Path, tmp_path: Path, score: Score, scale: Scale) -> None:
    surroundings = SURROUNDINGS[: scale(3, len(SURROUNDINGS))]
    wrong, served, refused = [], 0, 0
    for surrounding in surroundings:
        for arguments in (*COMMANDS, *SERVE) if len(surroundings) > 3 else FEW:
            folder = tmp_path / f"{surrounding.name} {len(arguments)} {arguments[:8]}".replace("/", "-")
            folder.mkdir()
            (folder / "reserve.json").write_text(json.dumps({"mappings": [{"status": 204}]}))
            if arguments in SERVE:
                fault, has_served = _serve(surrounding, command, arguments, folder)
                served += has_served
                refused += not has_served
            else:
                fault = _run(surrounding, command, arguments, folder)
            if fault:
                wrong.append(f"{surrounding.name}, {arguments}: {fault}")
    score(
        f"{len(surroundings)} surroundings: served in {served}, said why not in {refused}; of all commands"
        f" {len(wrong)} that died, or ended otherwise than they should"
    )
    assert not wrong, "\n".join(wrong)


def _run(surrounding: Surrounding, command: Path, arguments: str, folder: Path) -> str:
    process = surrounding.start(command, arguments.split(), folder)
    output, _ = process.communicate(timeout=PATIENCE)
    return _fault(output, process.returncode, {COMMANDS[arguments], *surrounding.codes})


def _serve(surrounding: Surrounding, command: Path, arguments: str, folder: Path) -> tuple[str, bool]:
    port = free_port()
    process = surrounding.start(command, [*arguments.split(), "--port", str(port)], folder)
    answered = False

    def is_settled() -> bool:
        nonlocal answered
        answered = _answers(port)
        return answered or process.poll() is not None

    wait_until(is_settled)
    if answered:
        process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE)
    return _fault(output, process.returncode, {0} if answered else surrounding.codes), answered


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except OSError:
        return False
    else:
        return True
    finally:
        connection.close()


def _fault(output: bytes, code: int, right: set[int] | frozenset[int]) -> str:
    text = output.decode(errors="replace")
    if "Traceback" in text or "Exception ignored" in text:
        return text[-1500:]
    if code not in right:
        name = signal.Signals(-code).name if code < 0 else code
        return f"ended with {name} instead of {sorted(right)}: {text[-300:]}"
    return "" if code in (0, 2) or len(text.splitlines()) <= 1 else f"says more than a sentence: {text[-600:]}"
