"""The request as handlers see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping as Dict
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from multidict import CIMultiDict, MultiDict

from ..errors import HTTPError
from ..hostname import hostname
from ..native import mypyc_attr
from ..networks import NOWHERE, Networks
from . import strict_json
from .charset import codec_of
from .chunks import chunks
from .client import Client, client_behind
from .cookies import parse_cookies
from .incoming_body import NO_BODY, Body, BodyAhead, BodyStream, BufferedBody, read_whole
from .target import RawMatch, canonical_url, raw_url, sendable
from .upgrade import WEBSOCKET_13, Upgrader, asks_for

if TYPE_CHECKING:
    import re

    from ..config import Mapping
    from ..live_configuration import LiveConfiguration
    from ..resources import OpenTable
    from .forms import Form
    from .websocket import WebSocket

Headers = CIMultiDict[str]

_ids = count(1)

MAX_BODY = 16 * 1024 * 1024


@mypyc_attr(allow_interpreted_subclasses=True)
class Request:
    """One HTTP request.

    `method` is upper case as received. `url` is the canonical path and query that mappings match; an internal redirect
    changes it, `raw_target` stays what the client sent. `peer` and `local` are the host and the port of both ends of
    the connection, the other one's and ours (None: there are none, as on a Unix socket), `scheme` and `host` are what
    came by it; `client` says what the client itself has used, before any proxy. `id` counts the requests of the
    process, `internal` tells a request dispatched by a handler, `mapping` is the one being applied,
    `rewritten` turns true when an internal redirect, or middleware, has given it another URL than the client's,
    `aborted` when the client has gone. `state` is the handlers' own: what one stores, the next ones find.

    A handler whose client goes away is cancelled, unless `on_disconnect` is set: then it is called instead, on the
    event loop. Who sets it takes care of the work that goes on, and puts back what was there.
    """

    __slots__ = (
        "_body",
        "_client",
        "_cookies",
        "_headers",
        "_kept",
        "_query",
        "_raw_headers",
        "_source",
        "_state",
        "_streamed",
        "_trailers",
        "aborted",
        "http_version",
        "id",
        "internal",
        "local",
        "mapping",
        "max_body",
        "method",
        "on_disconnect",
        "peer",
        "raw_target",
        "rewritten",
        "scheme",
        "table",
        "upgrader",
        "url",
    )

    def __init__(
        self,
        method: str,
        url: str,
        headers: Headers | Dict[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | Body = b"",
        *,
        raw_target: str | None = None,
        raw_headers: list[tuple[bytes, bytes]] | None = None,
        http_version: str = "1.1",
        scheme: str = "http",
        peer: tuple[str, int] | None = None,
        local: tuple[str, int] | None = None,
        internal: bool = False,
        max_body: int = MAX_BODY,
    ) -> None:
        self.method: str = method
        self.url: str = url
        self.raw_target: str = url if raw_target is None else raw_target
        self._source = sendable(url) if raw_target is None else raw_target
        self.http_version: str = http_version
        self.scheme: str = scheme
        self.peer: tuple[str, int] | None = peer
        self.local: tuple[str, int] | None = local
        self._client: Client | None = None
        self.internal: bool = internal
        self.rewritten: bool = False
        self.max_body: int = max_body
        self.id: int = next(_ids)
        self.mapping: Mapping | None = None
        self.table: OpenTable | None = None  # the mappings it is dispatched by
        self.aborted: bool = False
        self.on_disconnect: Callable[[], None] | None = None
        self._trailers: Headers | None = None
        self._raw_headers = raw_headers
        self._headers: Headers | None = None if raw_headers is not None else CIMultiDict(headers)
        self._body: Body = (BufferedBody(body) if body else NO_BODY) if isinstance(body, bytes) else body
        self._kept: bytes | None = None
        self._streamed = False
        self._query: tuple[str, MultiDict[str]] | None = None
        self._cookies: dict[str, str] | None = None
        self._state: dict[str, Any] | None = None
        self.upgrader: Upgrader | None = None  # set by a connection whose client asks for an upgrade

    def __repr__(self) -> str:
        return f"<Request {self.id:x} {self.method} {self.url!r}>"

    @property
    def headers(self) -> Headers:
        """The header fields: case-insensitive, duplicates and order kept."""
        headers = self._headers
        if headers is None:
            headers = self._headers = CIMultiDict(
                # The parser leaves the white space behind a value (RFC 9112 5.1).
                [
                    (name.decode("latin-1"), value.decode("latin-1").rstrip(" \t"))
                    for name, value in self._raw_headers or ()
                ]
            )
        return headers

    @property
    def trailers(self) -> Headers:
        """The fields that came behind the body, once it has been read; empty if there are none (RFC 9110 6.5)."""
        if self._trailers is None:
            self._trailers = CIMultiDict()
        return self._trailers

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The header fields as bytes, their names in lower case; a list of the caller's own."""
        if self._headers is None:
            return [(name.lower(), value.rstrip(b" \t")) for name, value in self._raw_headers or ()]
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()]

    @property
    def field_lines(self) -> list[tuple[bytes, bytes]]:
        """The header fields as they were received, for those who only pass them on: not to be changed.

        Names are in the sender's case, behind a value there may be white space (RFC 9112 5.1).
        """
        if self._headers is None:
            return self._raw_headers or []
        return [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in self._headers.items()
        ]

    def header(self, name: str) -> str | None:
        """The value of the first header field called `name`, which is in lower case; None: there is none.

        It costs less than `headers`, which is made when it's asked for.
        """
        headers = self._headers
        if headers is not None:
            return headers.get(name)
        wanted = name.encode("latin-1")
        size = len(wanted)
        for key, value in self._raw_headers or ():
            if len(key) == size and key.lower() == wanted:
                return value.decode("latin-1").rstrip(" \t")
        return None

    @property
    def raw_url(self) -> str:
        """`url` as it was sent, for those who hand it on: with the client's percent-encoding, without dot segments.

        After an internal redirect it is what the handler returned, encoded where it has to be.
        """
        url = self.url
        return url if url == self._source and "\\" not in url else raw_url(url, self._source)

    def raw_match(self, match: re.Match[str]) -> re.Match[str] | RawMatch:
        """`match`, which was found in `url`, with groups that are what was sent: most URLs are, then it's itself."""
        raw = self.raw_url
        return match if raw == match.string else RawMatch(match, raw)

    def set_url(self, target: str) -> None:
        """The request is for `target` from now on: a path and a query, encoded or not; `url` is its canonical form.

        Raises `HTTPError` 400 for one that is malformed. What doesn't begin with a slash is taken as it is.
        """
        self.url = canonical_url(target) if target.startswith("/") else target
        self._source = sendable(target)
        self.rewritten = True

    @property
    def path(self) -> str:
        """The canonical URL without its query."""
        return self.url.partition("?")[0]

    @property
    def query(self) -> MultiDict[str]:
        """The decoded query parameters: ordered, dict-like, duplicates kept."""
        cached = self._query
        if cached is None or cached[0] != self.url:
            pairs = parse_qsl(self.url.partition("?")[2], keep_blank_values=True)
            cached = self._query = (self.url, MultiDict(pairs))
        return cached[1]

    @property
    def host(self) -> str:
        """The Host header's value, '' when there is none (HTTP/1.0)."""
        return self.header("host") or ""

    @property
    def hostname(self) -> str:
        """The host as mappings match it, '' when there is none: lower case, without port and final dot, in A-labels."""
        return hostname(self.host)

    @property
    def client(self) -> Client:
        """The client itself, as the proxies tell that the configuration trusts (`trusted-proxies`)."""
        client = self._client
        if client is None:
            table = self.table
            client = client_behind(self, NOWHERE if table is None else table.trusted_proxies)
            if table is not None:  # else it is yet to be dispatched
                self._client = client
        return client

    def client_behind(self, trusted: Networks) -> Client:
        """The client as proxies of these networks tell, for handlers that have an option of their own."""
        return client_behind(self, trusted)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name (RFC 6265); of a name sent twice, the first."""
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.getall("cookie", []))
        return self._cookies

    @property
    def configuration(self) -> LiveConfiguration:
        """The interface of the server that the request is dispatched by. Raises RuntimeError when it is by none."""
        if self.table is None:
            raise RuntimeError("The request isn't dispatched: no server has it")
        return self.table.configuration

    @property
    def state(self) -> dict[str, Any]:
        """A dict of the handlers' own, alive as long as the request."""
        if self._state is None:
            self._state = {}
        return self._state

    @property
    def error(self) -> HTTPError | None:
        """The `HTTPError` that was raised by a handler and becomes the response; None: there was none."""
        error: HTTPError | None = None if self._state is None else self._state.get("reserve.error")
        return error

    @error.setter
    def error(self, error: HTTPError | None) -> None:
        self.state["reserve.error"] = error

    @property
    def body_length(self) -> int | None:
        """The announced length of the body in bytes; None when it is chunked."""
        return self._body.length if self._kept is None else len(self._kept)

    def stream(self) -> AsyncIterator[bytes]:
        """The body as it arrives, in chunks, without limit. A body that was read whole comes from memory.

        Raises `Disconnected` when the client goes away before its end, RuntimeError when it was streamed before.
        """
        return chunks(self)

    async def read_ahead(self, size: int) -> None:
        """Returns once `size` bytes of the body are here, or all of it. Who reads the body gets them first.

        For handlers that take something scarce (a connection, a thread) to work on a body: waited for before, it isn't
        held at the speed of a slow client. Raises what `stream` raises.
        """
        if self.body_length != 0 and self._kept is None and not self._streamed:
            ahead = self._body if isinstance(self._body, BodyAhead) else BodyAhead(self._body)
            self._body = ahead
            await ahead.fill(size)

    async def body(self) -> bytes:
        """The whole body, kept for the mappings that follow.

        Raises `HTTPError` 413 beyond `max_body` bytes, and what `stream` raises.
        """
        if self._kept is None:
            self._take()
            self._kept = await read_whole(self._body, self.max_body)
        return self._kept

    def body_at_hand(self) -> bytes | None:
        """The whole body if all of it has come, kept as by `body`; None: read it, as nobody knows what is to come."""
        if self._kept is None:
            if self._body is NO_BODY:
                return b""
            body = self._body
            if not isinstance(body, BodyStream) and not isinstance(body, BufferedBody):
                return None
            size = body.at_hand
            if size is None or size > self.max_body:
                return None
            self._take()
            self._kept = body.take()
        return self._kept

    def _take(self) -> None:
        if self._streamed and self._body is not NO_BODY:
            raise RuntimeError("The request body was streamed or refused before; call request.body() first to keep it")
        self._streamed = True

    def wrap_body(self, wrap: Callable[[Body], Body]) -> None:
        """Puts `wrap(body)` in the place of the body, to see or change what is read of it from now on.

        A body that was read whole before can be read again, through it. A request without a body keeps having none.
        """
        if self._kept is not None:
            self._body, self._kept = BufferedBody(self._kept) if self._kept else NO_BODY, None
            self._streamed = False
        if self._body is not NO_BODY:
            self._body = wrap(self._body)

    async def _whole(self) -> bytes:
        request: Any = self  # compiled, too, it's looked up: what a test puts in the place of `body` is read
        data: bytes = await request.body()
        return data

    async def text(self) -> str:
        """The body decoded by the charset of its content type, UTF-8 by default; what doesn't decode is replaced."""
        return (await self._whole()).decode(codec_of(self.headers.get("content-type", "")), "replace")

    async def json(self) -> Any:
        """The body parsed as JSON. Raises `HTTPError` 400 when it is none."""
        try:
            return strict_json.parse(await self._whole())
        except (ValueError, RecursionError) as error:
            raise HTTPError(400, f"The request body is not valid JSON: {error}") from error

    async def form(self, *, partial: bool = False) -> Form:
        """The fields and files of a urlencoded or multipart body; without any for another content type.

        Raises `HTTPError` 400 when it is malformed, 413 when it has too many parts, and as `body` does. With `partial`
        there are the fields and files as far as they can be read, and the form's `error` says why there are no more.
        """
        from .forms import read_form  # with its parser, for those who have use for it

        form = await read_form(self.headers.get("content-type", ""), await self._whole())
        if form.error is not None and not partial:
            raise form.error
        return form

    @property
    def asks_for_websocket(self) -> bool:
        """Whether the client asks for a WebSocket (RFC 6455 4.2.1), on a connection that can become one.

        `upgrade`, or the server that it's forwarded to, checks whether its handshake is well-formed. Other protocols in
        Upgrade may be ignored (RFC 9110 7.8).
        """
        if self.upgrader is None or self.method != "GET" or self.http_version != "1.1":
            return False
        return asks_for("websocket", self.headers)

    async def upgrade(self, *, subprotocols: Iterable[str] = (), **options: Any) -> WebSocket:
        """Accepts the client's WebSocket handshake (RFC 6455); from then on the connection is a WebSocket.

        `subprotocols` are those the handler speaks, best first. For the options see `WebSocket`.
        Raises `HTTPError` 426 when the request isn't a WebSocket handshake, 400 when it is a malformed one, 403 when a
        page of another site makes it.
        """
        if self.upgrader is None or not self.asks_for_websocket:
            raise HTTPError(426, "This address speaks WebSocket", WEBSOCKET_13)
        return await self.upgrader.accept(self, subprotocols=subprotocols, **options)
