"""`Supervisor` and `Parent`: what the parent and its workers tell each other. What they serve is in tests/e2e."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from reserve_core import workers
from reserve_core.workers import Parent, StartError, Supervisor
from tests.kit.waiting import PATIENCE, until

# A worker of a few lines: it writes down what it is told, and does it.
WORKER = """
import os, socket, sys
with open("started", "a") as file:
    file.write(f"{os.getpid()}\\n")
parent = socket.socket(fileno=int(sys.argv[1])).makefile("rw", buffering=1)
BEFORE
parent.write("ready\\n")
stops = 0
for line in parent:
    with open("told", "a") as file:
        file.write(line)
    if line == "reload\\n":
        parent.write("reloaded\\n")
    else:
        stops += 1
        if stops == STOPS:
            break
"""

Start = Callable[..., Awaitable[Supervisor]]


@pytest.fixture
async def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Supervisor]]:
    """`supervised(2, before="...", stops=1)`: workers that run `before`, and end when told to `stops` times."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workers, "PAUSE", 0.01)
    supervisors: list[Supervisor] = []

    def make(count: int, *, before: str = "", stops: int = 1) -> Supervisor:
        code = WORKER.replace("BEFORE", before).replace("STOPS", str(stops))
        (tmp_path / "worker.py").write_text(code)
        command = [sys.executable, "-S", "-E", "worker.py"]
        supervisors.append(Supervisor(count, lambda number, descriptor: [*command, str(descriptor), str(number)], ()))
        return supervisors[-1]

    yield make
    async with asyncio.timeout(PATIENCE):
        for supervisor in supervisors:
            for _ in range(3):
                supervisor.stop()
            await supervisor.wait()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def test_all_serve_once_it_has_started(supervised: Callable[..., Supervisor], tmp_path: Path) -> None:
    supervisor = supervised(3)
    await supervisor.start()
    assert len(set(lines(tmp_path / "started"))) == 3
    await supervisor.reload()
    assert lines(tmp_path / "told") == ["reload"] * 3
    supervisor.stop()
    await supervisor.wait()
    assert lines(tmp_path / "told") == ["reload"] * 3 + ["stop"] * 3
    await supervisor.reload()  # there is nobody to be told


async def test_what_keeps_the_first_from_serving_keeps_all(
    supervised: Callable[..., Supervisor], tmp_path: Path
) -> None:
    supervisor = supervised(3, before="sys.exit(7)")
    with pytest.raises(StartError, match="ended with the exit code 7 before it was ready") as told:
        await supervisor.start()
    assert told.value.exit_code == 7
    assert len(lines(tmp_path / "started")) == 1


async def test_a_signal_that_ends_the_first_is_named(supervised: Callable[..., Supervisor]) -> None:
    with pytest.raises(StartError, match="ended with SIGKILL before") as told:
        await supervised(1, before="os.kill(os.getpid(), 9)").start()
    assert told.value.exit_code == -9


async def test_one_that_ends_is_replaced(
    supervised: Callable[..., Supervisor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = supervised(2)
    await supervisor.start()
    first, second = lines(tmp_path / "started")
    os.kill(int(first), signal.SIGTERM)
    await until(lambda: len(lines(tmp_path / "started")) == 3)
    assert caplog.record_tuples == [
        ("reserve", logging.WARNING, f"The worker {first} ended with SIGTERM: another one takes its place")
    ]
    supervisor.stop()
    await supervisor.wait()
    assert not Path(f"/proc/{second}").exists()


async def test_one_that_cannot_start_again_is_tried_until_it_can(
    supervised: Callable[..., Supervisor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = supervised(1, before="if 1 < len(open('started').readlines()) < 5: sys.exit(3)")
    await supervisor.start()
    (first,) = lines(tmp_path / "started")
    os.kill(int(first), signal.SIGKILL)
    await until(lambda: len(lines(tmp_path / "started")) == 5)
    await supervisor.reload()  # waits until it serves
    assert [record.getMessage().partition(" ended with ")[2] for record in caplog.records] == [
        "SIGKILL: another one takes its place",
        *["the exit code 3: another one takes its place"] * 3,
    ]
    assert lines(tmp_path / "told") == ["reload"]


async def test_stop_again_cuts_and_once_more_kills(supervised: Callable[..., Supervisor], tmp_path: Path) -> None:
    supervisor = supervised(2, stops=1000)
    await supervisor.start()
    for count in (2, 4):
        supervisor.stop()
        await until(lambda count=count: len(lines(tmp_path / "told")) == count)  # type: ignore[misc]
    supervisor.stop()
    await supervisor.wait()
    assert lines(tmp_path / "told") == ["stop"] * 4


async def test_a_reload_does_not_wait_for_one_that_ends(supervised: Callable[..., Supervisor], tmp_path: Path) -> None:
    supervisor = supervised(1, before="parent.write('ready\\n'); parent.readline(); os.kill(os.getpid(), 9)")
    await supervisor.start()
    async with asyncio.timeout(PATIENCE):
        await supervisor.reload()


# The other side.


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Parent, socket.socket]]:
    """A worker's parent, and the parent's end of the socket pair."""
    ours, theirs = socket.socketpair()
    with ours:
        parent = await Parent.connect(theirs.detach())
        yield parent, ours
        await parent.close()


async def test_a_worker_does_what_it_is_told(pair: tuple[Parent, socket.socket]) -> None:
    parent, ours = pair
    told: list[str] = []
    ours.sendall(b"reload\nnonsense\nstop\nreload\n")
    ours.shutdown(socket.SHUT_WR)
    await parent.listen(lambda: told.append("stop"), lambda: told.append("reload"))
    # It stops, too, when the parent isn't there any more.
    assert told == ["reload", "stop", "reload", "stop"]


async def test_a_worker_whose_parent_was_killed_stops(pair: tuple[Parent, socket.socket]) -> None:
    parent, ours = pair
    told: list[str] = []
    parent.say("ready")
    ours.close()  # with what wasn't read: the other end sees a reset
    await parent.listen(lambda: told.append("stop"), lambda: told.append("reload"))
    assert told == ["stop"]
    parent.say("reloaded")  # nobody listens, nobody minds


async def test_a_worker_says_a_line_for_each_message(pair: tuple[Parent, socket.socket]) -> None:
    parent, ours = pair
    parent.say("ready")
    parent.say("reloaded")
    await parent.close()
    assert ours.makefile().read() == "ready\nreloaded\n"
