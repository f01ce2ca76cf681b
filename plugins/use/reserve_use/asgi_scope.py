"""The scope of a request, as ASGI has it (ASGI 3.0, HTTP and WebSocket 2.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from reserve_core import Request, Response

Scope = MutableMapping[str, Any]
ASGIMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[ASGIMessage]]
Send = Callable[[ASGIMessage], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
ASGIHeaders = list[tuple[bytes, bytes]]

ASGI = {"version": "3.0", "spec_version": "2.5"}


def request_scope(request: Request, root_path: str, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of a request, of type `http`."""
    raw_path, query = encoded_target(request)
    client = request.client
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": request.http_version,
        "method": request.method,
        "scheme": client.scheme,
        "path": decoded_path(raw_path),
        "raw_path": raw_path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": root_path,
        "headers": request.raw_headers,
        "client": (client.address, 0) if client.via else request.peer,
        "server": request.local,
        "state": state.copy(),
    }


def encoded_target(request: Request) -> tuple[str, str]:
    """The path and the query as they were sent, percent-encoded."""
    path, _, query = request.raw_url.partition("?")
    return path, query


def decoded_path(raw_path: str) -> str:
    return unquote(raw_path) if "%" in raw_path else raw_path


def decoded(pairs: Any) -> list[tuple[str, str]]:
    """Headers as ASGI has them, as text."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]


def begin_response(response: Response, status: int, headers: list[tuple[str, str]]) -> None:
    """Sets the head of an application's response; its headers replace those that earlier mappings have set."""
    response.status = status
    response.cache_control = None  # what the application doesn't say isn't ours to say
    response.replace_headers(headers)
