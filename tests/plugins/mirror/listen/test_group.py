"""`reserve listen --group`: several listeners share a mirror."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from reserve_mirror import group_call
from reserve_mirror.store import GroupClaim, GroupTurn
from reserve_mirror.store.redis_store import RedisStore
from tests.kit.hook_target import HookTarget
from tests.kit.ports import free_port
from tests.kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.kit.running import Running
    from tests.plugins.mirror.conftest import Serve, Site
    from tests.plugins.mirror.listen.conftest import Listen, StartListening


@pytest.fixture(params=["redis"])
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_call, "LEASE", 1.0)


def record(site: Site, numbers: Iterable[int]) -> None:
    for n in numbers:
        assert site.ask("POST", f"/r/orders/{n}", b"x").status == 200


def listeners(start_listening: StartListening, count: int, *options: str, url: str = "") -> list[Running]:
    """Listeners of a group that are ready."""
    started = [start_listening("--group", "devs", "--json", *options, url=url) for _ in range(count)]
    for each in started:
        wait_until(lambda each=each: "is sent on to" in each.errors)  # type: ignore[misc]
    return started


def test_each_request_goes_to_one_of_them_and_none_is_lost_with_one(
    start_listening: StartListening, serve: Serve, site: Site, target: HookTarget, short_lease: None
) -> None:
    other = serve("/mirror")  # another server with the same Redis
    killed, *rest = [*listeners(start_listening, 2), *listeners(start_listening, 1, url=f"{other.url}/r/orders")]
    record(site, range(50))
    wait_until(lambda: len(target.requests) == 50)
    assert sorted(target.paths) == sorted(f"/hook/{n}" for n in range(50))
    target.requests.clear()
    record(other, range(50))
    killed.signal(signal.SIGKILL)
    record(site, range(50, 150))
    wait_until(lambda: len(set(target.paths)) == 150)
    assert len(target.requests) <= 151  # the one it had in its hand may have come twice
    for each in rest:
        assert each.stop() == 0
        assert json.loads(each.output[0])["outcome"] == "delivered"


def test_what_one_has_when_it_dies_another_one_takes(
    start_listening: StartListening, site: Site, target: HookTarget, short_lease: None
) -> None:
    target.stop()
    (first,) = listeners(start_listening, 1)
    record(site, [1])
    wait_until(lambda: "nothing listens there; trying again" in first.errors)
    (second,) = listeners(start_listening, 1)
    first.signal(signal.SIGKILL)
    first.wait()
    wait_until(lambda: "nothing listens there; trying again" in second.errors)
    target.start()
    wait_until(lambda: target.paths == ["/hook/1"])


def test_a_request_is_kept_in_hand_however_long_it_takes(
    start_listening: StartListening, listen: Listen, site: Site, target: HookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_call, "LEASE", 0.6)
    turns: list[GroupTurn] = []
    claim = RedisStore.claim

    async def counted(store: RedisStore, code: str, turn: GroupTurn, lease: float) -> GroupClaim | None:
        turns.append(turn)
        return await claim(store, code, turn, lease)

    monkeypatch.setattr(RedisStore, "claim", counted)
    target.stop()
    (first,) = listeners(start_listening, 1)
    record(site, [1])
    wait_until(lambda: "nothing listens there; trying again" in first.errors)
    before = len(turns)
    wait_until(lambda: len(turns) >= before + 6)  # twice as long as the lease
    assert listen("--group", "devs").stdout == ""
    target.start()
    wait_until(lambda: target.paths == ["/hook/1"])


def test_once_sends_on_what_nobody_has(listen: Listen, site: Site, target: HookTarget, state_home: Path) -> None:
    record(site, [1, 2])
    done = listen("--group", "devs")
    assert (done.returncode, done.stderr) == (0, "")
    assert target.paths == ["/hook/1", "/hook/2"]
    assert listen("--group", "devs").stdout == ""
    assert listen("--group", "others", "--when", "path=/2").stdout.count("\n") == 1
    assert not state_home.exists()
    assert site.whole(site.requests()[0]["id"])["forwarded"]["status"] == 200


def test_what_the_mirror_has_dropped_is_told(listen: Listen, serve: Serve) -> None:
    site = serve("/small", max_requests=2)
    listen("--group", "devs", at=site)
    record(site, range(5))
    done = listen("--group", "devs", at=site)
    assert done.returncode == 1
    assert "3 requests are lost: the mirror has dropped what came\n" in done.stdout


def test_a_new_group_begins_with_what_comes(start_listening: StartListening, site: Site, target: HookTarget) -> None:
    record(site, [1])
    listeners(start_listening, 1)
    record(site, [2])
    wait_until(lambda: target.paths == ["/hook/2"])


def test_it_ends_with_the_mirror(start_listening: StartListening, site: Site) -> None:
    site.ask_json("POST", "/api/mirrors", {"code": "mine"})
    (listening,) = listeners(start_listening, 1, url=f"{site.url}/v/mine")
    site.ask("DELETE", "/api/mirrors/mine")
    assert listening.wait() == 1
    assert listening.errors.endswith("The mirror 'mine' does not exist\n")


def test_a_server_that_is_away_is_waited_for(
    start_listening: StartListening, listen: Listen, target: HookTarget
) -> None:
    url = f"http://127.0.0.1:{free_port()}/r/orders"
    listening = start_listening("--group", "devs", url=url)
    wait_until(lambda: "The mirror doesn't respond: nothing listens there; trying again\n" in listening.errors)
    assert listening.stop() == 0


@pytest.mark.parametrize("store_kind", ["memory"], indirect=True)
def test_a_mirror_in_memory_is_refused(listen: Listen, site: Site) -> None:
    done = listen("--group", "devs")
    assert done.returncode == 2
    assert "give its mapping a redis-url, or leave --group out" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--group", "a b"), "'a b' is not the name of a group: it has up to 64 letters"),
        (("--group", "devs", "--state", "x.json"), "the mirror knows where a --group stands"),
    ],
)
def test_what_cannot_be_is_refused(listen: Listen, options: tuple[str, ...], told: str) -> None:
    done = listen(*options)
    assert done.returncode == 2
    assert told in done.stderr
