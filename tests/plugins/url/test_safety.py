"""Destinations that clients may choose, and those they may not."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import ConfigError, check, load_plugins

if TYPE_CHECKING:
    from tests.plugins.url.conftest import Serve, Upstream

# The mapping of the seed.
PROXY: dict[str, Any] = {"match": "^/proxy/(https?)/(.*)", "url": "$1://$2"}


async def test_the_seed_s_mapping(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve({**PROXY, "allow-private": True})
    response = await site.get(f"/proxy/http/{backend.authority}/a%2Fb?c=d")
    assert (response.status, response.body) == (200, b"ok")
    assert backend.requests[0].target == "/a%2Fb?c=d"
    assert backend.requests[0].headers["host"] == backend.authority


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "127.0.0.1%E3%80%82",
        "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "192.168.0.1",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
async def test_a_private_destination_is_forbidden(
    host: str, upstream: Upstream, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    backend = await upstream()
    response = await (await serve(PROXY)).get(f"/proxy/http/{host}:{backend.port}/")
    assert response.status in (403, 502), response  # 502: this system doesn't take it for an address at all
    if response.status == 403:
        assert response.body == b"This destination is not allowed"
        assert caplog.messages[-1].endswith(": it has no public address, and allow-private isn't set")
    assert backend.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]"])
async def test_well_known_forms_of_this_machine_are_forbidden(host: str, serve: Serve) -> None:
    assert (await (await serve(PROXY)).get(f"/proxy/http/{host}/")).status == 403


async def test_a_name_is_resolved_once_and_what_is_checked_is_connected_to(
    upstream: Upstream, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes from a public to a private address between two looks (DNS rebinding)."""
    backend = await upstream()
    responses = ["203.0.113.1", "127.0.0.1"]
    asked: list[str] = []
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "rebind.example":
            return original(host, *arguments, **options)
        asked.append(host)
        return original(responses[min(len(asked), len(responses)) - 1], *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr("reserve_url.dial.is_public", lambda address: address != "127.0.0.1")
    site = await serve({**PROXY, "connect-timeout": 0.3})
    assert (await site.get(f"/proxy/http/rebind.example:{backend.port}/")).status in (502, 504)
    assert asked == ["rebind.example"]
    assert (await site.get(f"/proxy/http/rebind.example:{backend.port}/")).status == 403
    assert asked == ["rebind.example"] * 2
    assert backend.connections == 0


async def test_of_several_addresses_the_public_ones_are_taken(
    upstream: Upstream, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = await upstream()
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "both.example":
            return original(host, *arguments, **options)
        return [entry for each in ("127.0.0.9", "127.0.0.1") for entry in original(each, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr("reserve_url.dial.is_public", lambda address: address == "127.0.0.1")
    assert (await (await serve(PROXY)).get(f"/proxy/http/both.example:{backend.port}/")).body == b"ok"
    monkeypatch.setattr("reserve_url.dial.is_public", lambda address: address == "127.0.0.9")
    assert (await (await serve(PROXY)).get(f"/proxy/http/both.example:{backend.port}/")).status == 502


async def test_a_host_the_author_wrote_may_be_private(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    site = await serve({"match": "^/(.*)", "url": f"http://localhost:{backend.port}/$1"})
    assert (await site.get()).body == b"ok"


async def test_a_port_that_is_captured_makes_the_host_a_choice_too(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    mapping = {"match": "^/([0-9]+)", "url": "http://127.0.0.1:$1/"}
    assert (await (await serve(mapping)).get(f"/{backend.port}")).status == 403
    assert (await (await serve({**mapping, "allow-private": True})).get(f"/{backend.port}")).body == b"ok"


async def test_allowed_hosts(upstream: Upstream, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    backend = await upstream()
    site = await serve({**PROXY, "allow-private": True, "allow-hosts": [f"127.0.0.1:{backend.port}", "*.example"]})
    assert (await site.get(f"/proxy/http/{backend.authority}/")).body == b"ok"
    response = await site.get(f"/proxy/http/localhost:{backend.port}/")
    assert (response.status, response.body) == (403, b"This destination is not allowed")
    assert caplog.messages[-1] == f"GET http://localhost:{backend.port}/: its host is not among allow-hosts"
    site = await serve({**PROXY, "allow-hosts": ["127.0.0.1"]})
    assert (await site.get(f"/proxy/http/{backend.authority}/")).status == 403
    assert len(backend.requests) == 1


async def test_a_hook_does_not_open_what_clients_may_not_reach(upstream: Upstream, serve: Serve) -> None:
    """Its URL may still be made of what the client sent."""
    backend = await upstream()

    def change(forward: Any) -> None:
        forward.request.url = forward.request.url.replace("public.example", backend.authority)

    site = await serve({**PROXY, "forward-request": change})
    assert (await site.get("/proxy/http/public.example/")).status == 403


@pytest.mark.parametrize(
    "path", ["user@127.0.0.1", "user:secret@127.0.0.1", "evil%40127.0.0.1", ":80", "a:b:c", "%5B::1"]
)
async def test_an_odd_authority_is_refused(path: str, serve: Serve) -> None:
    assert (await (await serve({**PROXY, "allow-private": True})).get(f"/proxy/http/{path}/")).status == 400


async def test_a_redirect_of_an_upstream_server_is_not_followed(upstream: Upstream, serve: Serve) -> None:
    canary = await upstream()
    head = f"HTTP/1.1 302 Found\r\nLocation: {canary.url}/\r\nContent-Length: 0\r\n\r\n"
    backend = await upstream(head.encode())
    response = await (await serve({**PROXY, "allow-private": True})).get(f"/proxy/http/{backend.authority}/")
    assert (response.status, response.headers["location"]) == (302, f"{canary.url}/")
    assert canary.connections == 0


@pytest.mark.parametrize(
    "capture",
    [
        "@evil/x",
        ":1234/x",
        ".evil/",
        "\\\\evil\\x",
        "//evil/x",
        "%40evil",
        "%2f..%2f",
        "%20HTTP/1.1",
        "%3fa=b",
        "%23a",
        "?a=b",
    ],
)
async def test_captures_never_leave_the_author_s_url(capture: str, upstream: Upstream, serve: Serve) -> None:
    backend, canary = await upstream(), await upstream()
    site = await serve(
        {"match": "^/path(.*)", "url": f"{backend.url}/base/$1"},
        {"match": "^/glued(.*)", "url": f"{backend.url}$1"},
        {"match": "^/query(.*)", "url": f"{backend.url}/base?a=1&b=$1&c=2"},
    )
    capture = capture.replace("1234", str(canary.port))
    for path in ("path", "path/", "glued", "query"):
        await site.get(f"/{path}{capture}")
    assert canary.connections == 0
    for request in backend.requests:
        assert request.headers.getall("host") == [backend.authority]
        assert request.first_line.count(" ") == 2
        assert "#" not in request.target
        assert "/../" not in request.target.partition("?")[0].lower().replace("%2f", "/")
        if "a=1" in request.target:
            assert request.target.startswith("/base?a=1&b=")
            assert request.target.endswith("&c=2")
            assert request.target.count("&") == 2


@pytest.mark.parametrize(
    ("url", "hostname", "options", "warned"),
    [
        ("$1://$2", "0.0.0.0", {}, True),
        ("$1://$2", "::", {}, True),
        ("http://$2", "192.0.2.1", {"allow-private": True}, True),
        ("$1://$2", "127.0.0.1", {}, False),
        ("$1://$2", "localhost", {}, False),
        ("$1://$2", "shop.localhost", {}, False),
        ("$1://$2", "::1", {}, False),
        ("$1://$2", "0.0.0.0", {"allow-hosts": ["*.example"]}, False),
        ("$1://$2", "0.0.0.0", {"allow-hosts": ["*"]}, True),
        ("http://h/$1", "0.0.0.0", {}, False),
    ],
)
async def test_an_open_proxy_is_warned_of(url: str, hostname: str, options: dict[str, Any], warned: bool) -> None:
    mapping = {"match": "^/(https?)/(.*)", "url": url, **options}
    warnings = (await check({"hostname": hostname, "mappings": [mapping]}, load_plugins())).warnings
    assert len(warnings) == warned
    for warning in warnings:
        assert "open proxy" in warning.message
        assert "allow-hosts" in str(warning.hint)


@pytest.mark.parametrize(
    ("mapping", "dropped"),
    [
        ({"match": "^/api/", "url": "http://h/"}, True),
        ({"match": "^/api/", "url": "http://h/api"}, True),
        ({"match": "/api", "url": "http://h"}, True),
        ({"match": "/api", "url": "http://h/v1/"}, True),
        ({"url": "http://h"}, True),
        ({"match": "^/api/(.*)", "url": "http://h/$1"}, False),
        ({"match": "^/api/$", "url": "http://h/"}, False),
        ({"match": "^/api/[a-z]+$", "url": "http://h/"}, False),
        ({"match": "/openapi.json", "url": "http://h/openapi.json"}, False),
        ({"url": "http://h/maintenance.html"}, False),
        ({"match": "^/x", "invert-match": True, "url": "http://h/"}, False),
        ({"match": "^/api/", "url": "http://h/", "forward-request": print}, False),
    ],
)
async def test_a_path_that_is_dropped_is_warned_of(mapping: dict[str, Any], dropped: bool) -> None:
    warnings = (await check({"mappings": [mapping]}, load_plugins())).warnings
    assert ["its path is dropped" in warning.message for warning in warnings] == [True] * dropped


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"url": "ftp://h/"}, "http"),
        ({"url": "/path"}, "http"),
        ({"url": 7}, "string"),
        ({"url": object()}, "string"),
        ({"url": "http://user:secret@h/"}, "user name"),
        ({"url": "http://h/../x"}, "'..'"),
        ({"url": "http://h/", "trusted-proxies": ["localhost"]}, "trusted-proxies"),
        ({"url": "http://h/", "ca": "./missing.pem"}, "ca"),
        ({"url": "http://h/", "timeout": 0}, "timeout"),
        ({"url": "http://h/", "max-connections": 0}, "max-connections"),
        ({"url": "http://h/", "preserve-hosts": True}, "preserve-host"),
    ],
)
async def test_mistakes(mapping: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        await check({"mappings": [mapping]}, load_plugins())
