"""The bytes of a connection parsed into requests, within the limits (RFC 9112)."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from ..errors import HTTPError
from .channel import Channel
from .parsers import STAND_IN, ExtensionParser, body_parser
from .refusal import extension_method, refusal, refused_request
from .server_state import ServerState
from .states import ENDING, HEAD, IDLE, UPGRADING, WAITING

if TYPE_CHECKING:
    from .exchange import Exchange
    from .incoming_body import BodyStream

# Bytes of a body nobody wants that are read to keep a connection alive.
MAX_DISCARD = 256 * 1024
# Framing of a chunked body (sizes, extensions) beyond its content: a flood of it is an attack.
MAX_FRAMING = 64 * 1024


class RequestReader(Channel):
    """Turns what is fed to it into exchanges that wait, in their order, with their bodies.

    `Connection` runs them, and says how an error ends it all.
    """

    def __init__(self, server: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, loop)
        # Of the connection.
        self._parser = HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._held = bytearray()  # what came behind a request to upgrade
        # Of the request being parsed.
        self._head_begun = False  # by the data just fed
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._head_received = 0
        self._error: HTTPError | None = None
        self._parsed: Exchange | None = None  # the newest exchange, its body still coming
        self._newest: Exchange | None = None
        self._body: BodyStream | None = None
        self._discarded = 0
        self._framing = 0

    # Implemented by `Connection`.

    @abstractmethod
    def update_reading(self) -> None:
        """Reads from the socket only while there is room for more."""

    @abstractmethod
    def _exchange(self) -> Exchange:
        """The exchange that the parsed head begins. Raises `HTTPError` for one that can't be answered as it is."""

    @abstractmethod
    def _renew_deadline(self) -> None:
        """Sets the deadline of the state that the connection is in now."""

    @abstractmethod
    def _end(self) -> None:
        """No more requests are read."""

    @abstractmethod
    def _fail(self, status: int, reason: str, data: bytes = b"") -> None:
        """The connection can't go on. `data` begin the request at fault if they aren't empty."""

    def _feed(self, data: bytes, between: bool = False) -> None:
        """Reads on with `data`; `between`: they don't belong to the body of a request."""
        self._head_begun = False
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._body is not None:
                self._parser = body_parser(self, self._body.length)
                self._feed(rest)
            else:
                # The response decides in which protocol the rest is.
                self.state = UPGRADING
                self._held[:] = rest
        except HttpParserError as error:
            # Whether the request at fault begins with the first byte of `data`.
            first = between and self._head_begun and not self._waiting
            if first and self._current is None and isinstance(error, HttpParserInvalidMethodError):
                method = extension_method(data)
                if method:
                    self._stand_in(method, data)
                    return
            self._malformed(error, data, between, first)
            return
        if self.state is HEAD and not self._head_begun:
            # What the parser holds back, a name or a value that doesn't end, is counted here only.
            self._head_received += len(data)
            limits = self.server.limits
            if self._head_received > limits.max_url + limits.max_headers:
                self._fail(431, "The request's head is too large")
        elif self._framing > MAX_FRAMING:
            self._fail(400, "The chunks of the request's body are more framing than content")

    def _stand_in(self, method: bytes, data: bytes) -> None:
        """Goes on with `data`, which begin a request whose method the parser doesn't know, while no request is pending.

        Only then is it known without the parser where the request begins.
        """
        newest = self._newest
        self._parser = ExtensionParser(self, method, lambda: self._newest is newest)
        self._feed(STAND_IN + data[len(method) :], True)

    # Called by the parser, in this order.

    def on_message_begin(self) -> None:
        self.state = HEAD
        self._head_begun = True
        self._url = b""
        self._headers = []
        self._head_size = self._head_received = 0
        self.deadline = self.server.now + self.server.limits.header_timeout

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > self.server.limits.max_url:
            self._error = HTTPError(414, f"The request target is longer than {self.server.limits.max_url} bytes")
            raise self._error

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))
        self._head_size += len(name) + len(value) + 4
        if self._head_size > self.server.limits.max_headers:
            self._error = HTTPError(431, f"The header block is larger than {self.server.limits.max_headers} bytes")
            raise self._error

    def on_headers_complete(self) -> None:
        self.state = IDLE  # or what the body makes of it
        try:
            self._parsed = self._newest = self._exchange()
        except HTTPError as error:
            self._error = error
            raise
        self._waiting.append(self._parsed)

    def on_body(self, data: bytes) -> None:
        body = self._body
        if body is None:
            return
        # A byte in a chunk of its own comes with five of framing; a client's habit may be some more.
        self._framing = max(0, self._framing - 16 * len(data))
        parsed = self._parsed
        if parsed is not None and parsed.state is not WAITING and parsed.settled:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARD:
                self._linger()
                raise EOFError("No more of this connection is read")  # by the parser, which has more data
            return
        body.feed(data)
        if body.full:
            self.update_reading()

    def on_message_complete(self) -> None:
        parsed = self._parsed
        body = self._body
        if parsed is None or (body is not None and self._parser.should_upgrade()):
            return
        self._parsed = None
        if body is not None:
            self._body = None
            self.state = IDLE
            self._framing = 0
            if self._headers:
                fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._headers]
                parsed.request.trailers.extend(fields)
            parsed.expects_continue = False
            body.feed_end()
            self._renew_deadline()

    def _malformed(self, error: HttpParserError, data: bytes, between: bool, first: bool) -> None:
        """The bytes are no HTTP/1.1, or the limits were passed. `data` are those just fed; `first`: a request begins
        with them."""
        if self.state >= ENDING:
            return
        if self._error is not None:
            self._fail(self._error.status, self._error.reason)
        elif self._parsed is None and self._newest is not None and not self._newest.keep_alive:
            self._end()  # data behind the last request of the connection (RFC 9112 9.6)
        else:
            heads = data if between and all(exchange.body is None for exchange in self._waiting) else b""
            start = data if first or not self._head_begun else b""
            self._fail(*refusal(error, start, b"\n" + heads if first else heads), data if first else b"")

    def _tell(self, error: HTTPError, data: bytes) -> None:
        """Emits the event of a refused request, which begins with `data` if that isn't empty."""
        request = refused_request(self._parser, self._url, self._headers, data)
        request.scheme, request.peer, request.local = self.server.scheme, self.peer, self.local
        self.server.refused(request, error)
