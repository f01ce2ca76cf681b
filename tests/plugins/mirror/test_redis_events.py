"""How events come by Redis: to those who watch and nobody else, by sharded pub/sub or the plain one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from reserve_mirror.store import EventQueue, MirrorEvent, MirrorSettings, Record, redis_listener
from reserve_mirror.store.redis_scripts import keys_of
from reserve_mirror.store.redis_store import RedisStore
from tests.kit.redis_cluster import RedisCluster
from tests.kit.redis_failover import RedisBehindOneAddress
from tests.kit.waiting import PATIENCE, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kit.redis_server import RedisServer
    from tests.kit.redis_topologies import Topology

SETTINGS = MirrorSettings(max_requests=100, expiration_time=60, response='{"status":200}')
SUMMARY = '{"path":"/","secret":"of the sender"}'
# Users by how they listen.
RIGHTS = {"sharded": "+@all", "plain": "+@all -ssubscribe"}

Open = Callable[[str], Awaitable[RedisStore]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """`await opened(url)`: a started store of that Redis, as of a process of its own."""
    async with AsyncExitStack() as stack:

        async def start(url: str) -> RedisStore:
            store = RedisStore(url)
            stack.push_async_callback(store.close)
            await store.start()
            return store

        yield start


def add_users(server: RedisServer, users: dict[str, str] = RIGHTS) -> None:
    with server.client() as client:
        for name, rights in users.items():
            client.execute_command("ACL", "SETUSER", name, "on", ">secret", "~reserve:*", "&reserve:*", *rights.split())


def url_of(server: Topology, user: str) -> str:
    return server.url.replace("://", f"://{user}:secret@", 1)


async def record(store: RedisStore, code: str = "orders") -> str:
    receipt = await store.add(code, Record(SUMMARY, b"body"))
    assert receipt is not None
    return receipt.id


async def following(queue: EventQueue) -> MirrorEvent | None:
    async with asyncio.timeout(PATIENCE):
        return await queue.next()


async def next_id(queue: EventQueue) -> str:
    """The id of the next event, which is none of those that say to look at the store."""
    while (event := await following(queue)) is None:
        pass
    return event.id


def calls(server: RedisServer) -> dict[str, int]:
    """How often each command was called since the last time."""
    with server.client() as client:
        statistics: dict[str, Any] = client.info("commandstats")
        client.config_resetstat()
    return {name.removeprefix("cmdstat_"): told["calls"] for name, told in statistics.items()}


def listeners(server: RedisServer, code: str = "orders") -> list[int]:
    """How many connections listen for a mirror, by sharded and by plain pub/sub."""
    channel = keys_of(code)[0]
    with server.client() as client:
        return [client.execute_command("PUBSUB", way, channel)[1] for way in ("SHARDNUMSUB", "NUMSUB")]


async def test_what_nobody_watches_is_told_by_its_id_alone(redis_server: RedisServer, opened: Open) -> None:
    store = await opened(redis_server.url)
    await store.create("orders", SETTINGS)
    await store.create("other", SETTINGS)
    with redis_server.client() as client, client.monitor() as monitor:
        ids = [await record(store)]
        async with store.hub.watch("other"):
            ids.append(await record(store))
        async with store.hub.watch("orders") as queue, store.hub.watch("orders"):
            ids.append(await record(store))
            assert await next_id(queue) == ids[-1]
        await until(lambda: listeners(redis_server) == [0, 0])
        ids.append(await record(store))
        told: list[str] = []
        while len(told) < len(ids):
            command = monitor.next_command()["command"]
            if command.startswith("SPUBLISH "):
                told.append(command.removeprefix("SPUBLISH reserve:{orders} "))
    assert told[:2] + told[3:] == ids[:2] + ids[3:]
    assert told[2].startswith(f"{ids[2]} {{")
    assert "of the sender" in told[2]


async def test_a_process_is_told_once_whatever_number_of_pages_it_has(redis_server: RedisServer, opened: Open) -> None:
    one, two = await opened(redis_server.url), await opened(redis_server.url)
    await one.create("orders", SETTINGS)
    async with AsyncExitStack() as stack:
        queues = [await stack.enter_async_context(store.hub.watch("orders")) for store in (one, two) for _ in range(5)]
        assert listeners(redis_server) == [2, 0]
        calls(redis_server)
        request_id = await record(one)
        assert [await next_id(queue) for queue in queues] == [request_id] * 10
        counted = calls(redis_server)
    assert (counted["evalsha"], counted["spublish"]) == (1, 1)
    assert not counted.keys() & {"publish", "xrange", "xrevrange"}


async def test_who_watches_nothing_has_no_connection_for_it(
    redis_server: RedisServer, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_listener, "HEARTBEAT", 0.05)
    store = await opened(redis_server.url)
    await store.create("orders", SETTINGS)

    def connections() -> int:
        with redis_server.client() as client:
            return len(client.client_list()) - 1  # without this one

    assert connections() == 1
    for _ in range(2):
        async with store.hub.watch("orders") as queue:
            assert connections() == 2
            request_id = await record(store)
            assert await next_id(queue) == request_id
        await until(lambda: connections() == 1)


@pytest.mark.parametrize("recorder", RIGHTS)
@pytest.mark.parametrize("watcher", RIGHTS)
async def test_whoever_may_listen_by_either_way_hears_of_the_others(
    redis_server: RedisServer, opened: Open, watcher: str, recorder: str
) -> None:
    add_users(redis_server)
    watching, recording = await opened(url_of(redis_server, watcher)), await opened(url_of(redis_server, recorder))
    await watching.create("orders", SETTINGS)
    async with watching.hub.watch("orders") as queue:
        assert listeners(redis_server) == ([1, 0] if watcher == "sharded" else [0, 1])
        request_id = await record(recording)
        await recording.remove("orders", request_id)
        for kind in ("request", "deleted"):
            event = await following(queue)
            assert event is not None
            assert event.type == kind


@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
async def test_who_may_not_ask_whether_anybody_listens_tells_all(
    redis_server: RedisServer, opened: Open, rights: str
) -> None:
    add_users(redis_server, {"blind": f"{rights} -pubsub"})
    store = await opened(url_of(redis_server, "blind"))
    await store.create("orders", SETTINGS)
    async with store.hub.watch("orders") as queue:
        request_id = await record(store)
        assert await next_id(queue) == request_id


async def test_a_redis_without_sharded_pubsub_has_the_plain_one(own_redis: Any, opened: Open) -> None:
    server = own_redis(*(each for name in ("SSUBSCRIBE", "SPUBLISH") for each in ("--rename-command", name, "")))
    store = await opened(server.url)
    await store.create("orders", SETTINGS)
    async with store.hub.watch("orders") as queue:
        assert listeners(server) == [0, 1]
        request_id = await record(store)
        assert await next_id(queue) == request_id


@pytest.fixture
def cluster(redis_topology: Callable[[str], Topology]) -> RedisCluster:
    """Three masters."""
    cluster = redis_topology("cluster")
    assert isinstance(cluster, RedisCluster)
    return cluster


async def test_of_a_cluster_only_the_nodes_of_watched_mirrors_have_to_do_with_events(
    cluster: RedisCluster, opened: Open
) -> None:
    watching, recording = await opened(cluster.url), await opened(cluster.url)
    codes = ["orders", *(f"mirror-{n}" for n in range(30))]
    for code in codes:
        await recording.create(code, SETTINGS)
        await record(recording, code)  # now each node knows the script
    node = cluster.master_of(keys_of("orders")[0])
    for each in cluster.nodes:
        calls(each)
    sent = broadcasts(cluster)
    async with watching.hub.watch("orders") as queue:
        ids = [await record(recording, code) for code in codes]
        assert await next_id(queue) == ids[0]
        assert [subscribers(each) for each in cluster.nodes] == [int(each is node) for each in cluster.nodes]
    assert broadcasts(cluster) == sent
    counted = [calls(each) for each in cluster.nodes]
    for command in ("evalsha", "spublish"):
        assert sum(each.get(command, 0) for each in counted) == len(codes)
    assert not any("publish" in each for each in counted)
    assert ["ssubscribe" in each for each in counted] == [each is node for each in cluster.nodes]


def broadcasts(cluster: RedisCluster) -> int:
    """The messages that its nodes have sent each other for events."""
    return sum(
        int(told)
        for node in cluster.nodes
        for name, told in node.state().items()
        if "publish" in name and "sent" in name
    )


def subscribers(server: RedisServer) -> int:
    """How many connections listen for anything."""
    with server.client() as client:
        return sum(int(told["sub"]) + int(told["ssub"]) > 0 for told in client.client_list())


async def test_a_mirror_that_moves_is_listened_for_at_its_new_node(cluster: RedisCluster, opened: Open) -> None:
    watching, recording = await opened(cluster.url), await opened(cluster.url)
    await recording.create("orders", SETTINGS)
    await record(recording)  # in all three keys: as long as one is nowhere, Redis puts off what needs it
    key = keys_of("orders")[0]
    before = cluster.master_of(key)
    async with watching.hub.watch("orders") as queue:
        with cluster.migrating(key) as after:
            await record(recording)
        assert await following(queue) is not None
        assert await following(queue) is None  # look at the store
        await until(lambda: (listeners(after), listeners(before)) == ([1, 0], [0, 0]))
        request_id = await record(recording)
        assert await next_id(queue) == request_id


@pytest.mark.parametrize("user", RIGHTS)
async def test_watchers_follow_to_a_new_master_behind_one_address(tmp_path: Path, opened: Open, user: str) -> None:
    servers = RedisBehindOneAddress(tmp_path)
    servers.start()
    try:
        for server in (servers.master, servers.replica):
            add_users(server)
        watching, recording = await opened(url_of(servers, user)), await opened(url_of(servers, user))
        await recording.create("orders", SETTINGS)
        async with watching.hub.watch("orders") as queue:
            await asyncio.to_thread(servers.fail_over)
            # Whose connection to the old master nobody closes learns by the next event that it's the wrong one.
            recorded = await record(recording)
            assert await following(queue) is None
            assert [entry.id for entry in await watching.entries("orders", "", 10)] == [recorded]
            request_id = await record(recording)
            assert await next_id(queue) == request_id
    finally:
        servers.kill()
