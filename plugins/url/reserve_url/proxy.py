"""The exchange: a client's request up to the upstream server, its answer down to the client."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from multidict import CIMultiDict

from reserve_core import HTTPError
from reserve_core.kit import PassedHeaders, is_token

from .auto_rewrite import Mount
from .connection_pool import Connections, Pool
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
from .options import Options, Prepared
from .response_parser import Answer
from .tunnel import carry, is_accepted
from .upstream_connection import Upstream
from .upstream_errors import TEXTS, ForbiddenError, LostError, UpstreamError
from .upstream_url import Origin, Sent, parse_url

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


class Outgoing:
    """A request on its way up."""

    __slots__ = ("added", "asked", "fields", "host", "match", "method", "origin", "sized", "target", "upgrade")

    def __init__(
        self,
        method: str,
        origin: Origin,
        target: str,
        host: str,
        fields: Fields,
        added: bytes,
        asked: str,
        match: Sent,
        sized: bool,
        upgrade: bool,
    ) -> None:
        self.method: str = method
        self.origin: Origin = origin
        self.target: str = target
        self.host: str = host  # the Host header, "" for that of the origin
        self.fields: Fields = fields
        self.added: bytes = added  # lines behind the fields
        self.asked: str = asked  # the host that the client has asked for, as the upstream server is told
        self.match: Sent | None = match  # what its URL was made of, None if a hook has made another one
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

    def __init__(self, options: Options, prepared: Prepared, pool: Pool) -> None:
        self._options = options
        self._prepared = prepared
        self._chosen = prepared.template.origin is None  # clients choose the origin
        self._hooked = prepared.forward_request is not None or prepared.forward_response is not None
        self._pool = pool

    async def forward(
        self, request: Request, response: Response, mapping: Mapping, match: re.Match[str]
    ) -> str | int | None:
        """Answers with what the upstream server answers, or returns the redirect that the response hook wants."""
        hops = hops_left(request)
        if hops == 0:
            return 204 if request.method == "OPTIONS" else 501
        outgoing = self._outgoing(request, match, hops)
        forward: Forward | None = None
        if self._hooked:
            forward = Forward(request.configuration, mapping, match, request, _shown(outgoing))
            if self._prepared.forward_request is not None:
                await call_hook(self._prepared.forward_request, forward)
                _take_over(outgoing, forward.request)
        connections = self._pool.to(outgoing.origin)
        try:
            if self._chosen:
                self._check_host(outgoing.origin)
            upstream = await self._send(request, response, outgoing, connections)
        except UpstreamError as error:
            logger.warning("%s: %s", outgoing, error)
            raise HTTPError(error.status, TEXTS[error.status]) from error
        answer = upstream.answer
        if answer.tunnel:
            connections.detach(upstream)
            await _switch(request, upstream, self._fields(outgoing, answer))
            return None
        try:
            if forward is None and answer.complete and answer.sized:
                _pass_on(response, answer.status)
                response.send(upstream.read_now(), None, PassedHeaders(self._fields(outgoing, answer)))
                return None
            return await self._answer(response, outgoing, upstream, forward)
        except UpstreamError as error:
            logger.warning("%s: %s", outgoing, error)
            response.abort()
            return None
        finally:
            connections.release(upstream)

    def _outgoing(self, request: Request, match: re.Match[str], hops: int | None) -> Outgoing:
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
        return Outgoing(
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
            raise ForbiddenError("its host is not among allow-hosts")

    async def _send(
        self, request: Request, response: Response, outgoing: Outgoing, connections: Connections
    ) -> Upstream:
        """Sends the request and returns the connection, once it has the head of the answer."""
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
                    if upstream.answer.interim:
                        _inform(response, upstream.answer)
                if upstream.answer.tunnel and not is_accepted(request, upstream):
                    raise UpstreamError("it accepts a WebSocket handshake that isn't this one")
            except LostError:
                connections.release(upstream)
                if upstream is not kept or not repeatable:
                    raise
            except BaseException:
                connections.release(upstream)
                raise
            else:
                return upstream
            upstream = await connections.connect()

    async def _answer(
        self, response: Response, outgoing: Outgoing, upstream: Upstream, forward: Forward | None
    ) -> str | int | None:
        answer = upstream.answer
        hook = self._prepared.forward_response
        pairs = as_text(self._fields(outgoing, answer))
        status = answer.status
        if hook is not None and forward is not None:
            forward.response = ForwardedResponse(status, CIMultiDict(pairs))
            result = await call_hook(hook, forward)
            if result is not None:
                return _redirect(result, forward.incoming)
            status, pairs = forward.response.status, list(forward.response.headers.items())
        _pass_on(response, status)
        response.replace_headers(pairs)
        if answer.complete and answer.sized:
            response.send(upstream.read_now())
            return None
        # If nothing of the body is here yet, this sends the head: an event stream may be silent for long.
        await response.write(upstream.read_now())
        while upstream.has_more():
            if answer.size:
                await response.write(upstream.read_now())
            else:
                await upstream.news()
        if answer.trailers:
            response.trailers = CIMultiDict(as_text(passed_trailers(answer.trailers)))
        await response.end()
        return None

    def _fields(self, outgoing: Outgoing, answer: Answer) -> Fields:
        """The headers of an answer for the client."""
        fields = answer.fields.fields
        fields.append(via(answer.version))
        if answer.status == 101 or answer.status == 426:
            fields += upgrade_headers(answer.headers)
        if not answer.fields.naming:
            return fields
        options = self._options
        pairs = as_text(fields)
        if options.unsecure_cookies:
            pairs = unsecured(pairs)
        if options.absolute_location:
            pairs = relocated(pairs, f"{outgoing.origin}{outgoing.target}")
        elif options.auto_rewrite and not self._chosen and outgoing.match is not None:
            paths = self._prepared.template.mount(outgoing.match)
            if paths is not None:
                told = outgoing.host or outgoing.origin.authority
                pairs = Mount(outgoing.origin, *paths, outgoing.asked, told).rewritten(pairs)
        return as_bytes(pairs)


def _pass_on(response: Response, status: int) -> None:
    """The response is what the upstream server says: what it doesn't say isn't ours to say."""
    response.status = status
    response.cache_control = None
    if response.headers:
        response.headers.popall("content-length", None)  # of an earlier mapping: the framing is the answer's


def _shown(outgoing: Outgoing) -> ForwardedRequest:
    """The request as hooks see it."""
    pairs = as_text(outgoing.fields)
    if outgoing.host:
        pairs.insert(0, ("host", outgoing.host))
    return ForwardedRequest(outgoing.method, f"{outgoing.origin}{outgoing.target}", CIMultiDict(pairs))


def _take_over(outgoing: Outgoing, changed: ForwardedRequest) -> None:
    """What a hook has made of the request. Raises ValueError for what can't be sent."""
    if not is_token(changed.method):
        raise ValueError(f"{changed.method!r} is not a method (RFC 9110 9.1)")
    fields = changed.headers
    if wrong := [name for name in fields if not is_token(name)]:
        raise ValueError(f"{wrong[0]!r} is not a header name (RFC 9110 5.1)")
    outgoing.method = changed.method
    outgoing.host = fields.get("host", "")
    outgoing.asked = fields.get("x-forwarded-host", "")
    outgoing.fields = as_bytes([(name, value) for name, value in fields.items() if name.lower() not in _OURS])
    if changed.url != f"{outgoing.origin}{outgoing.target}":
        outgoing.origin, outgoing.target = parse_url(changed.url)
        outgoing.match = None


def _inform(response: Response, answer: Answer) -> None:
    """Passes on the interim answers that are here (RFC 9110 15.2)."""
    for status, fields in answer.interim:
        if not response.headers_sent:
            response.inform(status, as_text([*fields, via("1.1")]))
    answer.interim.clear()


def _redirect(result: str | int, request: Request) -> str | int:
    if request.method not in ("GET", "HEAD"):
        raise TypeError(
            f"forward-response redirects a {request.method} to {result!r}: only GET and HEAD can be redirected"
        )
    return result


async def _switch(request: Request, upstream: Upstream, fields: Fields) -> None:
    """The connection becomes a tunnel."""
    assert request.upgrader is not None
    try:
        client = request.upgrader.hand_over(as_text(fields))
    except BaseException:
        upstream.abort()
        raise
    await carry(client, upstream)
