"""Mirrors on a Redis of several nodes: whoever serves one is found, followed and asked again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import hiredis
import pytest

from reserve_mirror.store import MirrorSettings, Record, Unavailable, redis_command, redis_pipeline
from reserve_mirror.store.redis_command import UNCONFIRMED, UNREACHABLE
from reserve_mirror.store.redis_store import RedisStore
from tests.kit.redis_cluster import RedisCluster
from tests.kit.redis_failover import RedisBehindOneAddress
from tests.kit.redis_topologies import least_rights
from tests.kit.waiting import PATIENCE, until, wait_until

if TYPE_CHECKING:
    from tests.kit.redis_topologies import Topology

SETTINGS = MirrorSettings(max_requests=1000, expiration_time=60, response='{"status":200}')
SUMMARY = '{"path":"/"}'
CODES = [f"orders-{n}" for n in range(60)]

Open = Callable[..., Awaitable[RedisStore]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """`await opened(url)`: a started store of that Redis."""
    async with AsyncExitStack() as stack:

        async def start(url: str, replicas: int = 0) -> RedisStore:
            store = RedisStore(url, replicas)
            stack.push_async_callback(store.close)
            await store.start()
            return store

        yield start


@pytest.fixture
def cluster(redis_topology: Callable[[str], Topology]) -> RedisCluster:
    """Three masters, that must not be killed."""
    found = redis_topology("cluster")
    assert isinstance(found, RedisCluster)
    return found


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[RedisBehindOneAddress]:
    """A master and its replica, of our own."""
    found = RedisBehindOneAddress(tmp_path, "--appendonly", "yes")
    found.start()
    with found.master.client() as client:
        wait_until(lambda: client.info("replication")["slave0"]["state"] == "online")
    yield found
    found.kill()


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def spread(store: RedisStore) -> None:
    """Makes mirrors on all nodes, and records in each."""
    await asyncio.gather(*(store.create(code, SETTINGS) for code in CODES))
    assert all(await asyncio.gather(*(store.add(code, Record(SUMMARY, b"body")) for code in CODES)))


async def test_a_cluster_of_which_one_address_is_known_is_followed(
    cluster: RedisCluster, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(cluster.nodes[1].url)
    before = [node.calls("xadd") for node in cluster.nodes]
    await spread(store)
    records = [node.calls("xadd") - count for node, count in zip(cluster.nodes, before, strict=True)]
    assert sum(records) == len(CODES)
    assert all(records)
    assert problems(caplog) == []


async def test_a_capture_is_one_script_on_one_node_and_no_redirect(cluster: RedisCluster, opened: Open) -> None:
    store = await opened(cluster.url)
    await spread(store)
    before = [node.calls("evalsha", "eval") for node in cluster.nodes]
    for _ in range(3):
        await spread(store)
    assert sum(node.calls("evalsha", "eval") for node in cluster.nodes) - sum(before) == 3 * 2 * len(CODES)


async def test_who_may_not_ask_for_slots_follows_redirects(cluster: RedisCluster, opened: Open) -> None:
    for node in cluster.nodes:
        node.ask("ACL", "SETUSER", "blind", "on", "nopass", "~*", "&*", "+@all", "-cluster")
    store = await opened(cluster.nodes[0].url.replace("//", "//blind:x@"))
    await spread(store)
    await spread(store)


@pytest.mark.parametrize("protocol", [2, 3])
async def test_the_least_rights_are_enough_on_a_cluster(cluster: RedisCluster, opened: Open, protocol: int) -> None:
    for node in cluster.nodes:
        node.ask(*least_rights())
    store = await opened(cluster.url.replace("//", "//mirror:SECRET@") + f"?protocol={protocol}")
    await spread(store)
    async with asyncio.timeout(PATIENCE), store.hub.watch(CODES[0]) as queue:
        assert await store.add(CODES[0], Record(SUMMARY, b"body"))
        assert await queue.next() is not None


async def test_no_node_but_those_that_are_known_need_respond(cluster: RedisCluster, opened: Open) -> None:
    store = await opened(f"redis+cluster://127.0.0.1:1,{cluster.nodes[0].address}")
    await spread(store)


async def test_a_mirror_on_the_move_is_asked_for_where_it_is(
    cluster: RedisCluster, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(cluster.url)
    await spread(store)
    code = CODES[0]
    key = f"reserve:{{{code}}}"
    with cluster.migrating(key):  # all is at the old node
        assert await store.add(code, Record(SUMMARY, b"body"))
    with cluster.migrating(key, key, f"{key}:s", f"{key}:b"):  # all is at the new one: ASK
        assert await store.add(code, Record(SUMMARY, b"body"))
    assert await store.add(code, Record(SUMMARY, b"body"))  # MOVED
    assert len(await store.entries(code, "", 10)) == 4
    assert problems(caplog) == []


async def test_a_mirror_of_which_a_part_has_moved_is_waited_for(cluster: RedisCluster, opened: Open) -> None:
    store = await opened(cluster.url)
    await spread(store)
    code = CODES[1]
    key = f"reserve:{{{code}}}"
    with cluster.migrating(key, f"{key}:b"):
        adding = asyncio.create_task(store.add(code, Record(SUMMARY, b"body")))
        await until(lambda: store._router.node_of(code)._later)  # TRYAGAIN
    assert await adding
    assert len(await store.entries(code, "", 10)) == 2


async def test_what_redis_does_not_carry_out_fails_in_the_end(
    cluster: RedisCluster, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_command, "RETRY_TIME", 0.2)
    store = await opened(cluster.url)
    await spread(store)
    code = CODES[2]
    key = f"reserve:{{{code}}}"
    with cluster.migrating(key, f"{key}:b"):
        with pytest.raises(Unavailable, match=UNREACHABLE):
            await store.add(code, Record(SUMMARY, b"body"))
        (error,) = problems(caplog)
        assert "TRYAGAIN" in error


async def test_a_master_that_has_become_a_replica_fails_no_capture(
    pair: RedisBehindOneAddress, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(pair.url)
    await store.create("orders", SETTINGS)
    acknowledged: list[str] = []
    running = True

    async def send() -> None:
        while running:
            receipt = await store.add("orders", Record(SUMMARY, b"body"))
            assert receipt is not None
            acknowledged.append(receipt.id)

    senders = [asyncio.create_task(send()) for _ in range(8)]
    await until(lambda: len(acknowledged) > 50)
    await asyncio.to_thread(pair.fail_over)
    seen = len(acknowledged)
    await until(lambda: len(acknowledged) > seen + 50)
    running = False
    await asyncio.gather(*senders)
    kept = {entry.id for entry in await store.entries("orders", "", 100_000)}
    assert set(acknowledged[-1000:]) <= kept
    assert problems(caplog) == []


async def test_a_replica_for_ever_is_503_after_a_while(
    pair: RedisBehindOneAddress, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_command, "RETRY_TIME", 0.3)
    store = await opened(pair.master.url)
    await store.create("orders", SETTINGS)
    await asyncio.to_thread(pair.fail_over)
    with pytest.raises(Unavailable, match=UNREACHABLE):
        await store.add("orders", Record(SUMMARY))
    (error,) = problems(caplog)
    assert "READONLY" in error


async def test_what_a_replica_has_is_acknowledged(
    pair: RedisBehindOneAddress, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_pipeline, "CONFIRMATION_TIME", PATIENCE)
    store = await opened(pair.master.url, 1)
    await store.create("orders", SETTINGS)
    assert await store.add("orders", Record(SUMMARY))
    await store.clear("orders")
    before = pair.master.calls("wait")
    receipts = await asyncio.gather(*(store.add("orders", Record(SUMMARY)) for _ in range(50)))
    with pair.replica.client() as replica:
        ids = {entry.decode() for entry, _ in replica.xrange("reserve:{orders}:s")}
    assert {receipt.id for receipt in receipts if receipt is not None} == ids
    assert pair.master.calls("wait") == before + 1  # one for all that goes out together
    assert problems(caplog) == []


async def test_what_no_replica_confirms_is_possibly_stored(
    pair: RedisBehindOneAddress, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(pair.url, 1)
    monkeypatch.setattr(redis_pipeline, "CONFIRMATION_TIME", PATIENCE)
    await store.create("orders", SETTINGS)
    pair.replica.kill()
    monkeypatch.setattr(redis_pipeline, "CONFIRMATION_TIME", 0.1)
    for _ in range(2):
        with pytest.raises(Unavailable, match=UNCONFIRMED):
            await store.add("orders", Record(SUMMARY))
    assert len(await store.entries("orders", "", 10)) == 2
    assert await store.add("unknown", Record(SUMMARY)) is None  # nothing is stored that could be confirmed
    (error,) = problems(caplog)
    assert "only 0 of 1 replicas" in error


async def test_without_the_option_nobody_waits(pair: RedisBehindOneAddress, opened: Open) -> None:
    store = await opened(pair.url)
    await store.create("orders", SETTINGS)
    await store.add("orders", Record(SUMMARY))
    assert pair.master.calls("wait") == 0


async def test_slots_that_are_none_are_no_reason_to_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = hiredis.Reader()
        while data := await reader.read(65536):
            commands.feed(data)
            while commands.gets():
                writer.write(b"+OK\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server, asyncio.timeout(PATIENCE):
        store = RedisStore(f"redis+cluster://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await store.start()
        with pytest.raises(Unavailable, match=UNREACHABLE):
            await store.add("orders", Record(SUMMARY))
        await store.close()
    (error,) = problems(caplog)
    assert "CLUSTER SLOTS has no ranges" in error
