"""Forwarding: `reserve listen` is killed again and again, and its target is down half of the time; two that share a
mirror go on when its Redis has a new master.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.client import Client
from tests.kit.hook_target import HookTarget, TakenRequest, hook_target
from tests.kit.redis_sentinel import RedisSentinel
from tests.kit.waiting import until

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.hostile.program import Launch

SECRET = b"a secret of both"
MAX_REQUESTS = 100_000


@pytest.mark.timeout(900)
async def test_webhooks_arrive_at_least_once_and_in_order(
    launch: Launch, command: Path, tmp_path: Path, scale: Scale, score: Score
) -> None:
    wanted, kills = scale(200, 10_000), scale(3, 20)
    # The seconds that the target is up, and then down: until just before an attempt, which come after 0.75 and 1.75.
    turn = scale(7, 17) / 10
    mapping = {"match": "^(/.*)$", "mirror": "$1", "codes": ["hooks"], "max-requests": MAX_REQUESTS}
    program = await launch([mapping])
    with hook_target() as target:
        url = f"http://127.0.0.1:{program.port}/r/hooks"
        arguments = [str(command), "listen", url, "--to", f"{target.url}/hook", "--from-start"]
        state = tmp_path / "state.json"
        async with asyncio.TaskGroup() as group, going_down(target, turn) as downs:
            group.create_task(send(program.port, wanted))
            for kill in range(kills + 1):
                # From the start once: then it goes on where the one before was killed.
                options = arguments if not state.exists() else arguments[:-1]
                enough = wanted if kill == kills else wanted * (kill + 1) // (kills + 1)
                async with listening([*options, "--state", str(state)], tmp_path) as process:
                    await arrived(target, enough)
                    if kill < kills:
                        process.send_signal(signal.SIGKILL)
    recorded = await records(program.port)
    # One that arrives again does so at once: what was sent when the listener was killed.
    once = [
        request for request, before in zip(target.requests, [None, *target.requests], strict=False) if request != before
    ]
    twice = len(target.requests) - len(once)
    lost = {f"/hook{each['path']}" for each in recorded} - set(target.paths)
    score(
        f"{wanted:,} webhooks, the listener killed {kills} times, the target down {downs[0]} times, half of the time:"
        f" {len(lost)} lost, {twice} delivered twice, in order; `max-requests` {MAX_REQUESTS:,}"
    )
    assert len(recorded) == wanted
    assert [request.path for request in once] == [f"/hook{each['path']}" for each in recorded]
    assert [hashlib.sha256(request.body).hexdigest() for request in once] == [each["sha256"] for each in recorded]
    assert [request for request in target.requests if not is_signed(request)] == []
    assert twice <= kills


@pytest.mark.timeout(300)
async def test_a_group_goes_on_at_the_new_master(
    launch: Launch, command: Path, tmp_path: Path, scale: Scale, score: Score
) -> None:
    wanted = scale(60, 2000)
    redis = RedisSentinel(tmp_path)
    await asyncio.to_thread(redis.start)
    try:
        mapping = {"match": "^(/.*)$", "mirror": "$1", "codes": ["hooks"], "max-requests": MAX_REQUESTS}
        program = await launch([{**mapping, "redis-url": redis.url}])
        with hook_target() as target:
            url = f"http://127.0.0.1:{program.port}/r/hooks"
            arguments = [str(command), "listen", url, "--to", f"{target.url}/hook", "--group", "devs", "--from-start"]
            async with listening(arguments, tmp_path), listening(arguments, tmp_path):
                await send(program.port, wanted)
                await arrived(target, wanted // 2)
                await asyncio.to_thread(redis.master.kill)
                await send(program.port, wanted, first=wanted)
                # What the old master had told nobody of is lost with it; its sender was told that it was stored.
                recorded = {f"/hook{each['path']}" for each in await records(program.port)}
                await until(lambda: recorded <= set(target.paths))
    finally:
        redis.kill()
    twice = len(target.paths) - len(set(target.paths))
    score(
        f"{2 * wanted:,} webhooks to two listeners of a group, the master of their Redis killed: of {len(recorded):,}"
        f" that the new one has 0 lost, {twice} delivered twice"
    )
    assert recorded >= {f"/hook/{number}" for number in range(wanted, 2 * wanted)}
    assert twice <= 4  # what the two had in hand, and what the old master had told nobody of


async def send(port: int, wanted: int, first: int = 0) -> None:
    """Sends webhooks as GitHub signs them, with bodies of all kinds of bytes; each until it is stored."""
    async with Client(port) as client:
        for number in range(first, first + wanted):
            body = b"%d %b" % (number, bytes(range(256)) * (number % 8))
            signature = hmac.digest(SECRET, body, "sha256").hex().encode()
            header = b"X-Hub-Signature-256: sha256=%b\r\n" % signature
            while (answer := await client.ask(b"/r/hooks/%d" % number, body, header)).status == 503:
                await asyncio.sleep(0.02)
            assert answer.status == 200


def is_signed(request: TakenRequest) -> bool:
    given = dict(request.headers)["X-Hub-Signature-256"]
    return hmac.compare_digest(given, f"sha256={hmac.digest(SECRET, request.body, 'sha256').hex()}")


@asynccontextmanager
async def going_down(target: HookTarget, seconds: float) -> AsyncIterator[list[int]]:
    """Takes the target away half of the time; says how often."""
    downs = [0]
    ended = asyncio.Event()

    async def turn() -> None:
        while not ended.is_set():
            await asyncio.sleep(seconds)
            await asyncio.to_thread(target.stop)
            downs[0] += 1
            await asyncio.sleep(seconds)
            target.start()

    turning = asyncio.create_task(turn())
    try:
        yield downs
    finally:
        ended.set()
        await turning


@asynccontextmanager
async def listening(arguments: list[str], folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with (folder / "listen.log").open("a") as log:
        process = await asyncio.create_subprocess_exec(
            *arguments, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def arrived(target: HookTarget, count: int) -> None:
    """Waits for so many different webhooks."""
    seen: set[str] = set()
    looked_at = 0
    for pause in itertools.repeat(0.005):
        new = target.paths[looked_at:]
        looked_at += len(new)
        seen.update(new)
        if len(seen) >= count:
            return
        await asyncio.sleep(pause)


async def records(port: int) -> list[dict[str, Any]]:
    """The summaries of all that the mirror has recorded."""
    found: list[dict[str, Any]] = []
    async with Client(port) as client:
        while True:
            after = found[-1]["id"] if found else ""
            answer = await client.ask(b"/api/mirrors/hooks/requests?limit=1000&after=%b" % after.encode())
            page = json.loads(answer.body)["requests"]
            if not page:
                return found
            found += page
