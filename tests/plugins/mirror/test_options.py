"""The options of a mirror, and the environment variables that are their defaults."""

from __future__ import annotations

from typing import Any

import pytest

from reserve_core import ConfigError, Mock, check, load_plugins, mock
from reserve_core.kit import RedisURL
from reserve_mirror.mirror_mount import MountPlan


async def planned(**properties: Any) -> MountPlan:
    mapping = {"mirror": "$1", **{name.replace("_", "-"): value for name, value in properties.items()}}
    configuration = await check({"mappings": [mapping]}, load_plugins())
    found: MountPlan = configuration.mappings[0].state
    return found


def settings(plan: MountPlan) -> tuple[str | None, int | None, int]:
    return plan.redis_url, plan.settings.expiration_time, plan.settings.max_requests


async def test_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await planned()
    assert found.redis_url is None
    assert (found.settings.expiration_time, found.settings.max_requests) == (86400, 20)
    options = found.options
    assert (options.max_body_size, options.codes, options.allow_create, options.token) == (10485760, (), True, None)


@pytest.mark.parametrize("prefix", ["", "RM_"], ids=["ours", "request mirror's"])
async def test_the_environment_gives_defaults(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv(f"{prefix}REDIS_URL", "redis://:secret@localhost:6379/1")
    monkeypatch.setenv(f"{prefix}EXPIRATION_TIME", " 60 ")
    monkeypatch.setenv(f"{prefix}MAX_REQUESTS", "5")
    monkeypatch.setenv(f"{prefix}REDIS_MAX_CONNECTIONS", "3")
    found = await planned()
    assert settings(found) == ("redis://:secret@localhost:6379/1", 60, 5)


async def test_our_name_of_a_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_REQUESTS", "5")
    monkeypatch.setenv("RM_MAX_REQUESTS", "6")
    assert (await planned()).settings.max_requests == 5


async def test_the_configuration_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost:6379")
    monkeypatch.setenv("EXPIRATION_TIME", "60")
    monkeypatch.setenv("MAX_REQUESTS", "5")
    found = await planned(redis_url="redis://other:1", expiration_time=61, max_requests=6)
    assert settings(found) == ("redis://other:1", 61, 6)
    assert (await planned(redis_url=None)).redis_url is None


@pytest.mark.parametrize("name", ["REDIS_URL", "EXPIRATION_TIME", "MAX_REQUESTS", "REDIS_MAX_CONNECTIONS"])
@pytest.mark.parametrize("value", ["", "None"])
async def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    if name == "REDIS_URL" and value:
        return
    monkeypatch.setenv(name, value)
    found = await planned()
    assert settings(found) == (None, 86400, 20)


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"MAX_REQUESTS": "many"}, "$MAX_REQUESTS is 'many'"),
        ({"MAX_REQUESTS": "0"}, "$MAX_REQUESTS is 0"),
        ({"RM_MAX_REQUESTS": "0"}, "$RM_MAX_REQUESTS is 0"),
        ({"RM_EXPIRATION_TIME": "a day"}, "$RM_EXPIRATION_TIME is 'a day'"),
        ({"RM_REDIS_URL": "localhost"}, "$RM_REDIS_URL is not the URL of a Redis"),
        ({"REDIS_URL": "redis://localhost", "RM_REDIS_MAX_CONNECTIONS": "2"}, "$RM_REDIS_MAX_CONNECTIONS is 2"),
        ({"MAX_REQUESTS": "-1"}, "$MAX_REQUESTS is '-1'"),
        ({"EXPIRATION_TIME": "1.5"}, "$EXPIRATION_TIME is '1.5'"),
        ({"EXPIRATION_TIME": "9" * 15}, "$EXPIRATION_TIME is 9"),
        ({"REDIS_URL": "localhost:6379"}, "$REDIS_URL is not the URL of a Redis"),
        ({"REDIS_URL": "http://localhost"}, "$REDIS_URL is not the URL of a Redis"),
        ({"REDIS_URL": "redis://"}, "$REDIS_URL is not the URL of a Redis"),
        ({"REDIS_URL": "redis://localhost:port"}, "$REDIS_URL is not the URL of a Redis"),
        ({"REDIS_URL": "unix://"}, "$REDIS_URL is not the URL of a Redis"),
        ({"REDIS_URL": "redis://localhost", "REDIS_MAX_CONNECTIONS": "1"}, "$REDIS_MAX_CONNECTIONS is 1"),
        ({"REDIS_URL": "redis://localhost", "REDIS_MAX_CONNECTIONS": "x"}, "$REDIS_MAX_CONNECTIONS is 'x'"),
    ],
)
async def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], part: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        await planned()
    assert part in str(error.value)
    assert "mapping 1" in str(error.value)


@pytest.mark.parametrize(
    "properties",
    [
        {"max_requests": 0},
        {"max_requests": "20"},
        {"expiration_time": 0},
        {"max_body_size": -1},
        {"codes": ["a b"]},
        {"codes": "orders"},
        {"allow_create": "yes"},
        {"max_size": 100},
        {"max_rate": "50"},
        {"max_client_rate": "0/s"},
        {"max_creation_rate": "10/day"},
        {"response": {"status": 99}},
        {"response": {"headers": {"content-length": "1"}}},
        {"response": {"headers": {"x": "a\nb"}}},
        {"response": {"stats": 200}},
        {"response": []},
        {"allowed_hosts": ["http://x"]},
        {"trusted_proxies": ["localhost"]},
        {"trusted_proxies": ["10.0.0.0/99"]},
        {"token": "short"},
        {"token": "white space"},
        {"redis_url": "file:///x"},
        {"redis_url": ""},
        {"redis": "redis://localhost"},
    ],
    ids=str,
)
async def test_a_wrong_option_is_named(properties: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        await planned(**properties)
    assert next(iter(properties)).replace("_", "-") in str(error.value)


@pytest.mark.parametrize(
    "url",
    ["redis://localhost", "rediss://user:p%40ss@host:6380/3", "unix:///run/redis.sock?db=1", "redis://[::1]:6379"],
)
async def test_every_kind_of_redis_is_known(url: str) -> None:
    assert (await planned(redis_url=url)).redis_url == url


async def test_a_password_is_shown_nowhere() -> None:
    assert RedisURL.parse("rediss://user:secret@host:6380/3?client_name=x").place == "rediss://host:6380/3"
    assert RedisURL.parse("redis://:secr%2Fet@host").place == "redis://host"
    assert RedisURL.parse("unix://:secret@/run/redis.sock?db=1").place == "unix:///run/redis.sock"


MIRROR = {"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["orders"], "redis-url": None}


async def record(site: Mock) -> int:
    assert (await site.request("POST", "/mirror/r/orders")).status == 200
    response = await site.request("GET", "/mirror/api/mirrors/orders")
    return int(response.json()["count"])


async def test_new_mappings_find_what_was_recorded_before() -> None:
    async with await mock({"mappings": [MIRROR]}) as site:
        assert await record(site) == 1
        await site.configuration.set_mappings([{"match": "^/x", "status": 204}, {**MIRROR, "max-requests": 9}])
        assert await record(site) == 2


async def test_two_mounts_of_one_configuration_show_the_same() -> None:
    other = {"match": "^/other(/.*)?$", "mirror": "$1", "redis-url": None}
    async with await mock({"mappings": [MIRROR, other]}) as site:
        await record(site)
        response = await site.request("GET", "/other/api/mirrors/orders")
        assert response.json()["count"] == 1


async def test_two_configurations_in_one_process_are_apart() -> None:
    async with await mock({"mappings": [MIRROR]}) as one, await mock({"mappings": [MIRROR]}) as two:
        assert await record(one) == 1
        assert await record(two) == 1


async def test_a_mirror_may_be_fed_by_a_mapping_of_its_own() -> None:
    hook = {"match": "^/hook(.*)", "mirror": "/r/orders$1", "redis-url": None}
    async with await mock({"mappings": [hook, MIRROR]}) as site:
        assert (await site.request("POST", "/hook/paid?x=1")).text == "OK"
        response = await site.request("GET", "/mirror/api/mirrors/orders/requests")
        (summary,) = response.json()["requests"]
        assert (summary["path"], summary["query"]) == ("/paid", [["x", "1"]])
        assert summary["url"] == "http://localhost/hook/paid?x=1"
