"""One exchange on a connection: a request, and the bytes of its answer."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import Disconnected, HTTPError, ResponseError
from .incoming_body import BodyStream
from .ready_headers import ReadyHeaders
from .request import Headers, Request
from .response import ConnectionWriter, Response
from .response_head import render_fields, render_head, render_interim, render_switching, render_trailers
from .sendfile import copy_file, plain_socket, send_file
from .states import (
    BEGUN,
    CHUNKED,
    CLOSE,
    COMPLETE,
    LENGTH,
    LOST,
    NO_BODY,
    STREAMING,
    SWITCHED,
    WAITING,
    ExchangeState,
    Framing,
)

if TYPE_CHECKING:
    from .connection import Connection
    from .upgraded_stream import UpgradedStream
    from .websocket import WebSocket

logger: logging.Logger = logging.getLogger("reserve")

# A handler that writes without ever waiting lets the others have their turn after this many bytes.
FAIR_SHARE = 256 * 1024
_WEBSOCKET = "reserve_core.http.websocket"  # the module
# Above this a body is written by itself: one more system call costs less than one more copy.
COPY_LIMIT = 64 * 1024


class Exchange(ConnectionWriter):
    """The writer of one response (see `Writer`), and what the connection knows of its request.

    It is in one of the states of `ExchangeState`.
    """

    __slots__ = (
        "_fair",
        "_framing",
        "_head",
        "_left",
        "body",
        "connection",
        "expects_continue",
        "head_only",
        "keep_alive",
        "old",
        "request",
        "response",
        "state",
        "task",
        "upgraded",
    )

    def __init__(
        self,
        connection: Connection,
        request: Request,
        body: BodyStream | None,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.connection: Connection = connection
        self.request: Request = request
        self.body: BodyStream | None = body  # None: the request has none
        self.keep_alive: bool = keep_alive
        self.expects_continue: bool = expects_continue
        self.head_only: bool = request.method == "HEAD"
        self.old: bool = request.http_version == "1.0"
        self.state: ExchangeState = WAITING
        self.upgraded: WebSocket | UpgradedStream | None = None
        self.task: asyncio.Task[None] | None = None  # what its handler runs in, once it waits
        # Of a streamed response, set by `start`: the head that waits for the first chunk, what ends the body, how many
        # bytes of an announced length are left, and how many were written since the others had their turn.
        self._head: bytes
        self._framing: Framing
        self._left: int
        self._fair: int
        self.response: Response | None = None  # until its handler has done: both refer to each other

    @property
    def settled(self) -> bool:
        """Whether the response is out and the handler at work no more: nobody has use for the rest of the body."""
        return self.response is None and self.state >= COMPLETE

    def run(self) -> None:
        """Gives the request to the dispatcher."""
        connection = self.connection
        self.response = Response(self)
        connection.shared.runner.add(self, connection.loop)

    def finished(self) -> None:
        """The dispatcher has done with the request."""
        self.task = None
        if self.state < COMPLETE:
            # The dispatcher answers every request; what has no end by now was given up by its handler.
            self.abort()
        self.response = None
        if self.state is SWITCHED:
            self._close_upgraded(1000)
        elif self.body is not None:
            self.connection.settle(self)

    def refuse(self, status: int, text: str) -> None:
        """Answers without a handler."""
        Response(self).send(text, status)

    def _close_upgraded(self, code: int) -> None:
        upgraded = self.upgraded
        if upgraded is None:
            return
        from .websocket import WebSocket

        if not isinstance(upgraded, WebSocket):
            upgraded.close()
        elif not upgraded.closed:
            task = self.connection.loop.create_task(upgraded.close(code))
            self.connection.shared.runner.tasks[task] = self
            task.add_done_callback(self.connection.shared.runner.tasks.pop)

    def stop(self) -> None:
        """The server stops: an answer at work goes on to its end, a WebSocket is told (RFC 6455 7.4.1)."""
        self._close_upgraded(1001)

    def cancel(self) -> None:
        """The client has gone: whoever works on the answer is told, or cancelled."""
        request = self.request
        if self.body is not None:
            self.body.fail(Disconnected("The client went away before the end of the request's body"))
        if self.state < COMPLETE:
            self.state = LOST
            request.aborted = True
            if request.on_disconnect is not None:
                self._tell_disconnect(request.on_disconnect)
            elif self.task is not None:
                self.task.cancel()
            else:
                self.response = None  # it hasn't begun, and won't

    def _tell_disconnect(self, callback: Callable[[], None]) -> None:
        request = self.request
        try:
            callback()
        except BaseException:
            path = request.url.partition("?")[0]
            label = request.mapping.label if request.mapping is not None else "no mapping"
            logger.exception("The on_disconnect of %s %s failed, %s", request.method, path, label)

    # The writer.

    def inform(self, status: int, headers: Headers) -> None:
        if not (self.old or self.state >= COMPLETE or self.connection.transport.is_closing()):
            self.connection.transport.write(render_interim(status, headers))

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        if self.state is not WAITING:
            self._check_open()
        shared = self.connection.shared
        fields, length, closes = render_fields(status, headers, shared.date)
        if closes:
            self.keep_alive = False
        bodiless = self.head_only or status in (204, 304)
        if length is None:
            if status != 204 and (status != 304 or body):
                fields += f"content-length: {len(body)}\r\n"
        elif length != len(body) and not bodiless:
            raise ResponseError(f"The content-length says {length} but the body has {len(body)} bytes")
        if self.body is not None or shared.closing:
            self._before_end()
        if self.old or not self.keep_alive:
            fields += self._persistence()
        self._send(render_head(status, fields), b"" if bodiless else body)

    def _send(self, head: bytes, body: bytes) -> None:
        """Writes a whole response."""
        write = self.connection.transport.write
        if not body:
            write(head)
        elif len(body) > COPY_LIMIT:
            write(head)
            write(body)
        else:
            write(head + body)
        self.state = COMPLETE
        self.connection.answered(self)

    def send_ready(self, status: int, headers: ReadyHeaders, body: bytes) -> bool:
        head = self._ready_head(status, headers, len(body))
        if head is not None:
            self._send(head, b"" if self.head_only or status == 204 or status == 304 else body)
        return head is not None

    def start_ready(self, status: int, headers: ReadyHeaders, size: int) -> bool:
        head = None if status == 204 or status == 304 else self._ready_head(status, headers, size)
        if head is not None:
            self._left = size
            self._begin(head, NO_BODY if self.head_only else LENGTH)
        return head is not None

    def _ready_head(self, status: int, headers: ReadyHeaders, size: int) -> bytes | None:
        shared = self.connection.shared
        if self.state is not WAITING or self.old or not self.keep_alive or shared.closing:
            return None
        return headers.head(status, size, shared.date) if self.body is None or self.body.complete else None

    def start(self, status: int, headers: Headers) -> None:
        self._check_open()
        fields, length, closes = render_fields(status, headers, self.connection.shared.date)
        if closes or self.connection.shared.closing:
            self.keep_alive = False
        if self.head_only or status in (204, 304):
            framing = NO_BODY
        elif length is not None:
            framing = LENGTH
            self._left = length
        elif self.old:
            framing = CLOSE
            self.keep_alive = False
        else:
            framing = CHUNKED
            fields += "transfer-encoding: chunked\r\n"
        self._begin(render_head(status, fields + self._persistence()), framing)

    def _begin(self, head: bytes, framing: Framing) -> None:
        self._head = head
        self._framing = framing
        self._fair = 0
        self.state = BEGUN
        # Usually the first chunk follows at once and both make one segment; if not, the head doesn't wait for it.
        self.connection.loop.call_soon(self._flush_head)

    def _persistence(self) -> str:
        if self.keep_alive:
            return "connection: keep-alive\r\n" if self.old else ""
        return "connection: close\r\n"

    def _flush_head(self) -> None:
        if self.state is BEGUN:
            self.connection.transport.write(self._take_head())

    def _take_head(self) -> bytes:
        """The head that has waited until now."""
        self.state = STREAMING
        return self._head

    async def write(self, chunk: bytes) -> None:
        self._check_open()
        framing = self._framing
        if framing is NO_BODY:
            return
        size = len(chunk)
        if framing is LENGTH:
            self._left -= size
            if self._left < 0:
                self.abort()
                raise ResponseError("The body is longer than its content-length")
        head = self._take_head() if self.state is BEGUN else b""
        transport = self.connection.transport
        if size > COPY_LIMIT:
            if framing is CHUNKED:
                head += b"%x\r\n" % size
            if head:
                transport.write(head)
            transport.write(chunk)
            if framing is CHUNKED:
                transport.write(b"\r\n")
        elif framing is CHUNKED:
            transport.write(b"%b%x\r\n%b\r\n" % (head, size, chunk))
        else:
            transport.write(head + chunk if head else chunk)
        self._fair += size
        if self.connection.write_paused:
            self.connection.limit_unsent(True)
            self._fair = 0
            await self.connection.drained()
        elif self._fair > FAIR_SHARE:
            self._fair = 0
            await asyncio.sleep(0)

    async def write_file(self, file: int, offset: int, count: int) -> None:
        self._check_open()
        if self._framing is NO_BODY:
            return
        sent = 0
        if self._framing is LENGTH and count <= self._left:
            sock = plain_socket(self.connection.transport)
            if sock is not None:
                self._flush_head()
                sent = await send_file(self.connection, sock, file, offset, count)
                self._left -= sent
        if sent < count:
            await copy_file(self.write, file, offset + sent, count - sent)

    async def end(self) -> None:
        self._check_open()
        if self._framing is LENGTH and self._left:
            self.abort()
            raise ResponseError(f"The body ended {self._left} bytes short of its content-length")
        last = self._take_head() if self.state is BEGUN else b""
        if self._framing is CHUNKED:
            trailers = self.response._trailers if self.response is not None else None
            last += b"0\r\n" + (render_trailers(trailers) if trailers else b"\r\n")
        self._before_end()
        if last:
            self.connection.transport.write(last)
        self.state = COMPLETE
        self.connection.answered(self)

    def abort(self) -> None:
        """The answer can't be completed. If nothing of it went out yet, it's an orderly 500, or what the body of the
        request has failed with."""
        if self.state is COMPLETE or self.state is SWITCHED:
            self._close_upgraded(1011)
            return
        if self.response is not None:
            self.response.headers_sent = self.response.ended = True
        if self.state < STREAMING:
            self.keep_alive = False
            error = None if self.body is None else self.body.error
            status = error.status if isinstance(error, HTTPError) else 500
            self.connection.transport.write(render_head(status, "content-length: 0\r\nconnection: close\r\n"))
            self.state = COMPLETE
            self.connection.answered(self)
        else:
            self.state = LOST
            self.connection.abort()

    def _check_open(self) -> None:
        closing = self.connection.transport.is_closing()
        if self.state >= COMPLETE or closing:
            if closing or self.state is LOST:
                raise Disconnected("The client has gone")
            raise ResponseError("The response has ended already")

    def _before_end(self) -> None:
        """Decides, while it can still be said in the head, whether the connection goes on."""
        connection = self.connection
        if connection.shared.closing:
            self.keep_alive = False
        body = self.body
        if body is not None and not body.complete and (self.expects_continue or not connection.can_discard(body)):
            self.keep_alive = False

    # What the request can ask of its connection.

    def read_on(self) -> None:
        """The reader of the request's body waits for more."""
        if self.expects_continue:
            self.expects_continue = False
            if self.state is WAITING:
                self.connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.connection.update_reading()

    async def accept(self, request: Request, **options: Any) -> WebSocket:
        """Accepts a WebSocket handshake; see `Request.upgrade`."""
        # With Tornado, which takes long to load: for those who have use for it, and while others have their turn.
        accept = getattr(sys.modules.get(_WEBSOCKET), "accept", None)
        if accept is None:
            accept = (await asyncio.to_thread(import_module, _WEBSOCKET)).accept
        accepted: WebSocket = await accept(request, self.hand_over, **options)
        self.upgraded = accepted
        return accepted

    def hand_over(self, fields: Iterable[tuple[str, str]]) -> UpgradedStream:
        """Answers 101 with `fields` and gives the connection away, with all that the client sent behind its request.

        Raises `ResponseError` when the answer has begun or `fields` can't be sent, `Disconnected` when the client has
        gone.
        """
        self._check_open()
        if self.state is not WAITING:
            raise ResponseError("The response has begun already; an upgrade must be accepted before")
        head = render_switching(fields)
        if self.response is not None:
            self.response.status = 101
            self.response.headers_sent = self.response.ended = True
        self.state = SWITCHED
        self.upgraded = stream = self.connection.hand_over(head)
        return stream


class ServerOptions(Exchange):
    """`OPTIONS *` asks for the server as a whole, not for one of its resources: no mapping sees it (RFC 9110 9.3.7)."""

    __slots__ = ()

    def run(self) -> None:
        Response(self).send(b"", 204, {"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"})
