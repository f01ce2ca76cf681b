"""The mirror that is listened to, by its API and its WebSocket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.websocket import WebSocketError, websocket_connect

from ..group_shapes import GroupTurnTaken, GroupTurnWanted
from ..json_shapes import ListenerResponse, Mirror, MirrorMessage
from ..sending.http_exchange import HTTPResponse, NoResponse, exchange

# Seconds for a response of the mirror, and between two signs of life on its WebSocket.
TIMEOUT = 60.0
HEARTBEAT = 30.0
# Seconds that the mirror has to say goodbye on it.
CLOSING_TIMEOUT = 2.0
MAX_MESSAGE = 16 * 1024 * 1024

_GONE = (401, 403, 404)


class MirrorAway(Exception):
    """The mirror doesn't respond now, and why."""


class MirrorGone(Exception):
    """There is no such mirror, or no longer, or we may not see it: a sentence."""


class MirrorUnknown(MirrorGone):
    """There is no mirror of that code."""


class MirrorAPI:
    """A mirror at `url`, .../api/mirrors/CODE, with the token of those who may see it."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self._split = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        base, _, code = url.rpartition("/api/mirrors/")
        self._socket = re.sub("^http", "ws", f"{base}/ws/{code}")

    async def mirror(self) -> Mirror:
        """The mirror as it is. Raises `MirrorAway` and `MirrorGone`."""
        response = await self._ask("GET", "")
        if response.status in _GONE:
            raise _gone(response)
        if response.status != 200:
            raise MirrorAway(f"it responds with {response.status}")
        try:
            mirror = json.loads(response.body)
            _ = mirror["received"]
        except (ValueError, TypeError, KeyError):
            raise MirrorGone("What responds there is no mirror") from None
        return cast("Mirror", mirror)

    async def body(self, request_id: str) -> bytes:
        """The body that was kept of a request. Raises LookupError, saying why there is none, and `MirrorAway`."""
        response = await self._ask("GET", f"/requests/{request_id}/body")
        if response.status in (404, 410):
            raise LookupError(_error(response))
        if response.status != 200:
            raise MirrorAway(f"it responds with {response.status}")
        return response.body

    async def keep_response(self, request_id: str, forwarded: ListenerResponse) -> None:
        """Keeps with a request what came of it. Raises `MirrorAway` where the mirror doesn't."""
        response = await self._ask("POST", f"/requests/{request_id}/response", json.dumps(forwarded).encode())
        if response.status not in (204, 404):  # the request may be gone meanwhile
            raise MirrorAway(_error(response))

    async def take_turn(self, group: str, turn: GroupTurnWanted) -> GroupTurnTaken:
        """What a listener of a group has to do next. Raises `MirrorAway` and `MirrorGone`."""
        response = await self._ask("POST", f"/groups/{group}/next", json.dumps(turn).encode())
        if response.status in (*_GONE, 409):
            raise _gone(response)
        if response.status != 200:
            raise MirrorAway(_error(response))
        return cast("GroupTurnTaken", json.loads(response.body))

    async def follow(self, after: str) -> AsyncGenerator[MirrorMessage, None]:
        """The messages of the mirror, its requests after this id, until the connection ends.

        Raises `MirrorAway` when there is none.
        """
        request = HTTPRequest(f"{self._socket}?after={after}", headers=HTTPHeaders(self._headers))
        try:
            socket = await websocket_connect(request, ping_interval=HEARTBEAT, max_message_size=MAX_MESSAGE)
        except (OSError, HTTPClientError, WebSocketError) as error:
            raise MirrorAway(str(error)) from None
        try:
            while (message := await socket.read_message()) is not None:
                yield json.loads(message)
        finally:
            socket.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_TIMEOUT):
                    while await socket.read_message() is not None:
                        pass

    async def _ask(self, method: str, path: str, body: bytes = b"") -> HTTPResponse:
        try:
            return await exchange(self._split, self._request(method, path, body), timeout=TIMEOUT)
        except NoResponse as error:
            raise MirrorAway(str(error)) from None

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        lines = [
            f"{method} {self._split.path}{path} HTTP/1.1",
            f"Host: {self._split.netloc}",
            *(f"{name}: {value}" for name, value in self._headers.items()),
            *((f"Content-Length: {len(body)}", "Content-Type: application/json") if body else ()),
            "Connection: close",
        ]
        return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def _gone(response: HTTPResponse) -> MirrorGone:
    return (MirrorUnknown if response.status == 404 else MirrorGone)(_error(response))


def _error(response: HTTPResponse) -> str:
    try:
        return str(json.loads(response.body)["error"])
    except (ValueError, TypeError, KeyError):
        return f"it responds with {response.status}"
