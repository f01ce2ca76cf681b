"""The responses that come over a connection: bytes to head and body with httptools, within limits (RFC 9112 6.3)."""

from __future__ import annotations

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from .forwarded_headers import Fields, ResponseFields
from .upstream_errors import UpstreamError

# Largest head of a response, and largest trailers, in bytes.
MAX_HEAD: Final = 128 * 1024
# Interim responses (1xx) before the final one.
MAX_INTERIM: Final = 16

_NO_FIELDS: Final = ResponseFields([])  # of a response that isn't here yet


class ResponseParser:
    """The response that is due, as far as it has come. One parser reads all those of a connection.

    `begun`: its head is here; `complete`: and all of the rest. `headers` are all that came with the head, `fields` what
    they say. `sized`: its head says how long the body is. `tunnel`: it is a 101, what follows is the other protocol's.
    `trailers`: what followed a chunked body. `keep_alive`: another one may follow on the same connection. `touched`: at
    least a byte has come. `size` counts the bytes that wait to be taken; `interim` are the interim responses that do,
    each its status and its headers.
    """

    __slots__ = (
        "_chunks",
        "_current",
        "_fields",
        "_fields_size",
        "_head_only",
        "_interims",
        "_left",
        "_parser",
        "_refused",
        "_until_close",
        "_upgrade",
        "begun",
        "complete",
        "fields",
        "headers",
        "interim",
        "keep_alive",
        "size",
        "sized",
        "status",
        "touched",
        "trailers",
        "tunnel",
        "version",
    )

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = None
        self._chunks: list[bytes] = []
        self.begin(False, False)
        self.complete = True  # none is due yet

    def begin(self, head_only: bool, upgrade: bool) -> None:
        """The next response is due. `head_only`: to a HEAD; `upgrade`: to a WebSocket handshake."""
        self.begun = self.complete = self.touched = False
        self.sized = self.tunnel = False
        self.keep_alive = True
        self.status = 0
        self.version = ""
        self.headers: Fields = []
        self.fields: ResponseFields = _NO_FIELDS
        self.interim: list[tuple[int, Fields]] = []
        self.trailers: Fields = []
        self.size = 0
        self._chunks.clear()
        self._head_only = head_only
        self._upgrade = upgrade
        self._until_close = False
        self._current = False  # whether its first bytes say that it is in HTTP/1.1
        self._left = 0  # bytes still to come of a body of known length
        self._interims = 0
        self._fields: Fields = []
        self._fields_size = 0
        self._refused: UpstreamError | None = None
        if self._parser is None:
            self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Takes in what has come. Raises `UpstreamError` when it is no valid response, or not within the limits."""
        parser = self._parser
        if self.tunnel:
            self._keep(data)
            return
        if self._left:
            self._feed_body(data)
            return
        if self.complete or parser is None:
            # Nobody has asked for it, and it can't be told from the response to the next request (RFC 9112 9.2).
            self.keep_alive = False
            return
        if not self.touched:
            self.touched = True
            self._current = data[:9] == b"HTTP/1.1 "
        try:
            parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            if upgrade.args[0] < len(data):
                self._keep(data[upgrade.args[0] :])
        except HttpParserError as error:
            self.keep_alive = False
            if not self.complete:
                raise self._refused or UpstreamError(f"its response is malformed: {error}") from error
        else:
            if not self.begun:
                # What the parser holds back of a name or a value that doesn't end isn't counted yet.
                self._fields_size += len(data)
                if self._fields_size > 2 * MAX_HEAD:
                    raise UpstreamError("the head of its response is too large")

    def take(self) -> bytes:
        """What waits of the body or of the tunnel, b"" if nothing."""
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.size = 0
        return data

    def close(self, *, orderly: bool) -> None:
        """No more will come. A body without a length and a tunnel end so, if it's `orderly`."""
        self._parser = None
        self.keep_alive = False
        if orderly and not self.complete and (self.tunnel or self._until_close):
            self.complete = True

    # The parser's calls, in their order.

    def on_message_begin(self) -> None:
        if self.complete:
            raise self._refusal("data follows its response")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))
        self._fields_size += len(name) + len(value) + 4
        if self._fields_size > MAX_HEAD:
            raise self._refusal("the head or the trailers of its response are too large")

    def on_headers_complete(self) -> None:
        parser = self._parser
        assert parser is not None
        status = parser.get_status_code()
        # What follows may be trailers, which are counted apart.
        fields, self._fields = self._fields, []
        self._fields_size = 0
        if status < 200 and status != 101:
            self._interims += 1
            interim = ResponseFields(fields)
            if status < 100 or self._interims > MAX_INTERIM or interim.framed:
                raise self._refusal("it sends an interim response that is none, or too many of them")
            if status != 100:  # that one is for this proxy, which sends its own in its time
                self.interim.append((status, interim.fields))
            return
        # The parser composes the version each time.
        version = "1.1" if self._current and not self._interims else parser.get_http_version()
        if version != "1.1" and version != "1.0":
            raise self._refusal(f"it speaks HTTP/{version}")
        self.status = status
        self.version = version
        self.headers = fields
        self.fields = ResponseFields(fields)
        self._read_framing(self.fields)
        self.begun = True
        if self._head_only:
            # The parser doesn't know that no body follows.
            self.complete = True
            self._parser = None

    def on_body(self, data: bytes) -> None:
        if self.complete:
            raise self._refusal("a body follows the response to a HEAD")
        if self._left:
            self._left -= len(data)
        self._keep(data)

    def on_message_complete(self) -> None:
        if self.begun and not self.tunnel:
            self.trailers = self._fields
            self.complete = True
            if self._parser is not None and not self._parser.should_keep_alive():
                # By other rules than ours: it also heeds Proxy-Connection, which is to be ignored (RFC 9112 C.2.2). If
                # another response follows, a new parser reads it.
                self._parser = None

    # Private.

    def _feed_body(self, data: bytes) -> None:
        """More of a body of known length. The parser would only copy it: its work is done."""
        self._parser = None
        if len(data) > self._left:
            data = data[: self._left]
            self.keep_alive = False  # as in `feed`, for what nobody has asked for
        self._left -= len(data)
        self._keep(data)
        if not self._left:
            self.complete = True

    def _read_framing(self, fields: ResponseFields) -> None:
        """How the body ends, and whether the connection goes on (RFC 9112 6.3, 9.3)."""
        chunked = bool(fields.codings)
        if chunked and (self.version == "1.0" or fields.codings != [b"chunked"]):
            raise self._refusal("its transfer coding is unknown")
        status = self.status
        if status == 101:
            if not self._upgrade or fields.protocol != b"websocket":
                raise self._refusal("it switches to a protocol nobody asked for")
            self.tunnel = True
            return
        sized = fields.length is not None
        options = fields.options
        bodiless = status == 204 or status == 304
        self._until_close = not (sized or chunked or bodiless or self._head_only)
        self.sized = sized or bodiless
        if fields.length is not None and not (chunked or bodiless or self._head_only):
            self._left = fields.length
        persistent = self.version == "1.1" or b"keep-alive" in options
        self.keep_alive = persistent and b"close" not in options and not self._until_close

    def _refusal(self, reason: str) -> UpstreamError:
        """The error to raise out of the parser for what it lets pass and we don't."""
        self._refused = UpstreamError(reason)
        return self._refused

    def _keep(self, data: bytes) -> None:
        self._chunks.append(data)
        self.size += len(data)
