"""The handler `fault`: what befalls the responses of the mappings behind it, whoever gives them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import ConfigError, Disconnected, Event, HTTPError, Mock, Request, Response, Server, check
from tests.kit.clock import Clock
from tests.kit.upstream import Backend, Peer, serving
from tests.kit.waiting import until

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]

BODY = b"0123456789" * 100


async def upstream(peer: Peer) -> None:
    while True:
        await peer.message()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + BODY)


async def stream(request: Request, response: Response) -> None:
    for position in range(0, len(BODY), 300):
        await response.write(BODY[position : position + 300])
    await response.end()


def fails(request: Request, response: Response) -> None:
    raise ValueError("on purpose")


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with serving(upstream) as backend:
        yield backend


@pytest.fixture(params=["custom", "stream", "file", "url"])
def behind(request: pytest.FixtureRequest, tmp_path: Path, backend: Backend) -> dict[str, Any]:
    """A mapping that responds with `BODY`."""
    (tmp_path / "page").write_bytes(BODY)
    mappings: dict[str, dict[str, Any]] = {
        "custom": {"custom": [BODY]},
        "stream": {"custom": stream},
        "file": {"match": "^/(.*)", "file": "./page"},
        "url": {"match": "^/(.*)", "url": f"{backend.url}/$1"},
    }
    return mappings[request.param]


def aborts_of(server: Server) -> list[str | None]:
    """The reasons of requests that are aborted, from now on."""
    reasons: list[str | None] = []
    server.on("aborted", lambda event: reasons.append(event.reason))
    return reasons


async def ask(server: Server, method: str = "GET") -> tuple[bytes, bytes]:
    """The head and the body of the response to one request, as far as they come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    received = b""
    try:
        while data := await reader.read(65536):
            received += data
    except ConnectionResetError:
        received += b"RESET"
    finally:
        writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


def whole(head: bytes, body: bytes) -> bytes:
    """The content of a body, which may be chunked."""
    content = b""
    while b"chunked" in head and body:
        size, _, rest = body.partition(b"\r\n")
        content, body = content + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return content or body


async def test_a_response_is_delayed(mocked: Mocked) -> None:
    site = await mocked({"fault": {"delay": "5s"}}, {"custom": ["ok"]})
    clock = Clock()
    begun = asyncio.get_running_loop().time()
    assert (await clock.hurry(site.request("GET", "/"))).text == "ok"
    assert asyncio.get_running_loop().time() - begun > 4.9


@pytest.mark.parametrize(
    ("delay", "bounds"), [("5m", (300, 300)), ("1.5s", (1.5, 1.5)), (["100ms", "2s"], (0.1, 2)), ("0s", (0, 0))]
)
async def test_a_delay_may_be_random(
    mocked: Mocked, monkeypatch: pytest.MonkeyPatch, delay: Any, bounds: tuple[float, float]
) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        asked.append((least, most))
        return 0

    monkeypatch.setattr(random, "uniform", uniform)
    site = await mocked({"fault": {"delay": delay}}, {"custom": ["ok"]})
    assert (await site.request("GET", "/")).text == "ok"
    assert asked == [pytest.approx(bounds)]


async def test_a_client_that_goes_ends_its_delay(served: Served) -> None:
    server = await served({"fault": {"delay": "5m"}}, {"custom": ["ok"]})
    begun: list[Event] = []
    ended: list[Event] = []
    server.on("redirecting", begun.append)
    server.on("aborted", ended.append)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: begun)
    assert ended == []
    writer.close()
    await until(lambda: ended)


async def test_a_sequence_stays_at_its_last_one(
    served: Served, client: aiohttp.ClientSession, backend: Backend
) -> None:
    sequence = [503, "pass", {"status": 404, "delay": "1ms"}, "pass"]
    server = await served({"fault": {"sequence": sequence}}, {"match": "^/(.*)", "url": f"{backend.url}/$1"})
    statuses = []
    for _ in range(6):
        async with client.get(server.url) as response:
            statuses.append(response.status)
    assert statuses == [503, 200, 404, 200, 200, 200]


async def test_each_server_counts_by_itself() -> None:
    checked = await check({"port": 0, "mappings": [{"fault": {"sequence": [503, "pass"]}}, {"custom": ["ok"]}]})
    for _ in range(2):
        server = Server(checked)
        await server.start(listen=False)
        site = Mock(server)
        assert [(await site.request("GET", "/")).status for _ in range(2)] == [503, 200]
        await site.close()


async def test_a_status_takes_the_place_of_the_response(served: Served, backend: Backend) -> None:
    """The mapping behind it isn't asked."""
    server = await served({"fault": {"status": 503}}, {"match": "^/(.*)", "url": f"{backend.url}/$1"})
    head, body = await ask(server)
    assert head.startswith(b"HTTP/1.1 503 ")
    assert (body, backend.connections) == (b"Service Unavailable", 0)


async def test_a_connection_is_reset(served: Served) -> None:
    server = await served({"fault": {"reset": True}}, {"custom": ["ok"]})
    statuses = []
    server.on("redirected", lambda event: statuses.append(event.status))
    assert await ask(server) == (b"RESET", b"")
    assert statuses == [0]


async def test_a_mock_shows_that_there_is_no_response(mocked: Mocked) -> None:
    response = await (await mocked({"fault": {"reset": True}}, {"custom": ["ok"]})).request("GET", "/")
    assert (response.status, response.aborted, response.body) == (0, True, b"")


@pytest.mark.parametrize("size", [0, 1, 250, 999])
async def test_a_body_is_cut(served: Served, behind: dict[str, Any], size: int) -> None:
    server = await served({"fault": {"truncate": size}}, behind)
    reasons = aborts_of(server)
    head, body = await ask(server)
    await until(lambda: reasons == ["cut by a fault"])  # it isn't the client that went
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 1000" in head.lower() or b"chunked" in head
    assert whole(head, body.removesuffix(b"RESET")) == BODY[:size]


@pytest.mark.parametrize("fault", [{"truncate": 1000}, {"drip": 1_000_000}, {"drip": 10_000_000, "truncate": 2000}])
async def test_a_body_comes_whole(served: Served, behind: dict[str, Any], fault: dict[str, Any]) -> None:
    head, body = await ask(await served({"fault": fault}, behind))
    assert whole(head, body) == BODY
    assert b"chunked" not in head or body.endswith(b"0\r\n\r\n")


async def test_a_body_drips(mocked: Mocked, behind: dict[str, Any]) -> None:
    """By the clock of the loop, which the test puts forward."""
    site = await mocked({"fault": {"drip": 100}}, behind)
    clock = Clock()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    response = await clock.hurry(site.request("GET", "/"))
    assert response.body == BODY
    assert loop.time() - begun > 9.8


async def test_a_drip_of_single_bytes(mocked: Mocked) -> None:
    site = await mocked({"fault": {"drip": 1}}, {"custom": ["abc"]})
    clock = Clock()
    begun = asyncio.get_running_loop().time()
    assert (await clock.hurry(site.request("GET", "/"))).text == "abc"
    assert asyncio.get_running_loop().time() - begun > 1.9


async def test_a_client_that_goes_ends_the_drip(served: Served) -> None:
    server = await served({"fault": {"drip": 1}}, {"custom": [BODY]})
    reasons = aborts_of(server)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n0")
    writer.close()
    await until(lambda: reasons == [None])


async def test_a_handler_that_takes_a_cut_for_the_end_does_not_hide_it(served: Served) -> None:
    async def goes_on(request: Request, response: Response) -> None:
        with suppress(Disconnected):
            await stream(request, response)

    server = await served({"fault": {"truncate": 10}}, {"custom": goes_on})
    reasons = aborts_of(server)
    head, body = await ask(server)
    assert whole(head, body.removesuffix(b"RESET")) == BODY[:10]
    await until(lambda: reasons == ["cut by a fault"])


async def test_a_head_has_no_body_to_wait_for(mocked: Mocked) -> None:
    site = await mocked({"fault": {"drip": 1, "truncate": 2}}, {"custom": [BODY]})
    response = await site.request("HEAD", "/")
    assert (response.status, response.headers["content-length"], response.aborted) == (200, "1000", False)


async def test_a_failure_is_told_at_once(mocked: Mocked) -> None:
    response = await (await mocked({"fault": {"drip": 1}}, {"custom": fails})).request("GET", "/")
    assert (response.status, response.text) == (500, "Internal Server Error")


@pytest.mark.parametrize(("effects", "sent"), [({"drip": 100_000}, BODY), ({"truncate": 300}, BODY[:300])])
async def test_what_was_sent_before_a_failure_arrives(served: Served, effects: dict[str, Any], sent: bytes) -> None:
    def sends_and_fails(request: Request, response: Response) -> None:
        response.send(BODY)
        raise ValueError("on purpose")

    _, body = await ask(await served({"fault": effects}, {"custom": sends_and_fails}))
    assert body.removesuffix(b"RESET") == sent


async def test_an_error_of_a_handler_is_cut_like_any_response(served: Served) -> None:
    def refuses(request: Request, response: Response) -> None:
        raise HTTPError(409, "in conflict")

    head, body = await ask(await served({"fault": {"truncate": 2}}, {"custom": refuses}))
    assert head.startswith(b"HTTP/1.1 409 ")
    assert body.removesuffix(b"RESET") == b"in"


async def test_a_rate_is_of_the_requests(mocked: Mocked, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await mocked(
        {"match": "^/a", "fault": {"status": 503, "rate": 0.25}},
        {"match": "^/b", "fault": {"sequence": [{"status": 502, "rate": 0.5}, {"status": 504, "rate": 0}]}},
        {"custom": ["ok"]},
    )
    drawn = iter([0.1, 0.25, 0.24, 0.99, 0.0])
    monkeypatch.setattr(random, "random", lambda: next(drawn))
    assert [(await site.request("GET", "/a")).status for _ in range(3)] == [503, 200, 503]
    assert [(await site.request("GET", "/b")).status for _ in range(2)] == [200, 200]


async def test_several_befall_one_response(mocked: Mocked, behind: dict[str, Any]) -> None:
    clock = Clock()
    begun = asyncio.get_running_loop().time()
    site = await mocked({"fault": {"delay": "9s"}}, {"fault": {"drip": 1000}}, {"fault": {"drip": 10_000}}, behind)
    assert (await clock.hurry(site.request("GET", "/"))).body == BODY
    assert asyncio.get_running_loop().time() - begun > 9.8


async def test_a_redirect_inside_the_server_meets_it_once(mocked: Mocked) -> None:
    site = await mocked(
        {"fault": {"sequence": [{"drip": 1_000_000}, 503]}}, {"match": "^/old", "rewrite": "/new"}, {"custom": ["new"]}
    )
    assert (await site.request("GET", "/old")).text == "new"
    assert (await site.request("GET", "/old")).status == 503


async def test_the_mappings_before_it_are_left_alone(mocked: Mocked) -> None:
    site = await mocked({"match": "^/a", "custom": ["a"]}, {"fault": {"status": 503}})
    assert [(await site.request("GET", path)).status for path in ("/a", "/b")] == [200, 503]


async def test_a_websocket_works_behind_it(served: Served, client: aiohttp.ClientSession) -> None:
    async def echo(request: Request, response: Response) -> None:
        websocket = await request.upgrade()
        async for message in websocket:
            await websocket.send(message)

    server = await served({"fault": {"delay": "1ms", "drip": 1, "truncate": 1}}, {"custom": echo})
    async with client.ws_connect(server.url) as websocket:
        await websocket.send_str("hello")
        assert await websocket.receive_str() == "hello"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"delay": 300}, '"fault.delay" must be a string or an array'),
        ({"delay": "300"}, '"fault.delay"'),
        ({"delay": "301s"}, '"delay" is more than 5 minutes'),
        ({"delay": ["2s", "1s"]}, 'Write ["1s", "2s"]'),
        ({"delay": ["1s"]}, '"fault.delay"'),
        ({"status": 503, "reset": True}, '"status" and "reset" can\'t befall one response'),
        ({"reset": True, "truncate": 0}, '"reset" and "truncate" can\'t befall one response'),
        ({"status": 503, "drip": 5}, '"status" and "drip" can\'t befall one response'),
        ({"status": 100}, '"fault.status" must be at least 200'),
        ({"drip": 0}, '"fault.drip" must be at least 1'),
        ({"rate": 1.5}, '"fault.rate" must be at most 1'),
        ({"sequence": []}, '"fault.sequence"'),
        ({"sequence": ["past"]}, '"fault.sequence[0]"'),
        ({"sequence": [503, {"delay": "6m"}]}, "5 minutes"),
        ({"sequence": [99]}, '"fault.sequence[0]" must be at least 200'),
        ({"sequence": [503], "rate": 0.5}, '"sequence" stands alone'),
        ({"latency": "1s"}, 'Unknown property "latency"'),
        (503, '"fault" must be an object'),
    ],
)
async def test_what_can_not_befall_is_refused(fault: Any, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await check({"mappings": [{"fault": fault}, {"status": 404}]})
    assert message in str(refused.value)


async def test_what_is_legal_and_not_as_it_seems_is_warned_of() -> None:
    source = {"mappings": [{"fault": {}}, {"fault": {"sequence": [503, "pass"]}}, {"status": 404}]}
    (nothing,) = (await check(source)).warnings
    assert "Nothing befalls" in nothing.message
    _, counts = (await check(source, workers=4)).warnings
    assert "Each of 4 workers counts its own requests" in counts.message
