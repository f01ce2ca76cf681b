"""Forwards a client's request to the upstream server, and its response to the client."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from multidict import CIMultiDict

from reserve_core import HTTPError
from reserve_core.kit import PassedHeaders, is_token

from .auto_rewrite import AutoRewriter
from .connection_pool import ConnectionPool, OriginConnections
from .forward_hooks import Forward, ForwardedRequest, ForwardedResponse, call_hook
from .forwarded_headers import (
    Fields,
    RequestFields,
    as_bytes,
    as_text,
    claim_lines,
    claims,
    hops_left,
    lines,
    passed_trailers,
    relocated,
    unsecured,
    upgrade_headers,
    via,
)
from .options import Options, PreparedOptions
from .response_parser import ResponseParser
from .tunnel import carry, is_accepted
from .upstream_connection import UpstreamConnection
from .upstream_errors import TEXTS, ForbiddenDestinationError, UpstreamClosedError, UpstreamError
from .upstream_url import Origin, SentMatch, parse_url

if TYPE_CHECKING:
    from reserve_core import Mapping, Request, Response

logger: Final = logging.getLogger("reserve")

# A request that has passed this server so often goes in a circle.
MAX_PASSES: Final = 10

# Bytes of a body that have to be here before a connection is taken: others need it, too, and a client may be slow.
BODY_AHEAD: Final = 64 * 1024

# These are sent again when a kept connection turns out to be closed, if they have no body (RFC 9110 9.2.2).
_REPEATABLE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
# A server may wait for the length of their body, even if there is none (RFC 9110 8.6).
_WITH_LENGTH: Final = frozenset(("POST", "PUT", "PATCH"))
# What a hook has no say in, or says otherwise.
_OURS = frozenset(("host", "content-length", "transfer-encoding"))


# Behind the claims of who asks: what a handshake says. It is to no other protocol: behind one, requests would pass that
# no mapping has seen.
_HANDSHAKE = [("connection", "Upgrade"), ("upgrade", "websocket")]
_HANDSHAKE_LINES: Final = lines(as_bytes(_HANDSHAKE))


class OutgoingRequest:
    """A request to the upstream server."""

    __slots__ = ("added", "fields", "forwarded_host", "host", "match", "method", "origin", "sized", "target", "upgrade")

    def __init__(
        self,
        method: str,
        origin: Origin,
        target: str,
        host: str,
        fields: Fields,
        added: bytes,
        forwarded_host: str,
        match: SentMatch,
        sized: bool,
        upgrade: bool,
    ) -> None:
        self.method: str = method
        self.origin: Origin = origin
        self.target: str = target
        self.host: str = host  # the Host header, "" for that of the origin
        self.fields: Fields = fields
        self.added: bytes = added  # lines behind the fields
        self.forwarded_host: str = forwarded_host  # the host that the client has sent, as the upstream server is told
        self.match: SentMatch | None = match  # what its URL was made of, None if a hook has made another one
        self.sized: bool = sized
        self.upgrade: bool = upgrade

    def __str__(self) -> str:
        # For the log: a query may hold secrets.
        return f"{self.method} {self.origin}{self.target.partition('?')[0]}"

    def head(self, length: int | None) -> bytes:
        """Its head, with a body of `length` bytes, None: chunked. Raises ValueError for a value that would break it."""
        start = f"{self.method} {self.target} HTTP/1.1\r\n".encode()
        host = (self.host or self.origin.authority).encode("latin-1")
        head = lines([(b"host", host), *self.fields], start) + self.added
        if length is None:
            return head + b"transfer-encoding: chunked\r\n\r\n"
        if length or self.sized or self.method in _WITH_LENGTH:
            return head + f"content-length: {length}\r\n\r\n".encode()
        return head + b"\r\n"


class Proxy:
    """What forwards the requests of one mapping."""

    def __init__(self, options: Options, prepared: PreparedOptions, pool: ConnectionPool) -> None:
        self._options = options
        self._prepared = prepared
        self._chosen = prepared.template.origin is None  # clients choose the origin
        self._hooked = prepared.forward_request is not None or prepared.forward_response is not None
        self._pool = pool

    async def forward(
        self, request: Request, response: Response, mapping: Mapping, match: re.Match[str]
    ) -> str | int | None:
        """Sends what the upstream server responds, or returns the redirect that the response hook wants."""
        hops = hops_left(request)
        if hops == 0:
            return 204 if request.method == "OPTIONS" else 501
        outgoing = self._outgoing(request, match, hops)
        forward: Forward | None = None
        if self._hooked:
            forward = Forward(request.configuration, mapping, match, request, _shown(outgoing))
            if self._prepared.forward_request is not None:
                await call_hook(self._prepared.forward_request, forward)
                _apply_changes(outgoing, forward.request)
        connections = self._pool.to(outgoing.origin)
        try:
            if self._chosen:
                self._check_host(outgoing.origin)
            upstream = await self._send(request, response, outgoing, connections)
        except UpstreamError as error:
            logger.warning("%s", mapping.masked(f"{outgoing}: {error}"))
            raise HTTPError(error.status, TEXTS[error.status]) from error
        parser = upstream.parser
        if parser.tunnel:
            connections.detach(upstream)
            await _switch(request, upstream, self._fields(outgoing, parser))
            return None
        try:
            if forward is None and parser.complete and parser.sized:
                _pass_on(response, parser.status)
                response.send(upstream.read_now(), None, PassedHeaders(self._fields(outgoing, parser)))
                return None
            return await self._relay(response, outgoing, upstream, forward)
        except UpstreamError as error:
            logger.warning("%s", mapping.masked(f"{outgoing}: {error}"))
            response.abort()
            return None
        finally:
            connections.release(upstream)

    def _outgoing(self, request: Request, match: re.Match[str], hops: int | None) -> OutgoingRequest:
        trusted = self._prepared.trusted_proxies
        client = request.client if trusted is None else request.client_behind(trusted)
        sent = RequestFields(request.field_lines, client.proxied)
        if sent.passes >= MAX_PASSES:
            raise HTTPError(508, "The request goes in a circle")
        raw = request.raw_match(match)
        origin, target = self._prepared.template.resolve(match, raw)
        fields = sent.fields
        if hops is not None:
            left = str(hops - 1).encode()
            fields = [(name, left if name.lower() == b"max-forwards" else value) for name, value in fields]
        fields.append(via(request.http_version))
        host = request.host
        upgrade = request.asks_for_websocket
        if self._hooked:
            fields += as_bytes([*claims(client, request.scheme, host), *(_HANDSHAKE if upgrade else ())])
            added = b""
        else:
            added = claim_lines(client, request.scheme, host)
            if upgrade:
                added += _HANDSHAKE_LINES
        return OutgoingRequest(
            request.method,
            origin,
            target,
            host if self._options.preserve_host else "",
            fields,
            added,
            client.host,
            raw,
            sent.sized,
            upgrade,
        )

    def _check_host(self, origin: Origin) -> None:
        allowed = self._prepared.allow_hosts
        if allowed is not None and not allowed.allow(origin):
            raise ForbiddenDestinationError("its host is not among allow-hosts")

    async def _send(
        self, request: Request, response: Response, outgoing: OutgoingRequest, connections: OriginConnections
    ) -> UpstreamConnection:
        """Sends the request and returns the connection, once it has the head of the response."""
        length = request.body_length
        body = b""
        streamed = length != 0
        if length is None or length > BODY_AHEAD or length > request.max_body:
            await request.read_ahead(BODY_AHEAD)
        elif length:
            body = await request.body()
            streamed = False
        data = outgoing.head(length) + body
        repeatable = length == 0 and outgoing.method in _REPEATABLE
        kept = connections.take(surely=not repeatable)
        upstream = kept or await connections.connect()
        while True:
            try:
                upstream.begin(data, outgoing.method == "HEAD", outgoing.upgrade, streamed)
                if streamed:
                    upstream.upload(request, length is None)
                while not upstream.has_head():
                    await upstream.news()
                    if upstream.parser.interim:
                        _inform(response, upstream.parser)
                if upstream.parser.tunnel and not is_accepted(request, upstream):
                    raise UpstreamError("it accepts a WebSocket handshake that isn't this one")
            except UpstreamClosedError:
                connections.release(upstream)
                if upstream is not kept or not repeatable:
                    raise
            except BaseException:
                connections.release(upstream)
                raise
            else:
                return upstream
            upstream = await connections.connect()

    async def _relay(
        self, response: Response, outgoing: OutgoingRequest, upstream: UpstreamConnection, forward: Forward | None
    ) -> str | int | None:
        parser = upstream.parser
        hook = self._prepared.forward_response
        pairs = as_text(self._fields(outgoing, parser))
        status = parser.status
        if hook is not None and forward is not None:
            forward.response = ForwardedResponse(status, CIMultiDict(pairs))
            result = await call_hook(hook, forward)
            if result is not None:
                return _redirect(result, forward.incoming)
            status, pairs = forward.response.status, list(forward.response.headers.items())
        _pass_on(response, status)
        response.replace_headers(pairs)
        if parser.complete and parser.sized:
            response.send(upstream.read_now())
            return None
        # If nothing of the body is here yet, this sends the head: an event stream may be silent for long.
        await response.write(upstream.read_now())
        while upstream.has_more():
            if parser.size:
                await response.write(upstream.read_now())
            else:
                await upstream.news()
        if parser.trailers:
            response.trailers = CIMultiDict(as_text(passed_trailers(parser.trailers)))
        await response.end()
        return None

    def _fields(self, outgoing: OutgoingRequest, parser: ResponseParser) -> Fields:
        """The headers of a response for the client."""
        fields = parser.fields.fields
        fields.append(via(parser.version))
        if parser.status == 101 or parser.status == 426:
            fields += upgrade_headers(parser.headers)
        if not parser.fields.naming:
            return fields
        options = self._options
        pairs = as_text(fields)
        if options.unsecure_cookies:
            pairs = unsecured(pairs)
        if options.absolute_location:
            pairs = relocated(pairs, f"{outgoing.origin}{outgoing.target}")
        elif options.auto_rewrite and not self._chosen and outgoing.match is not None:
            paths = self._prepared.template.corresponding_paths(outgoing.match)
            if paths is not None:
                told = outgoing.host or outgoing.origin.authority
                pairs = AutoRewriter(outgoing.origin, *paths, outgoing.forwarded_host, told).rewritten(pairs)
        return as_bytes(pairs)


def _pass_on(response: Response, status: int) -> None:
    """The response is what the upstream server says: what it doesn't say isn't ours to say."""
    response.status = status
    response.cache_control = None
    if response.headers:
        response.headers.popall("content-length", None)  # of an earlier mapping: its framing is the upstream server's


def _shown(outgoing: OutgoingRequest) -> ForwardedRequest:
    """The request as hooks see it."""
    pairs = as_text(outgoing.fields)
    if outgoing.host:
        pairs.insert(0, ("host", outgoing.host))
    return ForwardedRequest(outgoing.method, f"{outgoing.origin}{outgoing.target}", CIMultiDict(pairs))


def _apply_changes(outgoing: OutgoingRequest, changed: ForwardedRequest) -> None:
    """What a hook has made of the request. Raises ValueError for what can't be sent."""
    if not is_token(changed.method):
        raise ValueError(f"{changed.method!r} is not a method (RFC 9110 9.1)")
    fields = changed.headers
    if wrong := [name for name in fields if not is_token(name)]:
        raise ValueError(f"{wrong[0]!r} is not a header name (RFC 9110 5.1)")
    outgoing.method = changed.method
    outgoing.host = fields.get("host", "")
    outgoing.forwarded_host = fields.get("x-forwarded-host", "")
    outgoing.fields = as_bytes([(name, value) for name, value in fields.items() if name.lower() not in _OURS])
    if changed.url != f"{outgoing.origin}{outgoing.target}":
        outgoing.origin, outgoing.target = parse_url(changed.url)
        outgoing.match = None


def _inform(response: Response, parser: ResponseParser) -> None:
    """Passes on the interim responses that are here (RFC 9110 15.2)."""
    for status, fields in parser.interim:
        if not response.headers_sent:
            response.inform(status, as_text([*fields, via("1.1")]))
    parser.interim.clear()


def _redirect(result: str | int, request: Request) -> str | int:
    if request.method not in ("GET", "HEAD"):
        raise TypeError(
            f"forward-response redirects a {request.method} to {result!r}: only GET and HEAD can be redirected"
        )
    return result


async def _switch(request: Request, upstream: UpstreamConnection, fields: Fields) -> None:
    """The connection becomes a tunnel."""
    assert request.upgrader is not None
    try:
        client = request.upgrader.hand_over(as_text(fields))
    except BaseException:
        upstream.abort()
        raise
    await carry(client, upstream)
