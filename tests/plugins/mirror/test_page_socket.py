"""The WebSocket of a mirror: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import HTTPClientError

from reserve_core import PreparedMessage
from reserve_mirror import page_socket
from reserve_mirror.store import event_hub
from tests.kit.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from reserve_core.testing import LoopThread
    from tests.plugins.mirror.conftest import Follower, Serve, Site


async def paths(follower: Follower, count: int) -> list[str]:
    """The paths of the next `count` requests."""
    return [(await follower.message("request"))["request"]["path"] for _ in range(count)]


async def test_a_page_is_greeted_with_the_mirror(site: Site) -> None:
    site.record()
    before = datetime.now(UTC) - timedelta(milliseconds=1)  # it is told in whole ones
    async with site.follow() as follower:
        hello = await follower.message("hello")
    told = datetime.fromisoformat(hello["time"])
    assert hello == {"type": "hello", "time": hello["time"], "mirror": site.get("/api/mirrors/orders").json()}
    assert hello["mirror"]["count"] == 1
    assert before <= told <= datetime.now(UTC)


async def test_a_request_shows_at_once_as_its_summary(site: Site) -> None:
    async with site.follow() as follower:
        await follower.message("hello")
        site.ask("POST", "/r/orders/x?a=1", b"body")
        message = await follower.message("request")
    assert message["request"] == site.requests()[0]


async def test_what_came_before_comes_first(site: Site) -> None:
    for n in range(3):
        site.record(f"/{n}")
    async with site.follow() as follower:
        await follower.message("hello")
        assert await paths(follower, 3) == ["/0", "/1", "/2"]
        site.record("/3")
        assert await paths(follower, 1) == ["/3"]


async def test_who_comes_back_gets_what_is_missing_and_no_more(site: Site) -> None:
    ids = [site.record(f"/{n}") for n in range(5)]
    async with site.follow(f"/ws/orders?after={ids[2]}") as follower:
        await follower.message("hello")
        assert await paths(follower, 2) == ["/3", "/4"]
    async with site.follow(f"/ws/orders?after={ids[4]}") as follower:
        await follower.message("hello")
        site.record("/5")
        assert await paths(follower, 1) == ["/5"]


async def test_a_long_history_comes_whole_and_in_order(site: Site) -> None:
    for n in range(450):
        site.ask("POST", f"/r/orders/{n}")
    async with site.follow() as follower:
        await follower.message("hello")
        assert await paths(follower, 450) == [f"/{n}" for n in range(450)]


async def test_requests_that_come_while_the_history_is_sent_are_neither_lost_nor_doubled(site: Site) -> None:
    def send() -> None:
        for n in range(300):
            site.ask("POST", f"/r/orders/{n}")

    sending = asyncio.create_task(asyncio.to_thread(send))
    last = ""
    seen: list[str] = []
    while len(seen) < 300:
        async with site.follow(f"/ws/orders?after={last}") as follower:
            await follower.message("hello")
            for _ in range(min(37, 300 - len(seen))):
                request = (await follower.message("request"))["request"]
                seen.append(request["path"])
                last = request["id"]
    await sending
    assert seen == [f"/{n}" for n in range(300)]


async def test_pages_are_told_of_every_change(site: Site) -> None:
    site.ask_json("POST", "/api/mirrors", {"code": "hooks"})
    async with site.follow("/ws/hooks") as follower:
        await follower.message("hello")
        site.ask("POST", "/r/hooks")
        request_id = (await follower.message("request"))["request"]["id"]
        site.ask("DELETE", f"/api/mirrors/hooks/requests/{request_id}")
        deleted = await follower.message("deleted")
        assert deleted["id"] == request_id
        assert deleted["revision"] == site.get("/api/mirrors/hooks").json()["revision"]
        site.ask("POST", "/r/hooks")
        request_id = (await follower.message("request"))["request"]["id"]
        site.ask("DELETE", "/api/mirrors/hooks/requests")
        cleared = await follower.message("cleared")
        assert cleared["last"] == request_id
        assert cleared["revision"] == site.get("/api/mirrors/hooks").json()["revision"]
        site.ask_json("PATCH", "/api/mirrors/hooks", {"response": {"status": 503}})
        updated = await follower.message("updated")
        assert updated["response"] == site.get("/api/mirrors/hooks").json()["response"]
        site.ask("DELETE", "/api/mirrors/hooks")
        assert await follower.message("expired") == {"type": "expired", "reason": "deleted"}
        assert await follower.next() is None
        assert follower.connection.close_code == 1000


async def test_a_mirror_expires_before_the_eyes_of_its_page(serve: Serve) -> None:
    site = serve(expiration_time=3)
    site.ask_json("POST", "/api/mirrors", {"code": "hooks"})
    async with site.follow("/ws/hooks") as follower:
        await follower.message("hello")
        await asyncio.sleep(1)
        site.ask("POST", "/r/hooks")
        await follower.message("request")
        hello = await follower.message("hello")  # it outlived its first time
        assert hello["mirror"]["count"] == 1
        assert await follower.message("expired") == {"type": "expired", "reason": "time"}
        assert await follower.next() is None


async def test_all_pages_are_told(site: Site) -> None:
    async with asyncio.timeout(PATIENCE), site.follow() as one, site.follow() as two:
        for follower in (one, two):
            await follower.message("hello")
        site.record("/x")
        assert await paths(one, 1) == await paths(two, 1) == ["/x"]


async def test_a_page_that_falls_behind_is_brought_up_to_date(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "MAX_EVENTS", 1)
    async with site.follow() as follower:
        await follower.message("hello")

        def send(worker: int) -> None:
            for n in range(50):
                site.ask("POST", f"/r/orders/{worker}-{n}")

        await asyncio.gather(*(asyncio.to_thread(send, worker) for worker in range(6)))
        messages: list[dict[str, Any]] = []
        while sum(message["type"] == "request" for message in messages) < 300:
            message = await follower.next()
            assert message is not None
            messages.append(message)
        seen = [message["request"]["id"] for message in messages if message["type"] == "request"]
        assert seen == [request["id"] for request in site.requests()]
        assert {message["type"] for message in messages} <= {"hello", "request"}


async def test_an_event_is_framed_once_for_all_pages(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    site = serve(max_requests=20)
    framed: list[bytes] = []
    make = PreparedMessage._make

    def counted(self: PreparedMessage, window_bits: int) -> bytes:
        framed.append(self._data)
        return make(self, window_bits)

    monkeypatch.setattr(PreparedMessage, "_make", counted)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        followers = [await stack.enter_async_context(site.follow()) for _ in range(20)]
        for follower in followers:
            await follower.message("hello")
        for n in range(50):  # more than the mirror keeps
            await asyncio.to_thread(site.ask, "POST", f"/r/orders/{n}")
        for follower in followers:
            assert await paths(follower, 50) == [f"/{n}" for n in range(50)]
    assert len([data for data in framed if b'"type":"request"' in data]) == 50


@pytest.mark.parametrize(("path", "status"), [("/ws/missing", 404), ("/ws/orders?after=x", 400), ("/ws/a~b", 404)])
async def test_a_handshake_is_refused_with_the_reason(site: Site, path: str, status: int) -> None:
    with pytest.raises(HTTPClientError) as refused:
        async with site.follow(path):
            pass
    assert refused.value.code == status


def test_without_a_handshake_there_is_no_websocket(site: Site) -> None:
    response = site.get("/ws/orders")
    assert response.status == 426
    assert response.headers["upgrade"] == "websocket"


async def test_a_page_that_says_much_is_sent_away(site: Site) -> None:
    async with site.follow() as follower:
        await follower.message("hello")
        await follower.connection.write_message("x" * 2000)
        assert await follower.next() is None
        assert follower.connection.close_code == 1009


async def test_too_many_pages_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "MAX_WATCHERS", 1)
    async with site.follow() as follower:
        await follower.message("hello")
        response = site.get("/api/mirrors/orders/wait?timeout=0")
        assert response.status == 503
        assert response.headers["retry-after"] == "1"


def test_a_page_that_takes_nothing_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_socket, "STALL", 0.5)
    site = serve(max_requests=2000)
    store: Any = site.store
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", site.server.port))
        client.sendall(
            b"GET /ws/orders HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in client.recv(100)
        for _ in range(400):
            site.ask("POST", "/r/orders", headers=[("X-Long", "x" * 60_000)])
        wait_until(lambda: not store.hub.codes)


async def test_a_server_that_stops_tells_its_pages(site: Site, reserve_loop: LoopThread) -> None:
    async with site.follow() as follower:
        await follower.message("hello")
        stopping = asyncio.create_task(asyncio.to_thread(lambda: reserve_loop.run(site.server.server.close())))
        assert await follower.next() is None
        assert follower.connection.close_code == 1001
        await stopping
