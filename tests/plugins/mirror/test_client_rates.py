"""What senders and creators of mirrors are told beyond a limit, and how much one client may ask."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from reserve_core import mock
from reserve_core.kit import Quota
from tests.kit.client import ReceivedResponse

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import OpenStore, Serve, Site

RATE = Quota.parse("3/h")


def create(site: Site, address: str, code: str = "") -> ReceivedResponse:
    headers = [("X-Forwarded-For", address), ("Content-Type", "application/json")]
    return site.ask("POST", "/api/mirrors", f'{{"code": "{code}"}}'.encode(), headers)


def send(site: Site, address: str, code: str = "orders") -> ReceivedResponse:
    return site.ask("POST", f"/r/{code}", b"x", [("X-Forwarded-For", address)])


async def test_creations_are_counted_by_all_processes_of_a_store(open_store: OpenStore) -> None:
    stores = [await open_store(), await open_store()]
    if type(stores[0]).__name__ == "MemoryStore":
        stores[1] = stores[0]
    verdicts = [await stores[number % 2].count_creation("192.0.2.1", RATE) for number in range(4)]
    assert [verdict.passes for verdict in verdicts] == [True] * 3 + [False]
    assert 1190 <= RATE.wait(verdicts[-1].debts[0]) <= 1200
    assert (await stores[0].count_creation("192.0.2.2", RATE)).passes
    assert (await stores[0].count_creation("192.0.2.1", Quota.parse("1/s"))).passes


async def test_of_many_creations_at_once_no_more_pass(open_store: OpenStore) -> None:
    store = await open_store()
    verdicts = await asyncio.gather(*(store.count_creation("192.0.2.1", RATE) for _ in range(50)))
    assert sum(verdict.passes for verdict in verdicts) == 3


def test_senders_are_told_when_to_come_again(serve: Serve) -> None:
    site = serve(max_rate="2/h")
    assert [site.ask("POST", "/r/orders").status for _ in range(2)] == [200, 200]
    response = site.ask("POST", "/r/orders", headers=[("Origin", "http://pages.example")])
    assert response.status == 429
    assert response.text == "More requests come to this mirror than it takes: try again later"
    assert 1700 <= int(response.headers["retry-after"]) <= 1800
    assert response.headers["access-control-allow-origin"] == "http://pages.example"
    assert len(site.requests()) == 2
    mirror = site.get("/api/mirrors/orders").json()
    assert (mirror["max_rate"], mirror["max_size"]) == ("2/h", 256 * 1024 * 1024)


def test_the_size_is_an_option(serve: Serve) -> None:
    site = serve(max_size=5000)
    for _ in range(5):
        site.ask("POST", "/r/orders", b"x" * 1000)
    assert 1 <= len(site.requests()) <= 3


def test_who_creates_too_many_mirrors_is_told_when_to_come_again(serve: Serve) -> None:
    site = serve(max_creation_rate="2/h", trusted_proxies=["127.0.0.1"])
    assert [create(site, "192.0.2.1").status for _ in range(2)] == [201, 201]
    refused = create(site, "192.0.2.1", "mine")
    assert (refused.status, refused.json()) == (
        429,
        {"error": "Too many mirrors are created from your address: try again later"},
    )
    assert 1700 <= int(refused.headers["retry-after"]) <= 1800
    assert site.get("/api/mirrors/mine").status == 404
    assert create(site, "192.0.2.2", "mine").status == 201


def test_the_form_counts_too_and_shows_it(serve: Serve) -> None:
    site = serve(max_creation_rate="1/h")
    assert site.ask("POST", "/").status == 303
    refused = site.ask("POST", "/")
    assert (refused.status, refused.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert "retry-after" in refused.headers
    assert "Too many mirrors are created" in refused.text


def test_codes_are_not_found_out_by_trying(serve: Serve) -> None:
    site = serve(max_creation_rate="2/h")
    assert [create(site, "", "orders").status for _ in range(3)] == [409, 409, 429]


def test_by_default_a_thousand_mirrors_a_minute_may_be_made(serve: Serve) -> None:
    site = serve()
    client = site.server.server.configuration.mappings[0].state
    assert (client.creation_rate.text, client.senders) == ("1000/m", None)


def test_a_client_sends_so_much_to_all_mirrors_together(serve: Serve) -> None:
    site = serve(codes=["orders", "other"], max_client_rate="3/h", trusted_proxies=["127.0.0.1"])
    statuses = [send(site, "2001:db8::1", code).status for code in ("orders", "other", "missing", "orders")]
    assert statuses == [200, 200, 404, 429]
    neighbour = send(site, "2001:db8::2")
    assert (neighbour.status, neighbour.text) == (429, "Too many requests come from your address: try again later")
    assert 1190 <= int(neighbour.headers["retry-after"]) <= 1200
    assert send(site, "2001:db8:0:1::1").status == 200
    assert send(site, "192.0.2.1").status == 200
    assert len(site.requests()) == 3


async def test_who_is_refused_is_not_forgotten_by_a_reload() -> None:
    mapping = {"match": "^(/.*)$", "mirror": "$1", "codes": ["orders"], "redis-url": None, "max-client-rate": "1/h"}
    async with await mock({"mappings": [mapping]}) as site:
        assert (await site.request("POST", "/r/orders")).status == 200
        await site.configuration.set_mappings([{"match": "^/x", "status": 204}, mapping])
        assert (await site.request("POST", "/r/orders")).status == 429
