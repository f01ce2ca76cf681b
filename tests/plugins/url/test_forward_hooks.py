"""The hooks `forward-request` and `forward-response`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reserve_core import ConfigError
from reserve_url import Forward

if TYPE_CHECKING:
    from tests.plugins.url.conftest import Serve, Until, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Y: 1\r\n\r\nok"


async def test_both_hooks_see_the_same_forward(upstream: Upstream, serve: Serve) -> None:
    seen: list[Forward] = []

    def forward_request(forward: Forward) -> None:
        seen.append(forward)
        assert forward.response is None
        forward.context["from"] = "request"

    async def forward_response(forward: Forward) -> None:
        await asyncio.sleep(0)
        seen.append(forward)

    backend = await upstream(OK)
    mapping = {"match": "^/(.*)", "url": f"{backend.url}/v1/$1"}
    site = await serve({**mapping, "forward-request": forward_request, "forward-response": forward_response})
    for _ in range(2):
        assert (await site.get("/a?b", "X: 1")).body == b"ok"
    first, again, second, _ = seen
    assert first is again
    assert first.context == {"from": "request"}
    assert first.context is not second.context
    assert first.configuration is site.server.configuration
    assert first.mapping is site.server.configuration.mappings[0]
    assert first.match[1] == "a?b"
    assert first.incoming.headers["x"] == "1"
    assert (first.request.method, first.request.url) == ("GET", f"{backend.url}/v1/a?b")
    assert first.request.headers["x-forwarded-host"] == "site.example"
    assert first.response is not None
    assert first.response.status == 200
    assert first.response.headers["X-Y"] == "1"


async def test_a_request_can_be_changed(upstream: Upstream, serve: Serve) -> None:
    backend, other = await upstream(OK), await upstream(OK.replace(b"ok", b"2!"))

    def change(forward: Forward) -> None:
        forward.request.method = "PUT"
        forward.request.url = f"{other.url}/changed?a=b c"
        forward.request.headers["Authorization"] = "secret"
        forward.request.headers["Content-Length"] = "100"
        forward.request.headers["Transfer-Encoding"] = "x"
        del forward.request.headers["X-Gone"]
        if "host" in forward.incoming.url:
            forward.request.headers["Host"] = "virtual.example"

    site = await serve({"url": backend.url, "forward-request": change})
    peer = await site.connect()
    for path in (b"/", b"/host"):
        response = await peer.ask(b"POST %b HTTP/1.1\r\nHost: a\r\nX-Gone: 1\r\nContent-Length: 4\r\n\r\nbody" % path)
        assert response.body == b"2!"
    assert backend.requests == []
    first, second = other.requests
    assert first.first_line == "PUT /changed?a=b%20c HTTP/1.1"
    assert first.headers.getall("authorization") == ["secret"]
    assert first.headers.getall("content-length") == ["4"]
    assert "x-gone" not in first.headers
    assert "transfer-encoding" not in first.headers
    assert first.body == b"body"
    assert first.headers.getall("host") == [other.authority]
    assert second.headers.getall("host") == ["virtual.example"]


async def test_the_preserved_host_is_shown(upstream: Upstream, serve: Serve) -> None:
    hosts: list[str | None] = []
    backend = await upstream(OK)
    site = await serve(
        {
            "url": backend.url,
            "preserve-host": True,
            "forward-request": lambda forward: hosts.append(forward.request.headers.get("host")),
        }
    )
    await site.get()
    assert hosts == ["site.example"]
    assert backend.requests[0].headers.getall("host") == ["site.example"]


@pytest.mark.parametrize(
    "change",
    [
        lambda forward: setattr(forward.request, "url", "/path"),
        lambda forward: setattr(forward.request, "url", "ftp://h/"),
        lambda forward: setattr(forward.request, "url", "http://user@h/"),
        lambda forward: setattr(forward.request, "method", "GET / HTTP/1.1\r\nX:"),
        lambda forward: forward.request.headers.add("X", "a\r\nY: b"),
        lambda forward: forward.request.headers.add("X: y\r\nZ", "a"),
        lambda forward: forward.request.headers.add("Transfer-Encoding: chunked, X", "a"),
        lambda forward: 1 / 0,
    ],
)
async def test_a_change_that_can_not_be_sent_is_a_failure(change: object, upstream: Upstream, serve: Serve) -> None:
    backend = await upstream(OK)
    site = await serve({"url": backend.url, "forward-request": change})
    assert (await site.get()).status == 500
    assert len(site.named("error")) == 1
    assert backend.requests == []


async def test_a_response_can_be_changed(upstream: Upstream, serve: Serve) -> None:
    def change(forward: Forward) -> None:
        assert forward.response is not None
        forward.response.status = 201
        forward.response.headers["X-Y"] = "changed"
        del forward.response.headers["content-length"]

    backend = await upstream(OK)
    response = await (await serve({"url": backend.url, "forward-response": change})).get()
    assert (response.status, response.body) == (201, b"ok")
    assert response.headers.getall("x-y") == ["changed"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("result", "status"), [("/other", 202), (404, 404)])
@pytest.mark.parametrize("size", [2, 5_000_000])
async def test_a_response_can_redirect(
    method: str, result: str | int, status: int, size: int, upstream: Upstream, serve: Serve, until: Until
) -> None:
    """What the upstream server still has to say is not waited for."""
    body = b"x" * size if method == "GET" else b""
    backend = await upstream(b"HTTP/1.1 200 OK\r\nX-Y: 1\r\nContent-Length: %d\r\n\r\n%b" % (size, body))
    site = await serve(
        {"match": "^/other", "custom": ["other", {"status": 202}]},
        {"url": backend.url, "forward-response": lambda forward: result},
    )
    response = await site.get(method=method)
    assert response.status == status
    assert "x-y" not in response.headers
    if size > 2 and method == "GET":
        await until(lambda: backend.open == 0)
    assert (await site.get(method=method)).status == status


async def test_only_get_and_head_are_redirected(upstream: Upstream, serve: Serve) -> None:
    site = await serve({"url": (await upstream(OK)).url, "forward-response": lambda forward: 404})
    assert (await site.get(method="POST")).status == 500
    assert "POST" in str(site.named("error")[0].reason)


async def test_a_response_hook_that_fails_is_a_failure(upstream: Upstream, serve: Serve, until: Until) -> None:
    backend = await upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
    site = await serve({"url": backend.url, "forward-response": lambda forward: 1 / 0})
    assert (await site.get()).status == 500
    await until(lambda: backend.open == 0)


async def test_hooks_may_be_named(upstream: Upstream, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(
        "def forward_request(forward):\n    forward.request.headers['X-Hook'] = 'yes'\n"
        "async def late(forward):\n    forward.response.headers['X-Hook'] = 'yes'\n"
    )
    backend = await upstream(OK)
    site = await serve({"url": backend.url, "forward-request": "./hooks.py", "forward-response": "./hooks.py:late"})
    assert (await site.get()).headers["x-hook"] == "yes"
    assert backend.requests[0].headers["x-hook"] == "yes"


@pytest.mark.parametrize("name", ["forward-request", "forward-response"])
@pytest.mark.parametrize("value", ["./missing.py", "./hooks.py:number", 7])
async def test_a_hook_that_is_none_is_a_mistake(name: str, value: object, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text("number = 7\n")
    with pytest.raises(ConfigError):
        await serve({"url": "http://h", name: value})
