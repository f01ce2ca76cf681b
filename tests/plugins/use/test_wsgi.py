"""WSGI applications (PEP 3333) and Tornado ones."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import aiohttp
import django
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from flask import Flask, Response as FlaskResponse, jsonify, request as flask_request
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler
from yarl import URL

from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.plugins.use.conftest import Serve


def flask_app() -> Flask:
    app = Flask(__name__)

    @app.get("/hello/<name>")
    def hello(name: str) -> str:
        return f"Hello {name} {flask_request.args.get('x')} {flask_request.script_root}"

    @app.post("/upload")
    def upload() -> Any:
        file = flask_request.files["file"]
        return jsonify(name=file.filename, size=len(file.read())), 201

    @app.get("/stream")
    def stream() -> FlaskResponse:
        return FlaskResponse((f"{number}\n" for number in range(3)), mimetype="text/plain")

    return app


async def test_flask(serve: Serve) -> None:
    site = await serve({"use": flask_app()})
    response = await site.get("/hello/Ad%C3%A9%2F?x=%26")
    assert (response.status, response.text) == (404, response.text)
    response = await site.get("/hello/Ad%C3%A9?x=%26")
    assert (response.status, response.text) == (200, "Hello Adé & ")
    assert (await site.get("/stream")).text == "0\n1\n2\n"
    form = aiohttp.FormData()
    form.add_field("file", bytes(300_000), filename="a.bin")
    response = await site.post("/upload", form)
    assert (response.status, response.json()) == (201, {"name": "a.bin", "size": 300_000})
    head = await site.ask("HEAD", "/hello/x")
    assert (head.status, head.body) == (200, b"")


async def test_flask_below_a_path(serve: Serve) -> None:
    site = await serve({"match": "^/shop(/|$)", "use": flask_app(), "root-path": "/shop"})
    assert (await site.get("/shop/hello/Ada?x=1")).text == "Hello Ada 1 /shop"


def greet(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(f"Hello {name} {request.GET['x']} {len(request.body)}")


def numbers(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(f"{number}\n" for number in range(3))


urlpatterns = [path("hello/<name>", greet), path("numbers", numbers)]


@pytest.fixture(scope="module")
def django_app() -> WSGIHandler:
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="secret", USE_TZ=True)
        django.setup()
    return WSGIHandler()


async def test_django(serve: Serve, django_app: WSGIHandler) -> None:
    site = await serve({"use": django_app})
    assert (await site.get("/hello/Ad%C3%A9?x=1")).text == "Hello Adé 1 0"
    assert (await site.post("/hello/Ada?x=2", b"body")).text == "Hello Ada 2 4"
    assert (await site.get("/numbers")).text == "0\n1\n2\n"
    assert (await site.get("/none")).status == 404


# The protocol.


class Closing:
    """Chunks, and whether they were closed."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.closed.set()


async def test_the_environ(serve: Serve) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return []

    site = await serve({"match": "^/shop", "use": app, "root-path": "/shop"})
    headers = [
        ("Host", "shop.example:1"),
        ("X-Name", "a"),
        ("X-Name", "b"),
        ("X_Name", "evil"),
        ("Cookie", "a=1"),
        ("Content-Type", "text/x"),
    ]
    response = await site.ask("PUT", "/shop/a%20b/%C3%A9?x=%26", headers=headers, data=b"hello")
    assert (response.status, response.headers["content-length"]) == (200, "0")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"].encode("latin-1").decode()) == ("/shop", "/a b/é")
    assert (seen["REQUEST_METHOD"], seen["QUERY_STRING"], seen["SERVER_PROTOCOL"]) == ("PUT", "x=%26", "HTTP/1.1")
    assert (seen["HTTP_X_NAME"], seen["HTTP_COOKIE"]) == ("a,b", "a=1")
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("text/x", "5")
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("127.0.0.1", str(site.server.port))
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert int(seen["REMOTE_PORT"]) not in (0, site.server.port)
    assert seen["wsgi.url_scheme"] == "http"


async def test_the_url_is_the_client_s(serve: Serve) -> None:
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen[:] = (environ[name] for name in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI"))
        start_response("200 OK", [])
        return []

    site = await serve({"match": "^/é x", "use": app, "root-path": "/é x"})
    target = "/%c3%a9%20x/a%2Bb%2F/./%61?u=https%3A%2F%2Fx&q[]=%41"
    async with site.client.get(URL(site.server.url.rstrip("/") + target, encoded=True)):
        pass
    root = "/é x".encode().decode("latin-1")
    assert seen == [root, "/a+b//a", "u=https%3A%2F%2Fx&q[]=%41", target.replace("/./", "/")]


async def test_a_body_is_read_as_it_comes(serve: Serve) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        lines = environ["wsgi.input"]
        yield lines.readline()
        go_on.set()
        yield from lines

    go_on = threading.Event()
    site = await serve({"use": app})
    first = b"one" * 30_000 + b"\n"  # as much as has to be here before a thread is taken

    async def chunks() -> Any:
        yield first
        await asyncio.to_thread(go_on.wait, 10)
        assert go_on.is_set()
        yield b"two\nthree"

    assert (await site.post("/", chunks())).body == first + b"two\nthree"


async def test_slow_bodies_take_no_thread(serve: Serve) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    async def chunks() -> Any:
        yield b"one "
        await go_on.wait()
        yield b"two"

    site = await serve({"use": app, "threads": 2})
    go_on = asyncio.Event()
    incoming: list[Any] = []
    site.server.on("incoming", incoming.append)
    slow = [asyncio.create_task(site.post("/slow", chunks())) for _ in range(5)]
    async with asyncio.timeout(PATIENCE):
        while len(incoming) < 5:
            await asyncio.sleep(0.005)
        assert (await site.post("/", b"quick")).text == "quick"
    go_on.set()
    assert [response.text for response in await asyncio.gather(*slow)] == ["one two"] * 5


async def test_what_an_application_returns_is_closed(serve: Serve) -> None:
    responses = [Closing(iter([b"a", b"b"])), Closing(iter([])), Closing(iter([b"abc"]))]
    left = list(responses)

    def app(environ: dict[str, Any], start_response: Any) -> Closing:
        start_response("200 OK", [("Content-Length", "3")] if len(left) == 1 else [])
        return left.pop(0)

    site = await serve({"use": app})
    assert [(await site.get()).text for _ in range(3)] == ["ab", "", "abc"]
    assert all(response.closed.is_set() for response in responses)
    assert site.errors == []


async def test_a_client_that_goes_ends_the_chunks(serve: Serve) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            begun.set()
            yield bytes(100_000)

    begun = threading.Event()
    response = Closing(endless())

    def app(environ: dict[str, Any], start_response: Any) -> Closing:
        start_response("200 OK", [])
        return response

    site = await serve({"use": app})
    asking = asyncio.create_task(site.get())
    await asyncio.to_thread(begun.wait, 10)
    asking.cancel()
    assert await asyncio.to_thread(response.closed.wait, 10)


async def test_the_write_callable(serve: Serve) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"one ")
        return [b"two"]

    assert (await (await serve({"use": app})).get()).text == "one two"


def fails_before(environ: Any, start_response: Any) -> list[bytes]:
    raise ValueError("broken")


def says_nothing(environ: Any, start_response: Any) -> list[bytes]:
    return []


def sends_before(environ: Any, start_response: Any) -> list[bytes]:
    return [b"x"]


def starts_twice(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def stops(environ: Any, start_response: Any) -> list[bytes]:
    raise StopIteration


@pytest.mark.parametrize("app", [fails_before, says_nothing, sends_before, starts_twice, stops])
async def test_an_application_that_fails_is_a_500(serve: Serve, app: Any) -> None:
    site = await serve({"use": app})
    for _ in range(2):
        assert (await site.get()).status == 500
    assert len(site.errors) == 2


async def test_one_that_fails_in_the_middle_is_cut(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise ValueError("broken")

    site = await serve({"use": app})
    with pytest.raises(aiohttp.ClientError):
        await site.get()
    assert [str(error) for error in site.errors] == ["broken"]


async def test_an_error_replaces_what_was_not_sent_yet(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X-A", "1")])
        start_response("503 Away", [("X-B", "1")], (ValueError, ValueError("x"), None))
        return [b"away"]

    response = await (await serve({"use": app})).get()
    assert (response.status, response.text, "x-a" in response.headers) == (503, "away", False)


async def test_so_many_requests_at_once_as_there_are_threads(serve: Serve) -> None:
    lock = threading.Lock()
    now = most = 0

    def app(environ: Any, start_response: Any) -> list[bytes]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    site = await serve({"match": "^/slow", "use": app, "threads": 3}, {"custom": ["quick"]})
    slow = asyncio.gather(*(site.get(f"/slow/{number}") for number in range(12)))
    assert (await site.get("/other")).text == "quick"
    assert [response.text for response in await slow] == [f"/slow/{number}" for number in range(12)]
    assert most == 3


# Tornado.


class Hello(RequestHandler):
    def get(self, name: str) -> None:
        self.write(f"Hello {name}")


class Echo(WebSocketHandler):
    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message)


async def test_a_tornado_application(serve: Serve) -> None:
    application = Application([(r"/hello/(\w+)", Hello), (r"/ws", Echo)])
    site = await serve({"match": "^/shop/", "use": application, "root-path": "/shop"}, {"use": application})
    assert (await site.get("/shop/hello/Ada")).text == "Hello Ada"
    assert (await site.get("/hello/Ada")).text == "Hello Ada"
    assert (await site.get("/none")).status == 404
    async with site.client.ws_connect(f"{site.server.url}ws") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
