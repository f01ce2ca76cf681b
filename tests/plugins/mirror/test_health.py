"""`/healthz` and `/readyz` of a mirror, and how a server that stops lets balancers and pages go elsewhere first."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tornado.websocket import websocket_connect

from reserve_mirror import health
from tests.e2e.conftest import Start
from tests.kit.client import ask
from tests.kit.redis_server import RedisServer
from tests.kit.waiting import PATIENCE, until, wait_until

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site


def test_it_is_alive_and_ready_below_its_mount(site: Site) -> None:
    for path in ("/healthz", "/readyz"):
        response = site.get(path)
        assert (response.status, response.text) == (200, "ok\n")
        assert response.headers["cache-control"] == "no-store"
        assert site.ask("HEAD", path).status == 200
        assert site.ask("POST", path).status == 405
    assert ask(f"http://127.0.0.1:{site.server.port}/healthz").status == 404


def test_a_probe_needs_neither_the_token_nor_a_known_host(serve: Serve) -> None:
    site = serve("/mirror", token="long-and-secret")
    for path in ("/healthz", "/readyz"):
        assert site.get(path, ("Host", "pod-7.internal")).status == 200
    assert site.get("/api/mirrors/orders").status == 401
    assert site.get("/", ("Host", "pod-7.internal")).status == 403


def test_a_mirror_of_that_name_stands_beside_it(serve: Serve) -> None:
    site = serve(codes=["healthz", "readyz"], response={"status": 418})
    for code in ("healthz", "readyz"):
        assert site.ask("POST", f"/r/{code}", b"x").status == 418
        assert site.get(f"/{code}").text == "ok\n"
        assert len(site.requests(code)) == 1


def test_without_its_redis_it_is_alive_and_not_ready(
    reserve_server: Callable[[dict[str, Any]], Any], own_redis: Callable[..., RedisServer]
) -> None:
    database = own_redis()
    url = reserve_server({"mappings": [{"match": "(.*)", "mirror": "$1", "redis-url": database.url}]}).url
    wait_until(lambda: ask(f"{url}readyz").status == 200)
    database.kill()
    wait_until(lambda: ask(f"{url}readyz").status == 503)
    response = ask(f"{url}readyz")
    assert (response.status, response.text) == (503, "The store doesn't respond\n")
    assert ask(f"{url}healthz").text == "ok\n"
    database.start()
    wait_until(lambda: ask(f"{url}readyz").status == 200)


def test_a_redis_that_hangs_is_not_ready(
    reserve_server: Callable[[dict[str, Any]], Any],
    own_redis: Callable[..., RedisServer],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A probe doesn't wait until the store itself gives up, which it logs."""
    database = own_redis()
    url = reserve_server({"mappings": [{"match": "(.*)", "mirror": "$1", "redis-url": database.url}]}).url
    wait_until(lambda: ask(f"{url}readyz").status == 200)
    assert database.process is not None
    database.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(health, "TIMEOUT", 0.05)
    try:
        assert ask(f"{url}readyz").text == "The store doesn't respond\n"
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    finally:
        database.process.send_signal(signal.SIGCONT)


# A stop.


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Any]:
    """The WebSocket of a page, which has been greeted."""
    page = await websocket_connect(f"ws{url.removeprefix('http')}mirror/ws/orders")
    try:
        hello = await page.read_message()
        assert hello is not None
        assert json.loads(hello)["type"] == "hello"
        yield page
    finally:
        page.close()


async def status(url: str, method: str = "GET") -> tuple[int, str]:
    response = await asyncio.to_thread(ask, url, method)
    return response.status, response.text


async def test_it_is_left_out_before_it_listens_no_more_and_sends_its_pages_elsewhere(
    start_reserve: Start, tmp_path: Path
) -> None:
    configuration = {
        "limits": {"drain-time": 2 * PATIENCE},
        "mappings": [{"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["orders"]}],
    }
    (tmp_path / "reserve.json").write_text(json.dumps(configuration))
    running = start_reserve()
    url = await asyncio.to_thread(running.ready)
    async with watching(url) as page:
        assert await status(f"{url}mirror/readyz") == (200, "ok\n")
        running.signal()
        await until(lambda: ask(f"{url}mirror/readyz").status == 503)
        assert await status(f"{url}mirror/readyz") == (503, "The server is stopping\n")
        assert await status(f"{url}mirror/healthz") == (200, "ok\n")
        # Whoever doesn't know yet is served, and seen by who watches.
        assert (await status(f"{url}mirror/r/orders", "POST"))[0] == 200
        async with asyncio.timeout(PATIENCE):
            message = await page.read_message()
            assert message is not None
            assert json.loads(message)["type"] == "request"
            await until(lambda: f"Draining for {2 * PATIENCE} s; Ctrl-C again stops at once" in running.said)
            running.signal()
            assert await page.read_message() is None
        assert page.close_code == 1001
    assert await asyncio.to_thread(running.wait) == 0
    assert running.errors == ""
