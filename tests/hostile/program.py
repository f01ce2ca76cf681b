"""The installed `reserve` as a process of its own: what it takes of the machine, and how its event loop fares."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.hostile.client import Client
from tests.kit.waiting import PATIENCE

_READY = re.compile("Server running at http.*:([0-9]+)/\n")
KB = 1024
MB = 1024 * 1024

# What a process under test brings along: a clock on its event loop, and a handler that tells what there is.
_INSIDE = """\
import asyncio
import gc
import time

PAUSE = 0.005
stall = 0.0
running = []

def watch(server):
    server.on("ready", lambda event: running.append(asyncio.create_task(measure())))

async def measure():
    global stall
    before = time.perf_counter()
    while True:
        await asyncio.sleep(PAUSE)
        now = time.perf_counter()
        stall = max(stall, now - before - PAUSE)
        before = now

def tell(request, response):
    global stall
    if request.query.get("collect"):
        gc.collect()
    told = {"stall": stall, "tasks": len(asyncio.all_tasks())}
    stall = 0.0
    response.send(told)
"""


class Inside(NamedTuple):
    """What a process tells of itself: the longest stall of its event loop, in seconds, since it was asked before, and
    how many tasks there are.
    """

    stall: float
    tasks: int


@dataclass
class Program:
    """A running `reserve` that serves one configuration at `port`."""

    process: asyncio.subprocess.Process
    port: int
    folder: Path

    def memory(self) -> int:
        """Its resident memory, in bytes."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return KB * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def descriptors(self) -> int:
        """How many file descriptors it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    async def inside(self, collect: bool = False) -> Inside:
        """What it tells of itself; with `collect`, after it has collected its garbage."""
        async with Client(self.port) as client:
            answer = await client.ask(b"/inside?collect=1" if collect else b"/inside")
        return Inside(**json.loads(answer.body))

    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "log").read_text(errors="replace")


Launch = Callable[..., Awaitable[Program]]


@pytest.fixture
async def launch(command: Path, tmp_path: Path) -> AsyncIterator[Launch]:
    """Starts `reserve` on a free port: `await launch([mapping, ...], files={"a.py": "..."}, limits={...})`.

    At the end it must be there still, stop when it is told to, and have logged no traceback.
    """
    programs: list[Program] = []

    async def start(
        mappings: list[dict[str, Any]],
        *arguments: str,
        files: dict[str, str] | None = None,
        silent: bool = True,
        **settings: Any,
    ) -> Program:
        folder = tmp_path / f"program-{len(programs)}"
        folder.mkdir()
        for name, text in {"inside.py": _INSIDE, **(files or {})}.items():
            (folder / name).write_text(text)
        configuration = {
            "port": 0,
            "listeners": ["./inside.py:watch"],
            "mappings": [{"match": "^/inside(\\?|$)", "custom": "./inside.py:tell"}, *mappings],
            **settings,
        }
        (folder / "reserve.json").write_text(json.dumps(configuration))
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                command,
                *(["--silent"] if silent else []),
                *arguments,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        program = Program(process, 0, folder)
        programs.append(program)
        async with asyncio.timeout(PATIENCE):
            while (ready := _READY.search(program.log())) is None:
                assert process.returncode is None, program.log()
                await asyncio.sleep(0.02)
        program.port = int(ready[1])
        return program

    yield start
    for program in programs:
        assert program.process.returncode is None, f"the server has died: {program.log()[-2000:]}"
        program.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE):
                code = await program.process.wait()
        except TimeoutError:
            program.process.kill()
            raise
        assert (code, "Traceback" in program.log()) == (0, False), program.log()[-2000:]


@dataclass
class Latencies:
    """Of a prober, in seconds, ascending. `failed`: the questions that got no answer in time, or a wrong one."""

    values: list[float]
    failed: int

    def quantile(self, share: float) -> float:
        return self.values[min(int(len(self.values) * share), len(self.values) - 1)]


@asynccontextmanager
async def probing(port: int, path: str, scheme: str = "http") -> AsyncIterator[Latencies]:
    """Asks for `path` from a process of its own, a hundred times a second. What it found is there at the end."""
    script = str(Path(__file__).with_name("prober.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, str(port), path, scheme, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    found = Latencies([], 0)
    try:
        yield found
    finally:
        output, _ = await process.communicate(b"")
    told = json.loads(output)
    found.values, found.failed = sorted(told["latencies"]), told["failed"]


async def settled(value: Callable[[], int], patience: float = PATIENCE, pause: float = 0.5) -> int:
    """The value, once it has stopped to change for three looks."""
    seen = [value()]
    async with asyncio.timeout(patience):
        while len(seen) < 3 or len(set(seen[-3:])) > 1:
            await asyncio.sleep(pause)
            seen.append(value())
    return seen[-1]


async def reached(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Waits until the condition holds."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.02)
