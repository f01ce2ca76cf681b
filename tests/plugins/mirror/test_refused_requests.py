"""Requests that are refused or cut: what does most to be debugged is shown as well."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site

HOST = b"Host: hooks.example\r\n"
CHUNKED = b"Transfer-Encoding: chunked"


def send(site: Site, data: bytes, cut: bool = False) -> tuple[int, str]:
    """Sends these bytes and, if it's to `cut` them there, no more; returns the status and the reason, 0 without any."""
    with socket.create_connection(("127.0.0.1", site.server.port), PATIENCE) as client:
        client.sendall(data)
        if cut:
            client.shutdown(socket.SHUT_WR)
        head, _, body = client.makefile("rb").read().decode().partition("\r\n\r\n")
    return (int(head.split()[1]) if head else 0), body


def only(site: Site, code: str = "orders") -> dict[str, Any]:
    """The only request of a mirror, whole, once it's there."""
    wait_until(lambda: site.requests(code))
    (summary,) = site.requests(code)
    whole = site.whole(summary["id"], code)
    assert whole.get("failure") == summary.get("failure")
    return whole


LONG = b"/mirror/r/orders/" + b"x" * 30_000
REFUSED = {
    "percent": (b"GET /mirror/r/orders/% HTTP/1.1\r\n" + HOST + b"X-A: 1\r\n\r\n", 400, "/%"),
    "not ascii": ("GET /mirror/r/orders/é?a=1 HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400, "/é"),
    "space": (b"GET /mirror/r/orders/a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, "/a"),
    "no host": (b"GET /mirror/r/orders HTTP/1.1\r\n\r\n", 400, ""),
    "length": (b"POST /mirror/r/orders HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n", 400, ""),
    "long": (b"GET " + LONG + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, LONG[16:8192].decode()),
    "headers": (b"GET /mirror/r/orders HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, ""),
}


@pytest.mark.parametrize(("data", "status", "path"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_listed_with_the_reason(site: Site, data: bytes, status: int, path: str) -> None:
    answered, reason = send(site, data)
    assert answered == status
    request = only(site)
    assert (request["path"], request["failure"]) == (path, {"status": status, "reason": reason})
    assert request["notes"] == [f"{reason}."]
    assert (request["remote"], request["size"], request["truncated"]) == ("127.0.0.1", 0, False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", request["time"])


def test_what_is_refused_has_what_came_of_it(site: Site) -> None:
    send(site, b"PUT /mirror/r/orders/a%zz?b=1 HTTP/1.1\r\n" + HOST + b"X-A: 1\r\nx-a: 2\r\n\r\n")
    request = only(site)
    assert request["method"] == "PUT"
    assert request["url"] == "http://hooks.example/mirror/r/orders/a%zz?b=1"
    assert request["headers"] == [["Host", "hooks.example"], ["X-A", "1"], ["x-a", "2"]]
    assert request["query"] == [["b", "1"]]


@pytest.mark.parametrize("path", ["/mirror/r/missing/%", "/mirror/r/%", "/mirror/api/mirrors/orders/%", "/r/orders/%"])
def test_what_was_for_no_mirror_is_in_none(site: Site, path: str) -> None:
    assert send(site, f"GET {path} HTTP/1.1\r\n\r\n".encode())[0] == 400
    assert site.requests() == []


GUARDS: dict[str, dict[str, Any]] = {
    "function": {"custom": lambda *_: None},
    "status": {"match": "^/mirror/r/", "method": "GET", "status": 403},
    "inverted": {"match": "^/mirror/api", "invert-match": True, "status": 403},
    "condition": {"match": "^/mirror/r/", "if-match": lambda *_: False, "status": 403},
}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_what_another_mapping_would_have_seen_first_is_not_listed(serve: Serve, guard: dict[str, Any]) -> None:
    """It may be the one that protects the mirror."""
    site = serve("/mirror", before=[guard])
    assert send(site, b"GET /mirror/r/orders/% HTTP/1.1\r\n\r\n")[0] == 400
    assert site.requests() == []


@pytest.mark.parametrize(
    "other", [{"match": "^/mirror/v", "status": 403}, {"method": "PUT", "status": 403}], ids=["url", "method"]
)
def test_what_no_other_mapping_would_have_seen_is_listed(serve: Serve, other: dict[str, Any]) -> None:
    site = serve("/mirror", before=[other])
    assert send(site, b"GET /mirror/r/orders/% HTTP/1.1\r\n\r\n")[0] == 400
    assert only(site)["path"] == "/%"


@pytest.mark.parametrize(("host", "is_listed"), [("hooks.example", False), ("other.example", True)])
def test_a_guard_on_a_host_is_one_there(serve: Serve, host: str, is_listed: bool) -> None:
    site = serve("/mirror", before=[{"host": host, "status": 403}])
    assert send(site, b"GET /mirror/r/orders/% HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 400
    if is_listed:
        assert only(site)["path"] == "/%"
    else:
        assert site.requests() == []


def test_a_tap_lists_what_is_refused_in_its_place(serve: Serve) -> None:
    site = serve("/mirror", before=[{"match": "^/api/", "tap": "taps"}, {"match": "^/api/", "status": 204}])
    assert send(site, b"GET /api/% HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 400
    request = only(site, "taps")
    assert (request["path"], request["failure"]["status"]) == ("/api/%", 400)
    assert "response" not in request


@pytest.mark.parametrize(
    ("framing", "sent", "reason"),
    [
        (b"Content-Length: 10", b"12345", "The sender closed the connection, after 5 of 10 bytes of the body"),
        (b"Content-Length: 10", b"", "The sender closed the connection, after 0 of 10 bytes of the body"),
        (
            b"Transfer-Encoding: chunked",
            b"5\r\n12345\r\n",
            "The sender closed the connection, after 5 bytes of a chunked body",
        ),
    ],
    ids=["length", "nothing", "chunked"],
)
def test_an_upload_that_is_cut_is_listed_with_what_came(site: Site, framing: bytes, sent: bytes, reason: str) -> None:
    assert send(site, b"POST /mirror/r/orders/cut HTTP/1.1\r\n" + HOST + framing + b"\r\n\r\n" + sent, cut=True)[0] == 0
    request = only(site)
    assert request["failure"] == {"status": 0, "reason": reason}
    assert (request["path"], request["truncated"]) == ("/cut", True)
    assert request["body"] == ("12345" if sent else "")
    assert request["size"] == len(request["body"])
    assert request["notes"] == [f"{reason}."]


def test_an_upload_with_a_broken_chunk_is_listed(site: Site) -> None:
    data = b"POST /mirror/r/orders HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n\r\n5\r\n12345\r\nx\r\n"
    assert send(site, data)[0] == 400
    failure = only(site)["failure"]
    assert failure["status"] == 400
    assert failure["reason"].endswith(", after 5 bytes of a chunked body")


def test_a_tap_says_why_an_upload_is_cut(serve: Serve) -> None:
    async def read(request: Any, response: Any) -> None:
        await request.body()

    site = serve("/mirror", before=[{"match": "^/api/", "tap": "taps"}, {"match": "^/api/", "custom": read}])
    assert send(site, b"POST /api/ HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n12345", cut=True)[0] == 0
    request = only(site, "taps")
    assert request["failure"]["reason"] == "The sender closed the connection, after 5 of 10 bytes of the body"
    assert request["response"]["complete"] is False


def test_who_sends_and_leaves_is_recorded(site: Site) -> None:
    """Whole, as nothing is missing: senders of webhooks needn't wait for the response."""
    with socket.create_connection(("127.0.0.1", site.server.port), PATIENCE) as client:
        client.sendall(b"POST /mirror/r/orders HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\n12345")
    request = only(site)
    assert (request["body"], request["truncated"], request["notes"]) == ("12345", False, [])
    assert "failure" not in request


def test_what_is_refused_counts_for_its_client(serve: Serve) -> None:
    site = serve("/mirror", max_client_rate="2/h")
    data, status, _ = REFUSED["percent"]
    assert [send(site, data)[0] for _ in range(5)] == [status] * 5
    wait_until(lambda: len(site.requests()) == 2)
    assert site.ask("POST", "/r/orders").status == 429
    assert len(site.requests()) == 2
