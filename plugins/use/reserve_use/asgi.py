"""ASGI applications: a request becomes a scope and messages, messages become the response."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from reserve_core import Disconnected, Request, Response
from reserve_core.kit import Body, is_cancellation

from .asgi_lifespan import ASGILifespan
from .asgi_scope import ASGIApp, ASGIMessage, begin_response, decoded, request_scope
from .asgi_websocket import ASGIWebSocket

logger = logging.getLogger("reserve")


class ASGIApplication:
    """An application, or middleware around `MappingsBehind`."""

    def __init__(self, name: str, app: ASGIApp, root_path: str, *, is_middleware: bool = False) -> None:
        self.name = name
        self.is_middleware = is_middleware
        self._app = app
        self._root_path = root_path
        self._lifespan = ASGILifespan(app, name)

    async def start(self) -> None:
        await self._lifespan.start()

    async def stop(self) -> None:
        await self._lifespan.stop()

    async def serve(self, request: Request, response: Response) -> None:
        scope = request_scope(request, self._root_path, self._lifespan.state)
        exchange: ASGIExchange | ASGIWebSocket
        if request.asks_for_websocket:
            exchange = ASGIWebSocket(request, response, scope)
        else:
            exchange = ASGIExchange(request, response)
        scope["reserve"] = exchange
        # Not cancelled when its client goes away: ASGI tells the application of it.
        request.on_disconnect = exchange.leave
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            if not exchange.gone or is_cancellation(error):
                raise
            if not isinstance(error, OSError):
                logger.error("%s failed after its client had gone", self.name, exc_info=error)
        finally:
            request.on_disconnect = exchange.outer
        if not exchange.ended:
            exchange.finish(self.name)


class ASGIExchange:
    """One request and its response, as an application sees them."""

    __slots__ = (
        "_body",
        "_headers",
        "_inner",
        "_left",
        "_received",
        "_status",
        "_waiter",
        "ended",
        "gone",
        "outer",
        "request",
        "response",
    )

    def __init__(self, request: Request, response: Response) -> None:
        self.request = request
        self.response = response
        self.outer = request.on_disconnect  # of the middleware around this application
        self.gone = False
        self.ended = False
        self._body: Body | None = None
        self._left = request.body_length  # bytes of it, None: not known
        self._received = False  # all of it
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._waiter: asyncio.Future[None] | None = None
        self._inner: asyncio.Task[Any] | None = None
        if self._left != 0:
            request.wrap_body(self._take_body)

    def _take_body(self, body: Body) -> Body:
        self._body = body
        return body

    async def receive(self) -> ASGIMessage:
        if not (self._received or self.ended or self.gone):
            chunk = b""
            if self._body is not None:
                try:
                    chunk = await self._body.read()
                except Disconnected:
                    self.disconnect()
                    return {"type": "http.disconnect"}
                if self._left is not None:
                    self._left -= len(chunk)
            more = bool(chunk) and self._left != 0
            self._received = not more
            if not self.ended:  # by another task, meanwhile
                return {"type": "http.request", "body": chunk, "more_body": more}
        if not (self.gone or self.ended):
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiter)
        return {"type": "http.disconnect"}

    async def send(self, message: ASGIMessage) -> None:
        kind = message["type"]
        if self.gone:
            raise Disconnected("The client has gone")
        if kind == "http.response.start":
            if self._status:
                raise RuntimeError("The response has been started already")
            self._status = message["status"]
            self._headers = decoded(message.get("headers", ()))
            return
        if kind != "http.response.body":
            raise RuntimeError(f"{kind!r} is no message of a response")
        if not self._status or self.ended:
            raise RuntimeError(f"{kind!r} {'after the end of' if self.ended else 'before'} the response")
        body = bytes(message.get("body", b""))
        more = message.get("more_body", False)
        response = self.response
        try:
            if not response.headers_sent:
                begin_response(response, self._status, self._headers)
                if not more:
                    response.send(body)
                    self.end()
                    return
            if more:
                await response.write(body)
            else:
                await response.end(body)
                self.end()
        except Disconnected:
            self.disconnect()
            raise

    def end(self) -> None:
        """The response is complete."""
        self.ended = True
        if self._waiter is not None:
            self._wake()

    def leave(self) -> None:
        """The client has gone: the application is told, and the middleware around it."""
        if self.outer is not None:
            self.outer()
        self.disconnect()
        # The mappings behind middleware are cancelled as all handlers are, unless they are told as well.
        if self._inner is not None and self.request.on_disconnect == self.leave:
            self._inner.cancel()

    def disconnect(self) -> None:
        """The application is told that the client has gone."""
        self.gone = True
        self._wake()

    async def run_inner(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs the mappings behind middleware."""
        before, self._inner = self._inner, asyncio.current_task()
        try:
            await work
        finally:
            self._inner = before

    def finish(self, name: str) -> None:
        """The application has returned without an end of its response.

        Raises `Disconnected` if it was told that nobody waits for it, else RuntimeError.
        """
        if self.gone:
            raise Disconnected("The client has gone")
        what = "in the middle of its response" if self._status else "without a response"
        raise RuntimeError(f"{name} returned {what}")

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
