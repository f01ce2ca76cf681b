"""Following a mirror: what happens at an awkward moment is told, and told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from reserve_mirror import follow as module
from reserve_mirror.follow import follow
from reserve_mirror.store import MirrorEvent, MirrorSettings, MirrorState, Record, Store, Unavailable
from tests.kit.waiting import PATIENCE

SETTINGS = MirrorSettings(max_requests=1000, expiration_time=60, response='{"status":200}')
SUMMARY = '{"path":"/"}'

Happenings = AsyncGenerator[MirrorState | MirrorEvent, None]


async def recorded(store: Store) -> str:
    result = await store.add("orders", Record(SUMMARY))
    assert result is not None
    return result.id


class Altered:
    """A store, functions of which can be replaced: those of a compiled one can't."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def altered(store: Store) -> Any:
    return Altered(store)


@asynccontextmanager
async def following(store: Store, after: str = "") -> AsyncIterator[Happenings]:
    async with aclosing(follow(store, "orders", after)) as happenings:
        yield happenings


async def kinds(happenings: Happenings, count: int) -> list[str]:
    """What the next things that happen are: the ids of requests, the types of others, "state"."""
    found = []
    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            happening = await anext(happenings)
            found.append((happening.id or happening.type) if isinstance(happening, MirrorEvent) else "state")
    return found


async def test_what_comes_while_the_history_is_read_is_told_once(
    store: Store, altered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.create("orders", SETTINGS)
    ids = [await recorded(store)]
    read = store.entries

    async def entries(code: str, after: str, limit: int) -> Any:
        """Reads what is there, with one more that has just come: it's an event, too."""
        if len(ids) < 4:
            ids.append(await recorded(store))
        return await read(code, after, limit)

    altered.entries = entries
    monkeypatch.setattr(module, "PAGE", 1)
    async with following(altered) as happenings:
        assert await kinds(happenings, 5) == ["state", *ids]
        following_one = asyncio.create_task(kinds(happenings, 1))
        await asyncio.sleep(0.05)  # now the history is read, and the events are waited for
        assert await recorded(store) == (await following_one)[0]


async def test_what_was_lost_is_made_up_for(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with following(store) as happenings:
        assert await kinds(happenings, 1) == ["state"]
        first = await recorded(store)
        assert await kinds(happenings, 1) == [first]
        ids = [await recorded(store) for _ in range(3)]
        store.hub.lose(["orders"])
        ids.append(await recorded(store))
        assert await kinds(happenings, 5) == ["state", *ids]


async def test_a_mirror_that_is_made_anew_is_another_one(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with following(store) as happenings:
        assert await kinds(happenings, 1) == ["state"]
        await store.drop("orders")
        await asyncio.sleep(0.002)
        await store.create("orders", SETTINGS)
        store.hub.lose(["orders"])
        assert await kinds(happenings, 1) == ["expired"]


async def test_a_store_that_goes_away_is_waited_for(
    store: Store, altered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    await store.create("orders", SETTINGS)
    read = store.read
    failures = 3

    async def unsure(code: str, renew: bool = False) -> MirrorState | None:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("away")
        return await read(code, renew)

    async with following(altered) as happenings:
        assert await kinds(happenings, 1) == ["state"]
        first = await recorded(store)
        assert await kinds(happenings, 1) == [first]
        altered.read = unsure
        request_id = await recorded(store)
        store.hub.lose(["orders"])
        assert await kinds(happenings, 2) == ["state", request_id]
    assert failures == 0


async def test_a_store_that_is_away_at_the_beginning_is_an_error(altered: Any) -> None:
    async def away(code: str, renew: bool = False) -> MirrorState | None:
        raise Unavailable("away")

    altered.read = away
    async with following(altered) as happenings:
        with pytest.raises(Unavailable):
            await anext(happenings)


async def test_without_a_mirror_there_is_nothing_to_follow(store: Store) -> None:
    async with following(store) as happenings:
        with pytest.raises(LookupError):
            await anext(happenings)


async def test_who_follows_no_more_is_forgotten(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with following(store) as happenings:
        await kinds(happenings, 1)
        assert store.hub.codes == ["orders"]
    assert store.hub.codes == []
