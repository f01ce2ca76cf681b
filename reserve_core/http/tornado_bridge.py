"""Tornado applications behind our requests and responses: the other side of `tornado.httputil.HTTPConnection`."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import cast

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPOutputError,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import StreamClosedError
from tornado.log import app_log
from tornado.web import RequestHandler

from ..errors import HTTPError
from ..failures import is_cancellation
from ..stalls import helps
from .flow import Waiter
from .incoming_body import too_large
from .request import Request
from .response import Response
from .upgraded_stream import UpgradedStream


async def run_application(
    application: HTTPServerConnectionDelegate, request: Request, response: Response, prefix: str = ""
) -> None:
    """Has a Tornado application respond to a request: a `tornado.web.Application` or any other connection delegate.

    `prefix` is where the application is mounted: it sees the path behind it. The body is streamed to it, up to the
    request's `max_body` or what the handler sets. Returns when the response has ended or, after an upgrade, the
    connection. Raises `HTTPError` 400 for what Tornado doesn't take for a request and 413 for a body too large;
    `Disconnected` when the client goes away, of which the application is told.
    """
    connection = _TornadoConnection(request, response)
    feeding: asyncio.Task[None] | None = None
    try:
        delegate = connection.delegate = application.start_request(connection, connection)
        ready = _begin(delegate, request, prefix)
        if ready is None and request.body_length == 0:
            connection.delegate = None
            delegate.finish()
        else:
            feeding = asyncio.create_task(_feed(connection, delegate, ready))
        await connection.respond()
    finally:
        if feeding is not None:
            feeding.cancel()
            await asyncio.wait((feeding,))
        connection.end()
        application.on_close(connection)


def _begin(delegate: HTTPMessageDelegate, request: Request, prefix: str) -> Awaitable[None] | None:
    try:
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers.add(name, value)
        start_line = RequestStartLine(request.method, _target(request, prefix), f"HTTP/{request.http_version}")
        return delegate.headers_received(start_line, headers)
    except HTTPInputError as error:
        raise HTTPError(400, str(error)) from error


def _target(request: Request, prefix: str) -> str:
    """What the client asked for, behind `prefix`."""
    prefix = prefix.rstrip("/")
    inside = re.match(f"{re.escape(prefix)}(?=[/?]|$)", request.url) if prefix else None
    if inside is None:
        return request.raw_url
    raw = request.raw_match(inside)
    rest = raw.string[raw.span()[1] :]
    return rest if rest.startswith("/") else f"/{rest}"


async def _feed(connection: _TornadoConnection, delegate: HTTPMessageDelegate, ready: Awaitable[None] | None) -> None:
    """Gives the application the rest of the request, until it has responded."""
    try:
        if ready is not None:
            await ready
        await _feed_body(connection, delegate)
        if not connection.finished:
            connection.delegate = None
            delegate.finish()
    except HTTPInputError as error:
        connection.fail(HTTPError(400, str(error)))
    except BaseException as error:
        if is_cancellation(error):
            raise
        connection.fail(error)


async def _feed_body(connection: _TornadoConnection, delegate: HTTPMessageDelegate) -> None:
    request = connection.request
    connection.check_size(request.body_length or 0)
    received = 0
    async with aclosing(cast("AsyncGenerator[bytes]", request.stream())) as body:
        async for chunk in body:
            if connection.finished:
                return
            received += len(chunk)
            connection.check_size(received)
            taken = delegate.data_received(chunk)
            if taken is not None:
                await taken


@dataclass(frozen=True, slots=True)
class _TornadoContext:
    """What Tornado's requests take from their connection."""

    remote_ip: str
    protocol: str


class _TornadoConnection(HTTPConnection):
    """What the application writes to. Tornado's methods return at once; `respond` does what has to wait."""

    def __init__(self, request: Request, response: Response) -> None:
        self.request = request
        client = request.client
        self.context = _TornadoContext(client.address, client.scheme)
        self.finished = False  # the application has written all
        self.delegate: HTTPMessageDelegate | None = None  # set while it waits for the end of the request
        self.stream: UpgradedStream | None = None  # after an upgrade
        self._response = response
        self._max_body = request.max_body
        self._head_written = False
        self._switching: list[tuple[str, str]] | None = None  # the header fields of a 101
        self._pieces: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._error: BaseException | None = None
        self._news = Waiter("The response")
        self._ended = False
        self._close_callback: Callable[[], None] | None = None

    # Called by the application.

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """`callback` is called when the client goes away before its response is complete."""
        self._close_callback = callback
        handler = getattr(callback, "__self__", None)
        if isinstance(handler, RequestHandler):  # each one calls this first, and is executed in a task of its own
            handler._execute = partial(self._execute, handler._execute)  # type: ignore[method-assign]

    def set_max_body_size(self, max_body_size: int) -> None:
        """Sets the limit of this request's body, in bytes."""
        self._max_body = max_body_size

    def set_body_timeout(self, timeout: float) -> None:
        """Has no effect: the server's own limit between two chunks holds."""

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> asyncio.Future[None]:
        """Begins the response. The future is done when the next piece may be written."""
        assert isinstance(start_line, ResponseStartLine)
        if start_line.code == 101:
            if self.request.upgrader is None:
                raise HTTPOutputError("This connection can't be upgraded")
            self._switching = list(headers.get_all())
            written = asyncio.get_running_loop().create_future()
            written.set_result(None)
            return written
        self._response.status = start_line.code
        self._response.cache_control = None
        self._response.replace_headers(headers.get_all())
        self._head_written = True
        return self.write(chunk or b"")

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        """Sends a part of the body. The future is done when the next piece may be written."""
        written = asyncio.get_running_loop().create_future()
        if self._ended:
            _refuse(written)
        else:
            self._pieces.append((chunk, written))
            self._news.wake()
        return written

    def finish(self) -> None:
        """Ends the response; one of status 101 goes on with `detach`."""
        if self._switching is None:
            self.finished = True
            self._news.wake()

    def detach(self) -> UpgradedStream:
        """Gives the bytes of the connection away, after a 101."""
        upgrader = self.request.upgrader
        if upgrader is None or self._switching is None:
            raise HTTPOutputError("Only a connection that is upgraded can be detached")
        self.stream = upgrader.hand_over(self._switching)
        self._close_callback = None
        self._news.wake()
        return self.stream

    async def _execute(self, execute: Callable[..., Awaitable[None]], *args: bytes, **kwargs: bytes) -> None:
        """Executes a handler: an exception that Tornado lets through would end the loop, without a response."""
        helps(self.request)
        try:
            await execute(*args, **kwargs)
        except BaseException as error:
            if is_cancellation(error):
                raise
            self.fail(error)

    # Called by us.

    async def respond(self) -> None:
        """Passes on what the application writes, until it has finished."""
        response = self._response
        while await self._wait():
            if self.finished and not response.headers_sent and len(self._pieces) <= 1:
                self._send_whole()
                return
            while self._pieces:
                await response.write(self._pieces[0][0])
                self._piece_written()
            if self.finished:
                await response.end()
                return
        if self.stream is not None:
            try:
                await self.stream.wait_closed()
            finally:
                self.stream.close()
            if self._error is not None:
                raise self._error

    def _send_whole(self) -> None:
        if not self._head_written:
            raise RuntimeError("The Tornado application has finished without a response")
        self._response.send(self._pieces[0][0])
        self._piece_written()

    def _piece_written(self) -> None:
        _, written = self._pieces.popleft()
        if not written.done():
            written.set_result(None)

    async def _wait(self) -> bool:
        """Waits for something to write; False after an upgrade."""
        while not (self._pieces or self.finished):
            if self._error is not None:
                raise self._error
            if self.stream is not None:
                return False
            await self._news.wait()
        return True

    def check_size(self, size: int) -> None:
        """Raises `HTTPError` 413 for a body of so many bytes if the application doesn't take them."""
        if size > self._max_body:
            raise too_large(self._max_body)

    def fail(self, error: BaseException) -> None:
        """The request can't be read to its end, or its handler has ended without a response."""
        self._error = error
        self._news.wake()
        if self.stream is not None:
            self.stream.abort()

    def end(self) -> None:
        """Nothing more can be written; the application is told of what it doesn't know yet."""
        self._ended = True
        while self._pieces:
            _refuse(self._pieces.popleft()[1])
        delegate, self.delegate = self.delegate, None
        callback, self._close_callback = self._close_callback, None
        try:
            if delegate is not None:
                delegate.on_connection_close()
            elif callback is not None:
                callback()
        except BaseException:
            app_log.exception("Uncaught exception when the connection of %s closed", self.request.url)


def _refuse(written: asyncio.Future[None]) -> None:
    if not written.done():
        written.set_exception(StreamClosedError())
        written.exception()  # nobody has to wait for a write
