"""One exchange on a connection: a request, and the bytes of its answer."""

from __future__ import annotations

import asyncio
import re
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..errors import Disconnected, ResponseError
from . import websocket
from .body import BodyStream
from .request import Headers, Request
from .response import Response
from .stream import UpgradedStream

if TYPE_CHECKING:
    from .connection import Connection

# A handler that writes without ever waiting lets the others have their turn after this many bytes.
FAIR_SHARE = 256 * 1024
# Above this a body is written by itself: one more system call costs less than one more copy.
COPY_LIMIT = 64 * 1024

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_ORDINARY, _LENGTH, _DROPPED, _CONNECTION, _DATE = range(5)
_SPECIAL = {
    "content-length": _LENGTH,
    "transfer-encoding": _DROPPED,
    "connection": _CONNECTION,
    "keep-alive": _DROPPED,
    "date": _DATE,
}
# What each header name seen so far means for the framing of an answer. Names come from handlers, not from clients,
# yet a proxied answer may bring any: the size is bounded.
_kinds: dict[str, int] = {}


def _kind(name: str) -> int:
    if not _TOKEN.fullmatch(name):
        raise ResponseError(f"{name!r} is not a valid header name (RFC 9110 5.1)")
    if len(_kinds) > 4096:
        _kinds.clear()
    kind = _kinds[name] = _SPECIAL.get(name.lower(), _ORDINARY)
    return kind


class Exchange:
    """The writer of one response (see `Writer`), and what the connection knows of its request."""

    __slots__ = (
        "_chunked",
        "_fair",
        "_head",
        "_left",
        "_silent",
        "_started",
        "body",
        "connection",
        "done",
        "expects_continue",
        "gone",
        "head_only",
        "keep_alive",
        "old",
        "request",
        "response",
        "running",
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
        self.connection = connection
        self.request = request
        self.body = body  # None: the request has none
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.head_only = request.method == "HEAD"
        self.old = request.http_version == "1.0"
        self.done = False  # the answer is on its way, whole
        self.running = False  # its handler is at work
        self.gone = False  # the client isn't there any more
        self.upgraded: websocket.WebSocket | UpgradedStream | None = None
        self.task: asyncio.Task[None] | None = None
        # Of a streamed answer: the head that waits for the first chunk, whether the body is chunked, without any,
        # and how many bytes of an announced length are left.
        self._started = False
        self._head: bytes | None = None
        self._chunked = False
        self._silent = False
        self._left: int | None = None
        self._fair = 0
        self.response = Response(self)

    def run(self) -> None:
        """Gives the request to the dispatcher. What it can answer at once it does within this call."""
        self.running = True
        connection = self.connection
        coroutine = connection.shared.handle(self.request, self.response)
        if sys.version_info >= (3, 12):
            task = asyncio.Task(coroutine, loop=connection.loop, eager_start=True)
            if task.done():
                if not task.cancelled():
                    task.exception()
                self._ran()
                return
        else:
            task = connection.loop.create_task(coroutine)
        self.task = task
        connection.shared.tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self.task = None
        self.connection.shared.tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the dispatcher has reported it
        self._ran()

    def _ran(self) -> None:
        self.running = False
        if not self.done:
            # The dispatcher answers every request; what has no end by now was given up by its handler.
            self.abort()
        elif self.upgraded is not None:
            self._close_upgraded(1000)
        elif self.body is not None:
            self.connection.settle(self)

    def _close_upgraded(self, code: int) -> None:
        upgraded = self.upgraded
        if isinstance(upgraded, websocket.WebSocket):
            if not upgraded.closed:
                task = self.connection.loop.create_task(upgraded.close(code))
                self.connection.shared.tasks.add(task)
                task.add_done_callback(self.connection.shared.tasks.discard)
        elif upgraded is not None:
            upgraded.close()

    def stop(self) -> None:
        """The server stops: an answer at work goes on to its end, a WebSocket is told (RFC 6455 7.4.1)."""
        self._close_upgraded(1001)

    def cancel(self) -> None:
        """The client has gone: whoever works on the answer is told."""
        self.gone = True
        request = self.request
        if self.body is not None:
            self.body.fail(Disconnected("The client went away before the end of the request's body"))
        if not self.done:
            request.aborted = True
            if self.task is not None:
                self.task.cancel()

    # The writer.

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        if self.gone or self.done:
            self._check_open()
        bodiless = self.head_only or status in (204, 304)
        length, fields = self._fields(status, headers)
        if length is None:
            if status != 204 and (status != 304 or body):
                fields.append(f"content-length: {len(body)}\r\n")
        elif length != len(body) and not bodiless:
            raise ResponseError(f"The content-length says {length} but the body has {len(body)} bytes")
        connection = self.connection
        if self.body is not None or connection.shared.closing:
            self._before_end()
        head = self._finish_head(status, fields)
        write = connection.transport.write
        if bodiless or not body:
            write(head)
        elif len(body) > COPY_LIMIT:
            write(head)
            write(body)
        else:
            write(head + body)
        self.done = True
        connection.answered(self)

    def start(self, status: int, headers: Headers) -> None:
        self._check_open()
        length, fields = self._fields(status, headers)
        self._silent = self.head_only or status in (204, 304)
        self._left = length
        if length is None and not self._silent:
            if self.old:
                self.keep_alive = False  # the end of the connection ends the body (RFC 9112 6.3)
            else:
                self._chunked = True
                fields.append("transfer-encoding: chunked\r\n")
        if self.connection.shared.closing:
            self.keep_alive = False
        self._head = self._finish_head(status, fields)
        self._started = True
        # Usually the first chunk follows at once and both make one segment; if not, the head doesn't wait for it.
        self.connection.loop.call_soon(self._flush_head)

    def _flush_head(self) -> None:
        head = self._head
        if head is not None and not self.gone:
            self._head = None
            self.connection.transport.write(head)

    async def write(self, chunk: bytes) -> None:
        self._check_open()
        if self._silent:
            return
        size = len(chunk)
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                self.abort()
                raise ResponseError("The body is longer than its content-length")
        head = self._head or b""
        self._head = None
        transport = self.connection.transport
        if self._chunked:
            if size > COPY_LIMIT:
                transport.write(b"%b%x\r\n" % (head, size))
                transport.write(chunk)
                transport.write(b"\r\n")
            else:
                transport.write(b"%b%x\r\n%b\r\n" % (head, size, chunk))
        else:
            transport.write(head + chunk if head else chunk)
        self._fair += size
        if self.connection.write_paused:
            self._fair = 0
            await self.connection.drained()
        elif self._fair > FAIR_SHARE:
            self._fair = 0
            await asyncio.sleep(0)

    async def end(self) -> None:
        self._check_open()
        if self._left and not self._silent:
            self.abort()
            raise ResponseError(f"The body ended {self._left} bytes short of its content-length")
        last = self._head or b""
        self._head = None
        if self._chunked:
            last += b"0\r\n\r\n"
        self._before_end()
        if last:
            self.connection.transport.write(last)
        self.done = True
        self.connection.answered(self)

    def abort(self) -> None:
        """The answer can't be completed. If nothing of it went out yet, it's an orderly 500."""
        if self.done:
            self._close_upgraded(1011)
            return
        self.response.headers_sent = self.response.ended = True
        if not self.gone and (self._head is not None or not self._started):
            self._head = None
            self.keep_alive = False
            self.connection.transport.write(
                b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.done = True
            self.connection.answered(self)
        else:
            self.done = True
            self.connection.abort()

    def _check_open(self) -> None:
        if self.gone or self.connection.transport.is_closing():
            raise Disconnected("The client has gone")
        if self.done:
            raise ResponseError("The response has ended already")

    def _fields(self, status: int, headers: Headers) -> tuple[int | None, list[str]]:
        """The content-length among `headers` and the lines of the others that may go out; framing is ours."""
        if not 200 <= status <= 999:
            raise ResponseError(f"{status!r} is not a status that ends a request (RFC 9110 15)")
        length: int | None = None
        dated = False
        lines: list[str] = []
        for name, value in headers.items():
            kind = _kinds.get(name)
            if kind is None:
                kind = _kind(name)
            if kind == _DROPPED:
                continue
            if kind == _LENGTH:
                if not (value.isascii() and value.isdigit()) or (length is not None and int(value) != length):
                    raise ResponseError(f"{value!r} is not a content-length (RFC 9110 8.6)")
                if status == 204:
                    continue
                length = int(value)
            elif kind == _CONNECTION:
                if "close" in value.lower():
                    self.keep_alive = False
                    continue
                if "upgrade" not in value.lower():
                    continue
            elif kind == _DATE:
                dated = True
            lines.append(f"{name}: {value}\r\n")
        if not dated:
            lines.append(self.connection.shared.date)
        return length, lines

    def _finish_head(self, status: int, fields: list[str]) -> bytes:
        if not self.keep_alive:
            fields.append("connection: close\r\n")
        elif self.old:
            fields.append("connection: keep-alive\r\n")
        text = "".join(fields)
        # One line each, or somebody's value would become somebody else's header (RFC 9110 5.5).
        count = len(fields)
        if text.count("\n") != count or text.count("\r") != count or "\0" in text:
            raise ResponseError("A header value has a line break or a NUL (RFC 9110 5.5)")
        line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
        try:
            return f"{line}{text}\r\n".encode("latin-1")
        except UnicodeEncodeError as error:
            value = text[error.start - len(line) : error.end - len(line)]
            raise ResponseError(f"{value!r} in a header value is beyond Latin-1 (RFC 9110 5.5)") from error

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
            if not self.response.headers_sent and not self.gone:
                self.connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.connection.update_reading()

    async def accept(self, request: Request, **options: Any) -> websocket.WebSocket:
        """Accepts a WebSocket handshake; see `Request.upgrade`."""
        accepted = await websocket.accept(request, self.hand_over, **options)
        self.upgraded = accepted
        return accepted

    def hand_over(self, head: bytes) -> UpgradedStream:
        """Writes the head of a 101 and gives the connection away, with all that the client sent behind its request.

        Raises `ResponseError` when the answer has begun, `Disconnected` when the client has gone.
        """
        self._check_open()
        if self.response.headers_sent:
            raise ResponseError("The response has begun already; an upgrade must be accepted before")
        self.response.status = 101
        self.response.headers_sent = self.response.ended = True
        self.done = True
        self.upgraded = stream = self.connection.hand_over(head)
        return stream
