"""What is on its way to a Redis at once: several batches, and large bodies beside the others."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from reserve_mirror.store import MirrorSettings, Record, redis_pipeline
from reserve_mirror.store.redis_connection import RedisConnection
from reserve_mirror.store.redis_store import RedisStore
from tests.kit.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.redis_server import RedisServer

SETTINGS = MirrorSettings(max_requests=10_000, expiration_time=60, response='{"status":200}')
SUMMARY = '{"path":"/"}'
LARGE = bytes(10 * 1024 * 1024)


@pytest.fixture
def server(own_redis: Callable[..., RedisServer]) -> RedisServer:
    return own_redis()


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url)
    await store.start()
    await store.create("orders", SETTINGS)
    await store.add("orders", Record(SUMMARY))  # now Redis knows the script
    await store.clear("orders")
    yield store
    await store.close()


@contextmanager
def held(server: RedisServer) -> Iterator[None]:
    """Meanwhile the Redis does nothing."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def connections(server: RedisServer) -> int:
    with server.client() as client:
        return len(client.client_list()) - 1  # without this one


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands each batch had that was sent."""
    counts: list[int] = []
    send = RedisConnection.send

    def counted(self: RedisConnection, commands: list[bytes]) -> None:
        counts.append(len(commands))
        send(self, commands)

    monkeypatch.setattr(RedisConnection, "send", counted)
    return counts


async def test_several_batches_are_on_their_way_and_what_comes_meanwhile_is_one(
    server: RedisServer, store: RedisStore, sent: list[int]
) -> None:
    tasks = []
    with held(server):
        for n in range(redis_pipeline.MAX_BATCHES + 6):
            tasks += [asyncio.create_task(store.add("orders", Record(SUMMARY))) for _ in range(n + 1)]
            for _ in range(5):
                await asyncio.sleep(0)
        assert sent == [1, 2, 3, 4]
    receipts = await asyncio.gather(*tasks)
    assert sent[:5] == [1, 2, 3, 4, len(tasks) - 10]
    ids = [receipt.id for receipt in receipts if receipt is not None]
    assert [entry.id for entry in await store.entries("orders", "", 100)] == ids


async def test_a_batch_is_bounded_by_its_bytes(
    store: RedisStore, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_pipeline, "BATCH_SIZE", 100_000)
    await asyncio.gather(*(store.add("orders", Record(SUMMARY, bytes(30_000))) for _ in range(10)))
    assert sent == [4, 4, 2]


async def test_a_large_body_holds_up_nobody(store: RedisStore) -> None:
    await store.add("orders", Record(SUMMARY, LARGE))  # now there is the lane
    await store.clear("orders")
    done: list[str] = []

    async def add(name: str, body: bytes) -> str:
        receipt = await store.add("orders", Record(SUMMARY, body))
        assert receipt is not None
        done.append(name)
        return receipt.id

    # No socket takes ten megabytes at once: what is small comes to Redis, and is carried out, before the last of them.
    large, *small = await asyncio.gather(add("large", LARGE), *(add("small", b"x") for _ in range(100)))
    assert done == ["small"] * 100 + ["large"]
    assert [entry.id for entry in await store.entries("orders", "", 1000)] == [*small, large]
    content = await store.get("orders", large)
    assert content is not None
    assert content.body == LARGE


async def test_large_bodies_have_a_connection_of_their_own_from_the_first_on(
    server: RedisServer, store: RedisStore
) -> None:
    assert connections(server) == 1
    for _ in range(3):
        await store.add("orders", Record(SUMMARY, bytes(1000)))
    assert connections(server) == 1
    receipts = await asyncio.gather(*(store.add("orders", Record(SUMMARY, bytes(100_000))) for _ in range(3)))
    assert connections(server) == 2
    for receipt in receipts:
        assert receipt is not None
        content = await store.get("orders", receipt.id)
        assert content is not None
        assert len(content.body) == 100_000
    assert connections(server) == 2


async def test_what_waits_on_both_lanes_is_bounded_together(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_pipeline, "MAX_WAITING", 500_000)
    with held(server):
        tasks = [
            asyncio.create_task(store.add("orders", Record(SUMMARY, bytes(size)))) for size in (10_000, 100_000) * 10
        ]
        await until(lambda: sum(task.done() for task in tasks) >= 10)
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    stored = [result for result in results if not isinstance(result, BaseException)]
    assert 8 <= len(stored) <= 10
