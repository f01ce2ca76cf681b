"""Lines that are collected: written together, in order, and never lost."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from reserve_core.console import Console, _consoles
from reserve_core.events import Emitter, Event
from reserve_core.http import Request
from reserve_core.log import log

logger = logging.getLogger("reserve")


class Pieces(io.StringIO):
    """A stream that remembers what was written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


@pytest.fixture
def stream() -> Pieces:
    return Pieces()


@pytest.fixture
def emitter(stream: Pieces) -> Iterator[Emitter]:
    emitter = log(Emitter(), stream=stream)
    yield emitter
    emitter.emit(Event("closed"))


def answered(emitter: Emitter, url: str = "/path") -> None:
    emitter.emit_redirected(Request("GET", url), url, 0.0, 200, 1.0)


async def test_the_lines_of_a_turn_are_written_together(emitter: Emitter, stream: Pieces) -> None:
    for turn in range(3):
        for n in range(10):
            answered(emitter, f"/{turn}/{n}")
        await asyncio.sleep(0)
    assert stream.pieces == ["".join(f"SERVE GET /{turn}/{n} 200 1 ms\n" for n in range(10)) for turn in range(3)]


async def test_a_long_turn_is_written_in_pieces_that_a_pipe_takes_whole(emitter: Emitter, stream: Pieces) -> None:
    for n in range(1000):
        answered(emitter, f"/{n}")
    assert 5 < len(stream.pieces) < 20  # what waits is bounded
    await asyncio.sleep(0)
    assert all(piece.endswith("\n") and len(piece) <= 4096 for piece in stream.pieces)
    assert re.findall(r"/(\d+) ", "".join(stream.pieces)) == [str(n) for n in range(1000)]


async def test_an_error_and_a_record_come_behind_what_was_before(emitter: Emitter, stream: Pieces) -> None:
    answered(emitter, "/1")
    emitter.emit(Event("error", reason=OSError("no more files")))
    answered(emitter, "/2")
    logger.warning("Beware")
    answered(emitter, "/3")
    emitter.emit(Event("reloaded"))
    emitter.emit(Event("closed"))
    assert "".join(stream.pieces).splitlines() == [
        "SERVE GET /1 200 1 ms",
        "ERROR OSError: no more files",
        "SERVE GET /2 200 1 ms",
        "WARNING Beware",
        "SERVE GET /3 200 1 ms",
    ]


async def test_one_stream_waits_for_no_other(stream: Pieces) -> None:
    out, err = Console(stream, False), Console(stream, False)
    out.collect("1")
    err.write("2")
    out.collect("3")
    await asyncio.sleep(0)
    assert stream.pieces == ["1\n", "2\n", "3\n"]


# How user code may end a process, or double it, between a request and the end of its turn.
ENDS = {
    "exit": "sys.exit(3)",
    "failure": "raise ValueError",
    "interrupt": "raise KeyboardInterrupt",
    "exit handlers": "os.waitpid(os.fork() or (atexit._run_exitfuncs(), sys.stdout.flush(), os._exit(0)), 0)",
    "process": "os.waitpid(os.fork() or os._exit(0), 0)",
}
if sys.version_info < (3, 14):
    # From 3.14 on asyncio.run hangs in a child that leaves the loop it was born in, whoever logs.
    ENDS["fork"] = "os.waitpid(os.fork() or sys.exit(), 0)"
PROGRAM = """
import asyncio, atexit, os, sys
from reserve_core.events import Emitter
from reserve_core.http import Request
from reserve_core.log import log

emitter = log(Emitter())

async def main():
    emitter.emit_redirected(Request("GET", "/path"), "/path", 0.0, 200, 1.0)
    {end}

asyncio.run(main())
"""


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_ends_the_process_loses_and_doubles_nothing(end: str) -> None:
    program = [sys.executable, "-c", PROGRAM.format(end=end)]
    ran = subprocess.run(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    assert ran.stdout == b"SERVE GET /path 200 1 ms\n"


async def test_a_pipe_that_nobody_reads_breaks_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    broken: TextIO = os.fdopen(write, "w", encoding="utf-8")
    console = Console(broken, False)
    for _ in range(3):
        console.collect("line")
        await asyncio.sleep(0)
    with pytest.raises(BrokenPipeError):
        broken.close()


def test_a_closed_server_leaves_no_console_behind(stream: Pieces) -> None:
    before = set(_consoles)
    emitter = log(Emitter(), stream=stream)
    assert len(_consoles) == len(before) + 2
    emitter.emit(Event("closed"))
    emitter.emit(Event("closed"))
    assert _consoles == before
