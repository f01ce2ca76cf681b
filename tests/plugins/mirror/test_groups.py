"""Listeners of a group share a mirror: each request is with one of them at a time, however Redis is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from reserve_mirror import group_call
from reserve_mirror.codes import GROUP_RULE
from reserve_mirror.store import GroupStore, GroupTurn, MirrorSettings, Record, Store, TooManyGroups
from reserve_mirror.store.redis_store import MAX_GROUPS, MAX_HOLDERS

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import OpenStore, Serve, Site

SETTINGS = MirrorSettings(max_requests=3, expiration_time=60, response='{"status":200}')
LEASE = 600.0
NO_LEASE = 0  # it has ended when the next one asks


@pytest.fixture(params=["redis"])
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


every_redis = pytest.mark.parametrize(
    "store_kind", ["redis", "resp2", "resp3", "least-rights", "one-address", "cluster", "sentinel"], indirect=True
)


@pytest.fixture
async def mirror(store: Store) -> Store:
    await store.create("orders", SETTINGS)
    return store


async def recorded(store: Store, count: int) -> list[str]:
    receipts = [await store.add("orders", Record('{"path":"/"}')) for _ in range(count)]
    return [receipt.id for receipt in receipts if receipt is not None]


async def claim(
    store: Store, listener: str, done: str = "", *, group: str = "devs", begin: str = "", lease: float = LEASE
) -> tuple[str | None, int]:
    """What a listener has in hand now, and how many requests are lost."""
    taken = await cast("GroupStore", store).claim("orders", GroupTurn(group, listener, done, begin), lease)
    assert taken is not None
    return None if taken.entry is None else taken.entry.id, taken.lost


async def claimed(store: Store, listener: str, done: str = "") -> str | None:
    return (await claim(store, listener, done))[0]


@every_redis
async def test_each_request_is_with_one_of_them(mirror: Store, open_store: OpenStore) -> None:
    first, second, third = await recorded(mirror, 3)
    other = await open_store()
    assert await claimed(mirror, "a") == first
    assert await claimed(other, "b") == second
    assert await claimed(other, "a") == first  # it asks again
    assert await claimed(mirror, "a", first) == third
    assert await claimed(other, "b", second) is None
    assert await claimed(mirror, "a", third) is None
    assert await claim(mirror, "a", group="others") == (first, 0)


@every_redis
async def test_another_one_takes_what_a_listener_has_let_go(mirror: Store) -> None:
    (first,) = await recorded(mirror, 1)
    assert await claim(mirror, "dead", lease=NO_LEASE) == (first, 0)
    assert await claimed(mirror, "b") == first
    assert await claimed(mirror, "dead") is None
    assert await claimed(mirror, "b", first) is None


async def test_a_listener_learns_when_to_ask_again(mirror: Store) -> None:
    await recorded(mirror, 1)
    await claimed(mirror, "a")
    taken = await cast("GroupStore", mirror).claim("orders", GroupTurn("devs", "b"), LEASE)
    assert taken is not None
    assert taken.retry_after is not None
    assert 0 < taken.retry_after <= LEASE


async def test_a_group_begins_where_its_first_listener_says(mirror: Store) -> None:
    first, second = await recorded(mirror, 2)
    assert await claim(mirror, "a", begin="now") == (None, 0)
    assert await claim(mirror, "a", begin=first, group="since") == (second, 0)
    (third,) = await recorded(mirror, 1)
    assert await claim(mirror, "b", begin="") == (third, 0)


async def test_what_the_mirror_drops_is_counted_once(mirror: Store) -> None:
    await claim(mirror, "a", begin="now")
    fourth, fifth, sixth = (await recorded(mirror, 6))[3:]
    assert await claimed(mirror, "a") == fourth
    assert await claimed(mirror, "a", fourth) == fifth
    assert await claimed(mirror, "a", fifth) == sixth
    assert await claim(mirror, "a", sixth) == (None, 3)
    assert await claim(mirror, "a") == (None, 0)


async def test_what_is_dropped_while_a_dead_one_has_it_is_lost(mirror: Store) -> None:
    await claim(mirror, "dead", begin="now")
    (first,) = await recorded(mirror, 1)
    await claim(mirror, "dead", lease=NO_LEASE)
    await mirror.remove("orders", first)
    assert await claim(mirror, "b") == (None, 1)
    assert await claim(mirror, "b") == (None, 0)


async def test_what_was_deleted_in_its_hand_is_no_loss(mirror: Store) -> None:
    (first,) = await recorded(mirror, 1)
    assert await claimed(mirror, "a") == first
    await mirror.remove("orders", first)
    assert await claim(mirror, "a") == (None, 0)


async def test_a_group_goes_with_its_mirror(mirror: Store) -> None:
    await recorded(mirror, 2)
    await claimed(mirror, "a")
    await mirror.drop("orders")
    assert await cast("GroupStore", mirror).claim("orders", GroupTurn("devs", "a"), LEASE) is None
    await mirror.create("orders", SETTINGS)
    (first,) = await recorded(mirror, 1)
    assert await claimed(mirror, "b") == first


async def test_there_is_an_end_to_groups_and_to_those_who_hold_a_request(mirror: Store) -> None:
    await mirror.change("orders", None, None, MAX_HOLDERS + 1)
    ids = await recorded(mirror, MAX_HOLDERS + 1)
    for n in range(MAX_HOLDERS):
        await claimed(mirror, f"l{n}")
    assert await claimed(mirror, "one-more") is None
    assert await claimed(mirror, "l0", ids[0]) == ids[-1]
    for n in range(1, MAX_GROUPS):
        await claim(mirror, "a", group=f"g{n}")
    with pytest.raises(TooManyGroups):
        await claim(mirror, "a", group="one-more")


def take(site: Site, turn: Any, group: str = "devs", code: str = "orders") -> tuple[int, dict[str, Any]]:
    response = site.ask_json("POST", f"/api/mirrors/{code}/groups/{group}/next", turn)
    return response.status, response.json()


def test_the_api_gives_the_summary(serve: Serve) -> None:
    site = serve(signature={"scheme": "github", "secret": "s"})
    first = site.record("/a", b"x", headers=[("X-Hub-Signature-256", "sha256=00")])
    status, taken = take(site, {"listener": "one", "begin": ""})
    assert (status, taken["lease"], taken["retry_after"], taken["lost"]) == (200, group_call.LEASE, None, 0)
    assert taken["request"] == site.requests()[0]
    assert (taken["request"]["id"], taken["request"]["signed"]) == (first, False)
    assert take(site, {"listener": "one", "done": first})[1]["request"] is None


def test_the_api_says_what_is_wrong(site: Site) -> None:
    assert take(site, []) == (422, {"error": "The body is a JSON object with listener, done, begin"})
    assert take(site, {"listener": "a b"}) == (
        422,
        {"error": f"listener is a name that no other one has: {GROUP_RULE}"},
    )
    assert take(site, {"listener": "a", "done": "now"})[1]["error"].startswith("done: 'now' is not the id")
    assert take(site, {"listener": "a", "begin": 1})[1]["error"] == "begin: 1 is not the id of a request"
    assert take(site, {"listener": "a"}, code="none")[0] == 404
    for n in range(MAX_GROUPS):
        take(site, {"listener": "a"}, group=f"g{n}")
    assert take(site, {"listener": "a"}) == (
        409,
        {"error": f"A mirror has up to {MAX_GROUPS} groups: take one that there is"},
    )


@pytest.mark.parametrize("store_kind", ["memory"], indirect=True)
def test_a_mirror_in_memory_is_not_shared(site: Site) -> None:
    status, refusal = take(site, {"listener": "a"})
    assert status == 409
    assert "give its mapping a redis-url, or leave --group out" in refusal["error"]
    assert take(site, {"listener": "a"}, code="none")[0] == 404


def test_who_may_only_look_takes_nothing(serve: Serve) -> None:
    site = serve(public=True, codes=[])
    made = site.ask_json("POST", "/api/mirrors", {}).json()
    own, share = (made[name].rpartition("/")[2] for name in ("page", "share"))
    assert take(site, {"listener": "a"}, code=share)[0] == 403
    assert take(site, {"listener": "a"}, code=own)[0] == 200
