"""Counters in a Redis: the same algorithm, for all processes that name it, and what happens while it's away."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from reserve_core import Mock
from reserve_core.kit import COUNTING_SCRIPT, Quota, redis_client, take
from reserve_core.testing import StartServer
from reserve_limit.redis_counters import PAUSE
from tests.kit.client import ask
from tests.kit.clock import Clock
from tests.kit.redis_server import RedisServer
from tests.kit.redis_topologies import Topology
from tests.kit.running import Running
from tests.quotas.test_quota import PAUSES, QUOTAS

Mocked = Callable[..., Awaitable[Mock]]
Own = Callable[..., RedisServer]

CONTENT = {"custom": ["hello"]}


@pytest.fixture
def script(redis_server: RedisServer) -> Iterator[Any]:
    """The script, which is given the time as its last argument, and whose keys outlast a test."""
    given_time = COUNTING_SCRIPT.replace("redis.call('TIME')", "{0, tonumber(table.remove(ARGV))}").replace(
        "string.format('%.0f', lifetime))", "3600000)"
    )
    assert given_time.count("table.remove") == given_time.count("3600000") == 1
    with redis_server.client() as client:
        yield client.register_script(given_time)


@given(quota=QUOTAS, other=QUOTAS, pauses=PAUSES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_does_what_is_done_in_memory(script: Any, quota: Quota, other: Quota, pauses: list[int]) -> None:
    quotas = [quota, other]
    arguments = [number for each in quotas for number in (each.count, each.cost, each.capacity)]
    script.registered_client.flushdb()
    debts: tuple[int, ...] = (0, 0)
    computed, now = 0, 1_800_000_000_000_000
    for pause in pauses:
        now += pause
        verdict = take(quotas, debts, now - computed)
        passes, *owed = script(keys=["key"], args=[*arguments, now])
        assert (bool(passes), tuple(owed)) == (verdict.passes, verdict.debts)
        if passes:
            debts, computed = verdict.debts, now


@pytest.mark.parametrize("text", ["999999/h", "999999/s", "1/h"])
def test_great_numbers_are_exact(script: Any, text: str) -> None:
    quota = Quota.parse(text, 1_000_000)
    arguments, now = [quota.count, quota.cost, quota.capacity], 1_800_000_000_000_000
    owed = quota.capacity - quota.cost - 1
    script.registered_client.set("key", f"{now} {owed}")
    for pause in (0, 1, 2, 999_983):
        verdict = take([quota], [owed], pause)
        assert script(keys=["key"], args=[*arguments, now + pause]) == [verdict.passes, *verdict.debts]
        if verdict.passes:
            now, owed = now + pause, verdict.debts[0]
        assert script.registered_client.get("key") == f"{now} {owed}".encode()


def statuses(url: str, count: int) -> list[int]:
    return [ask(url).status for _ in range(count)]


@pytest.mark.parametrize("kind", ["tls", "cluster", "sentinel"])
def test_it_counts_however_redis_is_run(
    kind: str, redis_topology: Callable[[str], Topology], reserve_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    limit = {"limit": "1/h", "redis-url": redis_topology(kind).url}
    mappings = [{"match": f"^/{n}$", **limit} for n in range(5)]
    server = reserve_server({"mappings": [*mappings, CONTENT]})
    assert [statuses(f"{server.url}{n}", 2) for n in range(5)] == [[200, 429]] * 5
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_client_is_one_key_for_as_long_as_it_owes(redis_server: RedisServer, reserve_server: StartServer) -> None:
    limit = {"limit": ["2/m", "3/h"], "redis-url": redis_server.url}
    server = reserve_server({"mappings": [limit, CONTENT]})
    assert statuses(server.url, 3) == [200, 200, 429]
    refused = ask(server.url)
    assert refused.headers["ratelimit-policy"] == '"2/m";q=2;w=60, "3/h";q=3;w=3600'
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    with redis_server.client() as client:
        (key,) = client.keys()
        assert key.startswith(b"reserve:limit:{")
        assert key.endswith(b":127.0.0.1}")
        assert 1_200_000 < client.pttl(key) <= 2_400_000  # two of three an hour


def test_counters_survive_a_reload_and_a_start(redis_server: RedisServer, reserve_server: StartServer) -> None:
    configuration = {"mappings": [{"limit": "2/h", "redis-url": redis_server.url}, CONTENT]}
    first = reserve_server(configuration)
    assert statuses(first.url, 1) == [200]
    first.close()
    assert statuses(reserve_server(configuration).url, 2) == [200, 429]


Start = Callable[[], str]


@pytest.fixture
def start(command: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the command in a process of its own, and returns its URL."""
    with ExitStack() as stack:

        def run() -> str:
            process = subprocess.Popen(
                [command, "--port", "0"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
            )
            running = Running(process, Path(os.devnull))
            stack.callback(running.stop)
            return running.ready()

        yield run


def test_processes_count_together(redis_server: RedisServer, start: Start, tmp_path: Path) -> None:
    (tmp_path / "reserve.json").write_text(
        f'{{"mappings": [{{"limit": "4/h", "redis-url": "{redis_server.url}"}}, {{"status": 204}}]}}'
    )
    one, two = start(), start()
    assert statuses(one, 2) + statuses(two, 3) + statuses(one, 1) == [204, 204, 204, 204, 429, 429]


class TestAway:
    """While Redis can't count, everything passes, and the log says so once."""

    @pytest.fixture
    async def clock(self) -> Clock:
        return Clock()

    @staticmethod
    def told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
        return [(record.levelno, record.getMessage()) for record in caplog.records]

    @staticmethod
    async def statuses(site: Mock, count: int) -> list[int]:
        return [(await site.request("GET", "/")).status for _ in range(count)]

    async def test_it_comes_back(
        self, clock: Clock, mocked: Mocked, own_redis: Own, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = own_redis()
        limit = {"limit": "1/h", "redis-url": server.url}
        site = await mocked({"match": "^/", **limit}, {"match": ".*", **limit}, CONTENT)
        assert await self.statuses(site, 2) == [200, 429]
        server.kill()
        assert await self.statuses(site, 5) == [200] * 5
        await clock.forward(5 * PAUSE)
        assert await self.statuses(site, 5) == [200] * 5
        ((level, message),) = self.told(caplog)
        assert level == logging.ERROR
        assert message.startswith("Redis can't count for limits: ")
        assert message.endswith("\nUntil it can, all requests pass them")
        server.start()
        await clock.forward(5 * PAUSE)
        assert await self.statuses(site, 2) == [200, 429]
        assert self.told(caplog)[1:] == [(logging.WARNING, "Redis is back: limits hold again")]

    async def test_nobody_waits_for_one_that_hangs(
        self, clock: Clock, mocked: Mocked, own_redis: Own, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = own_redis()
        site = await mocked({"limit": "1/h", "redis-url": server.url}, CONTENT)
        assert await self.statuses(site, 2) == [200, 429]
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        assert (await clock.hurry(site.request("GET", "/"))).status == 200
        assert await self.statuses(site, 100) == [200] * 100
        ((_, message),) = self.told(caplog)
        assert message.startswith("Redis can't count for limits: no reply within 1 s")

    async def test_one_that_refuses_is_as_good_as_none(
        self, mocked: Mocked, own_redis: Own, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = own_redis()
        with server.client() as client:
            client.config_set("requirepass", "right")
        site = await mocked({"limit": "1/h", "redis-url": f"unix://:wrong@{server.socket}"}, CONTENT)
        assert await self.statuses(site, 3) == [200] * 3
        ((_, message),) = self.told(caplog)
        assert "password" in message


async def test_a_client_of_redis_is_shared(mocked: Mocked, redis_server: RedisServer) -> None:
    """What limits use is for all plugins: one pool for those who name the same URL."""
    limit = {"limit": "1/h", "redis-url": redis_server.url}
    site = await mocked({"match": "^/a", **limit}, {"match": "^/b", **limit})
    one, two = (mapping.state.counters for mapping in site.configuration.mappings[:2])
    assert one._script is two._script
    async with redis_client(redis_server.url) as client:
        assert await client.set("key", "value")
        assert await client.get("key") == b"value"
