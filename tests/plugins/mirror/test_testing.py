"""The pytest fixture `reserve_mirror`."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from reserve_mirror.testing import RemoteMirror
from tests.kit.signature_faults import github
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from reserve_core.testing import StartServer
    from reserve_mirror.testing import TestMirror


def send(url: str, body: bytes | None = None, method: str = "POST", **headers: str) -> bytes:
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return bytes(response.read())


def test_a_request_is_waited_for(reserve_mirror: TestMirror) -> None:
    timer = threading.Timer(0.1, lambda: send(f"{reserve_mirror.url}/hook?x=1", b'{"order": 42}', Event="paid"))
    timer.start()
    request = reserve_mirror.wait_for(method="POST", path="/hook", timeout=PATIENCE)
    timer.join()
    assert (request.method, request.path, request.query) == ("POST", "/hook", [("x", "1")])
    assert request.json() == {"order": 42}
    assert request.header("event") == "paid"
    assert request.header("other") is None
    assert ("Event", "paid") in request.headers


def test_a_request_may_have_come_before(reserve_mirror: TestMirror) -> None:
    assert send(reserve_mirror.url, b"\xff\x00") == b"OK"
    request = reserve_mirror.wait_for(body_contains="\0")
    assert (request.body, request.text) == (b"\xff\x00", "�\0")


def test_all_requests_are_there(reserve_mirror: TestMirror) -> None:
    assert reserve_mirror.requests == []
    for n in range(30):
        send(f"{reserve_mirror.url}/{n}")
    assert [request.path for request in reserve_mirror.requests] == [f"/{n}" for n in range(30)]
    assert repr(reserve_mirror.requests[0]).startswith("<POST /0 at 20")


def test_a_failure_tells_what_came_and_why_it_was_not_it(reserve_mirror: TestMirror) -> None:
    send(f"{reserve_mirror.url}/hook", method="GET")
    send(f"{reserve_mirror.url}/other", b"x", Event="\x9b31mred")
    with pytest.raises(pytest.fail.Exception) as failure:
        reserve_mirror.wait_for(method="POST", path="/hook", headers={"event": "paid"}, timeout=0.1)
    assert str(failure.value) == (
        "No such request came within 0.1 s. The nearest of those that did:\n"
        "  POST /other: path is /other, not /hook; header event is \\x9b31mred, not paid\n"
        "  GET /hook: method is GET, not POST; there is no header event"
    )


def test_a_failure_tells_that_nothing_came(reserve_mirror: TestMirror) -> None:
    with pytest.raises(pytest.fail.Exception) as failure:
        reserve_mirror.wait_for(timeout=0.1)
    assert str(failure.value) == "No request at all came within 0.1 s"


def test_the_environment_does_not_matter(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    mirror: TestMirror = request.getfixturevalue("reserve_mirror")
    send(mirror.url)
    assert len(mirror.requests) == 1


def test_the_page_shows_them(reserve_mirror: TestMirror) -> None:
    assert b"<html" in send(reserve_mirror.page, method="GET")


async def test_async_tests_can_use_it(reserve_mirror: TestMirror) -> None:
    send(reserve_mirror.url)
    assert reserve_mirror.wait_for().method == "POST"


def test_conditions_pick_a_request(reserve_mirror: TestMirror) -> None:
    for n in range(3):
        send(f"{reserve_mirror.url}/orders/{n}", b'{"order": {"id": %d}}' % n)
    request = reserve_mirror.wait_for(method="POST", when={"path": "/orders/*", "json.order.id": 1})
    assert request.path == "/orders/1"
    with pytest.raises(ValueError, match="There is no condition 'order'"):
        reserve_mirror.wait_for(when={"order": 1})


def test_none_is_expected(reserve_mirror: TestMirror) -> None:
    send(f"{reserve_mirror.url}/paid", method="PUT")
    reserve_mirror.expect_none({"path": "/refunded"}, timeout=0.1)
    with pytest.raises(pytest.fail.Exception, match="There was to be no such request: <PUT /paid at"):
        reserve_mirror.expect_none({"path": "/paid"}, timeout=PATIENCE)


def status(url: str, body: bytes = b"") -> tuple[int, bytes]:
    try:
        return 200, send(url, body)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def respond_twice(mirror: TestMirror | RemoteMirror) -> None:
    mirror.respond(status=503, headers={"Retry-After": "1"})
    assert status(mirror.url) == (503, b"Service Unavailable")
    mirror.respond(body="again")
    rules = [{"when": {"json.order": 42}, "sequence": [500, 200]}]
    assert mirror.rules == []
    mirror.rules = rules
    assert mirror.rules == rules
    assert [status(mirror.url, b'{"order": 42}')[0] for _ in range(3)] == [500, 200, 200]
    assert status(mirror.url) == (200, b"again")
    assert [request.whole.get("rule") for request in mirror.requests] == [None, 1, 1, 1, None]
    with pytest.raises(ValueError, match="The status is a number"):
        mirror.respond(status=99)
    with pytest.raises(ValueError, match=re.escape("rules[0].when: There is no condition 'order'")):
        mirror.rules = [{"when": {"order": 42}, "response": {}}]


def test_a_test_says_what_is_responded(reserve_mirror: TestMirror) -> None:
    respond_twice(reserve_mirror)


@pytest.fixture(params=["page", "share"])
def remote(request: pytest.FixtureRequest, reserve_server: StartServer) -> RemoteMirror:
    """A public mirror on a server of its own that has recorded /before already, by the address of either page."""
    mapping = {"match": "^(/.*)$", "mirror": "$1", "redis-url": None, "public": True}
    created = json.loads(send(f"{reserve_server({'mappings': [mapping]}).url}api/mirrors", b"{}"))
    send(f"{created['url']}/before")
    return RemoteMirror(created[request.param])


def test_a_public_mirror_is_known_by_the_address_of_its_page(remote: RemoteMirror) -> None:
    send(f"{remote.url}/hook?x=1", b"\xff42", Event="paid")
    send(f"{remote.url}/other")
    request = remote.wait_for(method="post", path="/hook", headers={"event": "paid"}, body_contains="42")
    assert (request.path, request.body, request.query) == ("/hook", b"\xff42", [("x", "1")])
    assert remote.wait_for(path="other").path == "/other"
    assert [request.path for request in remote.requests] == ["/hook", "/other"]


def test_what_was_there_before_is_not_waited_for(remote: RemoteMirror) -> None:
    assert remote.requests == []
    with pytest.raises(pytest.fail.Exception, match="No request at all came"):
        remote.wait_for(timeout=0.1)
    send(f"{remote.url}/after")
    with pytest.raises(pytest.fail.Exception, match="/after, not /before; there is no header event"):
        remote.wait_for(path="/before", headers={"event": ""}, timeout=0.1)


def test_conditions_pick_a_request_elsewhere(remote: RemoteMirror) -> None:
    send(f"{remote.url}/orders/1", b'{"order": {"id": "1"}}')
    send(f"{remote.url}/orders/2", b'{"order": {"id": 1}}')
    assert remote.wait_for(when={"json.order.id": 1}).path == "/orders/2"
    remote.expect_none({"path": "/before"}, timeout=0.1)
    with pytest.raises(pytest.fail.Exception, match="There was to be no such request: <POST /orders/2 at"):
        remote.expect_none({"json.order.id": 1}, timeout=PATIENCE)
    with pytest.raises(ValueError, match="There is no condition 'order'"):
        remote.wait_for(when={"order": 1})


def test_who_owns_a_mirror_elsewhere_says_what_is_responded(remote: RemoteMirror) -> None:
    if "/share-" not in remote.page:
        respond_twice(remote)
        return
    with pytest.raises(OSError, match="This link is for looking only"):
        remote.respond(status=503)
    with pytest.raises(OSError, match="This link is for looking only"):
        remote.rules = []


def test_what_is_no_page_of_a_mirror_is_said(remote: RemoteMirror) -> None:
    for address in ("orders", remote.url, f"{remote.page}/hook"):
        with pytest.raises(ValueError, match="is not the address of a mirror's page"):
            RemoteMirror(address)
    with pytest.raises(OSError, match="The mirror 'unknown' does not exist"):
        RemoteMirror(f"{remote.page.rpartition('/')[0]}/unknown")


def test_signatures_are_verified(reserve_mirror: TestMirror) -> None:
    body = b'{"order": 42}'
    ((name, signature),) = github("the secret", body)
    send(f"{reserve_mirror.url}/wrong", body + b"\n", **{name: signature})
    send(f"{reserve_mirror.url}/right", body, **{name: signature})
    assert reserve_mirror.requests[0].signature is None
    reserve_mirror.verify("github", "the secret")
    request = reserve_mirror.wait_for(when={"signature": "valid"})
    assert request.path == "/right"
    assert request.signature is not None
    assert request.signature["valid"] is True
    (wrong, _) = reserve_mirror.requests
    assert wrong.signature is not None
    assert "without the line break at its end" in wrong.signature["reason"]
    reserve_mirror.verify("hmac", "the secret", header=name, prefix="sha256=")
    assert reserve_mirror.wait_for(when={"signature": "valid"}).path == "/right"
    with pytest.raises(ValueError, match="can only be chosen with the scheme hmac"):
        reserve_mirror.verify("github", "the secret", header=name)
    with pytest.raises(ValueError, match="There is no scheme 'githb': github, hmac, shopify, slack"):
        reserve_mirror.verify("githb", "the secret")
