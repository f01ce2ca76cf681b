"""HTTP/1.1 on a socket: pipelined requests in their order, timeouts, and how the connection is closed (RFC 9112 9)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from httptools import HttpRequestParser

from ..errors import HTTPError
from .channel import LINGER, NEVER
from .exchange import Exchange, ServerOptions
from .incoming_body import NO_BODY, BodyStream
from .request import Request
from .request_head import read_head
from .request_reader import MAX_DISCARD, MAX_FRAMING, RequestReader
from .server_state import ServerState
from .states import BODY, COMPLETE, ENDING, HEAD, IDLE, UPGRADING

if TYPE_CHECKING:
    from .upgraded_stream import UpgradedStream

# Pipelined requests that may wait before reading stops, and that are answered before other clients have their turn.
MAX_WAITING = 16


class Connection(RequestReader):
    """One client's connection, in one of the states of `ConnectionState`.

    It is closed by `_fail`, with a response that tells the client's error; by `_linger`, after the last response; by
    `_close`, when no response is pending; by `stop`, when the server stops; by `abort`, at once.
    """

    def __init__(self, server: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, loop)
        self._advancing = False
        self._final_error: tuple[int, str] | None = None  # ends the connection, once its turn comes

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        server = self.server
        accepted = cast("asyncio.Transport", transport)
        if self.transport is not None:  # it has been counted since its acceptance
            self.transport = accepted
        else:
            self.begin(accepted, transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
            if not server.admit(self, transport.get_extra_info("socket").fileno()):
                # It isn't among the connections that `tick` checks, and isn't counted.
                self.loop.call_later(LINGER, transport.abort)
                self.refuse(503, "The server has too many connections: try again later")
        if self._final_error is not None:
            self._write_final_error(*self._final_error)

    def refuse(self, status: int, reason: str) -> None:
        """Has the connection begin with the error that ends it."""
        self._final_error = (status, reason)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        super().connection_lost(exc)
        current = self._current
        if current is not None:
            self._current = None
            current.cancel()
        parsed = self._parsed
        if parsed is not None and parsed is not current:
            parsed.cancel()
        self._waiting.clear()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._advance()

    def data_received(self, data: bytes) -> None:
        state = self.state
        if state is IDLE or state is BODY or state is HEAD:
            if state is BODY:
                self._body_came(len(data))
            self._feed(data, state is not BODY)
            if self._waiting:
                self._advance()
        elif state is UPGRADING:
            self._held += data
            self.update_reading()
        elif self._stream is not None:
            self._stream.feed(data)

    def _body_came(self, size: int) -> None:
        """`size` bytes of a body have arrived: the deadline moves by the time they may take at `min-body-rate`."""
        limits = self.server.limits
        latest = self.server.now + limits.body_timeout
        rate = limits.min_body_rate
        self.deadline = min(self.deadline + size / rate, latest) if rate else latest
        self._framing += size

    def _exchange(self) -> Exchange:
        """The exchange that the parsed head begins. Raises `HTTPError` for one that can't be answered as it is."""
        parser = self._parser
        server = self.server
        headers = self._headers
        method, version, target, url, length, keep_alive, expects_continue, upgrades = read_head(
            parser, self._url, headers, server.scheme
        )
        # What follows may be trailers, which are counted and kept apart.
        self._headers = []
        self._head_size = 0
        exchange: Exchange
        body: BodyStream | None = None
        if length != 0:
            self.state = BODY
            body = self._body = BodyStream(length, lambda: exchange.read_on())
            self._discarded = self._framing = 0
        request = Request(
            method,
            url,
            (),
            body or NO_BODY,
            raw_target=target,
            raw_headers=headers,
            http_version=version,
            scheme=server.scheme,
            peer=self.peer,
            local=self.local,
            max_body=server.limits.max_body,
        )
        exchange = Exchange(self, request, body, keep_alive, expects_continue and body is not None)
        if upgrades and body is None and parser.should_upgrade():
            request.upgrader = exchange
        if url == "*":
            exchange = ServerOptions(self, request, body, exchange.keep_alive, exchange.expects_continue)
        return exchange

    # Called by exchanges.

    def responded(self, exchange: Exchange) -> None:
        """The response of the current exchange is complete."""
        self._current = None
        if not exchange.keep_alive:
            self._waiting.clear()  # requests pipelined behind it get no response
            self._linger()
            return
        if exchange.body is not None:
            self.settle(exchange)
        if self._advancing:
            return
        if self.state is IDLE and self.reading and not self._waiting:  # every request that has arrived has its response
            self.deadline = self.server.now + self.server.limits.idle_timeout
        else:
            self._advance()

    def settle(self, exchange: Exchange) -> None:
        """Once an exchange has its response and its handler has returned, the rest of its body is read and dropped."""
        body = exchange.body
        if body is not None and not body.complete and exchange.settled:
            body.discard()
            self.update_reading()

    def can_discard(self, body: BodyStream) -> bool:
        """Whether the rest of `body` is short enough to be read and dropped, so that the connection stays open."""
        return body.length is None or body.length <= MAX_DISCARD

    def update_reading(self) -> None:
        """Reads from the socket only while there is room for more."""
        body = self._body
        wanted = len(self._waiting) < MAX_WAITING and (body is None or not body.full) and len(self._held) < MAX_FRAMING
        if self.state < ENDING and self.set_reading(wanted):
            self._renew_deadline()

    def hand_over(self, head: bytes) -> UpgradedStream:
        """Writes the head of a 101 and returns the connection as a stream, which begins with the bytes after the
        request."""
        held, self._held = bytes(self._held), bytearray()
        return self._give_away(head, held)

    # Called by the server.

    def check_time(self, now: float) -> None:
        """Closes the connection if its deadline has passed."""
        if self._is_stalled(now):
            self.abort()
        elif now < self.deadline:
            return
        elif self.state is HEAD:
            self._fail(408, "The request's head took too long")
        elif self.state is BODY:
            self._fail(408, "The request's body took too long")
        elif self.state < ENDING:
            self._close()
        else:
            self._end_lingering(now)

    def stop(self) -> None:
        """Closes an idle connection; one with a request in progress is closed after its response."""
        if self._current is not None:
            self._current.stop()
        elif self.state is IDLE and not self._waiting:
            self._close()

    # Private.

    def _advance(self) -> None:
        """Runs the waiting exchanges, one after the other, as long as each has its response at once."""
        if self._advancing:
            return
        waiting = self._waiting
        if (self.state is IDLE and self._current is None and len(waiting) == 1 and self.reading) and not (
            self.write_paused or self.server.closing or self.transport.is_closing()
        ):
            # As a rule all that is here is one request, whole.
            self.deadline = NEVER
            exchange = self._current = waiting.popleft()
            exchange.run()
            return
        self._advancing = True
        turns = MAX_WAITING
        while self._current is None and not self.write_paused:
            if self.transport.is_closing():
                break
            if not turns:
                self.loop.call_soon(self._advance)  # other clients have their turn
                break
            turns -= 1
            if self._waiting:
                exchange = self._current = self._waiting.popleft()
                if self.server.closing:
                    exchange.refuse(503, "The server is stopping")
                else:
                    exchange.run()
            elif self.state is UPGRADING:
                # The upgrade was not accepted: what follows is HTTP as before (RFC 9110 7.8).
                held, self._held = bytes(self._held), bytearray()
                self.state = IDLE
                self._parser = HttpRequestParser(self)
                self._feed(held)
            else:
                break
        self._advancing = False
        if self.state < ENDING:
            self._renew_deadline()
            if self._waiting or self._held or not self.reading:
                self.update_reading()
        elif self.state is ENDING and self._final_error is not None and self._current is None and not self._waiting:
            self._write_final_error(*self._final_error)

    def _renew_deadline(self) -> None:
        limits = self.server.limits
        if not self.reading:
            self.deadline = NEVER
        elif self.state is HEAD:
            self.deadline = self.server.now + limits.header_timeout
        elif self.state is BODY:
            self.deadline = self.server.now + limits.body_timeout
        elif self._current is None and not self._waiting:
            self.deadline = self.server.now + limits.idle_timeout
        else:
            self.deadline = NEVER

    def _end(self) -> None:
        self.state = ENDING
        self.deadline = NEVER  # requests that have been read may take as long as they need

    def _fail(self, status: int, reason: str, data: bytes = b"") -> None:
        """The connection can't go on: an error ends it, once the requests before it are answered."""
        self._end()
        parsed = self._parsed
        if parsed is None:
            self._final_error = (status, reason)
            self._tell(HTTPError(status, reason), data)
            self._advance()
            return
        # Only the body fails: the reader gets the error and responds, or the handler responds without having read it.
        parsed.keep_alive = False
        if parsed.state >= COMPLETE:
            self._linger()
        elif parsed.body is not None:
            parsed.body.fail(HTTPError(status, reason))

    def _write_final_error(self, status: int, reason: str) -> None:
        self.state = ENDING
        self._write_error(status, reason)
        self._linger()
