"""The prefix `tap`: it sees requests and their responses, and changes nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core import ConfigError, Request, Response, WebSocket
from tests.kit.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from reserve_core.testing import TestServer
    from tests.kit.redis_server import RedisServer
    from tests.plugins.mirror.conftest import Serve, Site

TAP = {"match": "^/api", "tap": "orders"}


class Tapped:
    """A site whose /api is tapped, and answered by a function."""

    def __init__(self, serve: Serve, handler: Any, *before: dict[str, Any], **options: Any) -> None:
        custom = {"match": "^/api", "custom": handler}
        self.site: Site = serve("/mirror", before=[*before, TAP, custom], **options)
        self.server = self.site.server

    def ask(self, method: str = "GET", path: str = "/api", body: Any = b"", headers: Any = ()) -> Any:
        """Sends a request past the mirror."""
        base, self.site.base = self.site.base, ""
        try:
            return self.site.ask(method, path, body, headers)
        finally:
            self.site.base = base

    def recorded(self, number: int = 1, code: str = "orders") -> dict[str, Any]:
        """The request of this number that was recorded, whole. It's stored, and the mirror made, after the response."""
        wait_until(lambda: self.site.get(f"/api/mirrors/{code}").status == 200)
        wait_until(lambda: len(self.site.requests(code)) >= number)
        return self.site.whole(self.site.requests(code)[number - 1]["id"], code)


Tap = Callable[..., Tapped]


@pytest.fixture
def tap(serve: Serve) -> Tap:
    """`tap(handler)` serves /api by a function, with a tap before it."""
    return lambda handler, *before, **options: Tapped(serve, handler, *before, **options)


def content(whole: dict[str, Any]) -> bytes:
    """The body of a whole request or of its response."""
    return base64.b64decode(whole["body"]) if whole["body_encoding"] == "base64" else str(whole["body"]).encode()


async def read_body(request: Request, response: Response) -> None:
    body = await request.body()
    response.send(body[::-1], 201, [("x-a", "1"), ("X-A", "2"), ("content-type", "x/y")])


async def stream_body(request: Request, response: Response) -> None:
    response.headers["x-streamed"] = "yes"
    async for chunk in request.stream():
        await response.write(chunk)
    await response.end()


def read_nothing(request: Request, response: Response) -> None:
    response.send(b"no", 403)


def test_request_and_response_are_recorded(tap: Tap) -> None:
    tapped = tap(read_body)
    response = tapped.ask("PUT", "/api/x?y=1", b"\xff123", [("X-B", "3"), ("Host", "shop.example")])
    assert (response.status, response.body) == (201, b"321\xff")
    whole = tapped.recorded()
    assert (whole["method"], whole["path"], whole["query"]) == ("PUT", "/api/x", [["y", "1"]])
    assert whole["url"] == "http://shop.example/api/x?y=1"
    assert whole["headers"] == [["X-B", "3"], ["Host", "shop.example"], ["Content-Length", "4"]]
    assert (content(whole), whole["size"], whole["truncated"]) == (b"\xff123", 4, False)
    recorded = whole["response"]
    assert 0 < recorded.pop("duration") < 10_000
    assert recorded == {
        "status": 201,
        "headers": [["x-a", "1"], ["X-A", "2"], ["content-type", "x/y"]],
        "size": 4,
        "sha256": hashlib.sha256(b"321\xff").hexdigest(),
        "truncated": False,
        "complete": True,
        "body": base64.b64encode(b"321\xff").decode(),
        "body_encoding": "base64",
        "lost": False,
        "decoded": None,
        "notes": [],
    }
    download = tapped.site.get(f"/api/mirrors/orders/requests/{whole['id']}/response/body")
    assert download.body == b"321\xff"


@pytest.mark.parametrize("handler", [read_body, stream_body, read_nothing])
@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 4000], ids=["none", "small", "large"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_the_response_is_the_same_with_and_without(
    serve: Serve, tap: Tap, handler: Any, body: bytes, chunked: bool
) -> None:
    plain = serve(before=[{"match": "^/api", "custom": handler}])

    def pieces() -> Any:
        return (body[start : start + 50_000] for start in range(0, len(body), 50_000)) if chunked else body

    without, with_tap = plain.ask("POST", "/api", pieces()), tap(handler).ask("POST", "/api", pieces())
    assert with_tap.status == without.status
    assert with_tap.body == without.body
    for response in (without, with_tap):
        response.headers.popall("date")
    assert with_tap.headers == without.headers


def test_a_stream_is_recorded_as_it_goes_by(tap: Tap) -> None:
    body = bytes(range(256)) * 4000  # what the sockets hold: the client reads nothing before all is sent
    tapped = tap(stream_body)
    assert tapped.ask("POST", "/api", body).body == body
    whole = tapped.recorded()
    assert content(whole) == body
    assert content(whole["response"]) == body
    assert whole["response"]["headers"] == [["x-streamed", "yes"], ["cache-control", "no-store"]]


def test_a_body_that_nobody_reads_is_recorded_as_far_as_it_came(tap: Tap) -> None:
    tapped = tap(read_nothing)
    with socket.create_connection(("127.0.0.1", tapped.server.port)) as client:
        client.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nunread")
        assert client.recv(100).startswith(b"HTTP/1.1 403 ")
    whole = tapped.recorded()
    assert (whole["body"], whole["truncated"], whole["response"]["status"]) == ("unread", False, 403)


def test_a_body_that_never_came_is_not_waited_for(tap: Tap) -> None:
    tapped = tap(read_nothing)
    with socket.create_connection(("127.0.0.1", tapped.server.port)) as client:
        client.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegin")
        assert client.recv(100).startswith(b"HTTP/1.1 403 ")
        whole = tapped.recorded()
    assert (whole["body"], whole["size"], whole["truncated"]) == ("begin", 5, True)


def test_a_body_that_breaks_off_is_recorded_as_far_as_it_came(tap: Tap, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads it answers with 400; that is no failure of the server's."""
    tapped = tap(read_body)
    with socket.create_connection(("127.0.0.1", tapped.server.port)) as client:
        head = b"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(head + b"5\r\nbegin\r\n?\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")
        whole = tapped.recorded()
    assert (whole["body"], whole["truncated"], whole["response"]["status"]) == ("begin", True, 400)
    assert caplog.messages == []


def test_who_is_not_asked_for_the_body_does_not_send_it(tap: Tap) -> None:
    """The tap reads nothing on its own account: no 100 Continue goes out for it (RFC 9110 10.1.1)."""
    tapped = tap(read_nothing)
    with socket.create_connection(("127.0.0.1", tapped.server.port)) as client:
        client.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 403 ")


def test_a_body_that_was_read_before_the_tap_is_recorded(tap: Tap) -> None:
    async def before(request: Request, response: Response) -> None:
        assert await request.body() == b"known"

    tapped = tap(read_body, {"match": "^/api", "custom": before})
    assert tapped.ask("POST", "/api", b"known").body == b"nwonk"
    assert tapped.recorded()["body"] == "known"


def test_what_several_mappings_read_is_recorded_once(tap: Tap) -> None:
    async def first(request: Request, response: Response) -> None:
        assert await request.body() == b"shared"
        assert await request.text() == "shared"

    tapped = tap(first, {"match": "^/never", "status": 500})
    assert tapped.ask("POST", "/api", b"shared").status == 404
    whole = tapped.recorded()
    assert (whole["body"], whole["size"], whole["response"]["status"]) == ("shared", 6, 404)


def test_bodies_over_the_limit_are_cut_in_the_record_only(tap: Tap) -> None:
    tapped = tap(stream_body, max_body_size=10)
    assert tapped.ask("POST", "/api", b"0123456789abc").body == b"0123456789abc"
    whole = tapped.recorded()
    for part in (whole, whole["response"]):
        assert (part["body"], part["size"], part["truncated"]) == ("0123456789", 13, True)
        assert part["sha256"] == hashlib.sha256(b"0123456789abc").hexdigest()


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304)])
def test_a_response_without_a_body_is_recorded_without(tap: Tap, method: str, status: int) -> None:
    tapped = tap(lambda request, response: response.send(b"never sent", status))
    assert tapped.ask(method).body == b""
    recorded = tapped.recorded()["response"]
    assert (recorded["status"], recorded["body"], recorded["size"]) == (status, "", 0)


def test_a_failure_is_recorded_as_it_was_answered(tap: Tap) -> None:
    def fail(request: Request, response: Response) -> None:
        raise ValueError("oops")

    tapped = tap(fail)
    assert tapped.ask().status == 500
    assert tapped.recorded()["response"]["status"] == 500


def test_a_response_that_is_cut_is_recorded_as_incomplete(tap: Tap) -> None:
    async def fail(request: Request, response: Response) -> None:
        await response.write(b"half")
        raise ValueError("oops")

    tapped = tap(fail)
    with pytest.raises(http.client.IncompleteRead):
        tapped.ask()
    recorded = tapped.recorded()["response"]
    assert (recorded["status"], recorded["body"], recorded["complete"]) == (200, "half", False)


def test_a_client_that_goes_away_is_recorded(tap: Tap) -> None:
    reached = threading.Event()

    async def never(request: Request, response: Response) -> None:
        reached.set()
        await asyncio.Event().wait()

    tapped = tap(never)
    with socket.create_connection(("127.0.0.1", tapped.server.port)) as client:
        client.sendall(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reached.wait(PATIENCE)
    recorded = tapped.recorded()["response"]
    assert (recorded["status"], recorded["complete"]) == (0, False)


async def test_a_websocket_is_recorded_when_it_ends(tap: Tap) -> None:
    async def echo(request: Request, response: Response) -> None:
        websocket: WebSocket = await request.upgrade()
        async for message in websocket:
            await websocket.send(message)

    tapped = tap(echo)
    base, tapped.site.base = tapped.site.base, ""
    tapped.site.url = tapped.server.url.rstrip("/")
    async with tapped.site.follow("/api") as follower:
        await follower.connection.write_message("hello")
        assert await follower.connection.read_message() == "hello"
    tapped.site.base = base
    whole = await asyncio.to_thread(tapped.recorded)
    assert whole["response"]["status"] == 101
    assert whole["response"]["complete"] is True


def test_a_tap_makes_the_mirror_that_it_names(serve: Serve) -> None:
    site = serve(before=[{"match": "^/other", "tap": "new"}, {"match": "^/other", "status": 204}])
    mirror = site.get("/api/mirrors/new").json()
    assert (mirror["count"], mirror["expires_at"], mirror["max_requests"]) == (0, None, 1000)


def test_a_tap_may_choose_its_mirror_by_the_url(tap: Tap) -> None:
    tapped = tap(read_nothing, {"match": r"^/api/(\w+)", "tap": "shop-$1"}, {"match": "^/api/", "status": 204})
    tapped.ask(path="/api/one")
    tapped.ask(path="/api/two")
    tapped.ask(path="/api/one")
    assert tapped.recorded(2, "shop-one")["path"] == "/api/one"
    assert tapped.recorded(1, "shop-two")["path"] == "/api/two"
    assert tapped.site.get("/api/mirrors/shop-one").json()["expires_at"] is not None


def test_what_gives_no_code_is_not_recorded(tap: Tap) -> None:
    tapped = tap(read_nothing, {"match": "^/api/(.*)", "tap": "$1"}, {"match": "^/api/", "status": 204})
    assert tapped.ask(path="/api/no/code").status == 204
    assert tapped.ask(path="/api/").status == 204


def test_a_deleted_mirror_is_made_again(tap: Tap) -> None:
    tapped = tap(read_nothing)
    tapped.site.ask("DELETE", "/api/mirrors/orders")
    tapped.ask()
    assert tapped.recorded()["path"] == "/api"


async def test_pages_show_what_is_tapped(tap: Tap) -> None:
    tapped = tap(read_body)
    async with tapped.site.follow() as follower:
        await follower.message("hello")
        await asyncio.to_thread(tapped.ask)
        request = (await follower.message("request"))["request"]
    assert request["response"]["status"] == 201
    assert "body" not in request["response"]


def test_two_taps_record_the_same(tap: Tap) -> None:
    tapped = tap(read_body, {"match": "^/api", "tap": "more"})
    assert tapped.ask("POST", "/api", b"ab").body == b"ba"
    one, two = tapped.recorded(), tapped.recorded(code="more")
    assert (one["body"], one["response"]["body"]) == (two["body"], two["response"]["body"]) == ("ab", "ba")


def test_a_tap_and_a_mirror_of_two_configurations_meet_in_redis(
    reserve_server: Callable[[dict[str, Any]], TestServer],
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    api = reserve_server({"mappings": [TAP, {"status": 204}]})
    pages = reserve_server({"mappings": [{"match": "^(/.*)$", "mirror": "$1"}]})
    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    connection.request("GET", "/api/x")
    assert connection.getresponse().status == 204
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", pages.port)
    connection.request("GET", "/api/mirrors/orders/wait?path=/api/x")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_tap_that_nobody_can_see_does_not_start(reserve_server: Callable[[dict[str, Any]], TestServer]) -> None:
    with pytest.raises(ConfigError, match="shown nowhere") as error:
        reserve_server({"mappings": [{"match": "^/x", "status": 204}, TAP, {"status": 204}]})
    assert "mapping 2 (^/api)" in str(error.value)
    assert '"mirror": "$1"' in str(error.value)


def test_a_tap_names_a_code(reserve_server: Callable[[dict[str, Any]], TestServer]) -> None:
    with pytest.raises(ConfigError, match="no code of a mirror"):
        reserve_server({"mappings": [{"tap": "a b"}, {"match": "^(/.*)$", "mirror": "$1"}]})
