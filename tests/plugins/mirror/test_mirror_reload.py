"""A mirror under other mappings: what is recorded stays, pages go on, and what is refused leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from reserve_core import ConfigError, Server, check, mock, serve as serve_configuration
from tests.kit.client import ask
from tests.kit.waiting import until
from tests.plugins.mirror.conftest import Follower

RELOADS = 100
TAP = {"match": "^/api", "tap": "orders"}


def mirror(redis_url: str | None, *codes: str, **options: Any) -> dict[str, Any]:
    return {"match": "^/m(/.*)?$", "mirror": "$1", "redis-url": redis_url, "codes": [*codes], **options}


Open = Callable[[Server, str], Awaitable[Follower]]


@pytest.fixture
async def follow() -> AsyncIterator[Open]:
    """`await follow(server, code)` opens the WebSocket of a page."""
    async with AsyncExitStack() as stack:

        async def follow(server: Server, code: str) -> Follower:
            url = f"ws{server.url.removeprefix('http')}m/ws/{code}"
            follower = Follower(await websocket_connect(HTTPRequest(url)))
            stack.push_async_callback(follower.close)
            await follower.message("hello")
            return follower

        yield follow


async def record(server: Server, code: str, path: str) -> int:
    return (await asyncio.to_thread(ask, f"{server.url}m/r/{code}{path}", "POST", b"x")).status


async def test_a_refused_reload_makes_no_mirror(redis_url: str | None) -> None:
    async with await mock({"mappings": [mirror(redis_url, "one")]}) as site:
        with pytest.raises(ConfigError):
            await site.server.reload({"mappings": [mirror(redis_url, "two"), {"statu": 404}]})
        with pytest.raises(ConfigError):
            await site.configuration.set_mappings([mirror(redis_url, "two"), {"statu": 404}])
        await check({"mappings": [mirror(redis_url, "two")]})
        codes = {code: (await site.request("GET", f"/m/api/mirrors/{code}")).status for code in ("one", "two")}
        assert codes == {"one": 200, "two": 404}


async def test_a_mirror_may_come_by_other_mappings(redis_url: str | None) -> None:
    async with await mock({"mappings": [{"status": 404}]}) as site:
        await site.configuration.set_mappings([mirror(redis_url, "late")])
        assert (await site.request("POST", "/m/r/late/a", body="kept")).status == 200
        assert (await site.request("GET", "/m/api/mirrors/late")).json()["count"] == 1


async def test_a_tap_without_a_mirror_is_refused_on_every_way() -> None:
    wrong: dict[str, Any] = {"mappings": [{"status": 404}, TAP]}
    async with await mock({"mappings": [mirror(None), TAP]}) as site:
        for way in (check, mock, serve_configuration, site.server.reload):
            with pytest.raises(ConfigError) as caught:
                await way(wrong)
            (problem,) = caught.value.problems
            assert (problem.mapping, problem.message) == ("mapping 2 (^/api)", 'What "tap" records is shown nowhere')
        with pytest.raises(ConfigError, match="shown nowhere"):
            await site.configuration.set_mappings(wrong["mappings"])
        assert len(site.configuration.mappings) == 2


async def test_pages_go_on_under_reloads_and_one_table_is_left(redis_url: str | None, follow: Open) -> None:
    settings = {"mappings": [mirror(redis_url, "orders"), {"status": 404}]}
    async with await serve_configuration(settings, port=0) as server:
        pages = [await follow(server, "orders") for _ in range(3)]
        for number in range(RELOADS):
            await server.reload({"mappings": [{"match": f"^/{number}", "status": 204}, *settings["mappings"]]})
            if number % 10 == 0:
                assert await record(server, "orders", f"/{number}") == 200
        await until(lambda: not server._former)
        assert await record(server, "orders", "/last") == 200
        paths = [f"/{number}" for number in range(0, RELOADS, 10)] + ["/last"]
        for page in pages:
            assert [(await page.message("request"))["request"]["path"] for _ in paths] == paths


@pytest.mark.parametrize("change", ["options", "place", "gone"])
async def test_the_page_of_a_mount_that_changed_is_told_to_come_again(
    redis_url: str | None, follow: Open, change: str
) -> None:
    changed = {
        "options": [mirror(redis_url, "orders", **{"max-requests": 7})],
        "place": [{**mirror(redis_url, "orders"), "match": "^/other(/.*)?$"}],
        "gone": [{"status": 404}],
    }
    async with await serve_configuration({"mappings": [mirror(redis_url, "orders")]}, port=0) as server:
        page = await follow(server, "orders")
        await server.configuration.set_mappings(changed[change])
        assert await page.next() is None
        assert page.connection.close_code == 1012
        await until(lambda: not server._former)


async def test_a_page_behind_middleware_goes_on(redis_url: str | None, follow: Open) -> None:
    told: list[str] = []

    class Around:
        """Middleware that has a lifespan."""

        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                while (kind := (await receive())["type"]) != "lifespan.shutdown":
                    await send({"type": f"{kind}.complete"})
                told.append("shutdown")
                await send({"type": "lifespan.shutdown.complete"})
                return
            await self.app(scope, receive, send)
            told.append("left")

    rest = [mirror(redis_url, "orders")]
    async with await serve_configuration({"mappings": [{"use": Around}, *rest]}, port=0) as server:
        page = await follow(server, "orders")
        await server.configuration.set_mappings(rest)
        assert await record(server, "orders", "/a") == 200
        assert (await page.message("request"))["request"]["path"] == "/a"
        assert "shutdown" not in told
        told.clear()
        await page.close()
        await until(lambda: told == ["left", "shutdown"])
