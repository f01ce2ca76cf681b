"""The event stream of a mirror: what its WebSocket tells, for whoever reads plain HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from reserve_mirror import event_stream
from reserve_mirror.store import event_hub
from tests.kit.waiting import PATIENCE, until, wait_until

if TYPE_CHECKING:
    from reserve_core.testing import LoopThread
    from tests.plugins.mirror.conftest import Serve, Site

EVENTS = "/api/mirrors/orders/events"


class Stream:
    """An event stream as a client reads it."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response
        self.last_id = ""
        self.retry = 0

    def block(self) -> list[str]:
        """The lines up to the next empty one; none at the end."""
        lines = []
        while line := self.response.readline().decode().removesuffix("\n"):
            lines.append(line)
        return lines

    def message(self, kind: str) -> dict[str, Any]:
        """The next message, which must be of this type."""
        fields = dict(line.split(": ", 1) for line in self.block())
        self.last_id = fields["id"]
        self.retry = int(fields.get("retry", self.retry))
        message: dict[str, Any] = json.loads(fields["data"])
        assert message["type"] == kind, message
        return message

    def paths(self, count: int) -> list[str]:
        return [self.message("request")["request"]["path"] for _ in range(count)]


@contextmanager
def streamed(site: Site, path: str = EVENTS, **headers: str) -> Iterator[Stream]:
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=PATIENCE)
    try:
        connection.request("GET", f"{site.base}{path}", headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert response.getheader("content-type") == "text/event-stream"
        yield Stream(response)
    finally:
        connection.close()


def test_it_begins_with_the_mirror_and_what_came_before(site: Site) -> None:
    ids = [site.record("/0"), site.record("/1")]
    with streamed(site) as stream:
        hello = stream.message("hello")
        assert hello == {"type": "hello", "time": hello["time"], "mirror": site.get("/api/mirrors/orders").json()}
        assert 0 < stream.retry <= event_stream.SPREAD
        assert stream.message("request")["request"] == site.requests()[0]
        assert stream.last_id == ids[0]
        assert stream.paths(1) == ["/1"]
        site.record("/2")
        assert stream.paths(1) == ["/2"]


def test_who_connects_again_gets_what_is_missing_and_no_more(site: Site) -> None:
    ids = [site.record(f"/{n}") for n in range(4)]
    with streamed(site, f"{EVENTS}?after={ids[0]}") as stream:
        stream.message("hello")
        assert stream.paths(1) == ["/1"]
        last = stream.last_id
    # As EventSource does it: to the same address, with the id it has seen.
    with streamed(site, f"{EVENTS}?after={ids[0]}", last_event_id=last) as stream:
        stream.message("hello")
        assert stream.paths(2) == ["/2", "/3"]


@pytest.mark.parametrize("before", [0, 1])
def test_who_wants_what_comes_from_now_on_misses_nothing_while_away(site: Site, before: int) -> None:
    for _ in range(before):
        site.record("/before")
    with streamed(site, f"{EVENTS}?after=now") as stream:
        stream.message("hello")
        last = stream.last_id
    site.record("/while-away")
    with streamed(site, f"{EVENTS}?after=now", last_event_id=last) as stream:
        stream.message("hello")
        assert stream.paths(1) == ["/while-away"]


def test_it_tells_of_every_change_and_ends_with_the_mirror(site: Site) -> None:
    site.ask_json("POST", "/api/mirrors", {"code": "hooks"})
    with streamed(site, "/api/mirrors/hooks/events") as stream:
        stream.message("hello")
        site.ask("POST", "/r/hooks")
        request_id = stream.message("request")["request"]["id"]
        site.ask("DELETE", f"/api/mirrors/hooks/requests/{request_id}")
        assert stream.message("deleted")["id"] == request_id
        assert stream.last_id == request_id
        site.ask_json("PATCH", "/api/mirrors/hooks", {"response": {"status": 503}})
        assert stream.message("updated")["response"]["status"] == 503
        site.ask("DELETE", "/api/mirrors/hooks")
        assert stream.message("expired")["reason"] == "deleted"
        assert stream.response.read() == b""


def test_who_falls_behind_is_brought_up_to_date(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "MAX_EVENTS", 1)
    with streamed(site) as stream:
        stream.message("hello")
        for n in range(200):
            site.ask("POST", f"/r/orders/{n}")
        seen: list[str] = []
        while len(seen) < 200:
            (data,) = (line[6:] for line in stream.block() if line.startswith("data: "))
            message = json.loads(data)
            if message["type"] == "request":
                seen.append(message["request"]["path"])
        assert seen == [f"/{n}" for n in range(200)]


def test_where_nothing_happens_a_comment_keeps_it_open(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT", 0.01)
    with streamed(site) as stream:
        stream.message("hello")
        assert [stream.block() for _ in range(3)] == [[":"]] * 3
        site.record("/x")
        while (block := stream.block()) == [":"]:
            pass
        assert json.loads(block[-1].removeprefix("data: "))["request"]["path"] == "/x"


def test_a_client_that_has_gone_is_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT", 0.01)
    with streamed(site) as stream:
        stream.message("hello")
        hub: Any = site.store.hub
        assert hub.codes == ["orders"]
    wait_until(lambda: not hub.codes)


@pytest.mark.parametrize(
    ("path", "headers", "status", "why"),
    [
        ("/api/mirrors/missing/events", [], 404, "The mirror 'missing' does not exist"),
        (f"{EVENTS}?after=x", [], 400, "'x' is not the id of a request: after is one, or now"),
        (EVENTS, [("Last-Event-ID", "x")], 400, "Last-Event-ID: 'x' is not the id of a request"),
        (f"{EVENTS}?before=1-1", [], 400, "There is no parameter 'before' here: after"),
    ],
)
def test_a_stream_is_refused_with_the_reason(
    site: Site, path: str, headers: list[tuple[str, str]], status: int, why: str
) -> None:
    response = site.get(path, *headers)
    assert (response.status, response.json()["error"]) == (status, why)
    assert response.headers["content-type"] == "application/json"


def test_too_many_streams_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "MAX_WATCHERS", 1)
    with streamed(site) as stream:
        stream.message("hello")
        response = site.get(EVENTS)
    assert (response.status, response.headers["retry-after"]) == (503, "1")


def test_head_has_an_end(site: Site) -> None:
    response = site.ask("HEAD", EVENTS)
    assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
    assert site.ask("HEAD", "/api/mirrors/missing/events").status == 404


def test_a_server_that_stops_ends_its_streams(site: Site, reserve_loop: LoopThread) -> None:
    with streamed(site) as stream:
        stream.message("hello")
        reserve_loop.run(site.server.server.close())  # at once, long before the limit of requests at work
        assert stream.response.read() == b""


async def test_a_stream_goes_along_with_a_reload_unless_its_mirror_is_another(
    site: Site, redis_url: str | None, reserve_loop: LoopThread
) -> None:
    server = site.server.server
    mirror = {
        "match": "^/mirror(/.*)?$",
        "mirror": "$1",
        "redis-url": redis_url,
        "codes": ["orders"],
        "max-requests": 1000,
    }

    async def reload(mapping: dict[str, Any]) -> None:
        await asyncio.to_thread(
            lambda: reserve_loop.run(server.configuration.set_mappings([{"match": "^/x", "status": 204}, mapping]))
        )

    with streamed(site) as stream:
        await asyncio.to_thread(stream.message, "hello")
        await reload(mirror)
        await asyncio.to_thread(site.ask, "POST", "/r/orders/after")
        assert await asyncio.to_thread(stream.paths, 1) == ["/after"]
        await until(lambda: not server._former)
        await reload({**mirror, "max-body-size": 5})
        assert await asyncio.to_thread(stream.response.read) == b""


def test_with_the_token_it_opens(serve: Serve) -> None:
    site = serve(token="correct-horse")
    assert site.get(EVENTS).status == 401
    with streamed(site, EVENTS, authorization="Bearer correct-horse") as stream:
        stream.message("hello")
