"""The limits of one mirror, which both stores hold in the same way: its size, and its rate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from reserve_core.kit import Quota
from reserve_mirror.store import MirrorSettings, Record, Store, TooMany
from reserve_mirror.store.interface import OVERHEAD
from reserve_mirror.store.memory_store import MemoryStore
from tests.kit.redis_topologies import Topology
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Age, OpenStore

SUMMARY = '{"path":"/"}'
BODY = b"x" * 1000
SIZE = OVERHEAD + len(SUMMARY) + len(BODY)
SETTINGS = MirrorSettings(max_requests=100, expiration_time=60, response="{}")
SMALL = SETTINGS._replace(max_size=5 * SIZE)
RATE = Quota.parse("3/h")
SLOW = SETTINGS._replace(rate=RATE)

Later = Callable[[Store, int], None]


@pytest.fixture
def later(topology: Topology | None) -> Later:
    """`later(store, seconds)`: so much time has passed for the rate of `orders`."""

    def later(store: Store, seconds: int) -> None:
        if topology is None:
            assert isinstance(store, MemoryStore)
            store._mirrors["orders"].counted -= seconds * 1_000_000
            return
        for node in topology.masters():
            with node.client() as client:
                for key in client.scan_iter(match="reserve:{orders}"):
                    client.hincrby(key, "at", -seconds * 1_000_000)

    return later


async def add(store: Store, body: bytes = BODY) -> str:
    receipt = await store.add("orders", Record(SUMMARY, body))
    assert receipt is not None
    return receipt.id


async def ids(store: Store) -> list[str]:
    return [entry.id for entry in await store.entries("orders", "", 200)]


async def refused(store: Store) -> int:
    """The seconds that a sender is told to wait."""
    with pytest.raises(TooMany) as error:
        await add(store)
    assert error.value.status == 429
    return error.value.retry_after


async def test_the_limits_are_told(store: Store) -> None:
    settings = SMALL._replace(rate=RATE)
    await store.create("orders", settings)
    state = await store.read("orders")
    assert state is not None
    assert state.settings == settings


async def test_beyond_its_size_the_oldest_goes_with_its_body(store: Store) -> None:
    await store.create("orders", SMALL)
    made = [await add(store) for _ in range(9)]
    assert await ids(store) == made[-5:]
    assert [await store.get("orders", each) is None for each in made] == [True] * 4 + [False] * 5


async def test_as_many_go_as_a_large_one_needs(store: Store) -> None:
    await store.create("orders", SMALL)
    made = [await add(store) for _ in range(5)]
    large = await add(store, b"x" * (3 * SIZE))
    assert await ids(store) == [made[-1], large]


async def test_a_record_larger_than_all_leaves_nothing(store: Store) -> None:
    await store.create("orders", SMALL)
    await add(store)
    assert await store.add("orders", Record(SUMMARY, b"x" * (6 * SIZE))) is not None
    assert await ids(store) == []
    kept = await add(store)
    assert await ids(store) == [kept]


async def test_a_tapped_response_and_a_trace_count(store: Store) -> None:
    await store.create("orders", SMALL)
    made = [await add(store) for _ in range(5)]
    record = Record(SUMMARY, b"", BODY)
    record.set_trace(lambda: b"[]", 2 * len(BODY))
    assert await store.add("orders", record) is not None
    assert (await ids(store))[:-1] == made[3:]


async def test_whatever_goes_gives_its_room_back(store: Store) -> None:
    """By a deletion, by more requests than are kept, by clearing."""
    await store.create("orders", SMALL._replace(max_requests=5))
    made = [await add(store) for _ in range(7)]
    await store.remove("orders", made[3])
    assert await ids(store) == [made[2], *made[4:]]
    made.append(await add(store))
    assert len(await ids(store)) == 5
    await store.clear("orders")
    kept = [await add(store) for _ in range(5)]
    assert await ids(store) == kept


async def test_pages_are_told_what_has_gone(store: Store) -> None:
    await store.create("orders", SMALL)
    made = [await add(store) for _ in range(5)]
    before = await store.read("orders")
    async with store.hub.watch("orders") as queue, asyncio.timeout(PATIENCE):
        added = await add(store, b"x" * (2 * SIZE))
        request, cleared = await queue.next(), await queue.next()
    assert request is not None
    assert cleared is not None
    assert (request.id, cleared.type) == (added, "cleared")
    after = await store.read("orders")
    assert before is not None
    assert after is not None
    told = json.loads(cleared.text)
    assert (told["last"], told["revision"], told["left"]) == (made[2], after.revision, 3)
    assert after.revision != before.revision


async def test_more_than_the_rate_are_refused_and_leave_nothing(store: Store) -> None:
    await store.create("orders", SLOW)
    made = [await add(store) for _ in range(3)]
    assert 1190 <= await refused(store) <= 1200
    assert await ids(store) == made


async def test_who_waits_as_told_passes(store: Store, later: Later) -> None:
    await store.create("orders", SLOW)
    for _ in range(3):
        await add(store)
    later(store, await refused(store) - 300)  # tests may be slow
    later(store, await refused(store))
    await add(store)
    assert await refused(store) > 900


async def test_time_pays_for_no_more_than_the_rate(store: Store, later: Later) -> None:
    await store.create("orders", SLOW)
    await add(store)
    later(store, 100 * 3600)
    for _ in range(3):
        await add(store)
    await refused(store)


async def test_a_refused_request_does_not_renew_its_mirror(store: Store, age: Age) -> None:
    await store.create("orders", SLOW)
    for _ in range(3):
        await add(store)
    age(store, 30)
    await refused(store)
    state = await store.read("orders")
    assert state is not None
    assert state.expires_at is not None
    assert state.expires_at < state.created + 45_000


async def test_mirrors_have_rates_of_their_own(store: Store) -> None:
    await store.create("orders", SLOW)
    await store.create("other", SLOW)
    for _ in range(3):
        await add(store)
    await refused(store)
    assert await store.add("other", Record(SUMMARY)) is not None


async def test_a_kept_mirror_has_the_limits_of_who_came_last(open_store: OpenStore) -> None:
    store = await open_store()
    async with store.keep("orders", SLOW):
        for _ in range(3):
            await add(store)
        await refused(store)
        async with store.keep("orders", SMALL):
            made = [await add(store) for _ in range(6)]
            assert await ids(store) == made[1:]
