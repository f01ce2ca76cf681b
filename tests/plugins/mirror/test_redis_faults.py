"""A Redis that refuses us, forgets, or has few rights for us: said at the start, and never to those who send."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import ConfigError
from reserve_mirror.store import MirrorSettings, Record, redis_pipeline
from reserve_mirror.store.redis_command import NOT_STORED
from reserve_mirror.store.redis_store import RedisStore
from tests.kit import client
from tests.kit.redis_server import RedisNode
from tests.kit.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kit.redis_server import RedisServer
    from tests.kit.redis_topologies import Topology
    from tests.plugins.mirror.conftest import Serve

    Of = Callable[[str], Topology]
    Own = Callable[..., RedisServer]

SETTINGS = MirrorSettings(max_requests=1000, expiration_time=60, response='{"status":200}')
SUMMARY = '{"path":"/"}'


@pytest.fixture
def store_kind() -> str:
    """Sites are on Redis."""
    return "redis"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def refusal(url: str) -> str:
    """Why the start with this Redis ends."""
    store = RedisStore(url)
    try:
        with pytest.raises(ConfigError) as error:
            await store.start()
    finally:
        await store.close()
    return str(error.value)


async def test_a_database_that_there_is_not_ends_the_start(redis_server: RedisServer) -> None:
    assert "DB index is out of range" in await refusal(f"{redis_server.url}?db=99")


async def test_a_database_of_a_cluster_ends_the_start(redis_topology: Of) -> None:
    node = redis_topology("cluster").masters()[0]
    assert "SELECT is not allowed in cluster mode" in await refusal(f"{node.url}/1")


async def test_a_certificate_that_nobody_trusts_ends_the_start(redis_topology: Of) -> None:
    told = await refusal(redis_topology("tls").url.partition("?")[0])
    assert "certificate" in told
    assert "ssl_ca_certs=FILE" in told


async def test_a_name_that_no_sentinel_knows_ends_the_start(redis_topology: Of) -> None:
    url = redis_topology("sentinel").url
    assert "know no such master" in await refusal(f"{url.rpartition('/')[0]}/others")


async def test_a_cluster_of_nodes_that_are_none_ends_no_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = RedisNode(tmp_path)
    node.start()
    store = RedisStore(f"redis+cluster://{node.address}")
    try:
        await store.start()
    finally:
        await store.close()
        node.kill()
    assert "knows no slots: it's no cluster" in caplog.text


async def test_rights_that_are_missing_end_the_start(redis_server: RedisServer) -> None:
    with redis_server.client() as redis:
        redis.execute_command("ACL", "SETUSER", "idle", "on", "nopass", "~reserve:*", "-@all", "+ping")
    told = await refusal(redis_server.url.replace("//", "//idle:x@"))
    assert "doesn't let this user do what a mirror needs" in told
    assert "evalsha" in told


async def test_rights_for_other_keys_end_the_start(redis_server: RedisServer) -> None:
    with redis_server.client() as redis:
        redis.execute_command("ACL", "SETUSER", "apart", "on", "nopass", "~other:*", "&*", "+@all")
    assert "doesn't let this user" in await refusal(redis_server.url.replace("//", "//apart:x@"))


async def test_who_may_not_ask_for_information_is_not_warned(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server.client() as redis:
        redis.execute_command("ACL", "SETUSER", "app", "on", "nopass", "~*", "&*", "+@all", "-@dangerous", "-@admin")
    store = RedisStore(redis_server.url.replace("//", "//app:x@"))
    await store.start()
    assert await store.create("orders", SETTINGS)
    assert await store.add("orders", Record(SUMMARY))
    await store.close()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("policy", "limit", "count"), [("allkeys-lru", 1, 1), ("noeviction", 1, 0), ("allkeys-lru", 0, 0)]
)
async def test_a_memory_that_evicts_is_told(
    own_redis: Own, caplog: pytest.LogCaptureFixture, policy: str, limit: int, count: int
) -> None:
    options = ("--appendonly", "yes", "--maxmemory-policy", policy, "--maxmemory", f"{limit}gb")
    store = RedisStore(own_redis(*options).url)
    await store.start()
    await store.close()
    told = [text for text in warnings(caplog) if f"maxmemory-policy is {policy}" in text]
    assert len(told) == len(warnings(caplog)) == count


def test_the_command_says_so_and_ends(redis_server: RedisServer, reserve: Callable[..., Any]) -> None:
    done = reserve("mirror", "--port", "0", "--redis-url", f"{redis_server.url}?db=99")
    assert done.returncode == 2
    assert "DB index is out of range" in done.stderr
    assert "Traceback" not in done.stderr


def test_senders_see_no_error_of_redis(own_redis: Own, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = own_redis("--appendonly", "yes")
    site = serve(redis_url=server.url)
    with server.client() as redis:
        redis.config_set("maxmemory", "1mb")
    response = site.ask("POST", "/r/orders", b"x")
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert NOT_STORED in response.text
    assert "maxmemory" not in response.text
    assert "maxmemory" in caplog.text


def test_senders_learn_that_no_replica_has_confirmed(
    redis_server: RedisServer, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_pipeline, "CONFIRMATION_TIME", 0.05)
    site = serve(redis_wait=1)
    response = site.ask("POST", "/r/orders", b"x")
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert "possibly stored" in response.text
    assert len(site.requests()) == 1


def test_a_body_that_redis_has_dropped_is_said_to_be_lost(redis_server: RedisServer, serve: Serve) -> None:
    site = serve()
    lost, empty = site.record("/lost", b"body"), site.record("/empty")
    with redis_server.client() as redis:
        redis.delete("reserve:{orders}:b")
    found = site.whole(lost)
    assert (found["body"], found["truncated"], found["lost"], found["size"]) == ("", True, True, 4)
    assert "memory of Redis was full" in found["notes"][0]
    assert site.get(f"/api/mirrors/orders/requests/{lost}/body").status == 410
    found = site.whole(empty)
    assert (found["truncated"], found["lost"], found["notes"]) == (False, False, [])
    assert site.get(f"/api/mirrors/orders/requests/{empty}/body").status == 200


def test_a_tapped_body_that_redis_has_dropped_is_said_to_be_lost(redis_server: RedisServer, serve: Serve) -> None:
    def reply(_request: object, _response: object) -> list[str]:
        return ["hello"]

    before = [{"match": "^/api", "tap": "orders"}, {"match": "^/api", "custom": reply}]
    site = serve("/mirror", before=before)
    assert client.ask(f"{site.server.url}api").status == 200
    wait_until(site.requests)
    with redis_server.client() as redis:
        redis.delete("reserve:{orders}:b")
    (summary,) = site.requests()
    found = site.whole(summary["id"])
    assert (found["lost"], found["notes"]) == (False, [])
    assert (found["response"]["body"], found["response"]["truncated"], found["response"]["lost"]) == ("", True, True)
    assert "memory of Redis was full" in found["response"]["notes"][0]
    assert site.get(f"/api/mirrors/orders/requests/{summary['id']}/response/body").status == 410


def test_a_mirror_to_keep_keeps_its_requests_though_its_settings_are_dropped(
    redis_server: RedisServer, serve: Serve
) -> None:
    site = serve()
    before = site.record("/before", b"body")
    with redis_server.client() as redis:
        redis.delete("reserve:{orders}")
    after = site.record("/after")
    assert [request["id"] for request in site.requests()] == [before, after]
    assert site.whole(before)["body"] == "body"
