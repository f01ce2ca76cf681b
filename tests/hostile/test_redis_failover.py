"""Redis with a new master: captures go on within 5 seconds of it, whether the old one is gone or hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reserve_mirror.store import MirrorSettings, Record, Unavailable, redis_pipeline
from reserve_mirror.store.redis_store import RedisStore
from tests.kit.redis_cluster import RedisCluster
from tests.kit.redis_sentinel import RedisSentinel
from tests.kit.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.kit.redis_server import RedisNode

SETTINGS = MirrorSettings(max_requests=100_000, expiration_time=600, response='{"status":200}')
CODES = [f"orders-{n}" for n in range(24)]
LIMIT = 5.0  # seconds

DURABLE = ("--appendonly", "yes", "--appendfsync", "no")


@pytest.fixture(params=["cluster", "sentinel"])
def topology(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisCluster | RedisSentinel]:
    """Masters with one replica each."""
    found = RedisCluster(tmp_path, *DURABLE, replicas=1) if request.param == "cluster" else RedisSentinel(tmp_path)
    found.start()
    yield found
    found.kill()


def end(node: RedisNode) -> None:
    node.kill()


def hang(node: RedisNode) -> None:
    assert node.process is not None
    os.kill(node.process.pid, signal.SIGSTOP)


def is_master(node: RedisNode) -> bool:
    with node.client() as client:
        return bool(client.execute_command("ROLE")[0] == b"master")


@pytest.mark.parametrize("fault", [end, hang])
@pytest.mark.timeout(180)
async def test_captures_go_on_at_the_new_master(
    topology: RedisCluster | RedisSentinel, fault: Callable[[RedisNode], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    old: RedisNode
    new: RedisNode
    if isinstance(topology, RedisCluster):
        old, new = topology.nodes[0], topology.nodes[3]
    else:
        old, new = topology.master, topology.replica
    async with AsyncExitStack() as stack:
        creator, store = RedisStore(topology.url, 1), RedisStore(topology.url)
        for each in (creator, store):
            stack.push_async_callback(each.close)
            await each.start()
        monkeypatch.setattr(redis_pipeline, "CONFIRMATION_TIME", PATIENCE)
        # The replicas have the mirrors, too: this isn't about what Redis loses.
        await asyncio.gather(*(creator.create(code, SETTINGS) for code in CODES))
        stored = dict.fromkeys(CODES, 0)
        failed = dict.fromkeys(CODES, 0.0)
        running = True

        async def send(code: str) -> None:
            while running:
                try:
                    assert await store.add(code, Record('{"path":"/"}', b"body")), "Redis has lost the mirror"
                except Unavailable:
                    failed[code] = time.monotonic()
                else:
                    stored[code] += 1
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as senders:
            for code in CODES:
                senders.create_task(send(code))
            await until(lambda: min(stored.values()) > 20)
            fault(old)
            while not await asyncio.to_thread(is_master, new):
                await asyncio.sleep(0.02)
            promoted = time.monotonic()
            before = dict(stored)
            await until(lambda: all(stored[code] > before[code] + 20 for code in CODES))
            recovered = time.monotonic() - promoted
            running = False
    last_failure = max(failed.values()) - promoted
    if fault is hang:
        assert old.process is not None
        os.kill(old.process.pid, signal.SIGCONT)
    assert max(recovered, last_failure) < LIMIT
