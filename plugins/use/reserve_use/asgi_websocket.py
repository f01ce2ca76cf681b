"""The WebSocket of an ASGI application."""

from __future__ import annotations

import asyncio
from typing import Any

from reserve_core import Disconnected, Request, Response, WebSocket

from .asgi_scope import ASGIMessage, begin_response, decoded


class ASGIWebSocket:
    """One WebSocket, from the client's handshake on, as an application sees it.

    Which pages may connect is for the application to decide, as it is behind any ASGI server.
    """

    def __init__(self, request: Request, response: Response, scope: dict[str, Any]) -> None:
        self.request = request
        self.response = response
        scope["type"] = "websocket"
        scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
        scope["subprotocols"] = _offered(request)
        scope["extensions"] = {"websocket.http.response": {}}
        del scope["method"]
        self._connected = False  # the application knows
        self._socket: WebSocket | None = None
        self._refused = False
        self.outer = request.on_disconnect  # of the middleware around this application
        self.gone = False
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self) -> ASGIMessage:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        if self._socket is None:
            # Nothing can come before the handshake is answered.
            await asyncio.shield(self._ready)
        socket = self._socket
        if socket is None:
            return {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        try:
            message = await socket.receive()
        except Disconnected:
            return {
                "type": "websocket.disconnect",
                "code": socket.close_code or 1005,
                "reason": socket.close_reason or "",
            }
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    async def send(self, message: ASGIMessage) -> None:
        kind = message["type"]
        if self.gone:
            raise Disconnected("The client has gone")
        socket = self._socket
        if socket is not None:
            await self._talk(socket, kind, message)
        elif self._refused:
            raise RuntimeError(f"{kind!r} after the handshake was refused")
        elif kind == "websocket.accept":
            subprotocol = message.get("subprotocol")
            self._socket = await self.request.upgrade(
                subprotocols=() if subprotocol is None else (subprotocol,),
                origins="*",
                headers=decoded(message.get("headers") or ()),
            )
            self._wake()
        elif kind == "websocket.close":
            self._refuse()
            self.response.send(b"", 403)
        elif kind == "websocket.http.response.start":
            self._status = message["status"]
            self._headers = decoded(message.get("headers", ()))
        elif kind == "websocket.http.response.body" and self._status:
            await self._deny(bytes(message.get("body", b"")), message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind!r} before the WebSocket is accepted")

    async def _talk(self, socket: WebSocket, kind: str, message: ASGIMessage) -> None:
        if kind == "websocket.send":
            text = message.get("text")
            await socket.send(message["bytes"] if text is None else text)
        elif kind == "websocket.close":
            await socket.close(message.get("code") or 1000, message.get("reason") or "")
        else:
            raise RuntimeError(f"{kind!r} after the WebSocket was accepted")

    async def _deny(self, body: bytes, more: bool) -> None:
        response = self.response
        if not response.headers_sent:
            begin_response(response, self._status, self._headers)
        if more:
            await response.write(body)
        else:
            self._refuse()
            await response.end(body)

    def _refuse(self) -> None:
        self._refused = True
        self._wake()

    @property
    def ended(self) -> bool:
        """Whether the handshake is answered."""
        return self._socket is not None or self._refused

    def leave(self) -> None:
        """The client has gone: the application is told, and the middleware around it."""
        if self.outer is not None:
            self.outer()
        self.gone = True
        self._wake()

    def end(self) -> None:
        """Somebody else has answered the handshake."""
        self._refuse()

    def finish(self, name: str) -> None:
        """The application has returned without a response to the handshake.

        Raises `Disconnected` if it was told that nobody waits for it, else RuntimeError.
        """
        if self.gone:
            raise Disconnected("The client has gone")
        raise RuntimeError(f"{name} returned without a response to the WebSocket's handshake")

    def _wake(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)


def _offered(request: Request) -> list[str]:
    values = request.headers.getall("sec-websocket-protocol", ())
    return [name.strip() for value in values for name in value.split(",") if name.strip()]
