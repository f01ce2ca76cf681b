"""Exports; that they keep bodies to the byte is tested with the captures."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site


def test_json_has_the_whole_requests(site: Site) -> None:
    ids = [site.capture(f"/{n}", b"x" * n) for n in range(3)]
    answer = site.get("/api/mirrors/orders/requests.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.json"'
    assert answer.json() == {"requests": [site.whole(request_id) for request_id in ids]}


def test_an_empty_mirror_gives_an_empty_export(site: Site) -> None:
    assert site.get("/api/mirrors/orders/requests.json").json() == {"requests": []}
    assert site.get("/api/mirrors/orders/requests.har").json()["log"]["entries"] == []


def test_many_requests_are_exported_whole(site: Site) -> None:
    for n in range(450):
        site.ask("POST", f"/r/orders/{n}", b"%d" % n)
    requests = site.get("/api/mirrors/orders/requests.json").json()["requests"]
    assert [request["body"] for request in requests] == [str(n) for n in range(450)]


def test_har_is_what_its_readers_expect(site: Site) -> None:
    request_id = site.capture("/a?x=1", b"\xff", headers=[("Content-Type", "x/y"), ("X-A", "1"), ("X-A", "2")])
    answer = site.get("/api/mirrors/orders/requests.har")
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.har"'
    log = answer.json()["log"]
    assert log["version"] == "1.2"
    assert log["creator"]["name"] == "reserve"
    (entry,) = log["entries"]
    whole = site.whole(request_id)
    assert entry["startedDateTime"] == whole["time"]
    assert entry["_id"] == request_id
    request = entry["request"]
    assert (request["method"], request["httpVersion"]) == ("POST", "HTTP/1.1")
    assert request["url"] == f"{site.url}/r/orders/a?x=1"
    assert request["queryString"] == [{"name": "x", "value": "1"}]
    assert [header for header in request["headers"] if header["name"] == "X-A"] == [
        {"name": "X-A", "value": "1"},
        {"name": "X-A", "value": "2"},
    ]
    assert request["bodySize"] == 1
    assert request["postData"] == {
        "mimeType": "x/y",
        "text": "/w==",
        "params": [],
        "_encoding": "base64",
        "_sha256": whole["sha256"],
        "_truncated": False,
    }
    assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
    assert {
        "status",
        "statusText",
        "httpVersion",
        "cookies",
        "headers",
        "content",
        "redirectURL",
        "headersSize",
        "bodySize",
    } == entry["response"].keys()


def test_har_has_the_answer_that_was_tapped(serve: Serve) -> None:
    answer = [b"\xfe\xff", {"status": 201, "headers": {"content-type": "x/y", "location": "/there"}}]
    site = serve(
        "/mirror", before=[{"match": "^/api", "tap": "orders"}, {"match": "^/api", "custom": lambda *_: answer}]
    )
    site.base = ""
    site.ask("POST", "/api", b"q")
    site.base = "/mirror"
    (entry,) = site.get("/api/mirrors/orders/requests.har").json()["log"]["entries"]
    response = entry["response"]
    assert (response["status"], response["statusText"], response["redirectURL"]) == (201, "Created", "/there")
    content = response["content"]
    assert (content["size"], content["mimeType"], content["encoding"]) == (2, "x/y", "base64")
    assert base64.b64decode(content["text"]) == b"\xfe\xff"
    assert entry["time"] > 0
