"""The writer of a connection: a response as HTTP/1.1 frames it (RFC 9112 6)."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING

from ..errors import Disconnected, HTTPError, ResponseError
from .incoming_body import BodyStream
from .ready_headers import ReadyHeaders
from .request import Headers
from .response import ConnectionWriter, Response
from .response_head import render_fields, render_head, render_interim, render_trailers
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
    WAITING,
    ExchangeState,
    Framing,
)

if TYPE_CHECKING:
    from .connection import Connection

# After this many bytes, a handler that writes without ever waiting yields to the others.
FAIR_SHARE = 256 * 1024
# Above this a body is written by itself: one more system call costs less than one more copy.
COPY_LIMIT = 64 * 1024


class FramedWriter(ConnectionWriter):
    """Writes one response (see `Writer`), and decides whether the connection stays open after it.

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
        "response",
        "state",
    )

    # Set by `Exchange`: with an `__init__` of its own for them, each request would pay for another call. Their types
    # stand here only: mypyc has the garbage collection visit twice what a class declares that its base declares, too.
    connection: Connection
    body: BodyStream | None  # of the request; None: it has none
    keep_alive: bool
    expects_continue: bool
    head_only: bool
    old: bool  # HTTP/1.0
    state: ExchangeState
    response: Response | None  # until its handler has done: both refer to each other
    # Of a streamed response, set by `start`: the head that waits for the first chunk, what ends the body, how many
    # bytes of an announced length are left, and how many were written since the others had their turn.
    _head: bytes
    _framing: Framing
    _left: int
    _fair: int

    @abstractmethod
    def _responded(self) -> None:
        """The response is complete."""

    def inform(self, status: int, headers: Headers) -> None:
        if not (self.old or self.state >= COMPLETE or self.connection.transport.is_closing()):
            self.connection.transport.write(render_interim(status, headers))

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        if self.state is not WAITING:
            self._check_open()
        server = self.connection.server
        fields, length, closes = render_fields(status, headers, server.date)
        if closes:
            self.keep_alive = False
        bodiless = self.head_only or status in (204, 304)
        if length is None:
            if status != 204 and (status != 304 or body):
                fields += f"content-length: {len(body)}\r\n"
        elif length != len(body) and not bodiless:
            raise ResponseError(f"The content-length says {length} but the body has {len(body)} bytes")
        if self.body is not None or server.closing:
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
        self._responded()

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
        server = self.connection.server
        if self.state is not WAITING or self.old or not self.keep_alive or server.closing:
            return None
        return headers.head(status, size, server.date) if self.body is None or self.body.complete else None

    def start(self, status: int, headers: Headers) -> None:
        self._check_open()
        fields, length, closes = render_fields(status, headers, self.connection.server.date)
        if closes or self.connection.server.closing:
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
        """The head, which has not been written until now."""
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
        self._responded()

    def abort(self) -> None:
        """The response can't be completed. If nothing of it went out yet, the client gets a plain 500 instead, or the
        status that the body of the request has failed with. One of status 0 is reset: see `Response.reset`."""
        response = self.response
        if response is not None:
            response.headers_sent = response.ended = True
        if response is not None and response.status == 0:
            self.state = LOST
            self.connection.reset()
        elif self.state < STREAMING:
            self.keep_alive = False
            error = None if self.body is None else self.body.error
            status = error.status if isinstance(error, HTTPError) else 500
            self.connection.transport.write(render_head(status, "content-length: 0\r\nconnection: close\r\n"))
            self.state = COMPLETE
            self._responded()
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
        """Decides whether the connection stays open, before the head that says so is written."""
        connection = self.connection
        if connection.server.closing:
            self.keep_alive = False
        body = self.body
        if body is not None and not body.complete and (self.expects_continue or not connection.can_discard(body)):
            self.keep_alive = False
