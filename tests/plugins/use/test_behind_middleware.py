"""ASGI middleware around the mappings behind it."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, Response as StarletteResponse
from yarl import URL

from reserve_core import HTTPError, Request, Response
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.plugins.use.conftest import Serve

LONG = "a text that is worth its compression, " * 40
CORS = {"use": CORSMiddleware, "options": {"allow_origins": ["http://app.example"], "allow_methods": ["PUT"]}}
GZIP = {"use": GZipMiddleware, "options": {"minimum_size": 100}}


class Passing(BaseHTTPMiddleware):
    """Wraps both ways, as most middleware of applications does: the body it is given, and the response."""

    async def dispatch(self, request: StarletteRequest, call_next: Any) -> StarletteResponse:
        response: StarletteResponse = await call_next(request)
        response.headers["x-passed"] = request.url.path
        return response


class Reading(BaseHTTPMiddleware):
    async def dispatch(self, request: StarletteRequest, call_next: Any) -> StarletteResponse:
        body = await request.body()
        response: StarletteResponse = await call_next(request)
        response.headers["x-size"] = str(len(body))
        return response


async def test_cors_allows_the_responses_of_the_mappings_behind_it(serve: Serve) -> None:
    site = await serve(CORS, {"match": "^/api", "custom": ["hello"]})
    response = await site.get("/api", Origin="http://app.example")
    assert (response.status, response.text) == (200, "hello")
    assert response.headers["access-control-allow-origin"] == "http://app.example"
    assert "access-control-allow-origin" not in (await site.get("/api", Origin="http://evil.example")).headers
    assert "access-control-allow-origin" in (await site.get("/none", Origin="http://app.example")).headers


async def test_cors_answers_a_preflight_itself(serve: Serve) -> None:
    site = await serve(CORS, {"custom": ["hello"]})
    asked = {"Origin": "http://app.example", "Access-Control-Request-Method": "PUT"}
    response = await site.ask("OPTIONS", "/api", headers=asked)
    assert (response.status, response.headers["access-control-allow-origin"]) == (200, "http://app.example")
    assert "hello" not in response.text


@pytest.mark.parametrize("streamed", [False, True])
async def test_gzip_compresses_what_handlers_answer(serve: Serve, streamed: bool) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.headers["Content-Type"] = "text/plain"
        if streamed:
            for _ in range(3):
                await response.write(LONG)
            await response.end()
        else:
            response.send(LONG)

    site = await serve(GZIP, {"custom": handler})
    received = await site.get("/", **{"Accept-Encoding": "gzip"})
    assert received.headers["content-encoding"] == "gzip"
    assert gzip.decompress(received.body).decode() == LONG * (3 if streamed else 1)
    plain = await site.get("/", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == LONG * (3 if streamed else 1)


async def test_gzip_compresses_files(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(LONG)
    site = await serve(GZIP, {"match": "^/(.*)", "file": f"{tmp_path}/$1"})
    response = await site.get("/page.html", **{"Accept-Encoding": "gzip"})
    assert gzip.decompress(response.body).decode() == LONG
    head = await site.ask("HEAD", "/page.html", headers={"Accept-Encoding": "identity"})
    assert (head.status, head.headers["content-length"], head.body) == (200, str(len(LONG)), b"")


async def test_vary_names_what_the_response_varies_by_once(serve: Serve, tmp_path: Path) -> None:
    """File and middleware each say that it varies by Accept-Encoding."""
    (tmp_path / "page.txt").write_text(LONG)
    site = await serve(GZIP, CORS, {"match": "^/(.*)", "file": "./$1", "cwd": str(tmp_path)})
    for asked in ({}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "gzip", "Origin": "http://app.example"}):
        response = await site.get("/page.txt", **asked)
        assert [value.lower() for value in response.headers.getall("vary")] == ["accept-encoding, origin"]


async def test_sessions_are_at_hand_for_handlers(serve: Serve) -> None:
    def count(request: Request, response: Response) -> list[str]:
        session = request.state["asgi"]["session"]
        session["visits"] = session.get("visits", 0) + 1
        return [str(session["visits"])]

    site = await serve({"use": SessionMiddleware, "options": {"secret_key": "secret"}}, {"custom": count})
    first = await site.get()
    sent = first.headers["set-cookie"].partition(";")[0]
    assert first.text == "1"
    assert (await site.get("/", Cookie=sent)).text == "2"


@pytest.mark.parametrize("uses", [[Passing], [Reading], [Reading, Passing], [Passing, GZipMiddleware, Reading]])
@pytest.mark.parametrize("size", [0, 5, 200_000])
async def test_bodies_go_through_in_both_directions(serve: Serve, uses: list[type], size: int) -> None:
    async def echo(request: Request, response: Response) -> None:
        response.headers["Content-Type"] = "application/octet-stream"
        async for chunk in request.stream():
            await response.write(chunk)
        await response.end()

    site = await serve(*({"use": each} for each in uses), {"match": "^/echo", "custom": echo})
    body = bytes(range(250)) * (size // 250) + bytes(size % 250)
    received = await site.post("/echo", body, **{"Accept-Encoding": "identity"})
    assert (received.status, received.body) == (200, body)
    assert received.headers.get("x-passed") == ("/echo" if Passing in uses else None)
    assert received.headers.get("x-size") == (str(size) if Reading in uses else None)
    assert site.errors == []


async def test_a_body_that_was_read_before_is_read_again(serve: Serve) -> None:
    async def before(request: Request, response: Response) -> None:
        assert await request.body() == b"hello"

    async def after(request: Request, response: Response) -> list[bytes]:
        return [await request.body()]

    site = await serve({"custom": before}, {"use": Passing}, {"custom": after})
    assert (await site.post("/", b"hello")).text == "hello"


async def test_the_part_of_a_url_that_middleware_leaves_is_what_was_sent(serve: Serve) -> None:
    def add_key(app: Any) -> Any:
        async def run(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope = {**scope, "query_string": scope["query_string"] + b"&key=%2B"}
            await app(scope, receive, send)

        return run

    def show(request: Request, response: Response) -> list[str]:
        return [f"{request.url} {request.raw_url}"]

    site = await serve({"use": add_key}, {"custom": show})
    assert (await site.get("/a%2Fb?t=x")).text == "/a%2Fb?t=x&key=%2B /a%2Fb?t=x&key=%2B"
    async with site.client.get(URL(f"{site.server.url}a%2Bb%61?q[]=%41", encoded=True)) as received:
        assert await received.text() == "/a+ba?q[]=A&key=%2B /a%2Bb%61?q[]=%41&key=%2B"


async def test_what_middleware_changes_of_a_request_is_what_handlers_get(serve: Serve) -> None:
    def change(app: Any) -> Any:
        async def run(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                headers = [*scope["headers"], (b"x-user", b"ada")]
                scope = {**scope, "path": "/new/é", "query_string": b"a=%26", "method": "PUT", "headers": headers}
            await app(scope, receive, send)

        return run

    def show(request: Request, response: Response) -> list[Any]:
        return [[request.method, request.url, request.headers["X-User"], request.query["a"]]]

    site = await serve({"use": change}, {"match": "^/new/", "custom": show})
    assert (await site.get("/old?b=1")).json() == ["PUT", "/new/é?a=%26", "ada", "&"]


async def test_an_internal_redirect_begins_with_the_middleware_again(serve: Serve) -> None:
    site = await serve(
        {"use": Passing},
        {"match": "^/old", "custom": lambda request, response: "/new"},
        {"match": "^/new", "custom": ["new"]},
    )
    received = await site.get("/old")
    assert (received.status, received.text) == (200, "new")


@pytest.mark.parametrize(("path", "status"), [("/none", 501), ("/404", 404), ("/refused", 418), ("/204", 204)])
async def test_every_response_goes_through(serve: Serve, path: str, status: int) -> None:
    def refuse(request: Request, response: Response) -> None:
        raise HTTPError(418, "no coffee")

    site = await serve(
        {"use": Passing},
        {"match": "^/404", "status": 404},
        {"match": "^/204", "status": 204},
        {"match": "^/refused", "custom": refuse},
    )
    received = await site.get(path)
    assert (received.status, received.headers["x-passed"]) == (status, path)


async def test_a_handler_that_fails_is_a_500_and_an_error(serve: Serve) -> None:
    def fail(request: Request, response: Response) -> None:
        raise ValueError("broken")

    site = await serve(GZIP, {"custom": fail})
    received = await site.get()
    assert received.status == 500
    assert [str(error) for error in site.errors] == ["broken"]


async def test_a_response_cut_in_the_middle_is_cut_for_the_client(serve: Serve) -> None:
    async def fail(request: Request, response: Response) -> None:
        await response.write("half")
        response.abort()

    site = await serve({"use": Passing}, {"custom": fail})
    with pytest.raises(aiohttp.ClientError):
        await site.get()


async def test_chunks_come_as_they_are_written(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def slow(request: Request, response: Response) -> None:
        await response.write("one")
        await go_on.wait()
        await response.end("two")

    site = await serve({"use": Passing}, {"custom": slow})
    async with site.client.get(site.server.url) as received:
        assert await received.content.readany() == b"one"
        go_on.set()
        assert await received.content.read() == b"two"


async def test_the_handler_of_a_client_that_has_gone_is_cancelled(serve: Serve) -> None:
    cancelled = asyncio.Event()
    waiting = asyncio.Event()

    async def wait(request: Request, response: Response) -> None:
        waiting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    site = await serve(GZIP, {"custom": wait})
    asking = asyncio.create_task(site.get())
    await waiting.wait()
    asking.cancel()
    async with asyncio.timeout(PATIENCE):
        await cancelled.wait()
    assert site.errors == []


async def test_middleware_and_the_application_behind_it_are_told_that_the_client_has_gone(serve: Serve) -> None:
    waiting = asyncio.Event()
    told: list[str] = []
    watching: list[asyncio.Task[Any]] = []

    class Watching:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
                return
            await receive()
            watching.append(asyncio.create_task(receive()))
            await self.app(scope, receive, send)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        waiting.set()
        while (message := await receive())["type"] != "http.disconnect":
            pass
        await asyncio.sleep(0.05)  # it isn't cancelled
        told.append(message["type"])

    site = await serve({"use": Watching}, {"use": app})
    aborted: list[Any] = []
    site.server.on("aborted", aborted.append)
    asking = asyncio.create_task(site.get())
    await waiting.wait()
    asking.cancel()
    async with asyncio.timeout(PATIENCE):
        assert (await watching[0])["type"] == "http.disconnect"
        while not aborted:
            await asyncio.sleep(0.01)
    assert told == ["http.disconnect"]
    assert site.errors == []


async def test_a_websocket_goes_to_the_handler(serve: Serve) -> None:
    async def echo(request: Request, response: Response) -> None:
        socket = await request.upgrade()
        async for message in socket:
            await socket.send(message)

    site = await serve(CORS, {"use": Passing}, {"custom": echo})
    async with site.client.ws_connect(site.server.url) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"


async def test_middleware_may_answer_itself(serve: Serve) -> None:
    class Closed(BaseHTTPMiddleware):
        async def dispatch(self, request: StarletteRequest, call_next: Any) -> StarletteResponse:
            return PlainTextResponse("closed", 503)

    site = await serve({"match": "^/shop", "use": Closed}, {"custom": ["open"]})
    assert (await site.get("/shop/1")).status == 503
    assert (await site.get("/other")).text == "open"
