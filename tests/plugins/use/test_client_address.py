"""Applications behind a trusted proxy get its client, by whichever interface."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tornado.web import RequestHandler
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

if TYPE_CHECKING:
    from tests.plugins.use.conftest import Serve

FORWARDED = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example"}
TRUSTING = {"trusted-proxies": ["127.0.0.1"]}


class Asgi:
    """An application that keeps its scopes and answers with what they say of the client."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan")
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
            return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    names = ("REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme", "SERVER_NAME", "SERVER_PORT")
    return [json.dumps([environ[name] for name in names]).encode()]


class Handler(RequestHandler):
    def get(self) -> None:
        self.write(f"{self.request.remote_ip} {self.request.protocol}")


async def test_asgi(serve: Serve) -> None:
    app = Asgi()
    site = await serve({"use": app}, **TRUSTING)
    await site.get(**FORWARDED)
    async with site.client.ws_connect(site.server.url, headers=FORWARDED):
        pass
    local = ("127.0.0.1", site.server.port)
    assert [(scope["client"], scope["scheme"], scope["server"]) for scope in app.scopes] == [
        (("203.0.113.9", 0), "https", local),
        (("203.0.113.9", 0), "wss", local),
    ]
    assert (b"x-forwarded-host", b"a.example") in app.scopes[0]["headers"]


@pytest.mark.parametrize("headers", [FORWARDED, {}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-For": "127.0.0.1"}])
async def test_it_is_what_uvicorn_makes_of_it(serve: Serve, headers: dict[str, str]) -> None:
    """With --proxy-headers, as far as it goes: uvicorn knows neither Forwarded nor X-Forwarded-Host."""
    ours, theirs = Asgi(), Asgi()
    for path in ("/ours", "/theirs"):
        application: Any = ours if path == "/ours" else ProxyHeadersMiddleware(theirs, "127.0.0.1")
        site = await serve({"use": application, "interface": "asgi"}, **(TRUSTING if path == "/ours" else {}))
        await site.get(path, **headers)
    (one,), (other,) = ours.scopes, theirs.scopes
    assert (one["client"][0], one["scheme"]) == (other["client"][0], other["scheme"])
    assert (one["client"][1] == 0) is (other["client"][1] == 0)


async def test_wsgi(serve: Serve) -> None:
    site = await serve({"use": wsgi}, **TRUSTING)
    told = json.loads((await site.get(**FORWARDED)).body)
    assert told == ["203.0.113.9", "", "https", "127.0.0.1", str(site.server.port)]


async def test_tornado(serve: Serve) -> None:
    site = await serve({"use": Handler}, **TRUSTING)
    assert (await site.get(**FORWARDED)).text == "203.0.113.9 https"


async def test_nobody_is_believed_by_himself(serve: Serve) -> None:
    app = Asgi()
    site = await serve({"match": "/asgi", "use": app}, {"match": "/wsgi", "use": wsgi}, {"use": Handler})
    await site.get("/asgi", **FORWARDED)
    assert (app.scopes[0]["client"][0], app.scopes[0]["scheme"]) == ("127.0.0.1", "http")
    address, port, *rest = json.loads((await site.get("/wsgi", **FORWARDED)).body)
    assert (address, *rest) == ("127.0.0.1", "http", "127.0.0.1", str(site.server.port))
    assert port not in ("", "0")
    assert (await site.get(**FORWARDED)).text == "127.0.0.1 http"
