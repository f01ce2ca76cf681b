"""The call of the API that sends a request again: `POST .../requests/<id>/resend`."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import ConfigError
from reserve_core.testing import TestServer
from reserve_mirror.signatures import SCHEMES, SignedRequest, verify
from tests.kit.client import ReceivedResponse
from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kit.hook_target import HookTarget
    from tests.plugins.mirror.conftest import Serve, Site

HEADERS = [("X-Event", "paid"), ("x-twice", "1"), ("Content-Type", "text/x"), ("X-Twice", "2")]


def resend(site: Site, request_id: str, **wanted: Any) -> ReceivedResponse:
    return site.ask_json("POST", f"/api/mirrors/orders/requests/{request_id}/resend", wanted)


def refusal(response: ReceivedResponse) -> tuple[int, str]:
    return response.status, response.json()["error"]


@pytest.fixture
def site(serve: Serve, target: HookTarget) -> Site:
    """A mirror that may send to the target."""
    return serve("/mirror", resend_to=[target.url])


def test_it_is_sent_as_it_came(site: Site, target: HookTarget) -> None:
    target.responses = [b"HTTP/1.1 201 Made\r\nX-Id: 7\r\nContent-Length: 3\r\n\r\nyes"]
    request_id = site.record("/a%2Fb/./c?x=1&x=%41", b"\x00\xff", "PATCH", HEADERS)
    response = resend(site, request_id, to=target.url)
    (request,) = target.requests
    assert request.line == "PATCH /a%2Fb/./c?x=1&x=%41 HTTP/1.1"
    assert [pair for pair in request.headers if pair[0] not in ("Host", "Connection", "Content-Length")] == HEADERS
    assert dict(request.headers)["Host"] == target.url.removeprefix("http://")
    assert request.body == b"\x00\xff"
    result = response.json()
    assert response.status == 200
    assert result.pop("duration_ms") > 0
    kept = site.whole(request_id)["forwarded"]
    assert (kept["to"], kept["status"], kept["body"], kept["size"]) == (target.url, 201, "yes", 3)
    assert result == {
        "status": 201,
        "headers": [["X-Id", "7"], ["Content-Length", "3"]],
        "body": "yes",
        "body_encoding": "utf-8",
        "size": 3,
        "truncated": False,
    }


def test_what_is_given_is_other_than_it_came(site: Site, target: HookTarget) -> None:
    request_id = site.record("/a", b"old", headers=HEADERS)
    changes = {"method": "PUT", "path": "/b é?y", "headers": {"X-New": ["1", "2"]}, "body": "bmV3IG9uZQ=="}
    assert resend(site, request_id, to=f"{target.url}/hook", **changes).status == 422  # there is a space in the path
    changes["path"] = "/é?y"
    changes["body_encoding"] = "base64"
    assert resend(site, request_id, to=f"{target.url}/hook", **changes).status == 200
    assert resend(site, request_id, to=target.url, path="", body="").status == 200
    first, second = target.requests
    assert first.line == "PUT /hook/%C3%A9?y HTTP/1.1"
    assert [pair for pair in first.headers if pair[0] == "X-New"] == [("X-New", "1"), ("X-New", "2")]
    assert ("X-Event", "paid") not in first.headers
    assert first.body == b"new one"
    assert (second.line, second.body) == ("POST / HTTP/1.1", b"")


def test_nothing_is_sent_elsewhere_than_listed(serve: Serve, target: HookTarget) -> None:
    closed = serve("/mirror")
    response = resend(closed, closed.record(), to=f"{target.url}/hook")
    mend = f'add it to its "resend-to" (reserve mirror --resend-to {target.url})'
    status, error = refusal(response)
    assert status == 403
    assert mend in error
    assert closed.get("/api/mirrors/orders").json()["resend_to"] == []
    other = serve("/mirror", resend_to=["http://localhost:1", "https://example.com"])
    assert other.get("/api/mirrors/orders").json()["resend_to"] == ["http://localhost:1", "https://example.com"]
    request_id = other.record()
    for to in (target.url, "http://localhost:2", "https://localhost:1", "http://localhost.:1", "http://example.com"):
        assert resend(other, request_id, to=to).status == 403, to
    assert target.requests == []


def test_an_origin_is_the_same_however_it_is_written(serve: Serve, target: HookTarget) -> None:
    site = serve(resend_to=[f"http://LOCALHOST:{target.port}/"])
    assert resend(site, site.record("/a"), to=f"http://localhost:{target.port}").status == 200
    assert target.paths == ["/a"]


def test_a_redirect_is_not_followed(site: Site, target: HookTarget) -> None:
    target.responses = [b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"]
    result = resend(site, site.record("/a"), to=target.url).json()
    assert (result["status"], result["headers"][0]) == (307, ["Location", "/elsewhere"])
    assert target.paths == ["/a"]


def test_credentials_stay_behind_unless_wanted(site: Site, target: HookTarget) -> None:
    secrets = [("Authorization", "Basic YTpi"), ("cookie", "id=1")]
    request_id = site.record("/a", headers=[*secrets, ("X-Key", "k")])
    for wanted, kept in (({}, []), ({"credentials": True}, secrets), ({"headers": secrets}, [])):
        assert resend(site, request_id, to=target.url, **wanted).status == 200
        assert [pair for pair in target.requests.pop().headers if pair in secrets] == kept
    # A request that was sent to that origin takes its own with it.
    host = target.url.removeprefix("http://")
    request_id = site.record("/a", headers=[*secrets, ("Host", host)])
    assert resend(site, request_id, to=target.url).status == 200
    assert set(secrets) < set(target.requests.pop().headers)
    assert resend(site, request_id, to=target.url, credentials=False).status == 200
    assert not set(secrets) & set(target.requests.pop().headers)


def test_what_is_not_whole_is_not_sent(serve: Serve, target: HookTarget) -> None:
    site = serve(resend_to=[target.url], max_body_size=4)
    request_id = site.record("/a", b"12345")
    assert refusal(resend(site, request_id, to=target.url)) == (
        409,
        "It can't be sent again: the mirror hasn't kept its body to the end",
    )
    assert resend(site, request_id, to=target.url, body="new").status == 200
    assert target.requests.pop().body == b"new"
    site.ask("GET", "/r/orders/%zz")  # which the server refuses
    refused = site.requests()[-1]
    assert "failure" in refused
    assert resend(site, refused["id"], to=target.url, body="new").status == 409
    assert resend(site, "1-1", to=target.url).status == 404
    assert target.requests == []


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({}, "to is the URL"),
        ({"to": 5}, "to is the URL"),
        ({"to": "ftp://localhost"}, "is not a URL"),
        ({"to": "http://localhost:99999"}, "Port out of range"),
        ({"to": "http://a@localhost"}, "nothing else"),
        ({"to": "http://localhost/?x"}, "nothing else"),
        ({"method": "A B"}, "is no method"),
        ({"method": 5}, "is text"),
        ({"path": "a"}, "is no path"),
        ({"path": "/%zz"}, "malformed"),
        ({"path": 5}, "is no path"),
        ({"headers": 5}, "list of pairs"),
        ({"headers": [["a b", "c"]]}, "is no header"),
        ({"headers": [["a", "b\r\nc: d"]]}, "is no header"),
        ({"body": 5}, "is text"),
        ({"body": "?", "body_encoding": "base64"}, "is not base64"),
        ({"body_encoding": "utf-16"}, "utf-8 or base64"),
        ({"credentials": "yes"}, "is true or false"),
        ({"sign": True}, "no secret to sign with"),
        ({"verify": False}, "no 'verify' to set"),
    ],
)
def test_what_cannot_be_sent_is_told(site: Site, target: HookTarget, wanted: dict[str, Any], problem: str) -> None:
    request_id = site.record()
    default = {} if not wanted else {"to": target.url}
    status, error = refusal(resend(site, request_id, **{**default, **wanted}))
    assert status == 422
    assert problem in error
    assert target.requests == []


def test_no_response_is_told(serve: Serve, target: HookTarget) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    site = serve(resend_to=[target.url, closed, "http://nowhere.invalid", f"http://{'a' * 64}.example"])
    request_id = site.record()
    assert refusal(resend(site, request_id, to=closed)) == (
        502,
        f"There is no response of {closed.removeprefix('http://')}: nothing listens there",
    )
    target.responses = [b""]
    assert "was closed" in refusal(resend(site, request_id, to=target.url))[1]
    for name in ("nowhere.invalid", f"{'a' * 64}.example"):
        status, error = refusal(resend(site, request_id, to=f"http://{name}"))
        assert (status, error.partition(":")[0]) == (502, f"{name} can't be found"), error


def test_of_a_large_response_the_beginning_is_given(site: Site, target: HookTarget) -> None:
    size = 1024 * 1024 + 1
    target.responses = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size]
    result = resend(site, site.record(), to=target.url).json()
    assert (len(result["body"]), result["size"], result["truncated"]) == (size - 1, size, True)
    result = resend(site, site.record(), to=target.url, method="HEAD").json()
    assert (result["body"], result["size"], result["truncated"]) == ("", 0, False)


def test_it_is_signed_anew(serve: Serve, target: HookTarget) -> None:
    signature = {"scheme": "standard-webhooks", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    site = serve(resend_to=[target.url], signature=signature)
    old = [("webhook-id", "msg_7"), ("webhook-timestamp", "1"), ("Webhook-Signature", "v1,AA=="), ("X-Event", "paid")]
    request_id = site.record("/a", b"{}", headers=old)
    assert resend(site, request_id, to=target.url, body="[]", sign=True).status == 200
    (sent,) = target.requests
    assert [value for name, value in sent.headers if name.lower() == "webhook-id"] == ["msg_7"]
    assert len([name for name, _ in sent.headers if name.lower() == "webhook-signature"]) == 1
    assert ("X-Event", "paid") in sent.headers
    verdict = verify(SCHEMES["standard-webhooks"], [signature["secret"]], SignedRequest(sent.headers, sent.body))
    assert verdict["valid"], verdict


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Makes the name hook.example lead to each of these addresses in its turn. Returns what was looked up."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host != "hook.example":
            return look_up(host, port, *arguments, **options)
        asked.append(host)
        return look_up(addresses[min(len(asked), len(addresses)) - 1], port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_leads_neither_here_nor_to_metadata(
    serve: Serve, target: HookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = f"http://hook.example:{target.port}"
    site = serve(resend_to=[to])
    request_id = site.record()
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254", "64:ff9b::7f00:1", "fe80::1"):
        leads_to(monkeypatch, address)
        status, error = refusal(resend(site, request_id, to=to))
        assert status == 403, address
        assert error.startswith("hook.example leads to "), error
    assert target.requests == []


def test_the_address_that_was_checked_is_connected_to(
    serve: Serve, target: HookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere the second time is looked up once."""
    monkeypatch.setattr("reserve_mirror.resend.targets._is_out_of_reach", lambda address: False)
    to = f"http://hook.example:{target.port}"
    site = serve(resend_to=[to])
    asked = leads_to(monkeypatch, "127.0.0.1", "192.0.2.1")
    assert resend(site, site.record("/a"), to=to).status == 200
    assert asked == ["hook.example"]
    (request,) = target.requests
    assert dict(request.headers)["Host"] == f"hook.example:{target.port}"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"resend-to": ["http://localhost/a"]}, "must be of the form"),
        ({"resend-to": ["http://localhost:99999"]}, "Port out of range"),
        ({"resend-to": ["localhost:3000"]}, "resend-to"),
        ({"resend-to": ["http://localhost"], "public": True, "codes": []}, "strangers"),
    ],
)
def test_a_wrong_configuration_never_starts(
    reserve_server: Callable[[dict[str, Any]], TestServer], options: dict[str, Any], problem: str
) -> None:
    mapping = {"match": "^(/.*)$", "mirror": "$1", "redis-url": None, **options}
    with pytest.raises(ConfigError, match=problem):
        reserve_server({"mappings": [mapping]})
