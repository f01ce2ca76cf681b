"""The values of `--proxy`: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reserve_core.cli.proxy_option import ProxyOption


@pytest.mark.parametrize(
    ("value", "path", "url"),
    [
        ("/api=http://localhost:3000", "/api", "http://localhost:3000/api"),
        ("/api/=http://localhost:3000", "/api", "http://localhost:3000/api"),
        ("/api=http://localhost:3000/", "/api", "http://localhost:3000"),
        ("/api=http://localhost:3000/v1", "/api", "http://localhost:3000/v1"),
        ("/api=http://localhost:3000/v1/", "/api", "http://localhost:3000/v1"),
        ("/=http://localhost:3000", "", "http://localhost:3000"),
        ("/=http://localhost:3000/app", "", "http://localhost:3000/app"),
        ("/a=HTTPS://example.com/?"[:-1], "/a", "https://example.com"),
        ("/a%20b=http://[::1]:3000", "/a b", "http://[::1]:3000/a b"),
        ("/a/../b=http://x", "/b", "http://x/b"),
        ("/a=http://x/=b", "/a", "http://x/=b"),
    ],
)
def test_a_path_and_where_it_leads(value: str, path: str, url: str) -> None:
    proxy = ProxyOption.parse(value)
    assert (proxy.path, proxy.url) == (path, url)


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("/api", "'/api' is not PATH=URL: write /api=http://localhost:3000"),
        ("api=http://x", "the path 'api' doesn't begin with a slash: write '/api=http://x'"),
        ("=http://x", "the path '' doesn't begin with a slash: write '/=http://x'"),
        ("/a?b=http://x", "has a query or a fragment"),
        ("/a%zz=http://x", "can't be that of a request: The request target has a malformed percent-encoding"),
        ("/a=", "write '/a=http://localhost:3000'"),
        ("/a=3000", "write '/a=http://localhost:3000'"),
        ("/a=:3000", "write '/a=http://localhost:3000'"),
        ("/a=localhost:3000", "write '/a=http://localhost:3000'"),
        ("/a=ws://x", "write http:// for a server of WebSockets, too"),
        ("/a=ftp://x", "ftp:// can't be forwarded to: write http:// or https://"),
        ("/a=http://", "names no host"),
        ("/a=http://:80", "names no host"),
        ("/a=http://x:0", "names no host"),
        ("/a=http://x:99999", "is not a URL: Port out of range"),
        ("/a=http://[x", "is not a URL"),
        ("/a=http://me:secret@x", "has a user name"),
        ("/a=http://x/?b=c", "a query"),
        ("/a=http://x/#b", "a fragment"),
    ],
)
def test_a_mistake_is_named_with_its_mend(value: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=re.escape(mistake)):
        ProxyOption.parse(value)


@pytest.mark.parametrize(
    ("value", "mapping"),
    [
        (
            "/api=http://localhost:3000",
            {"match": "^/api(|[/?].*)$", "url": "http://localhost:3000/api$1", "preserve-host": True},
        ),
        ("/a.b+c=https://example.com/", {"match": r"^/a\.b\+c(|[/?].*)$", "url": "https://example.com$1"}),
        ("/$1=https://example.com", {"match": r"^/\$1(|[/?].*)$", "url": "https://example.com/$$1$1"}),
        ("/=http://127.0.0.2", {"match": "^(/.*)$", "url": "http://127.0.0.2$1", "preserve-host": True}),
    ],
)
def test_its_mapping(value: str, mapping: dict[str, Any]) -> None:
    assert ProxyOption.parse(value).mapping == mapping


@pytest.mark.parametrize(
    ("url", "takes"),
    [
        ("/api", True),
        ("/api/", True),
        ("/api/x?y", True),
        ("/api?x", True),
        ("/apis", False),
        ("/api-docs", False),
        ("/v1/api", False),
    ],
)
def test_a_path_is_one_of_whole_names(url: str, takes: bool) -> None:
    assert (re.search(ProxyOption.parse("/api=http://x").mapping["match"], url) is not None) == takes


@pytest.mark.parametrize(
    ("host", "kept"),
    [("localhost", True), ("app.localhost", True), ("[::1]", True), ("10.0.0.1", False), ("example.com", False)],
)
def test_the_clients_host_is_for_servers_of_this_machine(host: str, kept: bool) -> None:
    assert ProxyOption.parse(f"/a=http://{host}:3000").mapping.get("preserve-host", False) == kept
