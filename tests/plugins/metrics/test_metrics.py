"""The handler `metrics`: what is counted, and that a server without it pays nothing."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.websocket import websocket_connect

from reserve_core import Request, Response, serve
from reserve_core.testing import TestServer
from reserve_metrics.server_metrics import server_metrics
from tests.kit.redis_server import RedisServer
from tests.kit.waiting import PATIENCE, until, wait_until
from tests.plugins.metrics.conftest import METRICS, Measure, Measured


def test_requests_count_by_method_status_and_prefix(measure: Measure) -> None:
    site = measure({"match": "^/hello", "custom": ["Hello"]}, {"match": "^/cached", "status": 304})
    for _ in range(3):
        site.ask("hello")
    site.ask("hello", "POST")
    site.ask("hello", "LIST")
    site.ask("hello", "SEARCH")
    site.ask("cached")
    site.ask("secret-path?with=secrets")
    counted = site.samples()["reserve_requests_total"]
    assert {tuple(dict(labels).values()): count for labels, count in counted.items()} == {
        ("GET", "", "custom", "2xx"): 3,
        ("POST", "", "custom", "2xx"): 1,
        ("other", "", "custom", "2xx"): 2,
        ("GET", "", "status", "3xx"): 1,
        ("GET", "", "status", "4xx"): 1,
    }
    assert site.total("reserve_request_duration_seconds_count", prefix="custom") == 6
    assert 0 < site.total("reserve_request_duration_seconds_sum", prefix="custom") < 6 * PATIENCE


def test_failures_count_and_those_of_requests_that_handlers_make_do_not(measure: Measure) -> None:
    async def fails(request: Request, response: Response) -> None:
        raise ValueError("on purpose")

    async def asks(request: Request, response: Response) -> None:
        inner = await request.configuration.dispatch(Request("GET", "/hello"))
        response.send(inner.text)

    site = measure(
        {"match": "^/fails", "custom": fails},
        {"match": "^/asks", "custom": asks},
        {"match": "^/hello", "custom": ["Hello"]},
    )
    assert site.ask("fails").status == 500
    assert site.ask("asks").text == "Hello"
    assert site.samples()["reserve_errors_total"] == {(("prefix", "custom"),): 1}
    assert site.total("reserve_requests_total") == 2
    assert site.total("reserve_requests_total", prefix="status", status="5xx") == 1


def raw(url: str, data: bytes) -> socket.socket:
    """A connection on which these bytes are sent."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), PATIENCE)
    connection.sendall(data)
    return connection


def test_what_no_mapping_saw_counts_apart(measure: Measure) -> None:
    site = measure()
    with raw(site.url, b"GET / HTTP/1.1\r\nnonsense\r\n\r\n") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert site.samples()["reserve_requests_refused_total"] == {(("status", "400"),): 1}
    assert site.total("reserve_requests_total") == 0


def test_a_client_that_goes_away_counts_once(measure: Measure) -> None:
    async def waits(request: Request, response: Response) -> None:
        await asyncio.Event().wait()

    site = measure({"match": "^/waits", "custom": waits})
    with raw(site.url, b"GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        wait_until(lambda: site.total("reserve_requests_in_progress") >= 1)
        wait_until(lambda: site.total("reserve_connections") == 2)  # those before may be about to close
    wait_until(lambda: site.total("reserve_requests_aborted_total"))
    assert site.samples()["reserve_requests_aborted_total"] == {(("by", "client"), ("prefix", "custom")): 1}
    assert site.total("reserve_requests_total") == 0


def test_a_response_that_a_fault_cuts_is_not_the_clients_doing(measure: Measure) -> None:
    site = measure({"match": "^/half", "fault": {"truncate": 2}}, {"match": "^/half", "custom": ["Hello"]})
    with raw(site.url, b"GET /half HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        wait_until(lambda: site.total("reserve_requests_aborted_total"))
    assert site.samples()["reserve_requests_aborted_total"] == {(("by", "server"), ("prefix", "custom")): 1}


async def test_websockets_that_are_open_count_by_prefix(measure: Measure) -> None:
    site = measure({"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["orders"]})

    def total(metric: str, **labels: str) -> float:
        return site.total(metric, **labels)

    page = await websocket_connect(f"ws{site.url.removeprefix('http')}mirror/ws/orders")
    try:
        assert await page.read_message() is not None
        assert await asyncio.to_thread(total, "reserve_websockets", prefix="mirror") == 1
    finally:
        page.close()
    await until(lambda: total("reserve_websockets", prefix="mirror") == 0, pause=0.05)
    # How long it was open is no duration of a response.
    assert total("reserve_requests_total", prefix="mirror", status="1xx") == 1
    assert total("reserve_request_duration_seconds_count", prefix="mirror") == 0


def test_a_handler_may_say_what_became_of_a_request(measure: Measure) -> None:
    def orders(request: Request, response: Response) -> list[str]:
        request.state["outcome"] = request.query["outcome"]
        return ["ok"]

    site = measure({"match": "^/orders", "custom": orders})
    site.ask("orders?outcome=paid")
    assert site.total("reserve_requests_total", outcome="paid") == 1
    for number in range(60):  # what a client chooses can't make it grow
        site.ask(f"orders?outcome=invented-{number}")
    counted = site.samples()["reserve_requests_total"]
    assert len(counted) == 51
    assert site.total("reserve_requests_total", outcome="other") == 61 - 50


def test_a_mirror_says_what_it_has_stored(measure: Measure, own_redis: Callable[..., RedisServer]) -> None:
    database = own_redis()
    site = measure({"match": "(.*)", "mirror": "$1", "codes": ["orders"], "redis-url": database.url})
    for _ in range(3):
        assert site.ask("r/orders", "POST", body=b"x").status == 200
    assert site.ask("r/unknown", "POST").status == 404
    database.kill()
    assert site.ask("r/orders", "POST").status == 503
    assert site.ask("api/mirrors/orders").status == 503
    counted = site.samples()["reserve_requests_total"]
    outcomes = {tuple(dict(labels)[name] for name in ("method", "outcome")): n for labels, n in counted.items()}
    assert outcomes == {
        ("POST", "stored"): 3,
        ("POST", "no-mirror"): 1,
        ("POST", "store-unavailable"): 1,
        ("GET", "store-unavailable"): 1,
    }


def test_it_goes_on_after_a_reload_and_counts_once(reserve_server: Callable[[dict[str, Any]], TestServer]) -> None:
    def mappings(*texts: str) -> dict[str, Any]:
        others = [{"match": f"^/{text}", "custom": [text]} for text in texts]
        return {"mappings": [METRICS, {**METRICS, "match": "^/other$"}, *others]}

    server = reserve_server(mappings("one"))
    site = Measured(server.url)
    site.ask("one")
    server.reload(mappings("one", "two"))
    site.ask("one")
    site.ask("two")
    assert site.total("reserve_requests_total", prefix="custom") == 3
    wait_until(lambda: site.total("reserve_connections") == 1)


def test_a_reload_may_begin_it(reserve_server: Callable[[dict[str, Any]], TestServer]) -> None:
    server = reserve_server({"mappings": [{"status": 404}]})
    site = Measured(server.url)
    site.ask("before")
    server.reload({"mappings": [METRICS, {"status": 404}]})
    site.ask("after")
    assert site.total("reserve_requests_total") == 1
    wait_until(lambda: site.total("reserve_connections") == 1)


async def test_the_page_of_documentation_has_each_metric(project: Path) -> None:
    text = (project / "docs/handlers/metrics.md").read_text()
    async with server_metrics(None) as metrics:
        ours = [each for each in metrics.registry.collect() if each.name.startswith("reserve_")]
    assert len(ours) == 8
    for each in ours:
        name = f"{each.name}_total" if each.type == "counter" else each.name
        assert re.search(rf"\| `{name}` \|.*\| {re.escape(each.documentation)}[ ;]", text), name


async def test_nothing_listens_without_it_or_after_it() -> None:
    names = ("incoming", "redirecting", "redirected", "aborted", "error", "ready", "reloaded")
    async with await serve({"mappings": [{"status": 404}]}, port=0) as server:
        assert [getattr(server.events, name) for name in names] == [()] * len(names)
        refused = server.events.refused
        await server.reload({"mappings": [METRICS, {"status": 404}]})
        assert (len(server.events.redirected), server.events.incoming) == (1, ())
        await server.reload({"mappings": [{"status": 404}]})
        await until(lambda: not server.events.redirected)
        assert [getattr(server.events, name) for name in names] == [()] * len(names)
        assert server.events.refused == refused


def test_without_it_the_client_of_prometheus_is_not_loaded() -> None:
    code = """
import asyncio, sys
from reserve_core import serve
async def main():
    async with await serve({"mappings": [{"status": 404}]}, port=0):
        print("prometheus_client" in sys.modules)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
