"""Threads for functions that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from reserve_core.threads import Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2, "tested")
    yield threads
    threads.close()


async def test_no_more_than_so_many_work_at_once_and_all_are_served(threads: Threads) -> None:
    working: list[int] = []
    most = 0
    lock = threading.Lock()
    both = threading.Barrier(2)

    def work(number: int) -> int:
        nonlocal most
        with lock:
            working.append(number)
            most = max(most, len(working))
        both.wait(20)
        with lock:
            working.remove(number)
        return number

    assert await asyncio.gather(*(threads.run(work, number) for number in range(10))) == list(range(10))
    assert most == 2


async def test_what_is_raised_comes_out(threads: Threads) -> None:
    def fails(kind: type[BaseException]) -> None:
        raise kind

    for kind, comes in ((ValueError, ValueError), (SystemExit, SystemExit), (StopIteration, RuntimeError)):
        with pytest.raises(comes):
            await threads.run(fails, kind)


async def test_context_variables_are_those_of_the_caller(threads: Threads) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="")
    variable.set("mine")
    assert await threads.run(variable.get) == "mine"


async def test_who_is_cancelled_before_a_thread_is_free_never_runs(threads: Threads) -> None:
    free = threading.Event()
    ran: list[str] = []
    blocking = [asyncio.create_task(threads.run(free.wait, 20)) for _ in range(2)]
    waiting = asyncio.create_task(threads.run(ran.append, "waiting"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    free.set()
    await asyncio.gather(*blocking, threads.run(ran.append, "last"))
    assert ran == ["last"]


async def test_its_threads_end_and_keep_no_process_from_ending(threads: Threads) -> None:
    thread = await threads.run(threading.current_thread)
    assert thread.daemon
    threads.close()
    await asyncio.to_thread(thread.join, 20)
    assert not thread.is_alive()
