"""What code that isn't ours raises: told in one line with its place, and never the end of the event loop."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from reserve_core.cli.command_process import run
from reserve_core.failures import describe, is_cancellation


def raised(function: Callable[[], Any]) -> Exception:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("It has raised nothing")


def helper() -> None:
    raise KeyError("deep")


def in_a_library() -> None:
    json.loads("no JSON")


HERE = helper.__code__.co_firstlineno + 1


def test_a_failure_in_one_line_with_its_place() -> None:
    assert describe(raised(helper)) == f"KeyError: 'deep' (test_failures.py:{HERE} in helper)"
    assert describe(SystemExit()) == "SystemExit"
    assert describe(ValueError("one\n\n  two")) == "ValueError: one two"


def test_the_place_is_in_ones_own_code() -> None:
    line = in_a_library.__code__.co_firstlineno + 1
    assert describe(raised(in_a_library)).endswith(f"(test_failures.py:{line} in in_a_library)")


def test_a_group_tells_of_its_first_failure() -> None:
    group = ExceptionGroup("unhandled errors", [raised(helper), ValueError("b")])
    assert describe(group) == (
        f"ExceptionGroup: unhandled errors (2 sub-exceptions): KeyError: 'deep' (test_failures.py:{HERE} in helper)"
    )


async def test_only_who_is_cancelled_is_cancelled() -> None:
    found = []

    async def waits(for_what: asyncio.Future[None]) -> None:
        try:
            await for_what
        except asyncio.CancelledError as error:
            found.append(is_cancellation(error))
        found.append(is_cancellation(SystemExit()))

    loop = asyncio.get_running_loop()
    for cancel_it in (True, False):
        future: asyncio.Future[None] = loop.create_future()
        task = asyncio.create_task(waits(future))
        await asyncio.sleep(0)
        (task if cancel_it else future).cancel()
        await task
    assert found == [True, False, False, False]


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def loop_factory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reserve_core.cli.command_process._loop_factory", lambda: request.param)


@pytest.mark.usefixtures("loop_factory")
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_task_and_a_callback_end_nothing_but_themselves(
    caplog: pytest.LogCaptureFixture, kind: type[BaseException]
) -> None:
    async def fails() -> None:
        raise kind

    def calls() -> None:
        raise kind

    async def work() -> str:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # as a server that runs: Ctrl-C isn't Python's own then
        forgotten = asyncio.create_task(fails())
        await asyncio.wait([forgotten])
        del forgotten
        gc.collect()
        loop.call_soon(calls)
        await asyncio.sleep(0.01)
        with pytest.raises(kind):
            await asyncio.create_task(fails())
        return "done"

    assert run(work()) == "done"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "A task that nobody waits for failed",
        "A callback of the event loop failed",
    ]


@pytest.mark.usefixtures("loop_factory")
def test_the_end_of_the_work_is_an_end() -> None:
    async def work() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        run(work())


@pytest.mark.usefixtures("loop_factory")
def test_ctrl_c_is_an_end_where_nobody_handles_it() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background

    async def work() -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        run(work())
