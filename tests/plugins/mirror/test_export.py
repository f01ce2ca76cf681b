"""Exports; that they keep bodies to the byte is tested in `test_receive.py`."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from reserve_core import Request, Response
from reserve_replay import RecordedExchange, read_exchanges
from tests.kit.waiting import wait_until

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site

HAR = Draft202012Validator(json.loads((Path(__file__).parent / "har-1.2.schema.json").read_text()))


def test_json_has_the_whole_requests(site: Site) -> None:
    ids = [site.record(f"/{n}", b"x" * n) for n in range(3)]
    response = site.get("/api/mirrors/orders/requests.json")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-disposition"] == 'attachment; filename="orders.json"'
    assert response.json() == {"requests": [site.whole(request_id) for request_id in ids]}


def test_an_empty_mirror_gives_an_empty_export(site: Site) -> None:
    assert site.get("/api/mirrors/orders/requests.json").json() == {"requests": []}
    assert site.get("/api/mirrors/orders/requests.har").json()["log"]["entries"] == []


def test_many_requests_are_exported_whole(site: Site) -> None:
    for n in range(450):
        site.ask("POST", f"/r/orders/{n}", b"%d" % n)
    requests = site.get("/api/mirrors/orders/requests.json").json()["requests"]
    assert [request["body"] for request in requests] == [str(n) for n in range(450)]


def har(site: Site, code: str = "orders") -> list[dict[str, Any]]:
    """The entries of a mirror's HAR, which is one by the schema."""
    response = site.get(f"/api/mirrors/{code}/requests.har")
    assert response.headers["content-disposition"] == f'attachment; filename="{code}.har"'
    log = response.json()
    assert [f"{error.json_path}: {error.message}" for error in HAR.iter_errors(log)] == []
    entries: list[dict[str, Any]] = log["log"]["entries"]
    return entries


def test_har_is_what_its_readers_expect(site: Site) -> None:
    request_id = site.record("/a?x=1", b"\xff", headers=[("Content-Type", "x/y"), ("X-A", "1"), ("X-A", "2")])
    (entry,) = har(site)
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


def test_har_has_the_params_of_a_form(site: Site) -> None:
    site.record("", b"a=1&b=%20&a=2", headers=[("Content-Type", "application/x-www-form-urlencoded")])
    body = (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n\r\n\xff\r\n--B--\r\n'
    )
    site.record("", body, headers=[("Content-Type", "multipart/form-data; boundary=B")])
    urlencoded, multipart = (entry["request"]["postData"] for entry in har(site))
    assert urlencoded["params"] == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": " "},
        {"name": "a", "value": "2"},
    ]
    assert urlencoded["text"] == "a=1&b=%20&a=2"
    assert multipart["params"] == [
        {"name": "a", "value": "1"},
        {"name": "f", "fileName": "x.bin", "contentType": "application/octet-stream"},
    ]


def test_har_has_the_cookies_that_were_sent(site: Site) -> None:
    site.record("", headers=[("Cookie", 'a=1; b="x y" ;a=2; ; nothing;=x'), ("Cookie", "c=")])
    (entry,) = har(site)
    assert [(cookie["name"], cookie["value"]) for cookie in entry["request"]["cookies"]] == [
        ("a", "1"),
        ("b", '"x y"'),
        ("a", "2"),
        ("c", ""),
    ]


def test_har_has_what_the_mirror_answers(serve: Serve) -> None:
    cookie = "s=1; Path=/a; Domain=x.example; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure; HttpOnly; SameSite=Lax"
    headers = [["location", "/there"], ["set-cookie", cookie], ["set-cookie", "t=2; expires=never"]]
    site = serve(response={"status": 303, "headers": headers, "body": "see there"})
    for method in ("GET", "HEAD"):
        site.ask(method, "/r/orders")
    origin = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "PUT")]
    site.ask("OPTIONS", "/r/orders", headers=origin)
    got, head, preflight = (entry["response"] for entry in har(site))
    assert (got["status"], got["statusText"], got["redirectURL"]) == (303, "See Other", "/there")
    assert got["content"] == {"size": 9, "mimeType": "text/plain; charset=utf-8", "text": "see there"}
    assert got["cookies"] == [
        {
            "name": "s",
            "value": "1",
            "path": "/a",
            "domain": "x.example",
            "expires": "2026-10-21T07:28:00+00:00",
            "secure": True,
            "httpOnly": True,
        },
        {"name": "t", "value": "2", "secure": False, "httpOnly": False},
    ]
    assert got["comment"] == "What the mirror answered when this was exported"
    assert (head["status"], head["content"]["size"]) == (303, 0)
    assert (preflight["status"], preflight["content"]["size"]) == (204, 0)


def test_har_has_what_was_refused_and_cut(site: Site) -> None:
    for data in (
        b"GET /mirror/r/orders/% HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /mirror/r/orders/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /mirror/r/orders HTTP/1.0\r\nContent-Length: 10\r\n\r\n12345",
    ):
        before = len(site.requests())
        with socket.create_connection(("127.0.0.1", site.server.port)) as client:
            client.sendall(data)
        wait_until(lambda before=before: len(site.requests()) > before)  # type: ignore[misc]
    refused, unread, cut = har(site)
    assert (refused["response"]["status"], refused["response"]["statusText"]) == (400, "Bad Request")
    assert refused["comment"] == "The request target has a malformed percent-encoding."
    assert (unread["request"]["httpVersion"], unread["response"]["status"]) == ("", 400)
    assert (cut["response"]["status"], cut["request"]["postData"]["text"]) == (0, "12345")
    assert cut["response"]["comment"] == "The sender closed the connection, after 5 of 10 bytes of the body"


def test_har_has_the_response_that_was_tapped(serve: Serve) -> None:
    response = [b"\xfe\xff", {"status": 201, "headers": {"content-type": "x/y", "location": "/there"}}]
    site = serve(
        "/mirror", before=[{"match": "^/api", "tap": "orders"}, {"match": "^/api", "custom": lambda *_: response}]
    )
    site.base = ""
    site.ask("POST", "/api", b"q")
    site.base = "/mirror"
    wait_until(site.requests)  # recorded after the response
    (entry,) = har(site)
    response = entry["response"]
    assert (response["status"], response["statusText"], response["redirectURL"]) == (201, "Created", "/there")
    content = response["content"]
    assert (content["size"], content["mimeType"], content["encoding"]) == (2, "x/y", "base64")
    assert base64.b64decode(content["text"]) == b"\xfe\xff"
    assert entry["time"] > 0


def pairs(site: Site, tmp_path: Path, query: str = "") -> tuple[list[RecordedExchange], str]:
    """The exchanges of a mirror's ZIP archive, and what it says of those that it leaves out."""
    response = site.get(f"/api/mirrors/orders/requests.zip{query}")
    assert (response.status, response.headers["content-type"]) == (200, "application/zip")
    assert response.headers["content-disposition"] == 'attachment; filename="orders.zip"'
    file = tmp_path / "orders.zip"
    file.write_bytes(response.body)
    with zipfile.ZipFile(file) as archive:
        left_out = archive.read("left-out.txt").decode() if "left-out.txt" in archive.namelist() else ""
    return read_exchanges(file).exchanges, left_out


def test_pairs_have_the_bytes_that_were_sent(serve: Serve, tmp_path: Path) -> None:
    site = serve(response={"headers": [["x-a", "1"]], "body": "later"})
    large = bytes(range(256)) * 500
    site.record("/a?x=1", b"\xff\r\n", headers=[("X-A", "1"), ("X-Empty", "")])
    site.record("/large", large)
    site.ask("HEAD", "/r/orders")
    site.ask("OPTIONS", "/r/orders", headers=[("Origin", "http://a"), ("Access-Control-Request-Method", "PUT")])
    (first, second, head, preflight), left_out = pairs(site, tmp_path)
    whole = site.whole(site.requests()[0]["id"])
    lines = "".join(f"{name}: {value}".rstrip() + "\r\n" for name, value in whole["headers"])
    target = f"{site.base}/r/orders/a?x=1"
    assert first.request_bytes() == f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode() + b"\xff\r\n"
    assert (first.status, first.response.headers["x-a"], first.response.body) == (200, "1", b"later")
    assert (first.time, first.comment) == (
        whole["time"],
        "The response is the one that the mirror had when this was saved",
    )
    assert second.request.body == large
    assert (head.status, head.response.body) == (200, b"")
    assert (preflight.status, preflight.response.body, left_out) == (204, b"", "")


def test_pairs_have_the_response_that_was_tapped(serve: Serve, tmp_path: Path) -> None:
    async def respond(request: Request, response: Response) -> list[Any]:
        await request.body()  # what comes of it after the response isn't recorded
        return [b"\xfe\xff", {"status": 299, "headers": {"content-type": "x/y"}}]

    site = serve("/mirror", before=[{"match": "^/api", "tap": "orders"}, {"match": "^/api", "custom": respond}])
    site.base = ""
    site.ask("POST", "/api?x", b"q")
    site.base = "/mirror"
    wait_until(site.requests)  # recorded after the response
    (exchange,), _ = pairs(site, tmp_path)
    assert (exchange.method, exchange.target, exchange.request.body) == ("POST", "/api?x", b"q")
    assert exchange.response.first_line == "HTTP/1.1 299"
    assert (exchange.response.headers["content-type"], exchange.response.body) == ("x/y", b"\xfe\xff")
    assert exchange.duration
    assert exchange.comment == ""


def test_what_is_not_whole_is_left_out_of_pairs(serve: Serve, tmp_path: Path) -> None:
    async def half(request: Request, response: Response) -> None:
        await response.write(b"half")
        raise ValueError("on purpose")

    mappings = [
        {"match": "^/(api|half)", "tap": "orders"},
        {"match": "^/api", "custom": lambda *_: "long response"},
        {"match": "^/half", "custom": half},
    ]
    site = serve("/mirror", before=mappings, **{"max-body-size": 5})
    site.record("/long", b"123456")
    site.record("/whole", b"12345")
    site.base = ""
    site.ask("GET", "/api")
    with suppress(http.client.IncompleteRead):
        site.ask("GET", "/half")
    site.base = "/mirror"
    with socket.create_connection(("127.0.0.1", site.server.port)) as client:
        client.sendall(b"GET /mirror/r/orders/% HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: len(site.requests()) == 5)
    (whole,), left_out = pairs(site, tmp_path)
    assert whole.request.body == b"12345"
    assert sorted(line.rpartition("): ")[2] for line in left_out.splitlines()) == [
        "The request target has a malformed percent-encoding",
        "it has no whole response",
        "its body is kept in part only",
        "the body of its response is kept in part only",
    ]
    assert [entry["response"].get("_truncated") for entry in har(site)].count(True) == 2


@pytest.mark.parametrize("extension", ["json", "har", "zip"])
def test_a_selection_is_exported(site: Site, tmp_path: Path, extension: str) -> None:
    ids = [site.record(f"/{name}", name.encode()) for name in ("one", "two", "three")]

    def exported(query: str) -> list[str]:
        if extension == "zip":
            return [each.request.body.decode() for each in pairs(site, tmp_path, query)[0]]
        found = site.get(f"/api/mirrors/orders/requests.{extension}{query}").json()
        if extension == "json":
            return [each["body"] for each in found["requests"]]
        return [each["request"]["postData"]["text"] for each in found["log"]["entries"]]

    assert exported(f"?id={ids[2]}") == ["three"]
    assert exported(f"?id={ids[2]},{ids[0]}") == ["three", "one"]
    assert exported("?q=body:t") == ["two", "three"]
    assert exported("?q=%20") == ["one", "two", "three"]
    assert exported("?q=nothing") == []


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("?id=1-1", 404, "The mirror 'orders' has no request 1-1"),
        ("?id=x", 400, "'x' is not the id of a request: id is one, or several with commas between them"),
        ("?id=", 400, "'' is not the id of a request: id is one, or several with commas between them"),
        ("?id=1-1&q=a", 400, "id is one way to say which requests, q and conditions are another: leave one out"),
        (f"?id={'1-1,' * 100}1-1", 400, "id has up to 100 ids"),
    ],
)
def test_a_selection_that_is_none(site: Site, query: str, status: int, told: str) -> None:
    response = site.get(f"/api/mirrors/orders/requests.zip{query}")
    assert (response.status, response.json()["error"]) == (status, told)
