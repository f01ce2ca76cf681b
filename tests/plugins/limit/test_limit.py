"""The prefix `limit`, by a mock: what passes, what is refused, and what clients are told."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reserve_core import ConfigError, Mock, Request, Response, check, mock
from tests.kit.waiting import until
from tests.plugins.limit.conftest import Clock

Mocked = Callable[..., Awaitable[Mock]]

CONTENT = {"match": "^/api/", "custom": ["hello", {"headers": {"x-own": "1"}}]}


async def statuses(site: Mock, count: int, url: str = "/api/", headers: Any = ()) -> list[int]:
    """The statuses of as many requests, one behind the other."""
    return [(await site.request("GET", url, headers)).status for _ in range(count)]


async def test_so_many_pass_and_the_others_are_told_when(clock: Clock, mocked: Mocked) -> None:
    site = await mocked({"match": "^/api/", "limit": "3/m"}, CONTENT)
    told = [(await site.request("GET", "/api/")) for _ in range(4)]
    assert [response.status for response in told] == [200, 200, 200, 429]
    assert [response.headers["ratelimit"] for response in told[:3]] == [
        '"3/m";r=2;t=20',
        '"3/m";r=1;t=20',
        '"3/m";r=0;t=20',
    ]
    refused = told[3]
    assert refused.headers["retry-after"] == "20"
    assert refused.headers["ratelimit"] == '"3/m";r=0;t=20'
    assert {response.headers["ratelimit-policy"] for response in told} == {'"3/m";q=3;w=60'}
    assert refused.text == "Too Many Requests"
    assert await statuses(site, 1, "/other") == [404]
    clock.now += 20
    assert await statuses(site, 2) == [200, 429]


async def test_what_passes_is_answered_as_without_it(mocked: Mocked) -> None:
    limited = await (await mocked({"limit": "3/h"}, CONTENT)).request("GET", "/api/")
    free = await (await mocked(CONTENT)).request("GET", "/api/")
    assert limited.body == free.body
    assert limited.headers.getall("x-own") == ["1"]
    assert set(limited.headers) - set(free.headers) == {"ratelimit", "ratelimit-policy"}


async def test_a_response_keeps_fields_of_its_own(mocked: Mocked) -> None:
    site = await mocked({"limit": "3/h"}, {"status": 200, "headers": {"RateLimit": '"inner";r=1'}})
    assert (await site.request("GET", "/")).headers.getall("ratelimit") == ['"inner";r=1']


async def test_all_of_several_limits_hold(clock: Clock, mocked: Mocked) -> None:
    site = await mocked({"limit": ["2/s", "3/m"]}, CONTENT)
    assert await statuses(site, 3) == [200, 200, 429]
    clock.now += 1
    assert await statuses(site, 2) == [200, 429]
    refused = await site.request("GET", "/api/")
    assert refused.headers["ratelimit-policy"] == '"2/s";q=2;w=1, "3/m";q=3;w=60'
    assert refused.headers["ratelimit"] == '"2/s";r=1;t=1, "3/m";r=0;t=19'
    assert refused.headers["retry-after"] == "19"


async def test_mappings_add_up(mocked: Mocked) -> None:
    site = await mocked({"limit": "5/h"}, {"match": "^/api/", "limit": "1/h"}, CONTENT)
    response = await site.request("GET", "/api/")
    assert response.headers.getall("ratelimit") == ['"5/h";r=4;t=720', '"1/h";r=0;t=3600']
    assert await statuses(site, 1) == [429]
    assert await statuses(site, 4, "/other") == [404, 404, 404, 429]


async def test_a_burst_may_be_smaller_or_greater(clock: Clock, mocked: Mocked) -> None:
    site = await mocked({"match": "^/api/", "limit": "100/h", "burst": 2}, {"limit": "1/h", "burst": 3}, CONTENT)
    assert await statuses(site, 3) == [200, 200, 429]
    response = await site.request("GET", "/")
    assert response.headers["ratelimit-policy"] == '"1/h";q=1;w=3600;reserve-burst=3'
    assert response.headers["ratelimit"] == '"1/h";r=0;t=3600'


async def test_clients_are_told_apart_behind_a_proxy() -> None:
    settings: dict[str, Any] = {"trusted-proxies": ["127.0.0.1"], "mappings": [{"limit": "1/h"}, CONTENT]}
    async with await mock(settings) as site:
        for client in ("192.0.2.1", "192.0.2.2"):
            assert await statuses(site, 2, headers={"x-forwarded-for": client}) == [200, 429]


async def test_a_header_tells_clients_apart(mocked: Mocked) -> None:
    site = await mocked({"limit": "1/h", "by": {"header": "X-Api-Key"}}, CONTENT)
    assert await statuses(site, 2, headers={"x-api-key": "one"}) == [200, 429]
    assert await statuses(site, 2, headers={"x-api-key": "two"}) == [200, 429]
    assert await statuses(site, 2) == [200, 429]


async def test_mappings_of_a_name_count_together_and_a_request_once(mocked: Mocked) -> None:
    limit = {"limit": "3/h", "name": "all"}
    site = await mocked({"match": "^/api/", **limit}, {"match": "^/(api|other)/", **limit}, CONTENT)
    response = await site.request("GET", "/api/")
    assert response.headers.getall("ratelimit") == ['"all 3/h";r=2;t=1200']
    assert await statuses(site, 2, "/other/") == [404, 404]
    assert await statuses(site, 1) == [429]


async def test_mappings_without_one_count_for_themselves(mocked: Mocked) -> None:
    limit = {"limit": "1/h"}
    site = await mocked(
        {"match": "^/api/a", **limit},
        {"match": "^/api/b", **limit},
        {"match": "^/api/c", "method": "GET", **limit},
        {"match": "^/api/c", "method": "POST", **limit},
        {"match": "^/api/d", "host": "a.example", **limit},
        {"match": "^/api/d", "host": "b.example", **limit},
        CONTENT,
    )
    assert await statuses(site, 2, "/api/a") == [200, 429]
    assert await statuses(site, 2, "/api/b") == [200, 429]
    assert await statuses(site, 2, "/api/c") == [200, 429]
    assert (await site.request("POST", "/api/c")).status == 200
    assert await statuses(site, 2, "/api/d", {"host": "a.example"}) == [200, 429]
    assert await statuses(site, 2, "/api/d", {"host": "b.example"}) == [200, 429]


async def test_a_request_that_is_redirected_inside_counts_once(mocked: Mocked) -> None:
    def onward(request: Request, response: Response) -> str:
        return "/api/"

    site = await mocked({"limit": "2/h"}, {"match": "^/start", "custom": onward}, CONTENT)
    assert (await site.request("GET", "/start")).headers.getall("ratelimit") == ['"2/h";r=1;t=1800']
    assert await statuses(site, 2, "/start") == [200, 429]


async def test_requests_of_handlers_are_not_counted(mocked: Mocked) -> None:
    async def batch(request: Request, response: Response) -> list[Any]:
        inner = [await request.configuration.dispatch(Request("GET", "/api/")) for _ in range(5)]
        return [[[each.status, "ratelimit" in each.headers] for each in inner]]

    site = await mocked({"limit": "2/h"}, {"match": "^/batch", "custom": batch}, CONTENT)
    assert (await site.request("GET", "/batch")).json() == [[200, False]] * 5
    assert await statuses(site, 2, "/batch") == [200, 429]


class TestReload:
    @pytest.fixture
    async def site(self, mocked: Mocked) -> Mock:
        site = await mocked({"match": "^/api/", "limit": "2/h"}, CONTENT)
        assert await statuses(site, 2) == [200, 200]
        return site

    async def test_counters_stay(self, site: Mock) -> None:
        other = {"match": "^/new", "status": 204}
        await site.server.reload({"mappings": [other, {"match": "^/api/", "limit": "2/h"}, CONTENT]})
        assert await statuses(site, 1) == [429]
        await site.configuration.set_mappings([{"match": "^/api/", "limit": "2/h"}, CONTENT])
        assert await statuses(site, 1) == [429]

    async def test_another_limit_counts_anew(self, site: Mock) -> None:
        await site.server.reload({"mappings": [{"match": "^/api/", "limit": "3/h"}, CONTENT]})
        assert await statuses(site, 4) == [200, 200, 200, 429]

    async def test_what_is_refused_changes_nothing(self, site: Mock) -> None:
        with pytest.raises(ConfigError):
            await site.server.reload({"mappings": [{"match": "^/api/", "limit": "3/h"}, {"staus": 404}]})
        assert await statuses(site, 1) == [429]

    async def test_counters_of_no_mapping_are_gone(self, site: Mock) -> None:
        counters = weakref.ref(site.configuration.mappings[0].state.counters)
        await site.server.reload({"mappings": [CONTENT]})
        await until(lambda: counters() is None)
        await site.server.reload({"mappings": [{"match": "^/api/", "limit": "2/h"}, CONTENT]})
        assert await statuses(site, 3) == [200, 200, 429]


LIMIT = {"limit": "10/s"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": "10"}, '"limit" must be of the form'),
        ({"limit": "0/s"}, '"limit" must be of the form'),
        ({"limit": "1000000/s"}, '"limit" must be of the form'),
        ({"limit": []}, '"limit"'),
        ({"limit": ["1/s", "1/s"]}, '"limit"'),
        ({"limit": ["1/s", "1/d"]}, r'"limit\[1\]" must be of the form'),
        ({"limit": ["1/s", "9/m"], "burst": 2}, '"burst" is for one limit'),
        ({**LIMIT, "burst": 0}, '"burst" must be at least 1'),
        ({**LIMIT, "by": "ip"}, '"by" must be one of "address", "user" or an object'),
        ({**LIMIT, "by": {"header": "X Y"}}, '"by.header" must be of the form'),
        ({**LIMIT, "name": "{a}"}, '"name" must be of the form'),
        ({**LIMIT, "redis-url": "http://localhost"}, '"redis-url" is not the URL of a Redis'),
        ({**LIMIT, "redis-url": "redis://localhost:port"}, '"redis-url" is not the URL of a Redis'),
    ],
)
async def test_a_mistake_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        await check({"mappings": [options]})


@pytest.mark.parametrize(
    "other", [{"limit": "9/s"}, {"burst": 3}, {"by": "user"}, {"redis-url": "redis://127.0.0.1:6379"}]
)
async def test_what_counts_together_counts_the_same(other: dict[str, Any]) -> None:
    limit = {**LIMIT, "name": "all"}
    with pytest.raises(ConfigError, match=r'mapping 2.*Another limit is named "all"'):
        await check({"mappings": [limit, {**limit, **other}]})


async def test_workers_that_count_by_themselves_are_told() -> None:
    (warning,) = (await check({"mappings": [LIMIT]}, workers=4)).warnings
    assert "Each of 4 workers counts by itself" in str(warning)
    assert (await check({"mappings": [LIMIT]})).warnings == ()
    shared = {**LIMIT, "redis-url": "redis://127.0.0.1:6379"}
    assert (await check({"mappings": [shared]}, workers=4)).warnings == ()
