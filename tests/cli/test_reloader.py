"""`Reloader`: what it does when it is asked, and when that fails."""

from __future__ import annotations

import asyncio

import pytest

from reserve_core.cli.exit_codes import CannotRun
from reserve_core.cli.reloader import Reloader
from tests.kit.waiting import PATIENCE


async def until(done: asyncio.Event) -> None:
    await asyncio.wait_for(done.wait(), PATIENCE)
    done.clear()


@pytest.mark.parametrize("failure", [CannotRun("no home folder"), OSError("disk full")])
async def test_a_failure_is_told_and_the_next_time_it_is_tried_again(
    failure: Exception, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    tried = asyncio.Event()

    async def reload() -> None:
        tried.set()
        raise failure

    reloader = Reloader(reload)
    reloader.start()
    try:
        for _ in range(2):
            reloader.ask()
            await until(tried)
        await asyncio.sleep(0)
    finally:
        reloader.stop()
    assert (capsys.readouterr().err + caplog.text).count(str(failure)) >= 2


async def test_asked_while_it_works_it_works_once_more() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    count = 0

    async def reload() -> None:
        nonlocal count
        count += 1
        begun.set()
        await go_on.wait()

    reloader = Reloader(reload)
    reloader.start()
    try:
        reloader.ask()
        await until(begun)
        for _ in range(3):
            reloader.ask()
        go_on.set()
        await until(begun)
        await asyncio.sleep(0.01)
        assert count == 2
    finally:
        reloader.stop()
