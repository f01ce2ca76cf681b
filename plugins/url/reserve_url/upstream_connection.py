"""One connection to an upstream server: the bytes of requests out, those of their responses in, and the timeouts."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, cast

from reserve_core.kit import FlowControl, Waiter, is_cancellation

from .forwarded_headers import as_bytes, lines, passed_trailers
from .response_parser import ResponseParser
from .upstream_errors import UpstreamClosedError, UpstreamError, UpstreamTimeoutError

if TYPE_CHECKING:
    from reserve_core import Request

# Bytes of a response that may wait to be read before the connection stops reading from its socket.
HIGH_WATER: Final = 64 * 1024
# Seconds a connection that isn't used is kept.
IDLE_TIMEOUT = 30.0

NEVER: Final = float("inf")


class UpstreamConnection(FlowControl):
    """A connection that carries one exchange after the other, each from `begin` to the end of its response.

    Nothing takes longer than `timeout` seconds while it is the server's turn.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(asyncio.get_running_loop())
        # Of the connection. `on_lost` is called when it is no more.
        self.on_lost: Callable[[UpstreamConnection], None] | None = None
        self.lost = False
        self.idle = False
        self._readable = select.poll()
        self._timeout = timeout
        self._deadline = NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._waiter = Waiter("The response of an upstream server")
        # Of the exchange.
        self.parser = ResponseParser()
        self._sent = True
        self._error: BaseException | None = None
        self._upload: asyncio.Task[None] | None = None

    # An exchange.

    def begin(self, data: bytes, head_only: bool = False, upgrade: bool = False, body_follows: bool = False) -> None:
        """Sends the head of a request, or all of it. `head_only`: it is a HEAD; `upgrade`: a WebSocket handshake."""
        self.idle = False
        self.parser.begin(head_only, upgrade)
        self._sent = not body_follows
        self._upload = None
        self.transport.write(data)
        self._renew()

    def upload(self, request: Request, chunked: bool) -> None:
        """Sends the body of `request`, while the response may come in. What it fails with ends the exchange."""
        self._upload = self.loop.create_task(self._send_body(request, chunked))

    def news(self) -> Awaitable[None]:
        """Done when something has come since, an error included: for whoever reads the response."""
        return self._waiter.wait()

    def has_head(self) -> bool:
        """Whether the head of the response is here. Raises `UpstreamError`, or what made the upload fail."""
        parser = self.parser
        if self._error is not None and not parser.complete:
            raise self._error
        return parser.begun

    def has_more(self) -> bool:
        """Whether there is more of the body or the tunnel, here or to come. Raises what `has_head` raises, once all
        that is here has been read."""
        parser = self.parser
        if parser.size:
            return True
        if parser.complete:
            return False
        if self._error is not None:
            raise self._error
        return True

    def read_now(self) -> bytes:
        """What has come of the body or the tunnel, b"" if nothing."""
        data = self.parser.take()
        if not self.reading and self.set_reading(True):
            self._renew()
        return data

    async def read(self) -> bytes:
        """What comes next of the body or the tunnel, b"" at the end. Raises what `has_more` raises."""
        while self.has_more():
            if self.parser.size:
                return self.read_now()
            await self.news()
        return b""

    async def write(self, data: bytes) -> None:
        """Sends bytes; returns when more may follow. Raises `UpstreamError` when the connection is gone."""
        if self.lost:
            raise self._error or UpstreamError("the connection is closed")
        self.transport.write(data)
        await self.drained()

    # The connection between and after exchanges.

    @property
    def reusable(self) -> bool:
        """Whether another exchange may follow the one that has ended."""
        ended = self.parser.complete and self._sent and self.reading
        return ended and self.parser.keep_alive and self._error is None and not self.transport.is_closing()

    @property
    def silent(self) -> bool:
        """Whether nothing has come that the event loop hasn't seen yet, neither bytes nor an end."""
        return not self._readable.poll(0)

    def park(self) -> None:
        """The connection is idle until the next exchange."""
        self.idle = True
        self._deadline = self.loop.time() + IDLE_TIMEOUT

    def close(self) -> None:
        """Closes once what was written is sent, or after the timeout."""
        self._stop_upload()
        self.transport.close()
        self._deadline = self.loop.time() + self._timeout

    def abort(self) -> None:
        """Closes the connection at once."""
        self._stop_upload()
        self.transport.abort()

    # The transport's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._check_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
        parser = self.parser
        if exc is not None and not parser.complete:
            self._read_rest()
        parser.close(orderly=exc is None and self._error is None)
        if not parser.complete and self._error is None:
            reason = f": {exc}" if exc is not None else ""
            if parser.touched:
                self._error = UpstreamError(f"it closed the connection within its response{reason}")
            else:
                self._error = UpstreamClosedError(f"it closed the connection without a response{reason}")
        self.fail_writers(self._error or UpstreamError("the connection is closed"))
        self._waiter.wake()
        if self.on_lost is not None:
            self.on_lost(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._renew()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._renew()

    def data_received(self, data: bytes) -> None:
        parser = self.parser
        try:
            parser.feed(data)
        except UpstreamError as error:
            self._fail(error)
        if self.idle:
            self.abort()
            return
        if parser.size > HIGH_WATER:
            self.set_reading(False)
        self._renew()
        self._waiter.wake()

    # Private.

    async def _send_body(self, request: Request, chunked: bool) -> None:
        try:
            async with aclosing(cast("AsyncGenerator[bytes, None]", request.stream())) as chunks:
                async for chunk in chunks:
                    await self._send_part(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            if chunked:
                trailers = passed_trailers(as_bytes(list(request.trailers.items())))
                await self._send_part(lines(trailers, b"0\r\n") + b"\r\n")
        except UpstreamError:
            pass  # whoever reads the response is told the same
        except BaseException as error:
            if is_cancellation(error):
                raise
            self._fail(error)
        else:
            self._sent = True
            self._renew()

    async def _send_part(self, part: bytes) -> None:
        if not self.silent:  # a response has its turn before this can fail, also where TLS alone can read it
            await asyncio.sleep(0)
        await self.write(part)

    def _read_rest(self) -> None:
        """What had come before the connection broke: a server may answer, and reset it while a body is on the way."""
        transport = self.transport
        if transport.get_extra_info("ssl_object") is not None:
            return
        try:
            while data := os.read(transport.get_extra_info("socket").fileno(), HIGH_WATER):
                self.parser.feed(data)
        except OSError:  # that's all
            pass
        except UpstreamError as error:
            self._error = self._error or error

    def _stop_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.cancel()

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._waiter.wake()
        self.transport.abort()

    def _renew(self) -> None:
        """The time runs while it is the server's turn: to take the request, or to say something."""
        parser = self.parser
        if self.transport.is_closing():
            return
        if parser.complete or parser.tunnel or not (self.write_paused or (self._sent and self.reading)):
            self._deadline = NEVER
        else:
            self._deadline = self.loop.time() + self._timeout

    def _check_time(self) -> None:
        """One timer for all: it goes off early rather than being set anew with each byte."""
        now = self.loop.time()
        if self._deadline <= now:
            if self.transport.is_closing():
                self.transport.abort()
                return
            if self.idle:
                self.close()
            else:
                self._fail(UpstreamTimeoutError(f"it timed out: {self._timeout:g} s without a byte"))
                return
        delay = min(self._timeout, IDLE_TIMEOUT)
        self._timer = self.loop.call_at(min(self._deadline, now + delay), self._check_time)
