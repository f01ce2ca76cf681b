"""`"respond": "listener"`: the sender gets what came of its request where a listener has sent it on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from reserve_mirror import response_of_listener
from tests.kit.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from tests.kit.client import ReceivedResponse
    from tests.plugins.mirror.conftest import Serve, Site

TOLD = {
    "to": "http://localhost:3000",
    "status": 201,
    "headers": [["X-A", "1"], ["Transfer-Encoding", "chunked"], ["Content-Security-Policy", "none"]],
    "body": "made",
    "body_encoding": "utf-8",
    "size": 4,
    "duration": 1.5,
}


@pytest.fixture
def site(serve: Serve) -> Site:
    return serve(respond="listener")


def received(site: Site, *told: dict[str, Any], at: Site | None = None) -> ReceivedResponse:
    """What a sender gets when this is told of its request."""
    with ThreadPoolExecutor() as threads:
        sending = threads.submit(site.ask, "POST", "/r/orders", b"x")
        wait_until(site.requests)
        for each in told:
            request_id = site.requests()[-1]["id"]
            path = f"/api/mirrors/orders/requests/{request_id}/response"
            assert (at or site).ask_json("POST", path, {**TOLD, **each}).status == 204
        return sending.result(PATIENCE)


def test_the_sender_gets_the_response_that_a_listener_tells(site: Site) -> None:
    response = received(site, {})
    assert (response.status, response.body, response.headers["x-a"]) == (201, b"made", "1")
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("store_kind", ["redis"])
def test_the_listener_may_tell_another_server(site: Site, serve: Serve) -> None:
    assert received(site, {}, at=serve(respond="listener")).status == 201


@pytest.mark.parametrize("told", [{"status": 101}, {"size": 5}])
def test_what_cannot_be_given_as_it_was_is_not(site: Site, told: dict[str, Any]) -> None:
    response = received(site, told)
    assert (response.status, response.text) == (200, "OK")


def test_nobody_is_waited_for_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_of_listener, "TIMEOUT", 0.01)
    response = site.ask("POST", "/r/orders")
    assert (response.status, response.text) == (200, "OK")


def test_a_rule_comes_first(site: Site) -> None:
    site.ask_json("PATCH", "/api/mirrors/orders", {"rules": [{"response": {"status": 418}}]})
    assert site.ask("POST", "/r/orders").status == 418
