"""Whole ASGI applications."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import aiohttp
import pytest
from asgiref.wsgi import WsgiToAsgi
from fastapi import Depends, FastAPI, Request, UploadFile, WebSocket
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect
from tornado.web import Application, RequestHandler

from reserve_core import ConfigError, serve as serve_configuration
from tests.kit.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.plugins.use.conftest import Serve

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def answering(*messages: dict[str, Any]) -> Any:
    """An application that sends these messages."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan")
        for message in messages:
            await send(message)

    return app


@pytest.fixture
def shop() -> FastAPI:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        events.append("up")
        yield {"events": events}
        events.append("down")

    app = FastAPI(lifespan=lifespan)
    app.state.events = events

    @app.get("/orders/{number}")
    async def order(number: int, request: Request, verbose: bool = False) -> dict[str, Any]:
        return {"number": number, "verbose": verbose, "events": request.state.events}

    @app.get("/thread")
    def thread(name: Annotated[str, Depends(lambda: "ada")]) -> str:
        return name

    @app.post("/upload")
    async def upload(file: UploadFile) -> dict[str, Any]:
        return {"name": file.filename, "size": len(await file.read())}

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[str]:
            for number in range(3):
                yield f"{number}\n"
                await asyncio.sleep(0)

        return StreamingResponse(chunks())

    @app.websocket("/ws/{room}")
    async def chat(websocket: WebSocket, room: str) -> None:
        if room == "closed":
            await websocket.close()
            return
        if room == "denied":
            from starlette.responses import PlainTextResponse

            await websocket.send_denial_response(PlainTextResponse("full", 429))
            return
        await websocket.accept(subprotocol="chat", headers=[(b"x-room", room.encode())])
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    events.append(f"closed {message['code']}")
                    return
                if message.get("text") == "bye":
                    await websocket.close(3000, "so long")
                    return
                if message.get("text") == "fail":
                    raise ValueError("broken")
                await websocket.send({**message, "type": "websocket.send"})
        except WebSocketDisconnect:
            events.append("gone")

    return app


async def test_fastapi(serve: Serve, shop: FastAPI) -> None:
    site = await serve({"use": shop})
    response = await site.get("/orders/7?verbose=true")
    assert (response.status, response.json()) == (200, {"number": 7, "verbose": True, "events": ["up"]})
    assert (await site.get("/orders/x")).status == 422
    assert (await site.get("/thread")).json() == "ada"
    assert (await site.get("/stream")).text == "0\n1\n2\n"
    assert (await site.get("/openapi.json")).json()["info"]["title"] == "FastAPI"
    assert (await site.get("/none")).json() == {"detail": "Not Found"}
    head = await site.ask("HEAD", "/orders/7")
    assert (head.status, head.body) == (405, b"")
    form = aiohttp.FormData()
    form.add_field("file", bytes(300_000), filename="a.bin")
    assert (await site.post("/upload", form)).json() == {"name": "a.bin", "size": 300_000}
    assert site.errors == []


async def test_the_lifespan_is_that_of_the_server(serve: Serve, shop: FastAPI) -> None:
    site = await serve({"use": shop})
    assert shop.state.events == ["up"]
    await site.server.close()
    assert shop.state.events == ["up", "down"]


async def test_an_application_that_fails_to_start_stops_the_server() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    with pytest.raises(ConfigError, match=r"(?s)failed to start: .*no database"):
        await serve_configuration({"mappings": [{"use": FastAPI(lifespan=lifespan)}]}, port=0)


async def test_an_application_that_comes_later_is_started(serve: Serve, shop: FastAPI) -> None:
    site = await serve({"status": 404})
    await site.server.configuration.set_mappings([{"use": shop}])
    responses = await asyncio.gather(*(site.get("/orders/1") for _ in range(5)))
    assert {response.status for response in responses} == {200}
    assert shop.state.events == ["up"]
    await site.server.close()
    assert shop.state.events == ["up", "down"]


async def test_an_application_that_is_replaced_ends_with_its_last_request(serve: Serve) -> None:
    told: list[str] = []
    go_on = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (kind := (await receive())["type"].removeprefix("lifespan.")) != "shutdown":
                await send({"type": f"lifespan.{kind}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            told.append("shutdown")
            return
        told.append("request")
        await go_on.wait()
        await answering(START, body())(scope, receive, send)

    site = await serve({"use": app})
    request = asyncio.create_task(site.get())
    await until(lambda: told == ["request"])
    await site.server.configuration.set_mappings([{"status": 204}])
    assert (await site.get()).status == 204
    assert told == ["request"]
    go_on.set()
    assert (await request).status == 200
    await until(lambda: told == ["request", "shutdown"])


async def test_the_scope(serve: Serve) -> None:
    scopes: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await answering(START, body())(scope, receive, send)

    site = await serve({"match": "^/shop", "use": app, "root-path": "/shop"})
    await site.get("/shop/a%20b/%C3%A9/%2F?x=%26&y=%20", **{"X-Name": "Ada"})
    scope = scopes[-1]
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["method"], scope["scheme"], scope["http_version"]) == ("GET", "http", "1.1")
    assert (scope["path"], scope["root_path"]) == ("/shop/a b/é//", "/shop")
    assert scope["raw_path"] == b"/shop/a%20b/%C3%A9/%2F"
    assert scope["query_string"] == b"x=%26&y=%20"
    assert (b"x-name", b"Ada") in scope["headers"]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(b"GET /shop HTTP/1.1\r\nHost: shop.example:1\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
    scope = scopes[-1]
    assert scope["client"] == writer.get_extra_info("sockname")
    assert scope["server"] == writer.get_extra_info("peername"), "whatever Host says"
    writer.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_after_its_end_a_response_is_followed_by_a_disconnect(serve: Serve, method: str) -> None:
    """ASGI: http.disconnect is what receive gives once the response has been sent, whatever of the body is unread."""
    received: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answering(START, body(b"ok"))(scope, receive, send)
        received.extend([await receive(), await receive()])

    site = await serve({"use": app})
    response = await site.ask(method, data=b"unread" if method == "POST" else None)
    assert response.text == "ok"
    assert received == [{"type": "http.disconnect"}] * 2
    assert site.errors == []


async def test_what_an_application_does_not_say_is_not_added(serve: Serve) -> None:
    """Caching and charset are its own affair: a 404 of ours would say no-store."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        status = int(scope["path"][1:])
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"\xe9"})

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response(f"{environ['PATH_INFO'][1:]} Whatever", [("Content-Type", "text/html")])
        return [b"\xe9"]

    class Handler(RequestHandler):
        def get(self, status: str) -> None:
            self.set_status(int(status))
            self.set_header("Content-Type", "text/html")

    for application in (app, wsgi, Application([("/(.*)", Handler)])):
        site = await serve({"use": application})
        for status in (200, 301, 404, 410):
            headers = (await site.ask("GET", f"/{status}", allow_redirects=False)).headers
            assert ("cache-control" in headers, headers["content-type"]) == (False, "text/html")


async def test_a_wsgi_application_by_asgiref(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("201 Created", [("X-Path", environ["PATH_INFO"])])
        return [environ["wsgi.input"].read()]

    site = await serve({"use": WsgiToAsgi(app)})  # type: ignore[no-untyped-call]
    response = await site.post("/a/b", b"hello")
    assert (response.status, response.headers["x-path"], response.text) == (201, "/a/b", "hello")


# Responses that are none.


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([START, body(b"a", more=True), body(b"b", more=True), body(b"c")], 200),
        ([{**START, "status": 204}, body()], 204),
        ([START, body(b"late"), body(b"again")], 200),
        ([], 500),
        ([START], 500),
        ([START, START], 500),
        ([body(b"x")], 500),
        ([{"type": "http.response.what"}], 500),
        ([{**START, "headers": [(b"x y", b"z")]}, body(b"x")], 500),
        ([{**START, "headers": [(b"content-length", b"3")]}, body(b"xxxx")], 500),
    ],
)
async def test_messages_and_what_they_answer(serve: Serve, messages: list[dict[str, Any]], status: int) -> None:
    site = await serve({"use": answering(*messages)})
    response = await site.get()
    assert response.status == status
    assert (await site.get()).status == status
    assert bool(site.errors) is (status == 500 or messages[-1].get("body") == b"again")


@pytest.mark.parametrize(
    "messages",
    [
        [START, body(b"half", more=True)],
        [{**START, "headers": [(b"content-length", b"8")]}, body(b"half")],
        [START, body(b"half", more=True), START],
    ],
)
async def test_half_a_response_is_cut(serve: Serve, messages: list[dict[str, Any]]) -> None:
    site = await serve({"use": answering(*messages)})
    if messages[0]["headers"][0][0] == b"content-length":
        assert (await site.get()).status == 500
    else:
        with pytest.raises(aiohttp.ClientError):
            await site.get()
    assert len(site.errors) == 1


async def test_a_response_may_come_before_the_body_is_read(serve: Serve) -> None:
    site = await serve({"use": answering(START, body(b"early"))})
    for _ in range(2):
        assert (await site.post("/", io.BytesIO(bytes(3_000_000)))).text == "early"


async def test_a_body_comes_in_chunks(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        sizes = []
        while True:
            message = await receive()
            sizes.append(len(message["body"]))
            if not message["more_body"]:
                break
        await send(START)
        await send(body(str(sum(sizes)).encode()))
        assert (await receive())["type"] == "http.disconnect"

    site = await serve({"use": app})

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(100_000)

    assert (await site.post("/", chunks())).text == "400000"
    assert (await site.post("/", bytes(300_000))).text == "300000"
    assert (await site.get()).text == "0"
    assert site.errors == []


@pytest.mark.parametrize("way", ["receive", "send"])
async def test_an_application_is_told_that_its_client_has_gone(
    serve: Serve, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await send(START)
        begun.set()
        if way == "receive":
            told.set_result((await receive())["type"])
            return
        try:
            while True:
                await send(body(bytes(100_000), more=True))
        except OSError:
            told.set_result("http.disconnect")
            raise

    site = await serve({"use": app})
    asking = asyncio.create_task(site.get())
    await begun.wait()
    await asyncio.sleep(0.05)
    asking.cancel()
    async with asyncio.timeout(PATIENCE):
        assert await told == "http.disconnect"
    await site.server.close()
    assert site.errors == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_work_for_a_client_that_has_gone_goes_on_until_the_server_stops(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()
    done: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        begun.set()
        await receive()
        await asyncio.sleep(0.3)
        done.append("work")
        raise ValueError("afterwards")

    site = await serve({"use": app})
    asking = asyncio.create_task(site.get())
    await begun.wait()
    asking.cancel()
    await site.server.close()
    assert done == ["work"]
    assert site.errors == []
    assert "failed after its client had gone" in caplog.text


# WebSockets.


async def test_a_websocket(serve: Serve, shop: FastAPI) -> None:
    site = await serve({"use": shop})
    url = f"{site.server.url}ws/tea"
    async with site.client.ws_connect(url, protocols=["other", "chat"], origin="http://other.example") as socket:
        assert socket.protocol == "chat"
        await socket.send_str("hé")
        assert await socket.receive_str() == "hé"
        await socket.send_bytes(b"\0\xff")
        assert await socket.receive_bytes() == b"\0\xff"
        await socket.send_str("bye")
        closed = await socket.receive()
        assert (closed.data, closed.extra) == (3000, "so long")
    async with site.client.ws_connect(url) as socket:
        await socket.close(code=4001)
    for _ in range(200):
        if "closed 4001" in shop.state.events:
            break
        await asyncio.sleep(0.01)
    assert "closed 4001" in shop.state.events
    assert site.errors == []


async def test_a_websocket_may_be_one_of_the_protocols_a_client_speaks(serve: Serve, shop: FastAPI) -> None:
    site = await serve({"use": shop})
    async with site.client.ws_connect(f"{site.server.url}ws/tea", headers={"Upgrade": "h2c, websocket"}) as socket:
        await socket.send_str("hé")
        assert await socket.receive_str() == "hé"


@pytest.mark.parametrize(("room", "status"), [("closed", 403), ("denied", 429)])
async def test_a_websocket_may_be_refused(serve: Serve, shop: FastAPI, room: str, status: int) -> None:
    site = await serve({"use": shop})
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await site.client.ws_connect(f"{site.server.url}ws/{room}")
    assert caught.value.status == status
    assert site.errors == []


ACCEPT = {"type": "websocket.accept"}
DENIAL = {"type": "websocket.http.response.start", "status": 402, "headers": []}


@pytest.mark.parametrize(
    ("messages", "status", "error"),
    [
        ([], 500, "returned without a response to the WebSocket's handshake"),
        ([{"type": "websocket.send", "text": "x"}], 500, "'websocket.send' before the WebSocket is accepted"),
        ([{"type": "websocket.http.response.body", "body": b"x"}], 500, "before the WebSocket is accepted"),
        ([{"type": "websocket.close"}, ACCEPT], 403, "'websocket.accept' after the handshake was refused"),
    ],
)
async def test_a_handshake_without_a_right_response_is_an_error(
    serve: Serve, messages: list[dict[str, Any]], status: int, error: str
) -> None:
    site = await serve({"use": answering(*messages)})
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await site.client.ws_connect(site.server.url)
    assert caught.value.status == status
    (told,) = site.errors
    assert error in str(told)


async def test_what_is_no_message_of_an_open_websocket_is_an_error(serve: Serve) -> None:
    site = await serve({"use": answering(ACCEPT, {"type": "websocket.http.response.start", "status": 200})})
    async with site.client.ws_connect(site.server.url) as socket:
        assert (await socket.receive()).data == 1011
    assert [str(error) for error in site.errors] == ["'websocket.http.response.start' after the WebSocket was accepted"]


async def test_the_response_that_denies_a_websocket_comes_in_pieces(serve: Serve) -> None:
    pieces = [{"type": "websocket.http.response.body", "body": b"pay", "more_body": more} for more in (True, False)]
    site = await serve({"use": answering(DENIAL, *pieces)})
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    denied = await site.get("/", **handshake, **{"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert (denied.status, denied.body) == (402, b"paypay")
    assert site.errors == []


async def test_an_application_that_refused_is_told_that_the_websocket_is_closed(serve: Serve) -> None:
    received: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            received.append(await receive())
            await send({"type": "websocket.close"})
            received.append(await receive())

    site = await serve({"use": app})
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await site.client.ws_connect(site.server.url)
    assert received[1:] == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


async def test_a_websocket_whose_application_fails_is_closed_with_1011(serve: Serve, shop: FastAPI) -> None:
    site = await serve({"use": shop})
    async with site.client.ws_connect(f"{site.server.url}ws/tea") as socket:
        await socket.send_str("fail")
        assert (await socket.receive()).data == 1011
    assert [str(error) for error in site.errors] == ["broken"]


async def test_named_in_a_configuration(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.py").write_text(
        "class Greeter:\n"
        "    def __init__(self, name):\n"
        "        self.name = name\n"
        "    async def __call__(self, scope, receive, send):\n"
        '        await send({"type": "http.response.start", "status": 200})\n'
        '        await send({"type": "http.response.body", "body": self.name.encode()})\n'
    )
    monkeypatch.chdir(tmp_path)
    site = await serve({"use": "./shop.py:Greeter", "options": {"name": "Ada"}})
    assert (await site.get()).text == "Ada"


@pytest.mark.parametrize("failing", ["lifespan.startup", "lifespan.shutdown", "later", "scope"])
@pytest.mark.parametrize("kind", [ValueError, SystemExit])
async def test_a_lifespan_that_fails_is_told(
    serve: Serve, caplog: pytest.LogCaptureFixture, failing: str, kind: type[BaseException]
) -> None:
    ended = asyncio.Event()
    fail = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send(body())
            return
        try:
            if failing == "scope":
                raise kind("no such scope")
            while True:
                event = (await receive())["type"]
                if event == failing:
                    raise kind("lost")
                await send({"type": f"{event}.complete"})
                if failing == "later":
                    await fail.wait()
                    raise kind("lost")
        finally:
            ended.set()

    site = await serve({"use": app})
    fail.set()
    if failing == "lifespan.shutdown":
        await site.server.close()
    await asyncio.wait_for(ended.wait(), PATIENCE)
    await asyncio.sleep(0)
    if failing != "lifespan.shutdown":
        assert (await site.get()).status == 204
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [message.partition("> ")[2] for message in told] == (
        [] if failing == "scope" else ["failed in its lifespan"]
    )


async def test_a_failure_that_the_application_tells_itself_is_told_once(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        raise ValueError("lost")

    site = await serve({"use": FastAPI(lifespan=lifespan)})
    await site.server.close()
    (told,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert told.exc_info is not None
    assert "ValueError: lost" in str(told.exc_info[1])
