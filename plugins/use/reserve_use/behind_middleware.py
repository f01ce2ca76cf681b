"""The application that ASGI middleware is put around: the mappings behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from reserve_core import Disconnected, Headers, Request, Response

from .asgi_scope import ASGIHeaders, ASGIMessage, Receive, Scope, Send, decoded, decoded_path, encoded_target

if TYPE_CHECKING:
    from .asgi import ASGIExchange


class MappingsBehind:
    """Answers by the mappings behind the one of the middleware."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        exchange = scope["reserve"]
        exchange.request.state["asgi"] = scope
        if scope["type"] == "websocket":
            # A handler takes the connection itself.
            await exchange.request.configuration.dispatch_rest(exchange.request, exchange.response)
            exchange.end()
            return
        await exchange.run_inner(self._dispatch(exchange, scope, receive, send))

    async def _dispatch(self, exchange: ASGIExchange, scope: Scope, receive: Receive, send: Send) -> None:
        request = exchange.request
        _apply(request, scope)
        if receive != exchange.receive:
            request.wrap_body(lambda body: _MiddlewareBody(receive, body.length))
        if send == exchange.send:  # nobody wants to see the response
            await request.configuration.dispatch_rest(request, exchange.response)
            exchange.end()
            return
        writer = _MiddlewareWriter(exchange.response, send)
        await request.configuration.dispatch_rest(request, Response(writer))
        if writer.aborted:
            exchange.response.abort()
            exchange.end()
        else:
            await writer.flush()


class _MiddlewareWriter:
    """The writer of a response that goes through middleware."""

    def __init__(self, outer: Response, send: Send) -> None:
        self.aborted = False
        self._outer = outer
        self._send = send
        self._waiting: list[ASGIMessage] = []  # what could not be sent without being awaited

    def inform(self, status: int, headers: Headers) -> None:
        self._outer.inform(status, headers)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self.start(status, headers)
        if "content-length" not in headers and status not in (204, 304):
            self._waiting[-1]["headers"].append((b"content-length", str(len(body)).encode()))
        self._waiting.append({"type": "http.response.body", "body": body, "more_body": False})

    def start(self, status: int, headers: Headers) -> None:
        self._waiting.append({"type": "http.response.start", "status": status, "headers": _encoded(headers)})

    async def write(self, chunk: bytes) -> None:
        await self.flush()
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        await self.flush()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        self.aborted = True

    async def flush(self) -> None:
        """Sends what waits."""
        while self._waiting:
            await self._send(self._waiting.pop(0))


class _MiddlewareBody:
    """A request's body as middleware passes it on."""

    def __init__(self, receive: Receive, length: int | None) -> None:
        self.length = length
        self._receive = receive
        self._ended = False

    async def read(self) -> bytes:
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected("The client went away before the end of the request's body")
            self._ended = not message.get("more_body", False)
            if chunk := message.get("body", b""):
                return bytes(chunk)
        return b""


def _apply(request: Request, scope: Scope) -> None:
    """What middleware has changed of the request."""
    if scope["method"] != request.method:
        request.method = scope["method"]
    raw_path, query = encoded_target(request)
    path = raw_path if scope["path"] == decoded_path(raw_path) else quote(scope["path"])
    given = bytes(scope["query_string"]).decode("latin-1")
    if path != raw_path or given != query:
        request.set_url(path + (f"?{given}" if given else ""))
    if scope["headers"] != request.raw_headers:
        request.headers.clear()
        request.headers.extend(decoded(scope["headers"]))


def _encoded(headers: Headers) -> ASGIHeaders:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _lifespan(receive: Receive, send: Send) -> None:
    """The mappings are ready when the server is."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
