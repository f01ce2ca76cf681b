"""A handler that holds the event loop is named, with its place and its mapping; nobody else is."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tornado.web import Application, RequestHandler

from reserve_core import Request, Response, serve, stalls
from tests.hostile.client import Client
from tests.kit.waiting import until

Ask = Callable[..., Awaitable[list[str]]]

# Seconds that are too long, and how they read.
HELD = 0.9


def blocks(request: Request, response: Response) -> int:
    time.sleep(HELD)
    return 204


def computes(request: Request, response: Response) -> int:
    end = time.process_time() + HELD
    while time.process_time() < end:
        pass
    return 204


async def waits(request: Request, response: Response) -> int:
    await asyncio.sleep(HELD)
    return 204


async def steps(request: Request, response: Response) -> int:
    for _ in range(20):
        time.sleep(0.05)
        await asyncio.sleep(0)
    return 204


def hesitates(request: Request, url: str, match: re.Match[str]) -> bool:
    time.sleep(HELD)
    return True


class Blocks(RequestHandler):
    def get(self) -> None:
        time.sleep(HELD)


TORNADO = Application([("/.*", Blocks)])


def line(function: Callable[..., Any]) -> str:
    """Where it sleeps."""
    return f"test_stalls.py:{function.__code__.co_firstlineno + 1} in {function.__name__}"


@pytest.fixture
def ask(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks a server of one mapping, and returns what it was warned of; waits for a first warning unless `quiet`."""
    monkeypatch.setattr(stalls, "LONG", 1_000)  # however busy the machine is

    async def ask(mapping: dict[str, Any], quiet: bool = False) -> list[str]:
        configuration = {"mappings": [{"match": "^/x", **mapping}]}
        async with await serve(configuration, port=0) as server, Client(server.port) as client:
            await client.ask(b"/x?token=secret")
            if not quiet:
                await until(lambda: caplog.records)
            await asyncio.sleep(3 * stalls.LOOK)  # there is no event of a warning that doesn't come
        return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]

    return ask


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        ({"custom": blocks}, line(blocks)),
        ({"use": TORNADO}, line(Blocks.get)),
        ({"if-match": hesitates, "status": 204}, line(hesitates)),
    ],
)
async def test_who_holds_the_loop_is_told(ask: Ask, mapping: dict[str, Any], place: str) -> None:
    (warning,) = await ask(mapping)
    assert warning.startswith("GET /x has held up all others for ")
    assert place in warning
    assert warning.endswith(", by mapping 1 (^/x)")


async def test_who_computes_is_told_too(ask: Ask) -> None:
    (warning,) = await ask({"custom": computes})
    assert "test_stalls.py:" in warning
    assert " in computes" in warning


@pytest.mark.parametrize("mapping", [{"custom": waits}, {"custom": steps}, {"custom": blocks, "thread": True}])
async def test_who_lets_others_work_is_not(ask: Ask, mapping: dict[str, Any]) -> None:
    assert await ask(mapping, quiet=True) == []


async def test_who_does_not_end_is_told_meanwhile(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalls, "LONG", 2 * stalls.LIMIT)

    def hangs(request: Request, response: Response) -> int:
        while not any("so far" in record.getMessage() for record in caplog.records):
            time.sleep(0.01)
        return 204

    async with await serve({"mappings": [{"custom": hangs}]}, port=0) as server, Client(server.port) as client:
        await client.ask(b"/x")
        await until(lambda: len(caplog.records) == 2)
    first, second = (record.getMessage() for record in caplog.records)
    assert "holds up all others, for 1 s so far" in first
    assert "has held up all others for " in second


async def test_one_thread_watches_all_servers_of_a_loop_and_ends_with_them() -> None:
    configuration = {"mappings": [{"status": 204}]}
    async with await serve(configuration, port=0), await serve(configuration, port=0):
        assert len(stalls._watchdogs) == 1
    assert stalls._watchdogs == {}
