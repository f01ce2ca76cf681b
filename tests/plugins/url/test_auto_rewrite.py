"""Responses that name the upstream server's own URLs, behind a server that clients know by another name and path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core.cli.proxy_option import ProxyOption
from reserve_core.http.target import RawMatch, canonical_url, raw_url
from reserve_url.auto_rewrite import AutoRewriter
from reserve_url.upstream_url import URLTemplate, parse_origin

if TYPE_CHECKING:
    from tests.kit.upstream import Backend, Peer
    from tests.plugins.url.conftest import Serve, Upstream


def say(backend: Backend, *headers: str) -> None:
    """Has the upstream server answer with these headers."""

    async def script(peer: Peer) -> None:
        await peer.message()
        await peer.send("\r\n".join(["HTTP/1.1 302 Found", *headers, "Content-Length: 0", "", ""]).encode("latin-1"))

    backend.script = script


async def test_a_browser_stays_behind_the_proxy(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    say(
        backend,
        f"Location: {backend.url}/v1/x?y=1#z",
        f"Content-Location: {backend.url}/v1/a",
        f"Refresh: 5; url={backend.url}/v1/b",
        f"Link: <{backend.url}/v1/c>; rel=next",
        "Set-Cookie: a=1; Domain=127.0.0.1; Path=/v1; HttpOnly",
        "Set-Cookie: b=2; Path=/",
    )
    site = await serve(ProxyOption.parse(f"/api={backend.url}/v1").mapping)
    headers = (await site.get("/api/login")).headers
    assert headers["location"] == "/api/x?y=1#z"
    assert headers["content-location"] == "/api/a"
    assert headers["refresh"] == "5; url=/api/b"
    assert headers["link"] == f"<{backend.url}/v1/c>; rel=next"
    assert headers.getall("set-cookie") == ["a=1; Path=/api; HttpOnly", "b=2; Path=/"]


@pytest.mark.parametrize(
    "mapping",
    [
        {"match": "^/api/(.*)", "url": "{url}/v1/$1", "auto-rewrite": False},
        {"match": "^/api/(.*)", "url": "{url}/v1/$1", "absolute-location": True},
        {"match": "^/api/(.*)", "url": "{url}/v1/$1/x"},
        {"match": "^/api/", "url": "{url}/v1/"},
        {"match": "^/([a-z]*)/(.*)", "url": "http://127.0.0.1:$port/v1/$2"},
    ],
)
async def test_responses_are_left_alone(mapping: dict[str, Any], upstream: Upstream, serve: Serve) -> None:
    """By an option, where the path can't be told, and always where captures choose the host."""
    backend = await upstream()
    say(backend, f"Location: {backend.url}/v1/x", "Set-Cookie: a=1; Domain=127.0.0.1; Path=/v1")
    mapping = {**mapping, "url": mapping["url"].replace("{url}", backend.url)}
    target = "/api/x"
    if "$port" in mapping["url"]:
        mapping |= {"match": "^/(?<port>[0-9]*)/(.*)", "allow-private": True}
        target = f"/{backend.port}/x"
    headers = (await (await serve(mapping)).get(target)).headers
    assert headers["location"] == f"{backend.url}/v1/x"
    assert headers["set-cookie"] == "a=1; Domain=127.0.0.1; Path=/v1"


def elsewhere(forward: Any) -> None:
    forward.request.url = forward.request.url.replace("/v1/", "/v2/")


async def test_a_hook_that_chooses_the_url_says_what_its_response_says(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    say(backend, f"Location: {backend.url}/v1/x")
    site = await serve({"match": "^/api/(.*)", "url": f"{backend.url}/v1/$1", "forward-request": elsewhere})
    assert (await site.get("/api/x")).headers["location"] == f"{backend.url}/v1/x"


async def test_with_the_client_s_host_the_upstream_server_names_this_one(upstream: Upstream, serve: Serve) -> None:
    backend = await upstream()
    say(backend, "Location: http://site.example/v1/x")
    site = await serve({"match": "^/api/(.*)", "url": f"{backend.url}/v1/$1", "preserve-host": True})
    assert (await site.get("/api/")).headers["location"] == "/api/x"


def mount(there: str, here: str, host: str = "site.example:8080", told: str = "api.example:3000") -> AutoRewriter:
    return AutoRewriter(parse_origin("http", "api.example:3000"), there, here, host, told)


@pytest.mark.parametrize(
    ("there", "here", "location", "expected"),
    [
        ("/v1", "/api", "http://api.example:3000/v1/x?y#z", "/api/x?y#z"),
        ("/v1", "/api", "HTTP://API.EXAMPLE:3000/v1", "/api"),
        ("/v1", "/api", "//api.example:3000/v1/", "/api/"),
        ("/v1", "/api", "/v1/x", "/api/x"),
        ("", "/api", "/x", "/api/x"),
        ("", "/api", "http://api.example:3000", "/api/"),
        ("", "/api", "http://api.example:3000?x", "/api/?x"),
        ("/v1", "", "http://api.example:3000/v1?x", "/?x"),
        ("", "", "http://api.example:3000/x", "/x"),
        ("", "/api", "http://api.example:3000/api/x", "/api/api/x"),
        # It knows the name of this server, and perhaps the path, too.
        ("/v1", "/api", "http://site.example:8080/v1/x", "http://site.example:8080/api/x"),
        ("/v1", "/api", "https://site.example:8080/v1/x", "https://site.example:8080/api/x"),
        ("", "/api", "http://site.example:8080/api/x", "http://site.example:8080/api/x"),
        ("", "/api", "/api/x", "/api/x"),
        ("", "", "https://site.example:8080/x", "https://site.example:8080/x"),
        # Not of what this server has, or of another one.
        ("/v1", "/api", "http://api.example:3000/login", "http://api.example:3000/login"),
        ("/v1", "/api", "http://api.example:3000/v1x", "http://api.example:3000/v1x"),
        ("/v1", "/api", "/login", "/login"),
        ("/v1", "/api", "http://api.example/v1/x", "http://api.example/v1/x"),
        ("/v1", "/api", "https://api.example:3000/v1/x", "https://api.example:3000/v1/x"),
        ("/v1", "/api", "http://api.example:3000@evil/v1/x", "http://api.example:3000@evil/v1/x"),
        ("/v1", "/api", "http://www.api.example:3000/v1/x", "http://www.api.example:3000/v1/x"),
        ("/v1", "/api", "mailto:x@api.example", "mailto:x@api.example"),
        # Relative: the same from here.
        ("/v1", "/api", "x/y", "x/y"),
        ("/v1", "/api", "../x", "../x"),
        ("/v1", "/api", "?x", "?x"),
        ("/v1", "/api", "#x", "#x"),
        ("/v1", "/api", "", ""),
        # A path must not become another host.
        ("", "", "http://api.example:3000//evil/x", "/.//evil/x"),
        ("", "", "http://api.example:3000/\\evil/x", "/./\\evil/x"),
        ("", "", "http://api.example:3000\\\\evil/x", "/./\\\\evil/x"),
        ("", "", "http://api.example:3000\\evil/x", "/./\\evil/x"),
        ("", "", "http://api.example:3000/\t/evil/x", "/./\t/evil/x"),
        ("", "//evil", "http://api.example:3000/x", "/.//evil/x"),
        ("/v1", "", "/v1//evil", "/.//evil"),
    ],
)
def test_locations(there: str, here: str, location: str, expected: str) -> None:
    assert mount(there, here).url(location) == expected


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://site.example:8080/v1/x", "/api/x"),
        ("http://site.example:8080/api/x", "/api/x"),
        ("http://site.example:8080//evil", "/.//evil"),
        ("https://site.example:8080/v1/x", "https://site.example:8080/api/x"),
    ],
)
def test_locations_of_a_server_that_was_told_the_client_s_host(location: str, expected: str) -> None:
    assert mount("/v1", "/api", told="site.example:8080").url(location) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0;url=http://api.example:3000/v1/x", "0;url=/api/x"),
        ("3; URL='http://api.example:3000/v1/x'", "3; URL='/api/x'"),
        ("3, url = /v1/x", "3, url = /api/x"),
        ("3", "3"),
        ("3; url=https://other.example/", "3; url=https://other.example/"),
    ],
)
def test_refresh(value: str, expected: str) -> None:
    assert mount("/v1", "/api").refresh(value) == expected


@pytest.mark.parametrize(
    ("there", "here", "cookie", "expected"),
    [
        ("/v1", "/api", "a=1; Domain=api.example; Path=/v1; Secure", "a=1; Path=/api; Secure"),
        ("/v1", "/api", "a=1;domain=.API.example;path=/v1/x/", "a=1;path=/api/x/"),
        ("", "/api", "a=1; Path=/x", "a=1; Path=/api/x"),
        ("/v1", "", "a=1; Path=/v1", "a=1; Path=/"),
        # These come back as they are.
        ("/v1", "/api", "a=1", "a=1"),
        ("/v1", "/api", "__Host-a=1; Path=/; Secure", "__Host-a=1; Path=/; Secure"),
        ("/v1", "/api/v2", "a=1; Path=/api/", "a=1; Path=/api/"),
        ("/v1", "/api", "a=1; Domain=site.example", "a=1; Domain=site.example"),
        # A browser takes none for a domain that this server isn't in, wherever the upstream server was reached.
        ("/v1", "/api", "a=1; Domain=other.example; Path=/other", "a=1; Path=/other"),
        ("/v1", "/api", "a=1; Domain; Path=x", "a=1; Domain; Path=x"),
        # What a URL can hold, but no cookie's path.
        ("/v1", "/a;Domain=example/api", "a=1; Path=/v1", "a=1; Path=/v1"),
        ("/v1", "/api", "Domain=api.example", "Domain=api.example"),
    ],
)
def test_cookies(there: str, here: str, cookie: str, expected: str) -> None:
    assert mount(there, here).cookie(cookie) == expected


def test_a_domain_of_both_servers_stays() -> None:
    both = mount("", "", host="www.example:80")
    assert both.cookie("a=1; Domain=example") == "a=1; Domain=example"
    assert both.cookie("a=1; Domain=api.example") == "a=1"


@pytest.mark.parametrize(
    ("pattern", "value", "target", "paths"),
    [
        ("^/api/(.*)", "http://h/v1/$1", "/api/x?y", ("/v1", "/api")),
        ("^/api(|[/?].*)$", "http://h/v1$1", "/api?x", ("/v1", "/api")),
        ("^(/.*)$", "http://h$1", "/x", ("", "")),
        ("^/(.*)$", "http://h$1", "/x", ("", "")),
        ("/(a|b)/(.*)", "http://h/v1/$1/$2", "/x%2By/a/z", ("/v1/a", "/x%2By/a")),
        ("^/api/(?P<rest>[^?]*)(?:\\?.*)?", "http://h/v1/$rest?key=1", "/api/x?y", ("/v1", "/api")),
        ("^/api(.*)", "http://h/v1/$1", "/api/x", None),
        ("^/api/(.*)", "http://h/v1/", "/api/x", None),
        ("^/api/(.*)", "http://h/v1/$1/end", "/api/x", None),
        ("^/api/([^/]*)/", "http://h/v1/$1", "/api/x/y", None),
        ("^/api/x\\?(.*)", "http://h/v1/$1", "/api/x?y", None),
        ("^/(a)?(.*)", "http://h/v1/$2$1", "/b", None),
        ("^/(https?)/(.*)", "$1://$2", "/http/h/x", None),
    ],
)
def test_where_a_path_is_mounted(pattern: str, value: str, target: str, paths: tuple[str, str] | None) -> None:
    url = canonical_url(target)
    match = re.search(pattern, url)
    assert match is not None
    assert URLTemplate.parse(value).corresponding_paths(RawMatch(match, raw_url(url, target))) == paths
