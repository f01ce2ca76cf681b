"""CORS: pages of the origins that are allowed use the API, with the token, and those of no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from reserve_core import ConfigError, check
from tests.kit.hook_target import hook_target

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site

FRONT = "http://localhost:5173"
ORIGIN = ("Origin", FRONT)
CROSS = (ORIGIN, ("Sec-Fetch-Site", "same-site"))
TOKEN = "correct-horse-battery"
BEARER = ("Authorization", f"Bearer {TOKEN}")
ORDERS = "/api/mirrors/orders"


@pytest.fixture
def store_kind() -> str:
    """Where requests are kept makes no difference."""
    return "memory"


@pytest.fixture
def site(serve: Serve) -> Site:
    return serve(token=TOKEN, allowed_origins=[FRONT])


def test_a_preflight_says_what_the_page_may_send(site: Site) -> None:
    asked = [("Access-Control-Request-Method", "PATCH"), ("Access-Control-Request-Headers", "authorization")]
    response = site.ask("OPTIONS", ORDERS, headers=[*CROSS, *asked])
    assert (response.status, response.body) == (204, b"")
    assert response.headers["access-control-allow-origin"] == FRONT
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert "Authorization" in response.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost", "HTTP://localhost:5173", f"{FRONT}/", "null"]
)
def test_a_preflight_of_another_origin_is_refused(site: Site, origin: str) -> None:
    headers = [("Origin", origin), ("Access-Control-Request-Method", "GET")]
    response = site.ask("OPTIONS", ORDERS, headers=headers)
    assert response.status == 405
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"


def test_the_page_uses_the_api_with_the_token(site: Site) -> None:
    site.ask("POST", "/r/orders", b"x")
    for method, path, body, status in (
        ("GET", ORDERS, b"", 200),
        ("GET", f"{ORDERS}/requests/latest", b"", 200),
        ("GET", f"{ORDERS}/requests.har", b"", 200),
        ("GET", f"{ORDERS}/requests/latest/body", b"", 200),
        ("PATCH", ORDERS, b'{"response": {"status": 201}}', 200),
        ("POST", "/api/mirrors", b'{"code": "hooks"}', 201),
        ("GET", "/api/mirrors/missing", b"", 404),
        ("DELETE", "/api/mirrors/hooks", b"", 204),
    ):
        response = site.ask(method, path, body, [*CROSS, BEARER])
        assert response.status == status, path
        assert response.headers["access-control-allow-origin"] == FRONT, path
        assert "access-control-allow-credentials" not in response.headers
        assert response.headers["vary"] == "Origin"


def test_the_page_has_no_request_sent_again(serve: Serve) -> None:
    with hook_target() as target:
        site = serve(token=TOKEN, allowed_origins=[FRONT], resend_to=[target.url])
        site.ask("POST", "/r/orders", b"x")
        path, to = f"{ORDERS}/requests/latest/resend", json.dumps({"to": target.url}).encode()
        response = site.ask("POST", path, to, [*CROSS, BEARER])
        assert (response.status, response.headers["access-control-allow-origin"]) == (403, FRONT)
        assert "whatever allowed-origins says" in response.json()["error"]
        assert target.requests == []
        assert site.ask("POST", path, to, [BEARER]).status == 200
        assert len(target.requests) == 1


def test_a_cookie_is_not_the_page_s(site: Site) -> None:
    cookie = ("Cookie", site.get(f"/?token={TOKEN}").headers["set-cookie"].partition(";")[0])
    assert site.get(ORDERS, cookie).status == 200
    for method in ("GET", "PATCH", "DELETE"):
        response = site.ask(method, ORDERS, headers=[*CROSS, cookie])
        assert response.status == 401
        assert response.headers["access-control-allow-origin"] == FRONT  # the page reads why
    redirected = site.get(f"{ORDERS}?token={TOKEN}", *CROSS)
    assert (redirected.status, "set-cookie" in redirected.headers) == (401, False)


def test_a_page_of_another_origin_changes_nothing(site: Site) -> None:
    for headers in (
        [("Origin", "http://evil.example")],
        [ORIGIN, ("Origin", "http://evil.example")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Origin", "null")],
    ):
        response = site.ask("DELETE", ORDERS, headers=[*headers, BEARER])
        assert response.status == 403
        assert "access-control-allow-origin" not in response.headers
    assert site.get(ORDERS, BEARER).status == 200


def test_only_the_api_is_theirs(site: Site) -> None:
    for method, path in (("POST", "/"), ("GET", "/ws/orders")):
        response = site.ask(method, path, headers=[*CROSS, BEARER])
        assert response.status == 403
        assert "access-control-allow-origin" not in response.headers
    assert "access-control-allow-origin" not in site.get("/v/orders", *CROSS, BEARER).headers


def test_a_foreign_name_stays_foreign(site: Site) -> None:
    asked = ("Access-Control-Request-Method", "GET")
    assert site.get(ORDERS, ("Host", "evil.example"), *CROSS, BEARER).status == 403
    assert site.ask("OPTIONS", ORDERS, headers=[("Host", "evil.example"), *CROSS, asked]).status == 403


def test_the_mirror_s_own_page_may_be_listed_and_keeps_its_cookie(serve: Serve) -> None:
    site = serve(token=TOKEN, allowed_origins=["http://localhost:5000"])
    cookie = ("Cookie", site.get(f"/?token={TOKEN}").headers["set-cookie"].partition(";")[0])
    own = (("Host", "localhost:5000"), ("Origin", "http://localhost:5000"), ("Sec-Fetch-Site", "same-origin"))
    assert site.ask("DELETE", f"{ORDERS}/requests", headers=[*own, cookie]).status == 204


def test_without_a_token_there_is_none_to_send(serve: Serve) -> None:
    site = serve(allowed_origins=[FRONT])
    assert site.ask("DELETE", f"{ORDERS}/requests", headers=CROSS).status == 204
    assert site.ask("DELETE", f"{ORDERS}/requests", headers=[("Origin", "http://evil.example")]).status == 403


def test_where_no_origin_is_allowed_nothing_is_said_of_them(serve: Serve) -> None:
    response = serve().get(ORDERS, *CROSS)
    assert (response.status, response.headers.get("vary")) == (200, None)
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "origin", ["https://app.example", "http://[::1]:3000", "http://localhost:5173", "http://x:443"]
)
async def test_origins_that_browsers_send(origin: str) -> None:
    await check({"mappings": [{"match": "^(.*)", "mirror": "$1", "allowed-origins": [origin]}]})


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "null", "localhost:5173", "http://localhost/", "http://LOCALHOST", "https://.example.com", "ftp://x"),
        *("http://x:80", "https://x:443", "http://x:", "http://user@x"),
    ],
)
async def test_what_no_browser_sends_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match="allowed-origins"):
        await check({"mappings": [{"match": "^(.*)", "mirror": "$1", "allowed-origins": [origin]}]})
