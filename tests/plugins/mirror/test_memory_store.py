"""What only the store in memory has to do: stay within its bounds."""

from __future__ import annotations

import asyncio
import json

import pytest

from reserve_mirror.store import MirrorSettings, Record, Unavailable, memory_store, parse_id, records_in_order
from reserve_mirror.store.interface import OVERHEAD
from reserve_mirror.store.memory_store import MemoryStore
from tests.kit.waiting import PATIENCE

SETTINGS = MirrorSettings(max_requests=100, expiration_time=60, response="{}")
SUMMARY = '{"path":"/"}'
KILOBYTE = b"x" * 1024


async def test_the_largest_mirror_pays_when_memory_is_short() -> None:
    store = MemoryStore(max_size=10 * (1024 + OVERHEAD + len(SUMMARY)))
    for code in ("large", "small"):
        await store.create(code, SETTINGS)
    kept = await store.add("small", Record(SUMMARY, KILOBYTE))
    assert kept is not None
    async with store.hub.watch("large") as queue:
        ids = []
        for _ in range(12):
            recorded = await store.add("large", Record(SUMMARY, KILOBYTE))
            assert recorded is not None
            ids.append(recorded.id)
        told = [await queue.next() for _ in range(15)]
    assert [entry.id for entry in await store.entries("large", "", 100)] == ids[3:]
    assert await store.get("small", kept.id) is not None
    gone = [json.loads(event.text)["id"] for event in told if event is not None and event.type == "deleted"]
    assert gone == ids[:3]


async def test_a_body_larger_than_all_is_not_kept() -> None:
    store = MemoryStore(max_size=1000)
    await store.create("orders", SETTINGS)
    assert await store.add("orders", Record(SUMMARY, KILOBYTE)) is not None
    assert await store.entries("orders", "", 100) == []
    assert store._size == 0


async def test_whatever_goes_gives_its_memory_back() -> None:
    store = MemoryStore()
    for code in ("a", "b", "c"):
        await store.create(code, SETTINGS._replace(max_requests=2))
        for _ in range(5):
            await store.add(code, Record(SUMMARY, KILOBYTE, KILOBYTE))
    (entry, _) = await store.entries("a", "", 100)
    await store.remove("a", entry.id)
    await store.clear("b")
    await store.drop("c")
    assert store._size == OVERHEAD + len(SUMMARY) + 2048
    await store.drop("a")
    assert store._size == 0


async def codes(store: MemoryStore, *among: str) -> str:
    """Those of one letter that exist. A look is no use."""
    return "".join([code for code in among if await store.read(code) is not None])


async def test_the_least_recently_used_mirror_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_store, "MAX_MIRRORS", 3)
    store = MemoryStore()
    async with store.keep("kept", SETTINGS):
        for code in "abc":
            assert await store.create(code, SETTINGS)
        await store.add("a", Record(SUMMARY))
        await store.read("b", renew=True)
        assert await store.create("d", SETTINGS)
        assert await codes(store, *"abcd") == "abd"
        assert await store.create("e", SETTINGS)
        assert await codes(store, *"abcde") == "bde"
        assert await store.read("kept") is not None


async def test_what_somebody_looks_at_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_store, "MAX_MIRRORS", 2)
    store = MemoryStore()
    await store.create("a", SETTINGS)
    await store.create("b", SETTINGS)
    async with store.hub.watch("a"):
        for code in "cd":
            assert await store.create(code, SETTINGS)
            assert await codes(store, *"abcd") == f"a{code}"
        async with store.hub.watch("d"):
            with pytest.raises(Unavailable, match="too many mirrors"):
                await store.create("e", SETTINGS)
    assert await store.create("e", SETTINGS)


async def test_one_client_can_make_any_number_of_mirrors_and_takes_no_more_room() -> None:
    store = MemoryStore()
    await store.create("used", SETTINGS)
    for number in range(12_000):
        assert await store.create(str(number), SETTINGS)
        if not number % 1000:
            await store.add("used", Record(SUMMARY))
    assert len(store._mirrors) == memory_store.MAX_MIRRORS
    assert len(await store.entries("used", "", 100)) == 12


async def test_responses_take_only_so_much_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_store, "MAX_RESPONSES", 100)
    store = MemoryStore()
    for code in "abc":
        await store.create(code, SETTINGS._replace(response="x" * 30))
    await store.create("d", SETTINGS._replace(response="x" * 40))
    assert await codes(store, *"abcd") == "bcd"
    assert await store.change("b", "x" * 60)
    assert await codes(store, *"abcd") == "bd"
    with pytest.raises(Unavailable):
        await store.change("b", "x" * 101)
    assert await store.change("b", "x" * 100)
    assert await codes(store, *"abcd") == "b"
    await store.drop("b")
    assert store._responses == 0


async def test_what_has_expired_leaves_the_memory_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_store, "SWEEP", 0.01)
    store = MemoryStore()
    await store.start()
    await store.create("orders", SETTINGS._replace(expiration_time=0))
    await store.create("stays", SETTINGS)
    async with store.keep("kept", SETTINGS), asyncio.timeout(PATIENCE):
        while "orders" in store._mirrors:
            await asyncio.sleep(0.01)
        assert set(store._mirrors) == {"stays", "kept"}
    await store.close()


async def test_what_is_kept_no_longer_is_a_mirror_like_any_other() -> None:
    store = MemoryStore()
    async with store.keep("orders", SETTINGS):
        state = await store.read("orders")
        assert state is not None
        assert state.expires_at is None
    state = await store.read("orders")
    assert state is not None
    assert state.settings.expiration_time == SETTINGS.expiration_time
    assert state.expires_at is not None


async def test_ids_grow_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    await store.create("orders", SETTINGS)
    clock = iter([100.0, 100.0, 100.0, 100.0, 50.0, 50.0, 101.0, 101.0])
    monkeypatch.setattr("reserve_mirror.store.memory_store.time.time", lambda: next(clock, 102.0))
    ids = [recorded.id for _ in range(4) if (recorded := await store.add("orders", Record(SUMMARY)))]
    pairs = [tuple(map(int, each.split("-"))) for each in ids]
    assert pairs == sorted(set(pairs))


async def test_a_list_looks_at_what_it_lists_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it begins in a mirror of 100,000: counted are the ids that are compared."""
    compared = 0

    def counting(text: str) -> tuple[int, int]:
        nonlocal compared
        compared += 1
        return parse_id(text)

    monkeypatch.setattr(records_in_order, "parse_id", counting)
    store = MemoryStore()
    await store.create("orders", SETTINGS._replace(max_requests=100_000))
    record = Record(SUMMARY)
    added = [await store.add("orders", record) for _ in range(100_000)]
    ids = [receipt.id for receipt in added if receipt is not None]
    for place in (0, 50_000, 99_998):
        assert [entry.id for entry in await store.entries("orders", ids[place], 2)] == ids[place + 1 : place + 3]
        assert [entry.id for entry in await store.newest("orders", ids[place + 1], 1)] == [ids[place]]
    assert 0 < compared < 6 * 20
