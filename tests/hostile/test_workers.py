"""Workers: one that is killed takes only the requests with it that it was at work on, and is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import Client
from tests.hostile.program import reached

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within
    from tests.hostile.program import Launch

SITE = """\
import asyncio
import os

async def own(request, response):
    await asyncio.sleep(0.005)
    response.send(str(os.getpid()))
"""
WORKERS = 2
CLIENTS = 12
PAUSE = 0.02  # of a client, in seconds: the machine has to start workers, too


class Load:
    """Clients that ask again and again which worker answers. Each has one request in flight at most."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers = 0
        self.end = False
        self.killed: set[int] = set()
        self.kills: list[float] = []
        self.seen: dict[int, float] = {}  # when a worker has answered first
        self.in_flight = 0  # failed with the worker that was killed
        self.wrong: list[str] = []  # failed without a reason

    async def work(self) -> None:
        while not self.end:
            worker = 0
            client = Client(self.port)
            try:
                await client.open()
            except OSError as error:
                self.wrong.append(f"not let in: {error!r}")
                continue
            try:
                for _ in range(10):  # then it comes anew, perhaps to another worker
                    answer = await client.ask(b"/own")
                    if answer.status != 200 or worker not in (0, int(answer.body)):
                        self.wrong.append(f"{answer} from {worker}")
                    worker = int(answer.body)
                    self.seen.setdefault(worker, time.monotonic())
                    self.answers += 1
                    await asyncio.sleep(PAUSE)
            except (EOFError, ConnectionError) as error:
                # One that had no answer yet may have been with any worker: with the one that has just been killed.
                if worker in self.killed or (not worker and time.monotonic() - self.kills[-1] < 1):
                    self.in_flight += 1
                else:
                    self.wrong.append(f"{error!r} from {worker}")
            finally:
                client.close()


@pytest.mark.timeout(120)
async def test_a_killed_worker_takes_only_its_requests(
    launch: Launch, scale: Scale, within: Within, score: Score
) -> None:
    kills = scale(2, 10)
    program = await launch(
        [{"match": "^/own$", "custom": "./site.py:own"}], f"--workers={WORKERS}", files={"site.py": SITE}
    )
    load = Load(program.port)
    took = []
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(load.work())
        await reached(lambda: len(load.seen) == WORKERS)
        for number in range(1, kills + 1):
            victim = next(pid for pid in children(program.process.pid) if pid in load.seen)
            load.killed.add(victim)
            load.kills.append(time.monotonic())
            os.kill(victim, signal.SIGKILL)
            await reached(lambda number=number: len(load.seen) == WORKERS + number)  # type: ignore[misc]
            took.append(list(load.seen.values())[-1] - load.kills[-1])
        load.end = True
    score(
        f"{kills} times one of {WORKERS} workers killed, {load.answers:,} requests: {load.in_flight} in flight failed, "
        f"{len(load.wrong)} others; as many workers as before after {max(took):.2f} s at most"
    )
    assert load.wrong == []
    assert load.in_flight <= kills * CLIENTS
    assert max(took) < within(2)
    assert len(children(program.process.pid)) == WORKERS


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
