"""Tornado's handlers and lists of routes, mounted as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

if TYPE_CHECKING:
    from tests.plugins.use.conftest import Serve


class Hello(RequestHandler):
    def initialize(self, greeting: str = "Hello") -> None:
        self.greeting = greeting

    def get(self, name: str = "you") -> None:
        self.write(f"{self.greeting} {name} at {self.request.uri}")


class Debugging(RequestHandler):
    def get(self) -> None:
        self.write(str(self.settings.get("mode")))


class Echo(WebSocketHandler):
    async def on_message(self, message: Any) -> None:
        await self.write_message(message)


ROUTES: list[Any] = [
    (r"/", Hello),
    (r"/hello/(\w+)", Hello, {"greeting": "Hi"}),
    URLSpec("/mode", Debugging),
    ("/ws", Echo),
]


@pytest.mark.parametrize("use", [ROUTES, tuple(ROUTES), Application(ROUTES)], ids=["list", "tuple", "application"])
async def test_routes(serve: Serve, use: Any) -> None:
    site = await serve({"match": "^/shop(/|$)", "use": use, "root-path": "/shop"})
    assert (await site.get("/shop/")).text == "Hello you at /"
    assert (await site.get("/shop/hello/Ada?x=1")).text == "Hi Ada at /hello/Ada?x=1"
    assert (await site.get("/shop/none")).status == 404
    assert (await site.post("/shop/", b"x")).status == 405
    async with site.client.ws_connect(f"{site.server.url}shop/ws") as websocket:
        await websocket.send_str("hello")
        assert await websocket.receive_str() == "hello"
    assert site.errors == []


async def test_routes_have_settings(serve: Serve) -> None:
    site = await serve({"use": ROUTES, "options": {"mode": "fast"}})
    assert (await site.get("/mode")).text == "fast"


@pytest.mark.parametrize(("options", "greeting"), [({}, "Hello"), ({"greeting": "Moin"}, "Moin")])
async def test_a_handler_answers_all_paths(serve: Serve, options: dict[str, str], greeting: str) -> None:
    site = await serve({"match": "^/a", "use": Hello, "options": options}, {"status": 404})
    for path in ("/a", "/a/b%20c?x"):
        assert (await site.get(path)).text == f"{greeting} you at {path}"
    assert (await site.get("/b")).status == 404


async def test_named_in_a_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from tornado.web import RequestHandler\n"
        "class Door(RequestHandler):\n"
        "    def get(self):\n"
        "        self.write('open')\n"
        "app = [('/door', Door)]\n"
    )
    cwd = str(tmp_path)
    site = await serve({"match": "/door", "use": "./shop.py", "cwd": cwd}, {"use": "./shop.py:Door", "cwd": cwd})
    assert (await site.get("/door")).text == "open"
    assert (await site.get("/any")).text == "open"
