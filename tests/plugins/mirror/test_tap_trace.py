"""The trace of a tapped request: its way through the list, kept with the record."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import Request, Response, check
from reserve_core.kit import PassedOver, Step
from reserve_mirror.store import MirrorSettings, Record, Store
from reserve_mirror.tap_trace import LONGEST, MOST_IN_A_ROW, MOST_PARTS, MOST_PASSED, kept
from tests.kit import client
from tests.kit.client import ReceivedResponse
from tests.kit.waiting import wait_until
from tests.plugins.mirror.conftest import Site

if TYPE_CHECKING:
    from reserve_core.testing import StartServer
    from tests.plugins.mirror.conftest import Serve

LIST = """{
  "mappings": [
    { "match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["orders"], "redis-url": %s },
    { "method": "POST", "match": "^/api/", "status": 204 },
    { "match": "^/(?!members)", "tap": "orders" },
    { "match": "^/old/(.*)", "custom": "./code.py:moved" },
    { "match": "^/members", "if-match": "./code.py:is_stranger", "status": 403 },
    { "match": "^/members", "tap": "orders" },
    { "match": "^/fails", "custom": "./code.py:fails" },
    { "match": "^/refuses", "custom": "./code.py:refuses" },
    { "match": "^/up/(.*)", "url": "%s$1" },
    { "match": "^/(.*)", "file": "./www/$1" }
  ]
}"""
CODE = """
from reserve_core import HTTPError
def moved(request, response, rest): return f"/{rest}"
def is_stranger(request, url, match): return "ada" not in request.headers.get("authorization", "")
def fails(request, response): raise KeyError("x")
def refuses(request, response): raise HTTPError(409, "taken")
"""


class Shop:
    """A site whose requests are tapped, as people write it: in files."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def ask(self, method: str, path: str, headers: Any = ()) -> ReceivedResponse:
        """Sends a request past the mirror."""
        return client.ask(f"http://127.0.0.1:{self.site.server.port}{path}", method, b"", headers)

    def record(self, method: str, path: str, headers: Any = ()) -> dict[str, Any]:
        """Sends a request, and returns its record: it's stored after the response."""
        known = len(self.site.requests())
        self.ask(method, path, headers)
        wait_until(lambda: len(self.site.requests()) > known)
        return self.site.whole(self.site.requests()[-1]["id"])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reserve_server: StartServer, redis_url: str | None) -> Shop:
    upstream = reserve_server({"mappings": [{"custom": ["from upstream"]}]})
    (tmp_path / "reserve.json").write_text(LIST % (json.dumps(redis_url), upstream.url))
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page.txt").write_text("page")
    monkeypatch.chdir(tmp_path)
    return Shop(Site(reserve_server("reserve.json"), "/mirror"))


def way(record: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Line, outcome and text of each step that wasn't passed over for its method or match."""
    return [
        (step["place"].removeprefix("reserve.json:"), step["outcome"], step["text"])
        for step in record["trace"]
        if step["reason"] not in ("method", "match")
    ]


TAPPED = ("5", "passes", "left it to the next mapping")


def test_the_record_of_a_request_has_its_way_through_the_list(shop: Shop) -> None:
    trace = shop.record("GET", "/page.txt?token=pass-1")["trace"]
    assert [(step["place"], step["prefix"], step["outcome"], step["reason"]) for step in trace] == [
        ("reserve.json:3", "mirror", "passed-over", "match"),
        ("reserve.json:4", "status", "passed-over", "method"),
        ("reserve.json:5", "tap", "passes", "handler"),
        ("reserve.json:6", "custom", "passed-over", "match"),
        ("reserve.json:7", "status", "passed-over", "match"),
        ("reserve.json:8", "tap", "passed-over", "match"),
        ("reserve.json:9", "custom", "passed-over", "match"),
        ("reserve.json:10", "custom", "passed-over", "match"),
        ("reserve.json:11", "url", "passed-over", "match"),
        ("reserve.json:12", "file", "responds", "handler"),
    ]
    assert trace[0]["url"] == "/page.txt?token=***"
    assert [step for step in trace[1:] if "url" in step] == []
    assert trace[1]["text"] == "method POST only"
    assert (trace[2]["value"], trace[-1]["value"], trace[-1]["status"]) == ("orders", "./www/page.txt?token=***", 200)
    assert trace[-1]["time_spent"] > 0


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/refuses", (), [TAPPED, ("10", "responds", "raised, 409")]),
        ("/fails", (), [TAPPED, ("9", "responds", "raised, 500")]),
        ("/up/x", (), [TAPPED, ("11", "responds", "200")]),
        ("/nobody", (), [TAPPED, ("12", "passes", "left it to the next mapping")]),
        (
            "/old/page.txt",
            (),
            [TAPPED, ("6", "redirects", "to /page.txt"), TAPPED, ("12", "responds", "200")],
        ),
        (
            "/members",
            (("Authorization", "ada"),),
            [
                ("7", "passed-over", "./code.py:is_stranger says no"),
                ("8", "passes", "left it to the next mapping"),
                ("12", "passes", "left it to the next mapping"),
            ],
        ),
    ],
)
def test_what_became_of_a_request(shop: Shop, path: str, headers: Any, expected: list[Any]) -> None:
    assert way(shop.record("GET", path, headers)) == expected


def test_a_redirect_tells_the_url_it_goes_on_with(shop: Shop) -> None:
    trace = shop.record("GET", "/old/page.txt")["trace"]
    assert [step["url"] for step in trace if "url" in step] == ["/old/page.txt", "/page.txt"]
    assert [step["redirect"] for step in trace if "redirect" in step] == ["/page.txt"]


def test_lists_go_without_traces_and_exports_have_them(shop: Shop) -> None:
    trace = shop.record("GET", "/page.txt")["trace"]
    assert "trace" not in shop.site.requests()[0]
    (whole,) = shop.site.get("/api/mirrors/orders/requests.json").json()["requests"]
    assert whole["trace"] == trace
    (entry,) = shop.site.get("/api/mirrors/orders/requests.har").json()["log"]["entries"]
    assert entry["_trace"] == trace


def test_what_is_sent_to_the_mirror_itself_has_none(shop: Shop) -> None:
    assert "trace" not in shop.site.whole(shop.site.record("/x"))


def test_a_handler_that_is_still_at_work_has_responded(serve: Serve) -> None:
    go_on = threading.Event()

    async def goes_on(request: Request, response: Response) -> None:
        response.send("early", 202)
        while not go_on.is_set():
            await asyncio.sleep(0.01)

    site = serve("/mirror", before=[{"match": "^/api", "tap": "orders"}, {"match": "^/api", "custom": goes_on}])
    shop = Shop(site)
    try:
        step = shop.record("GET", "/api")["trace"][-1]
    finally:
        go_on.set()
    assert (step["outcome"], step["status"], step["text"]) == ("responds", 202, "202")
    assert step["time_spent"] >= 0


def test_a_tap_that_shall_not_trace_does_not(serve: Serve) -> None:
    site = serve(
        "/mirror",
        before=[{"match": "^/api", "tap": "orders", "trace": False}, {"match": "^/api", "custom": ["Hello"]}],
    )
    assert "trace" not in Shop(site).record("GET", "/api")


def test_a_refused_request_has_none(serve: Serve) -> None:
    site = serve("/mirror", before=[{"match": "^/api", "tap": "orders"}])
    record = Shop(site).record("GET", "/api/%zz")
    assert record["failure"]["status"] == 400
    assert "trace" not in record


# Its bounds.


async def parts(count: int, *steps: int) -> list[Step | PassedOver]:
    """Of `count` mappings those numbered `steps` were applied, and the others passed over."""
    mappings = (await check({"mappings": [{"match": f"^/{n}$", "status": 404} for n in range(count)]})).mappings
    found: list[Step | PassedOver] = []
    after = 0
    for number in steps:
        if after < number:
            found.append(PassedOver(mappings, after, number, "GET", "/x", ""))
        found.append(Step.of(mappings[number], "/x", "passes", "handler", str(number), value={"a": [1]}))
        after = number + 1
    if after < count:
        found.append(PassedOver(mappings, after, count, "GET", "/x", ""))
    return found


async def test_of_a_long_list_the_first_in_a_row_are_kept() -> None:
    steps = kept(await parts(1000, 500, 501, 520))
    assert len(steps) == 3 + MOST_IN_A_ROW + 18 + MOST_IN_A_ROW
    assert steps[MOST_IN_A_ROW - 1]["omitted"] == 500 - MOST_IN_A_ROW
    assert [step["text"] for step in steps if step["outcome"] == "passes"] == ["500", "501", "520"]
    assert len(steps) + sum(step.get("omitted", 0) for step in steps) == 1000
    assert steps[MOST_IN_A_ROW]["value"] == '{"a": [1]}'


async def test_of_long_ways_the_last_step_and_the_numbers_stay() -> None:
    steps = kept(await parts(1999, *range(0, 1999, 3)))
    passed = [step for step in steps if step["outcome"] == "passed-over"]
    assert len(passed) == MOST_PASSED
    assert len(steps) <= MOST_PARTS + MOST_PASSED
    assert len(steps) + sum(step.get("omitted", 0) for step in steps) == 1999
    assert [step["text"] for step in steps[-2:]] == ["297", "1998"]


async def test_texts_are_cut() -> None:
    (mapping,) = (await check({"mappings": [{"match": "^/" + "y" * 5000, "status": 404}]})).mappings
    step = Step.of(mapping, "/" + "x" * 5000, "redirects", "handler", "t" * 5000, value="v" * 5000, redirect="r" * 5000)
    (shape,) = kept([step])
    long = {name: len(text) for name, text in shape.items() if isinstance(text, str) and len(text) > 100}
    assert long == dict.fromkeys(("text", "url", "value", "redirect"), LONGEST)


# How it is stored.


async def test_a_store_keeps_it_and_encodes_it_once(store: Store) -> None:
    encoded: list[bytes] = []

    def encode() -> bytes:
        encoded.append(b"[1]")
        return encoded[-1]

    record = Record('{"path":"/"}', b"body", b"response")
    before = record.size
    record.set_trace(encode, 1000)
    assert record.size == before + 1000
    await store.create("orders", MirrorSettings(max_requests=2, expiration_time=60, response="{}"))
    receipt = await store.add("orders", record)
    assert receipt is not None
    for _ in range(2):
        stored = await store.get("orders", receipt.id)
        assert stored is not None
        assert (stored.body, stored.response_body, stored.trace) == (b"body", b"response", b"[1]")
    assert len(encoded) == 1


async def test_a_record_without_one_is_read_as_before(store: Store) -> None:
    await store.create("orders", MirrorSettings(max_requests=2, expiration_time=60, response="{}"))
    receipt = await store.add("orders", Record('{"path":"/"}', b"body", b"response"))
    assert receipt is not None
    stored = await store.get("orders", receipt.id)
    assert stored is not None
    assert (stored.response_body, stored.trace) == (b"response", b"")
