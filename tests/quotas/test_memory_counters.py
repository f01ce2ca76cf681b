"""Counters in memory: what is kept, and of how many."""

from __future__ import annotations

from reserve_core.quotas.memory_counters import LOOKED_AT, MemoryCounters
from reserve_core.quotas.quota import Quota


class Site:
    """Counters of so many requests an hour, for up to 100 clients."""

    def __init__(self, *texts: str) -> None:
        self.now = 1000.0
        self.counters = MemoryCounters(tuple(map(Quota.parse, texts)), lambda: self.now, max_clients=100)

    async def passes(self, client: str) -> bool:
        return (await self.counters.take(client)).passes


async def test_a_flood_of_clients_takes_no_more_room() -> None:
    site = Site("10/h")
    for number in range(10_000):
        assert await site.passes(f"client {number}")
        assert len(site.counters) <= 100


async def test_a_flood_does_not_set_free_who_owes_most() -> None:
    site = Site("10/h")
    assert [await site.passes("greedy") for _ in range(11)] == [True] * 10 + [False]
    for number in range(10_000):
        await site.passes(f"client {number}")
        site.now += 0.01
    assert not await site.passes("greedy")


async def test_who_owes_nothing_is_forgotten_as_others_come() -> None:
    site = Site("10/h", "1/s")
    for number in range(100):
        await site.passes(f"client {number}")
    site.now += 359  # one of ten an hour is paid after 360
    await site.passes("new")
    assert len(site.counters) == 100
    site.now += 2
    for number in range(100 // LOOKED_AT + 1):
        await site.passes(f"newer {number}")
    assert len(site.counters) <= 100 // LOOKED_AT + 2


async def test_who_is_forgotten_begins_as_who_has_paid() -> None:
    site = Site("2/h")
    assert [await site.passes("one") for _ in range(3)] == [True, True, False]
    site.now += 3600
    assert [await site.passes("two"), len(site.counters)] == [True, 1]
    assert [await site.passes("one") for _ in range(3)] == [True, True, False]


async def test_a_refused_request_costs_nothing() -> None:
    site = Site("1/m", "100/h")
    assert [await site.passes("one") for _ in range(200)] == [True] + [False] * 199
    site.now += 60
    assert await site.passes("one")
