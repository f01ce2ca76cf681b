"""Waiting for requests."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from reserve_mirror.conditions import RequestConditions
from reserve_mirror.store import MirrorSettings, Record, Store
from reserve_mirror.wait import wait_for_matches
from tests.kit.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from reserve_core.testing import LoopThread
    from tests.kit.client import ReceivedResponse
    from tests.plugins.mirror.conftest import Serve, Site


SIZE = {"size": 0, "truncated": False}


def wait(site: Site, timeout: Any = 0.1, **criteria: Any) -> ReceivedResponse:
    query = urlencode({"timeout": timeout, **{name.replace("__", "."): value for name, value in criteria.items()}})
    return site.get(f"/api/mirrors/orders/wait?{query}")


def later(work: Callable[[], Any], seconds: float = 0.2) -> threading.Timer:
    timer = threading.Timer(seconds, work)
    timer.start()
    return timer


def test_what_came_before_is_found_at_once(site: Site) -> None:
    request_id = site.record("/hook", b"\xff")
    response = wait(site, 30)
    assert response.status == 200
    assert response.json()["requests"] == [site.whole(request_id)]


def test_without_waiting_one_only_looks(site: Site) -> None:
    assert wait(site, 0).status == 408
    request_id = site.record()
    assert [each["id"] for each in wait(site, 0).json()["requests"]] == [request_id]


def test_what_comes_later_is_found_as_soon_as_it_is_there(site: Site) -> None:
    timer = later(lambda: site.record("/hook"))
    response = wait(site, 10 * PATIENCE)  # more than the client has
    timer.join()
    assert response.status == 200


def test_only_what_comes_after_an_id_counts(site: Site) -> None:
    first = site.record("/1")
    assert wait(site, after=first).status == 408
    second = site.record("/2")
    assert [each["id"] for each in wait(site, after=first).json()["requests"]] == [second]


def test_only_what_comes_from_now_on_counts(site: Site) -> None:
    site.record("/1")
    timer = later(lambda: site.record("/2"))
    found = wait(site, 30, after="now").json()["requests"]
    timer.join()
    assert [each["path"] for each in found] == ["/2"]
    assert wait(site, 0, after="now").status == 408


def test_now_is_the_beginning_of_a_mirror_without_requests(site: Site) -> None:
    timer = later(lambda: site.record("/1"))
    assert wait(site, 30, after="now").status == 200
    timer.join()


@pytest.mark.parametrize("path", ["", "/"])
def test_the_mirrors_own_url_has_the_path_of_a_slash(site: Site, path: str) -> None:
    site.record("/deeper")
    request_id = site.record(path)
    for wanted in ("", "/"):
        assert [each["id"] for each in wait(site, 30, path=wanted).json()["requests"]] == [request_id]


def test_what_is_not_complete_is_not_what_was_waited_for(site: Site) -> None:
    head = "POST /mirror/r/orders/paid HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"
    with socket.create_connection(("127.0.0.1", site.server.port)) as client:
        client.sendall(head.encode())
    wait_until(site.requests)
    (nearest,) = wait(site, 0, path="/paid").json()["nearest"]
    assert nearest["missed"] == ["The sender closed the connection, after 5 of 10 bytes of the body"]


def test_several_are_waited_for(site: Site) -> None:
    ids = [site.record("/1")]
    timer = later(lambda: ids.extend(site.record(f"/{n}") for n in (2, 3, 4)))
    found = [each["id"] for each in wait(site, 30, count=3).json()["requests"]]
    timer.join()
    assert found == ids[:3]


MATCHES: list[dict[str, str]] = [
    {"method": "POST"},
    {"method": "post"},
    {"path": "/hook"},
    {"path": "hook"},
    {"path": "/a/../h%6fok"},
    {"header__x-event": "paid"},
    {"header__X-EVENT": "second"},
    {"header__x-event": ""},
    {"body__contains": '"total": 42'},
    {"method": "POST", "path": "/hook", "header__x-event": "paid", "body__contains": "☃"},
    {"path": "/*", "query__page": "2", "body": "☃", "json__total": "42"},
    {"when": '{"path": "~^/h", "json.total": 42}', "method": "POST"},
]
MISSES: list[tuple[dict[str, str], list[str]]] = [
    ({"method": "PUT"}, ["method is POST, not PUT"]),
    ({"path": "/hook/"}, ["path is /hook, not /hook/"]),
    ({"path": ""}, ["path is /hook, not /"]),
    ({"header__x-event": "created"}, ["header x-event is paid, second, not created"]),
    ({"header__x-other": ""}, ["there is no header x-other"]),
    ({"body__contains": "43"}, ["body doesn't contain '43'"]),
    ({"json__total": "43", "body": "44"}, ["json.total is 42, not 43", "body doesn't contain '44'"]),
    ({"when": '{"query.page": "3"}'}, ["query parameter page is 2, not 3"]),
    ({"method": "PUT", "path": "/x", "body__contains": "43"}, ["method is POST, not PUT", "path is /hook, not /x"]),
]


def send(site: Site) -> str:
    body = '{"total": 42, "note": "☃"}'.encode()
    return site.record("/hook?page=2", body, headers=[("X-Event", "paid"), ("X-Event", "second")])


@pytest.mark.parametrize("criteria", MATCHES)
def test_what_meets_the_criteria_is_found(site: Site, criteria: dict[str, str]) -> None:
    request_id = send(site)
    assert [each["id"] for each in wait(site, 30, **criteria).json()["requests"]] == [request_id]


@pytest.mark.parametrize(("criteria", "reasons"), MISSES)
def test_what_misses_them_is_told_with_the_reasons(site: Site, criteria: dict[str, str], reasons: list[str]) -> None:
    request_id = send(site)
    response = wait(site, **criteria)
    assert response.status == 408
    outcome = response.json()
    assert outcome["requests"] == []
    assert outcome["error"] == "0 of 1 matching requests came within 0.1 seconds"
    (miss,) = outcome["nearest"]
    assert (miss["request"]["id"], miss["missed"]) == (request_id, reasons)
    assert "body" not in miss["request"]


def fill(site: Site, reserve_loop: LoopThread, count: int) -> None:
    """Puts requests into the mirror: `GET /0`, the oldest, and so on."""

    async def add() -> None:
        for n in range(count):
            summary = {"method": "GET", "path": f"/{n}", "headers": [], **SIZE}
            await site.store.add("orders", Record(json.dumps(summary)))

    reserve_loop.run(add())


def test_of_very_many_a_piece_of_the_newest_is_looked_at_in_no_time(serve: Serve, reserve_loop: LoopThread) -> None:
    site = serve(max_requests=100_000)
    fill(site, reserve_loop, 2500)
    assert wait(site, 0, path="/2499").json()["requests"][0]["path"] == "/2499"
    response = wait(site, 0, path="/0")
    assert response.status == 408
    assert response.json()["error"] == (
        "0 of 1 matching requests came within 0 seconds, in which only the newest 1000 could be looked at"
    )
    assert wait(site, 30, path="/0").status == 200


def test_the_first_ones_that_match_are_taken(serve: Serve, reserve_loop: LoopThread) -> None:
    site = serve(max_requests=100_000)
    fill(site, reserve_loop, 2500)
    ids = [request["id"] for request in site.requests()]
    assert [each["id"] for each in wait(site, 30, method="GET", count=3).json()["requests"]] == ids[:3]
    found = wait(site, 30, method="GET", count=2, after=ids[990]).json()["requests"]
    assert [each["id"] for each in found] == ids[991:993]


def test_the_nearest_come_first_and_are_few(site: Site) -> None:
    for n in range(10):
        site.record(f"/{n}", method="GET")
    nearest = site.record("/other")
    outcome = wait(site, method="POST", path="/hook").json()
    assert len(outcome["nearest"]) == 5
    assert outcome["nearest"][0]["request"]["id"] == nearest
    assert outcome["nearest"][1]["request"]["path"] == "/9"


def test_what_was_found_in_time_is_told(site: Site) -> None:
    request_id = send(site)
    outcome = wait(site, count=2).json()
    assert outcome["error"] == "1 of 2 matching requests came within 0.1 seconds"
    assert [each["id"] for each in outcome["requests"]] == [request_id]


@pytest.mark.parametrize(
    "query",
    [
        *("timeout=x", "timeout=3601", "count=101", "after=x", "methd=POST", "path=/a?b", "path=/%25", "path=~("),
        *("json.$[=1", "json.=1", "when=x", "when=[]", "when={%22a%22:1}", "never=1", "never=true&count=2"),
    ],
)
def test_a_bad_parameter_is_refused(site: Site, query: str) -> None:
    response = site.get(f"/api/mirrors/orders/wait?{query}")
    assert response.status == 400
    assert response.json()["error"]


def test_that_none_comes_is_known_after_the_time(site: Site) -> None:
    site.record("/other")
    response = wait(site, 0.1, never="true", path="/hook")
    assert (response.status, response.json()) == (200, {"requests": []})


def test_one_that_came_where_none_was_to_be_is_told_at_once(site: Site) -> None:
    timer = later(lambda: site.record("/hook"))
    response = wait(site, 10 * PATIENCE, never="true", path="/hook")
    timer.join()
    assert response.status == 409
    assert [each["path"] for each in response.json()["requests"]] == ["/hook"]
    assert response.json()["error"] == "A matching request came, and there was to be none"


def test_that_there_is_none_is_not_said_of_what_was_not_looked_at(serve: Serve, reserve_loop: LoopThread) -> None:
    site = serve(max_requests=100_000)
    fill(site, reserve_loop, 2500)
    response = wait(site, 0, never="true", path="/0")
    assert response.status == 408
    assert "only the newest 1000 could be looked at" in response.json()["error"]


def test_a_mirror_that_is_deleted_ends_the_waiting(site: Site) -> None:
    site.ask_json("POST", "/api/mirrors", {"code": "hooks"})
    timer = later(lambda: site.ask("DELETE", "/api/mirrors/hooks"))
    response = site.get("/api/mirrors/hooks/wait?timeout=30")
    timer.join()
    assert response.status == 404


def test_many_wait_at_once(serve: Serve) -> None:
    site = serve()
    responses: list[ReceivedResponse] = []
    threads = [
        threading.Thread(target=lambda n=n: responses.append(wait(site, 30, path=f"/{n % 5}"))) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for n in range(5):
        site.record(f"/{n}")
    for thread in threads:
        thread.join()
    found = sorted(response.json()["requests"][0]["path"] for response in responses)
    assert found == sorted(f"/{n % 5}" for n in range(20))


def test_a_body_that_is_not_text_can_be_searched(site: Site) -> None:
    site.record("/hook", b"\xff\xfeneedle\x00")
    assert wait(site, 30, body__contains="needle").status == 200
    assert json.loads(wait(site, body__contains="other").body)["nearest"]


async def test_what_comes_as_the_waiting_begins_is_taken_once(store: Store) -> None:
    class Busy:
        """Whenever the mirror is read a request comes in."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def read(self, code: str, renew: bool = False) -> Any:
            state = await store.read(code, renew)
            await store.add(code, Record(json.dumps({"method": "GET", "path": "", "headers": [], **SIZE})))
            return state

    await store.create("orders", MirrorSettings(max_requests=1000, expiration_time=60, response="{}"))
    busy: Any = Busy()
    outcome = await wait_for_matches(busy, "orders", RequestConditions(), count=3, timeout=1)
    found = [request["id"] for request in outcome.requests]
    assert found == [entry.id for entry in await store.entries("orders", "", 10)][: len(found)]
