"""What is used is told apart by its type and signature; what can't be used is named."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler

from reserve_core import ConfigError, load_plugins
from reserve_core.config import check, read
from reserve_use.application import _interface


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    return []


def factory(app: Any, option: int = 1) -> Any:
    return app


class Callable3:
    def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Async:
    async def __call__(self, *arguments: Any) -> None: ...


@pytest.mark.parametrize(
    ("target", "interface"),
    [
        *((FastAPI(), "asgi"), (Starlette(), "asgi"), (asgi, "asgi"), (Callable3(), "asgi"), (Callable3, "asgi")),
        *((Async(), "asgi"), (Async, "asgi"), (ASGIHandler, "asgi"), (FastAPI, "asgi")),
        *((Flask("x"), "wsgi"), (wsgi, "wsgi"), (WSGIHandler, "wsgi")),
        *((CORSMiddleware, "asgi-middleware"), (GZipMiddleware, "asgi-middleware"), (factory, "asgi-middleware")),
        *((Application(), "tornado"), (Application, "tornado"), (RequestHandler, "tornado")),
        *(([("/", RequestHandler)], "tornado"), ([URLSpec("/", RequestHandler)], "tornado")),
    ],
)
def test_it_is_seen(target: Any, interface: str) -> None:
    assert _interface(target, "it") == interface


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ({"use": lambda one: one}, '"interface"'),
        ({"use": 17}, "must be a string"),
        ({"use": wsgi, "options": {"a": 1}}, "takes no options"),
        ({"use": CORSMiddleware, "options": {"what": 1}}, "what.*TypeError"),
        ({"use": wsgi, "interface": "tornado"}, "no Tornado application"),
        ({"use": RequestHandler, "interface": "wsgi"}, "can't be made"),
        ({"use": []}, "use"),
        ({"use": ["shop:app"]}, r"no list of Tornado routes: AttributeError.*\n?.*Handler"),
        ({"use": [("(", RequestHandler)]}, "no list of Tornado routes: .*unterminated"),
        ({"use": object()}, "can't be called"),
        ({"use": object(), "interface": "asgi"}, "can't be called"),
        ({"use": "./none.py"}, "none.py"),
        ({"use": wsgi, "interface": "cgi"}, "interface"),
        ({"use": wsgi, "root-path": "shop"}, "root-path"),
        ({"use": wsgi, "root-path": "/shop/"}, "root-path"),
        ({"use": wsgi, "threads": 0}, "threads"),
    ],
)
async def test_what_can_not_be_used_is_named(mapping: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        await check(read({"mappings": [mapping]}), load_plugins())
