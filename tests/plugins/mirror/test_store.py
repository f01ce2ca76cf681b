"""What both stores must do, however Redis is run: the contract `Store`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest

from reserve_core import Request
from reserve_mirror.access import Access
from reserve_mirror.options import Options
from reserve_mirror.request_record import EMPTY, RequestRecord
from reserve_mirror.store import EventQueue, MirrorEvent, MirrorSettings, Record, Store, is_after, parse_id
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Age, OpenStore

SETTINGS = MirrorSettings(max_requests=3, expiration_time=60, response='{"status":200}')


@pytest.fixture(
    params=["memory", "redis", "resp2", "resp3", "tls", "least-rights", "one-address", "cluster", "sentinel"]
)
def store_kind(request: pytest.FixtureRequest) -> str:
    """In memory, and on Redis in each way that it is run."""
    return str(request.param)


def summary(n: int = 0) -> str:
    return json.dumps({"path": f"/{n}"}, separators=(",", ":"))


async def recorded(store: Store, n: int = 0, code: str = "orders", body: bytes = b"") -> str:
    result = await store.add(code, Record(summary(n), body))
    assert result is not None
    return result.id


async def ids(store: Store, after: str = "", limit: int = 100) -> list[str]:
    return [entry.id for entry in await store.entries("orders", after, limit)]


async def following(queue: EventQueue) -> MirrorEvent:
    async with asyncio.timeout(PATIENCE):
        event = await queue.next()
    assert event is not None
    return event


async def test_a_mirror_is_made_once(store: Store) -> None:
    assert await store.create("orders", SETTINGS)
    assert not await store.create("orders", SETTINGS._replace(max_requests=9))
    state = await store.read("orders")
    assert state is not None
    assert state.settings == SETTINGS


async def test_a_mirror_knows_how_many_have_come(store: Store) -> None:
    await store.create("orders", SETTINGS)
    for n in range(5):
        await recorded(store, n)
    await store.clear("orders")
    await recorded(store)
    state = await store.read("orders")
    assert state is not None
    assert (state.requests, state.received) == (1, 6)
    await store.drop("orders")
    await store.create("orders", SETTINGS)
    state = await store.read("orders")
    assert state is not None
    assert state.received == 0


async def test_what_came_of_a_request_is_kept_with_it(store: Store) -> None:
    await store.create("orders", SETTINGS)
    first = await recorded(store, body=b"abc")
    async with store.hub.watch("orders") as queue:
        for forwarded in (b'{"status":500}', b'{"status":200}'):
            assert await store.forward("orders", first, forwarded)
            told = json.loads((await following(queue)).text)
            assert told == {"type": "forwarded", "id": first}
    stored = await store.get("orders", first)
    assert stored is not None
    assert (stored.entry.summary, stored.body, stored.forwarded) == (summary(), b"abc", b'{"status":200}')
    assert not await store.forward("orders", "1-0", b"{}")
    assert not await store.forward("other", first, b"{}")
    assert await store.remove("orders", first)
    assert await store.get("orders", first) is None


async def test_what_came_of_requests_counts_as_what_is_kept(store: Store) -> None:
    await store.create("orders", SETTINGS._replace(max_requests=100, max_size=10_000))
    for _ in range(20):  # each of them one that takes the place of the one before, or of the whole
        await store.forward("orders", await recorded(store), b"a" * 4000)
    before = await ids(store)
    assert 1 <= len(before) <= 3
    await store.remove("orders", before[0])
    await store.clear("orders")
    for _ in range(10):
        await recorded(store)
    assert len(await ids(store)) == 10


async def test_of_many_that_make_one_mirror_one_does(store: Store) -> None:
    made = await asyncio.gather(*(store.create("orders", SETTINGS) for _ in range(20)))
    assert made.count(True) == 1


async def test_a_new_mirror_is_empty_and_has_the_full_time(store: Store) -> None:
    await store.create("orders", SETTINGS)
    state = await store.read("orders")
    assert state is not None
    assert state.requests == 0
    assert state.expires_at is not None
    assert abs(state.expires_at - state.created - 60_000) < 5000


async def test_without_a_mirror_there_is_nothing(store: Store) -> None:
    assert await store.read("orders") is None
    assert await store.add("orders", Record(summary())) is None
    assert await store.entries("orders", "", 10) == []
    assert await store.newest("orders", "", 10) == []
    assert await store.get("orders", "1-0") is None
    assert not await store.change("orders", "{}")
    assert not await store.drop("orders")
    assert not await store.remove("orders", "1-0")
    assert not await store.clear("orders")


async def test_requests_come_in_order_with_growing_ids(store: Store) -> None:
    await store.create("orders", SETTINGS._replace(max_requests=100))
    made = [await recorded(store, n) for n in range(50)]
    assert [(entry.id, entry.summary) for entry in await store.entries("orders", "", 100)] == [
        (request_id, summary(n)) for n, request_id in enumerate(made)
    ]
    assert all(is_after(later, earlier) for earlier, later in pairwise(made))


async def test_an_entry_is_its_summary_with_the_id(store: Store) -> None:
    await store.create("orders", SETTINGS)
    request_id = await recorded(store, 7)
    (entry,) = await store.entries("orders", "", 1)
    assert json.loads(entry.text) == {"id": request_id, "path": "/7"}


async def test_a_list_begins_after_an_id_and_ends_at_the_limit(store: Store) -> None:
    await store.create("orders", SETTINGS._replace(max_requests=100))
    made = [await recorded(store, n) for n in range(10)]
    assert await ids(store, limit=4) == made[:4]
    assert await ids(store, after=made[3], limit=4) == made[4:8]
    assert await ids(store, after=made[9]) == []
    assert await ids(store, after="1-0") == made


async def test_a_list_may_begin_after_a_request_that_is_gone(store: Store) -> None:
    await store.create("orders", SETTINGS)
    made = [await recorded(store, n) for n in range(3)]
    await store.remove("orders", made[1])
    assert await ids(store, after=made[1]) == made[2:]


async def newest(store: Store, before: str = "", limit: int = 100) -> list[str]:
    return [entry.id for entry in await store.newest("orders", before, limit)]


async def test_a_list_from_the_newest_begins_before_an_id_and_ends_at_the_limit(store: Store) -> None:
    assert await newest(store) == []
    await store.create("orders", SETTINGS._replace(max_requests=100))
    assert await newest(store) == []
    made = [await recorded(store, n) for n in range(10)]
    backwards = made[::-1]
    assert await newest(store) == backwards
    assert await newest(store, limit=4) == backwards[:4]
    assert await newest(store, before=backwards[3], limit=4) == backwards[4:8]
    assert await newest(store, before=made[0]) == []
    assert await newest(store, before="1-0") == []
    (entry,) = await store.newest("orders", "", 1)
    assert entry.summary == summary(9)


async def test_a_list_from_the_newest_may_begin_before_a_request_that_is_gone(store: Store) -> None:
    await store.create("orders", SETTINGS)
    made = [await recorded(store, n) for n in range(3)]
    await store.remove("orders", made[1])
    assert await newest(store, before=made[1]) == [made[0]]
    assert await newest(store, before=made[2]) == [made[0]]


async def test_lists_are_right_whatever_goes(store: Store) -> None:
    """The oldest, the newest, and any in between; so many that the ids of those that are gone must go, too."""
    await store.create("orders", SETTINGS._replace(max_requests=120))
    made: list[str] = []
    choice = Random(19)
    for n in range(600):
        made = [*made, await recorded(store, n)][-120:]
        if n % 3 == 0:
            place = choice.choice((0, len(made) // 2, len(made) - 1))
            assert await store.remove("orders", made.pop(place))
        if n % 50 == 0:
            cursor = choice.choice(made) if made else ""
            place = made.index(cursor) if made else 0
            assert await ids(store, cursor, 7) == made[place + 1 :][:7]
            assert await newest(store, cursor, 7) == made[:place][::-1][:7]
    assert await ids(store, limit=1000) == made
    assert await newest(store, limit=1000) == made[::-1]
    for request_id in made[1:]:
        assert await store.remove("orders", request_id)
    assert await newest(store) == await ids(store) == made[:1]


async def test_the_newest_is_the_last_that_is_kept(store: Store) -> None:
    async def newest_id() -> str:
        state = await store.read("orders")
        assert state is not None
        return state.newest

    await store.create("orders", SETTINGS)
    assert await newest_id() == ""
    made = [await recorded(store, n) for n in range(5)]
    assert await newest_id() == made[-1]
    await store.remove("orders", made[-1])
    assert await newest_id() == made[-2]
    await store.clear("orders")
    assert await newest_id() == ""


async def test_adding_a_record_gives_the_response(store: Store) -> None:
    await store.create("orders", SETTINGS)
    first = await store.add("orders", Record(summary()))
    await store.change("orders", '{"status":418}')
    second = await store.add("orders", Record(summary()))
    assert first is not None
    assert second is not None
    assert (first.response, second.response) == ('{"status":200}', '{"status":418}')


Obey = Callable[[str], Awaitable[int]]


@pytest.fixture
def obey(monkeypatch: pytest.MonkeyPatch) -> list[Obey]:
    """How requests obey rules: the last of these says which one they meet; the first, the one whose number they are."""

    async def number(rules: str) -> int:
        await asyncio.sleep(0)
        return int(rules or "0")

    ways: list[Obey] = [number]
    monkeypatch.setattr("reserve_mirror.rules.rule_for", lambda rules, subject: ways[-1](rules))
    return ways


def request_record() -> RequestRecord:
    return RequestRecord(Request("POST", "/r/orders"), Access(Options(mirror=""), "localhost"), 0, "/", EMPTY)


async def obeying(store: Store) -> tuple[str, int, int]:
    receipt = await store.add("orders", request_record())
    assert receipt is not None
    assert receipt.response == SETTINGS.response
    return receipt.rules, receipt.rule, receipt.met


async def rules_met(store: Store) -> list[int | None]:
    return [json.loads(entry.summary).get("rule") for entry in await store.entries("orders", "", 1000)]


@pytest.mark.usefixtures("obey")
async def test_a_rule_counts_those_that_meet_it_whoever_stores_them(open_store: OpenStore, store_kind: str) -> None:
    stores = [await open_store()] * 3 if store_kind == "memory" else [await open_store() for _ in range(3)]
    await stores[0].create("orders", SETTINGS._replace(max_requests=1000))
    assert await obeying(stores[1]) == ("", 0, 0)
    assert await stores[0].change("orders", None, "2")
    receipts = await asyncio.gather(*(obeying(stores[n % 3]) for n in range(300)))
    assert sorted(receipts) == [("2", 2, met) for met in range(1, 301)]
    assert await rules_met(stores[0]) == [None, *[2] * 300]


@pytest.mark.usefixtures("obey")
async def test_new_rules_hold_at_once_and_count_anew(open_store: OpenStore, store_kind: str) -> None:
    one = await open_store()
    other = one if store_kind == "memory" else await open_store()
    await one.create("orders", SETTINGS._replace(rules="7"))
    for met in (1, 2):
        assert await obeying(other) == ("7", 7, met)
    assert await one.change("orders", None, "8")
    assert await obeying(other) == ("8", 8, 1)
    assert await one.change("orders", None, "7")
    assert await obeying(other) == ("7", 7, 1)
    assert await one.change("orders", SETTINGS.response)
    assert await obeying(other) == ("7", 7, 2)
    assert await one.change("orders", None, "")
    assert await obeying(other) == ("", 0, 0)
    state = await one.read("orders")
    assert state is not None
    assert (state.settings.rules, state.settings.response) == ("", SETTINGS.response)


@pytest.mark.parametrize("new", ["2", ""])
async def test_rules_that_change_while_a_record_is_held_to_them_hold(store: Store, obey: list[Obey], new: str) -> None:
    await store.create("orders", SETTINGS._replace(rules="1"))
    seen: list[str] = []

    async def slowly(rules: str) -> int:
        seen.append(rules)
        if rules == "1":
            await store.change("orders", None, new)
        return int(rules or "0")

    obey.append(slowly)
    assert await obeying(store) == ((new, 2, 1) if new else ("", 0, 0))
    assert seen == ["1", new]
    assert await rules_met(store) == [2 if new else None]


async def test_a_record_is_kept_however_often_the_rules_change_meanwhile(store: Store, obey: list[Obey]) -> None:
    await store.create("orders", SETTINGS._replace(rules="1"))

    async def slowly(rules: str) -> int:
        if rules != "50":
            await store.change("orders", None, str(int(rules) + 1))
        return int(rules)

    obey.append(slowly)
    assert await obeying(store) == ("50", 50, 1)


async def test_a_mirror_that_goes_while_a_record_is_held_to_its_rules_has_none(store: Store, obey: list[Obey]) -> None:
    await store.create("orders", SETTINGS._replace(rules="1"))

    async def late(rules: str) -> int:
        await store.drop("orders")
        return 1

    obey.append(late)
    assert await store.add("orders", request_record()) is None


async def test_what_gets_no_response_of_the_mirror_meets_no_rule(store: Store) -> None:
    await store.create("orders", SETTINGS._replace(rules="1"))
    receipt = await store.add("orders", Record(summary()))
    assert receipt is not None
    assert (receipt.rule, receipt.met) == (0, 0)


async def test_watchers_are_told_of_rules(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with store.hub.watch("orders") as queue:
        await store.change("orders", None, '[{"fault":{}}]')
        await store.change("orders", '{"status":418}')
        await store.change("orders", None, "")
        told = [json.loads((await following(queue)).text) for _ in range(3)]
    assert [(each["response"]["status"], each["rules"]) for each in told] == [
        (200, [{"fault": {}}]),
        (418, [{"fault": {}}]),
        (418, []),
    ]


@pytest.mark.parametrize(
    "body", [b"", bytes(range(256)), b"\xff\xfe\xc3(", b"x" * 5_000_000], ids=["empty", "all", "invalid", "large"]
)
async def test_bodies_are_kept_to_the_byte(store: Store, body: bytes) -> None:
    await store.create("orders", SETTINGS)
    result = await store.add("orders", Record(summary(), body, body[::-1]))
    assert result is not None
    content = await store.get("orders", result.id)
    assert content is not None
    assert content.entry.summary == summary()
    assert content.body == body
    assert content.response_body == body[::-1]


async def test_beyond_the_most_requests_the_oldest_goes_with_its_body(store: Store) -> None:
    await store.create("orders", SETTINGS)
    made = [await recorded(store, n, body=b"%d" % n) for n in range(8)]
    assert await ids(store) == made[-3:]
    contents = [await store.get("orders", request_id) for request_id in made]
    assert [content and content.body for content in contents] == [None] * 5 + [b"5", b"6", b"7"]


async def test_one_request_is_removed(store: Store) -> None:
    await store.create("orders", SETTINGS)
    made = [await recorded(store, n, body=b"x") for n in range(3)]
    assert await store.remove("orders", made[1])
    assert not await store.remove("orders", made[1])
    assert await ids(store) == [made[0], made[2]]
    assert await store.get("orders", made[1]) is None


async def test_all_are_cleared_and_ids_go_on(store: Store) -> None:
    await store.create("orders", SETTINGS)
    made = [await recorded(store, n, body=b"x") for n in range(3)]
    assert await store.clear("orders")
    assert await ids(store) == []
    assert await store.get("orders", made[0]) is None
    assert is_after(await recorded(store), made[-1])


async def test_all_up_to_one_are_cleared(store: Store) -> None:
    await store.create("orders", SETTINGS._replace(max_size=100_000))
    made = [await recorded(store, n, body=b"x" * 1000) for n in range(3)]
    async with store.hub.watch("orders") as queue:
        assert await store.clear("orders", made[1])
        told = json.loads((await following(queue)).text)
    assert (told["type"], told["last"], told["left"]) == ("cleared", made[1], 1)
    assert await ids(store) == made[2:]
    assert await store.get("orders", made[0]) is None
    # Those that are gone take no room.
    made += [await recorded(store, n, body=b"x" * 40_000) for n in range(2)]
    assert await ids(store) == made[2:]


async def test_a_mirror_keeps_fewer_from_now_on(store: Store) -> None:
    await store.create("orders", SETTINGS._replace(max_requests=5))
    made = [await recorded(store, n) for n in range(4)]
    async with store.hub.watch("orders") as queue:
        assert await store.change("orders", None, max_requests=2)
        updated, cleared = [json.loads((await following(queue)).text) for _ in range(2)]
    assert updated["max_requests"] == 2
    assert (cleared["last"], cleared["left"]) == (made[1], 2)
    made.append(await recorded(store))
    assert await ids(store) == made[3:]
    assert await store.change("orders", None, max_requests=3)
    made.append(await recorded(store))
    assert await ids(store) == made[3:]
    state = await store.read("orders")
    assert state is not None
    assert (state.settings.max_requests, state.dropped) == (3, 3)


async def test_a_dropped_mirror_leaves_nothing(store: Store) -> None:
    await store.create("orders", SETTINGS)
    request_id = await recorded(store, body=b"secret")
    assert await store.drop("orders")
    assert await store.read("orders") is None
    await store.create("orders", SETTINGS)
    assert await ids(store) == []
    assert await store.get("orders", request_id) is None


async def test_mirrors_are_apart(store: Store) -> None:
    await store.create("orders", SETTINGS)
    await store.create("other", SETTINGS)
    request_id = await recorded(store, body=b"mine")
    assert await store.entries("other", "", 10) == []
    assert await store.get("other", request_id) is None
    await store.clear("other")
    await store.drop("other")
    assert await ids(store) == [request_id]


async def test_a_deletion_changes_the_revision_and_a_record_does_not(store: Store) -> None:
    await store.create("orders", SETTINGS)
    revisions = []

    async def look() -> None:
        state = await store.read("orders")
        assert state is not None
        revisions.append(state.revision)

    await look()
    request_id = await recorded(store)
    await look()
    await store.remove("orders", request_id)
    await look()
    await store.clear("orders")
    await look()
    await store.drop("orders")
    await asyncio.sleep(0.002)
    await store.create("orders", SETTINGS)
    await look()
    assert revisions[0] == revisions[1]
    assert len(set(revisions)) == 4


async def test_a_mirror_expires_with_all_it_has(store: Store, age: Age) -> None:
    await store.create("orders", SETTINGS)
    request_id = await recorded(store, body=b"x")
    age(store, 60)
    assert await store.read("orders") is None
    assert await store.add("orders", Record(summary())) is None
    assert await store.create("orders", SETTINGS)
    assert await ids(store) == []
    assert await store.get("orders", request_id) is None


async def test_a_record_and_a_visit_put_the_expiry_off(store: Store, age: Age) -> None:
    for code in ("visited", "recorded", "looked-at"):
        await store.create(code, SETTINGS._replace(expiration_time=600))
    await recorded(store, code="visited", body=b"kept")
    age(store, 360)
    await store.read("visited", renew=True)
    await recorded(store, code="recorded")
    await store.read("looked-at")
    age(store, 360)
    visited = await store.read("visited")
    assert visited is not None
    assert visited.requests == 1
    (entry,) = await store.entries("visited", "", 10)
    content = await store.get("visited", entry.id)
    assert content is not None
    assert content.body == b"kept"
    assert await store.read("recorded") is not None
    assert await store.read("looked-at") is None


async def test_a_kept_mirror_always_exists_and_never_expires(store: Store) -> None:
    async with store.keep("orders", SETTINGS):
        await recorded(store)
        state = await store.read("orders")
        assert state is not None
        assert state.expires_at is None
        assert state.settings.expiration_time is None
        await store.drop("orders")
        state = await store.read("orders")
        assert state is not None
        assert state.requests == 0
    await store.drop("orders")
    assert await store.read("orders") is None


async def test_what_exists_can_be_kept_from_now_on(store: Store, age: Age) -> None:
    await store.create("orders", SETTINGS._replace(response='{"status":418}'))
    request_id = await recorded(store, body=b"x")
    async with store.keep("orders", SETTINGS):
        age(store, 60)
        state = await store.read("orders")
        assert state is not None
        assert state.expires_at is None
        assert state.settings.response == '{"status":418}'
        content = await store.get("orders", request_id)
        assert content is not None
        assert content.body == b"x"


async def test_a_mirror_is_kept_as_long_as_anybody_keeps_it(store: Store) -> None:
    async with store.keep("orders", SETTINGS):
        async with store.keep("orders", SETTINGS):
            pass
        await store.drop("orders")
        assert await store.read("orders") is not None


async def test_watchers_are_told_of_everything_in_order(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with store.hub.watch("orders") as queue:
        first = await recorded(store, 1)
        second = await recorded(store, 2)
        await store.remove("orders", first)
        await store.change("orders", '{"status":418}')
        await store.clear("orders")
        await store.drop("orders")
        events = [await following(queue) for _ in range(6)]
    assert [event.type for event in events] == ["request", "request", "deleted", "updated", "cleared", "expired"]
    assert [event.id for event in events] == [first, second, "", "", "", ""]
    messages = [json.loads(event.text) for event in events]
    created = messages[2]["revision"].partition(".")[0]
    assert messages == [
        {"type": "request", "request": {"id": first, "path": "/1"}},
        {"type": "request", "request": {"id": second, "path": "/2"}},
        {"type": "deleted", "id": first, "revision": f"{created}.1"},
        {"type": "updated", "response": {"status": 418}, "rules": [], "max_requests": SETTINGS.max_requests},
        {"type": "cleared", "last": second, "revision": f"{created}.2", "left": 0},
        {"type": "expired", "reason": "deleted"},
    ]


async def test_the_revision_told_is_the_one_read(store: Store) -> None:
    await store.create("orders", SETTINGS)
    request_id = await recorded(store)
    async with store.hub.watch("orders") as queue:
        await store.remove("orders", request_id)
        told = json.loads((await following(queue)).text)["revision"]
    state = await store.read("orders")
    assert state is not None
    assert state.revision == told


async def test_an_empty_mirror_that_is_cleared_names_no_last_request(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with store.hub.watch("orders") as queue:
        await store.clear("orders")
        assert json.loads((await following(queue)).text)["last"] == ""


async def test_watchers_hear_of_their_own_mirror_only(store: Store) -> None:
    await store.create("orders", SETTINGS)
    await store.create("other", SETTINGS)
    async with store.hub.watch("orders") as queue:
        await recorded(store, code="other")
        request_id = await recorded(store)
        assert (await following(queue)).id == request_id


async def test_many_watch_one_mirror_and_one_may_leave(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with AsyncExitStack() as stack:
        queues = [await stack.enter_async_context(store.hub.watch("orders")) for _ in range(5)]
        async with store.hub.watch("orders"):
            pass
        request_id = await recorded(store)
        assert [(await following(queue)).id for queue in queues] == [request_id] * 5
    assert store.hub.codes == []


async def test_a_watch_that_begins_as_another_ends_misses_nothing(store: Store) -> None:
    await store.create("orders", SETTINGS)
    for n in range(20):
        async with store.hub.watch("orders") as queue:
            request_id = await recorded(store, n)
            assert (await following(queue)).id == request_id


async def test_a_watcher_that_falls_behind_has_to_look(store: Store) -> None:
    await store.create("orders", SETTINGS)
    async with store.hub.watch("orders") as queue, store.hub.watch("orders") as up_to_date:
        for n in range(300):
            request_id = await recorded(store, n)
            assert (await following(up_to_date)).id == request_id
        assert await queue.next() is None
        request_id = await recorded(store)
        assert (await following(queue)).id == request_id


async def test_records_at_once_are_all_kept_once(store: Store) -> None:
    await store.create("orders", SETTINGS._replace(max_requests=2000))
    results = await asyncio.gather(*(store.add("orders", Record(summary(n), b"%d" % n)) for n in range(1000)))
    made = {result.id: n for n, result in enumerate(results) if result is not None}
    assert len(made) == 1000
    entries = await store.entries("orders", "", 2000)
    assert {entry.id: entry.summary for entry in entries} == {request_id: summary(n) for request_id, n in made.items()}
    for request_id, n in list(made.items())[::100]:
        content = await store.get("orders", request_id)
        assert content is not None
        assert content.body == b"%d" % n


async def test_cancelled_calls_leave_no_reply_to_others(store: Store) -> None:
    codes = [f"mirror-{n}" for n in range(50)]
    for n, code in enumerate(codes):
        await store.create(code, SETTINGS._replace(max_requests=n + 1))
    for round_ in range(10):
        tasks = [asyncio.create_task(store.read(code)) for code in codes]
        for _ in range(round_ % 4):
            await asyncio.sleep(0)
        for task in tasks[round_ % 3 :: 3]:
            task.cancel()
        states = await asyncio.gather(*tasks, return_exceptions=True)
        for n, state in enumerate(states):
            if not isinstance(state, asyncio.CancelledError):
                assert not isinstance(state, BaseException)
                assert state is not None
                assert state.settings.max_requests == n + 1


@pytest.mark.parametrize("text", ["x", "1", "1-", "-1", "1-2-3", "1-x", " 1-0", "1-0\n", "٣-0", "9" * 16 + "-0"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="id of a request"):
        parse_id(text)


def test_ids_compare_as_numbers() -> None:
    assert is_after("10-0", "9-0")
    assert is_after("9-10", "9-9")
    assert not is_after("9-9", "9-9")
    assert is_after("0-0", "")
