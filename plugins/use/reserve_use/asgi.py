"""ASGI applications: a request becomes a scope and messages, messages become the answer."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from functools import partial
from typing import Any, cast

from reserve_core import Disconnected, Request, Response
from reserve_core.http.request import Body

from .lifespan import Lifespan
from .scope import ASGIApp, Message, decoded, request_scope, take_over
from .websocket import Session, is_websocket

logger = logging.getLogger("reserve")


class ASGIApplication:
    """An application, or middleware around `Rest`."""

    def __init__(self, name: str, app: ASGIApp, root_path: str) -> None:
        self.name = name
        self.started = False
        self.active = 0
        self._app = app
        self._root_path = root_path
        self._lifespan = Lifespan(app, name)
        self._left: set[asyncio.Task[None]] = set()  # at work for clients that have gone

    async def start(self) -> None:
        await self._lifespan.start()
        self.started = True

    async def stop(self) -> None:
        self.started = False
        for task in self._left:
            task.cancel()
        if self._left:
            await asyncio.wait(self._left)
        await self._lifespan.stop()

    async def serve(self, request: Request, response: Response) -> None:
        scope = request_scope(request, self._root_path, self._lifespan.state)
        cycle: Cycle | Session
        if request.upgrader is not None and is_websocket(request):
            cycle = Session(request, response, scope)
        else:
            cycle = Cycle(request, response)
        scope["reserve"] = cycle
        # A task of its own: a client that goes away cancels ours, but ASGI only tells the application of it.
        task = _start(self._app(scope, cycle.receive, cycle.send))
        if not task.done():
            finished = asyncio.get_running_loop().create_future()
            task.add_done_callback(partial(_finish, finished))
            try:
                await finished
            except asyncio.CancelledError:
                self._left.add(task)
                task.add_done_callback(self._leave)
                cycle.disconnect()
                raise
        task.result()
        cycle.finish(self.name)

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._left.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, OSError):
            logger.error("%s failed after its client had gone", self.name, exc_info=error)


class Cycle:
    """One request and its answer, as an application sees them."""

    __slots__ = (
        "_body",
        "_ended",
        "_gone",
        "_headers",
        "_inner",
        "_left",
        "_received",
        "_status",
        "_waiter",
        "request",
        "response",
    )

    def __init__(self, request: Request, response: Response) -> None:
        self.request = request
        self.response = response
        self._body: Body | None = None
        self._left = request.body_length  # bytes of it, None: not known
        self._received = False  # all of it
        self._gone = False
        self._ended = False
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._waiter: asyncio.Future[None] | None = None
        self._inner: asyncio.Task[Any] | None = None
        if self._left != 0:
            request.wrap_body(self._take_body)

    def _take_body(self, body: Body) -> Body:
        self._body = body
        return body

    async def receive(self) -> Message:
        if not self._received:
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
            return {"type": "http.request", "body": chunk, "more_body": more}
        if not (self._gone or self._ended):
            if self._waiter is None:
                self._waiter = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiter)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._gone:
            raise Disconnected("The client has gone")
        if kind == "http.response.start":
            if self._status:
                raise RuntimeError("The answer has been started already")
            self._status = message["status"]
            self._headers = decoded(message.get("headers", ()))
        elif kind == "http.response.body":
            if not self._status or self._ended:
                raise RuntimeError(f"{kind!r} {'after the end of' if self._ended else 'before'} the answer")
            await self._send_body(bytes(message.get("body", b"")), message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind!r} is no message of an answer")

    async def _send_body(self, body: bytes, more: bool) -> None:
        response = self.response
        try:
            if not response.headers_sent:
                response.status = self._status
                take_over(response.headers, self._headers)
                if more:
                    await response.write(body)
                else:
                    response.send(body)
            elif more:
                await response.write(body)
            else:
                await response.end(body)
        except Disconnected:
            self.disconnect()
            raise
        if not more:
            self.end()

    def end(self) -> None:
        """The answer is complete."""
        self._ended = True
        self._wake()

    def disconnect(self) -> None:
        """The client has gone. The mappings behind middleware are cancelled as all handlers are."""
        self._gone = True
        self._wake()
        if self._inner is not None:
            self._inner.cancel()

    async def run_inner(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs the mappings behind middleware."""
        before, self._inner = self._inner, asyncio.current_task()
        try:
            await work
        finally:
            self._inner = before

    def finish(self, name: str) -> None:
        """The application has returned. Raises RuntimeError if it should not have."""
        if not self._ended and not self._gone:
            what = "in the middle of its answer" if self._status else "without an answer"
            raise RuntimeError(f"{name} returned {what}")

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _finish(finished: asyncio.Future[None], _: object) -> None:
    if not finished.done():
        finished.set_result(None)


def _start(coroutine: Any) -> asyncio.Task[None]:
    work = cast("Coroutine[Any, Any, None]", coroutine)
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
    return asyncio.get_running_loop().create_task(work)
