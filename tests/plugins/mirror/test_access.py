"""Who may do what: foreign pages, foreign names, proxies and tokens."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import HTTPClientError

from reserve_core import mock
from reserve_mirror.routes import ROUTES, Route

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site

TOKEN = "correct-horse-battery"
BEARER = ("Authorization", f"Bearer {TOKEN}")


def address(route: Route, request_id: str) -> str:
    """An address that the route has."""
    path = route.path.pattern
    for name, value in (
        ("code", "orders"),
        ("id", request_id),
        ("number", "0"),
        ("name", "mirror.css"),
        ("group", "team"),
    ):
        start = path.find(f"(?P<{name}>")
        if start >= 0:
            path = path[:start] + value + path[path.index(")", start) + 1 :]
    path = path.replace("\\", "")
    assert route.path.fullmatch(path)
    return path


def name(route: Route) -> str:
    return f"{route.method} {route.path.pattern}"


@pytest.fixture
def store_kind() -> str:
    """Where requests are kept makes no difference."""
    return "memory"


@pytest.fixture
def prepared(serve: Serve) -> tuple[Site, str]:
    """A site whose mirror `orders` has a request with a file, and its id."""
    site = serve()
    return site, record(site)


def record(site: Site) -> str:
    body = b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--B--\r\n'
    site.ask("POST", "/r/orders", body, [("Content-Type", "multipart/form-data; boundary=B")])
    store: Any = site.server.server.configuration.mappings[0].state.store
    (entry,) = site.server._loop.run(store.entries("orders", "", 10))
    return str(entry.id)


def attempt(site: Site, route: Route, request_id: str, *headers: tuple[str, str]) -> int:
    """The status that a call of the route gets."""
    path = address(route, request_id)
    if path.startswith("/ws/"):
        headers += (
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "A" * 22 + "=="),
        )
    if path.endswith("/wait"):
        path += "?timeout=0"
    method = "HEAD" if path.endswith("/events") else route.method  # whose response has an end
    body = json.dumps(LISTENER_RESPONSE).encode() if path.endswith("/response") else b""
    return site.ask(method, path, body, headers).status


LISTENER_RESPONSE = {
    "to": "http://localhost",
    "status": 200,
    "headers": [],
    "body": "",
    "body_encoding": "utf-8",
    "size": 0,
    "duration": 1,
}
GUARDED = [route for route in ROUTES if route.method != "GET" or "/ws/" in route.path.pattern]
PAGES = [route for route in ROUTES if not route.open]

FOREIGN = {
    "another-site": [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")],
    "old-browser": [("Origin", "http://evil.example")],
    "no-origin": [("Sec-Fetch-Site", "cross-site")],
    "sandboxed": [("Origin", "null")],
    "another-port": [("Origin", "http://localhost:1"), ("Sec-Fetch-Site", "same-site")],
    "our-name-in-theirs": [("Origin", "http://localhost.evil.example")],
    "user-info": [("Origin", "http://localhost:80@evil.example")],
    "extension": [("Origin", "chrome-extension://localhost")],
    "two-origins": [("Origin", "http://localhost"), ("Origin", "http://evil.example")],
}


def test_every_route_that_changes_something_is_guarded() -> None:
    assert GUARDED
    for route in ROUTES:
        assert route.guarded is (route in GUARDED), name(route)


def test_only_files_of_our_own_and_probes_are_open() -> None:
    opened = [route.path.pattern.partition("/(")[0] for route in ROUTES if route.open]
    assert opened == ["/static", "/healthz", "/readyz", "/openapi.json"]


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_foreign_pages_change_nothing(prepared: tuple[Site, str], route: Route) -> None:
    site, request_id = prepared
    before = site.get("/api/mirrors/orders").json()
    for kind, headers in FOREIGN.items():
        assert attempt(site, route, request_id, ("Host", "localhost"), *headers) == 403, kind
    assert site.get("/api/mirrors/orders").json() == before
    assert [request["id"] for request in site.requests()] == [request_id]


OWN = {
    "no-browser": [],
    "own-page": [("Origin", "http://localhost:5000"), ("Sec-Fetch-Site", "same-origin")],
    "typed-in": [("Sec-Fetch-Site", "none")],
    "behind-tls": [("Origin", "https://localhost:5000")],
}


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN)
@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_own_pages_and_programs_may(prepared: tuple[Site, str], route: Route, headers: list[tuple[str, str]]) -> None:
    site, request_id = prepared
    status = attempt(site, route, request_id, ("Host", "localhost:5000"), *headers)
    assert status in (101, 200, 201, 204, 303, 422), status


@pytest.mark.parametrize("route", PAGES, ids=name)
def test_under_a_foreign_name_nothing_is_told(prepared: tuple[Site, str], route: Route) -> None:
    """A page of evil.example, which has come to resolve to this machine, is of our origin by all that it sends."""
    site, request_id = prepared
    for host in ("evil.example", "evil.example:5000", "localhost.evil.example", "127.0.0.1.evil.example", ""):
        headers = [("Host", host), ("Origin", f"http://{host}"), ("Sec-Fetch-Site", "same-origin")]
        assert attempt(site, route, request_id, *headers) == 403, host
    assert [request["id"] for request in site.requests()] == [request_id]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:80", "localhost.:80", "app.localhost", "127.0.0.1:5000", "[::1]:5000", "192.168.1.7"),
        *("mine.example", "MINE.example:81", "a.sub.example", "b.a.sub.example"),
    ],
)
def test_own_names_are_known(serve: Serve, host: str) -> None:
    site = serve(allowed_hosts=["mine.example", ".sub.example"])
    assert site.get("/", ("Host", host)).status == 200


def test_the_suffix_of_an_allowed_name_is_not_allowed(serve: Serve) -> None:
    site = serve(allowed_hosts=["mine.example", ".sub.example"])
    for host in ("x.mine.example", "xmine.example", "sub.example", "xsub.example"):
        response = site.get("/", ("Host", host))
        assert response.status == 403
        assert f'"allowed-hosts" (reserve mirror --allowed-hosts {host})' in html.unescape(response.text)


def test_requests_are_recorded_under_any_name_from_any_page(serve: Serve) -> None:
    site = serve(token=TOKEN)
    response = site.ask("POST", "/r/orders", b"x", [("Host", "hooks.example"), ("Origin", "http://evil.example")])
    assert response.status == 200


FORWARDED = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Host", "mine.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Prefix", "/tools"),
]


def test_a_trusted_proxy_is_believed(serve: Serve) -> None:
    site = serve(trusted_proxies=["127.0.0.0/8"], allowed_hosts=["mine.example"])
    assert site.ask("POST", "/r/orders/x?y=1", headers=FORWARDED).status == 200
    mirror = site.get("/api/mirrors/orders", *FORWARDED).json()
    assert mirror["url"] == "https://mine.example/tools/r/orders"
    (summary,) = site.requests()
    assert (summary["remote"], summary["url"]) == ("203.0.113.9", "https://mine.example/tools/r/orders/x?y=1")


@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8"], ["::1"]])
def test_nobody_else_is(serve: Serve, proxies: list[str]) -> None:
    site = serve(trusted_proxies=proxies)
    assert site.ask("POST", "/r/orders", headers=FORWARDED).status == 200
    assert site.get("/api/mirrors/orders", *FORWARDED).json()["url"] == f"{site.url}/r/orders"
    (summary,) = site.requests()
    assert (summary["remote"], summary["url"]) == ("127.0.0.1", f"{site.url}/r/orders")


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 127.0.0.2", "203.0.113.9"),
        ("127.0.0.3, 127.0.0.2", "127.0.0.3"),
        ("203.0.113.9,", "203.0.113.9"),
    ],
)
def test_the_client_is_the_last_who_is_no_proxy(serve: Serve, chain: str, client: str) -> None:
    """What stands before it, the client may have written itself."""
    site = serve(trusted_proxies=["127.0.0.0/8"])
    site.ask("POST", "/r/orders", headers=[("X-Forwarded-For", chain)])
    assert site.requests()[0]["remote"] == client


@pytest.mark.parametrize(("own", "remote"), [({}, "203.0.113.9"), ({"trusted-proxies": []}, "127.0.0.1")])
async def test_without_proxies_of_its_own_a_mirror_has_the_configuration_s(own: dict[str, Any], remote: str) -> None:
    mapping = {"match": "^(/.*)", "mirror": "$1", "codes": ["orders"], "redis-url": None, **own}
    async with await mock({"trusted-proxies": ["127.0.0.1"], "mappings": [mapping]}) as site:
        assert (await site.request("POST", "/r/orders", FORWARDED)).status == 200
        (request,) = (await site.request("GET", "/api/mirrors/orders/requests")).json()["requests"]
        assert request["remote"] == remote


def test_a_rebound_name_does_not_pass_through_a_proxy(serve: Serve) -> None:
    site = serve(trusted_proxies=["127.0.0.1"])
    assert site.get("/", ("Host", "localhost"), ("X-Forwarded-Host", "evil.example")).status == 403


def test_behind_a_proxy_the_origin_is_that_of_its_name(serve: Serve) -> None:
    site = serve(trusted_proxies=["127.0.0.1"], allowed_hosts=["mine.example"])
    proxied = [("Host", "backend:5000"), ("X-Forwarded-Host", "mine.example"), ("X-Forwarded-Proto", "https")]
    own, foreign = (("Origin", f"https://{host}") for host in ("mine.example", "backend:5000"))
    assert site.ask("POST", "/", headers=[*proxied, own]).status == 303
    assert site.ask("POST", "/", headers=[*proxied, foreign]).status == 403


async def test_behind_a_proxy_the_websocket_opens(serve: Serve) -> None:
    site = serve(trusted_proxies=["127.0.0.1"], allowed_hosts=["mine.example"])
    proxied = [("Host", "backend:5000"), ("X-Forwarded-Host", "mine.example"), ("Origin", "https://mine.example")]
    async with site.follow("/ws/orders", *proxied) as follower:
        await follower.message("hello")


async def test_a_foreign_page_opens_no_websocket(site: Site) -> None:
    with pytest.raises(HTTPClientError) as refused:
        async with site.follow("/ws/orders", ("Origin", "http://evil.example")):
            pass
    assert refused.value.code == 403


@pytest.mark.parametrize("route", PAGES, ids=name)
def test_without_the_token_nothing_is_told(serve: Serve, route: Route) -> None:
    site = serve(token=TOKEN)
    request_id = record(site)
    wrong = [
        [],
        [("Authorization", "Bearer wrong")],
        [("Authorization", f"Basic {TOKEN}")],
        [("Cookie", f"reserve-mirror={TOKEN}")],
        [("Cookie", "reserve-mirror=")],
    ]
    assert [attempt(site, route, request_id, *headers) for headers in wrong] == [401] * len(wrong)
    assert attempt(site, route, request_id, BEARER) in (101, 200, 201, 204, 303, 400, 404, 408, 422)


def test_the_token_is_exchanged_for_a_cookie_once(serve: Serve) -> None:
    site = serve("/mirror", token=TOKEN)
    response = site.get(f"/v/orders?token={TOKEN}&x=1")
    assert (response.status, response.headers["location"]) == (303, "orders?x=1")
    cookie, *attributes = response.headers["set-cookie"].split("; ")
    assert attributes == ["Path=/mirror/", "HttpOnly", "SameSite=Lax"]
    assert TOKEN not in cookie
    assert site.get("/v/orders", ("Cookie", cookie)).status == 200
    assert site.get("/api/mirrors/orders", ("Cookie", f"other=1; {cookie}")).status == 200
    assert site.get("/").status == 401


def test_over_https_the_cookie_is_secure(serve: Serve) -> None:
    site = serve(token=TOKEN, trusted_proxies=["127.0.0.1"])
    response = site.get(f"/?token={TOKEN}", ("X-Forwarded-Proto", "https"))
    assert response.headers["location"] == "./"
    assert response.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_a_wrong_token_is_refused(serve: Serve) -> None:
    site = serve(token=TOKEN)
    response = site.get("/v/orders?token=wrong")
    assert response.status == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="mirror"'
    assert "set-cookie" not in response.headers


def test_another_token_makes_another_cookie(serve: Serve) -> None:
    one, two = serve(token=TOKEN), serve(token="another-secret")
    cookie = one.get(f"/?token={TOKEN}").headers["set-cookie"].partition(";")[0]
    assert one.get("/", ("Cookie", cookie)).status == 200
    assert two.get("/", ("Cookie", cookie)).status == 401


async def test_a_websocket_opens_with_the_token(serve: Serve) -> None:
    site = serve(token=TOKEN)
    async with site.follow("/ws/orders", BEARER) as follower:
        await follower.message("hello")


def test_files_of_the_pages_need_no_token(serve: Serve) -> None:
    assert serve(token=TOKEN).get("/static/mirror.css").status == 200


DATA = ("application/json", "application/octet-stream", "application/zip", "text/event-stream")
SCRIPT = "<script>alert(1)</script>"


def test_nothing_that_was_recorded_is_served_as_a_page(prepared: tuple[Site, str]) -> None:
    site, _ = prepared
    body = f'--B\r\nContent-Disposition: form-data; name="f"; filename="{SCRIPT}"\r\n\r\n{SCRIPT}\r\n--B--\r\n'
    headers = [("Content-Type", "multipart/form-data; boundary=B"), ("X-Script", SCRIPT)]
    request_id = site.record(f"/{SCRIPT}?{SCRIPT}", body.encode(), headers=headers)
    for route in ROUTES:
        if route.method == "GET" and "/api/" in route.path.pattern:
            path = address(route, request_id)
            method = "HEAD" if path.endswith("/events") else "GET"
            response = site.ask(method, f"{path}?timeout=0" if path.endswith("/wait") else path)
            assert response.headers["content-type"] in DATA, path
            assert response.headers["x-content-type-options"] == "nosniff", path
    assert SCRIPT not in site.get("/v/orders").text
