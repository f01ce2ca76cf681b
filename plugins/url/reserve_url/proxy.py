"""The exchange: a client's request up to the upstream server, its answer down to the client."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from multidict import CIMultiDict

from reserve_core import HTTPError
from reserve_core.kit import is_token

from .answer import Answer, Fields
from .errors import TEXTS, ForbiddenError, LostError, UpstreamError
from .forward import Forward, ForwardedRequest, ForwardedResponse, call_hook
from .headers import (
    Pairs,
    answer_headers,
    head_bytes,
    hops_left,
    passed_trailers,
    relocated,
    request_headers,
    times_passed,
    unsecured,
    upgrade_headers,
)
from .options import Options, Prepared
from .pool import Connections, Pool
from .rewrite import Mount, names_upstream
from .target import Origin, Sent, parse_url
from .tunnel import carry, is_accepted
from .upstream import Upstream

if TYPE_CHECKING:
    from reserve_core import Mapping, Request, Response

logger = logging.getLogger("reserve")

# A request that has passed this server so often goes in a circle.
MAX_PASSES = 10

# Bytes of a body that have to be here before a connection is taken: others need it, too, and a client may be slow.
BODY_AHEAD = 64 * 1024

# These are sent again when a kept connection turns out to be closed, if they have no body (RFC 9110 9.2.2).
_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS"))
# A server may wait for the length of their body, even if there is none (RFC 9110 8.6).
_WITH_LENGTH = frozenset(("POST", "PUT", "PATCH"))
# What a hook has no say in, or says otherwise.
_OURS = frozenset(("host", "content-length", "transfer-encoding"))


@dataclass(slots=True)
class Outgoing:
    """A request on its way up."""

    method: str
    origin: Origin
    target: str
    host: str  # the Host header, "" for that of the origin
    headers: Pairs
    upgrade: bool
    match: Sent | None  # what its URL was made of, None if a hook has made another one

    def __str__(self) -> str:
        # For the log: a query may hold secrets.
        return f"{self.method} {self.origin}{self.target.partition('?')[0]}"


class Proxy:
    """What forwards the requests of one mapping."""

    def __init__(self, options: Options, prepared: Prepared, pool: Pool) -> None:
        self._options = options
        self._prepared = prepared
        self._chosen = prepared.template.origin is None  # clients choose the origin
        self._pool = pool

    async def forward(
        self, request: Request, response: Response, mapping: Mapping, match: re.Match[str]
    ) -> str | int | None:
        """Answers with what the upstream server answers, or returns the redirect that the response hook wants."""
        prepared = self._prepared
        if hops_left(request) == 0:
            return 204 if request.method == "OPTIONS" else 501
        outgoing = self._outgoing(request, match)
        forward: Forward | None = None
        if prepared.forward_request is not None or prepared.forward_response is not None:
            forward = Forward(request.configuration, mapping, match, request, _shown(outgoing))
            if prepared.forward_request is not None:
                await call_hook(prepared.forward_request, forward)
                _take_over(outgoing, forward.request)
        connections = self._pool.to(outgoing.origin)
        try:
            self._check_host(outgoing.origin)
            upstream = await self._send(request, response, outgoing, connections)
        except UpstreamError as error:
            logger.warning("%s: %s", outgoing, error)
            raise HTTPError(error.status, TEXTS[error.status]) from error
        if upstream.answer.tunnel:
            connections.detach(upstream)
            await _switch(request, upstream, self._headers(outgoing, upstream.answer))
            return None
        try:
            return await self._answer(response, outgoing, upstream, forward)
        except UpstreamError as error:
            logger.warning("%s: %s", outgoing, error)
            response.abort()
            return None
        finally:
            connections.release(upstream)

    def _outgoing(self, request: Request, match: re.Match[str]) -> Outgoing:
        headers = request.headers
        if "via" in headers and times_passed(headers) >= MAX_PASSES:
            raise HTTPError(508, "The request goes in a circle")
        raw = request.raw_match(match)
        origin, target = self._prepared.template.resolve(match, raw)
        trusted = self._prepared.trusted_proxies
        client = request.client if trusted is None else request.client_behind(trusted)
        pairs = request_headers(request, client)
        if hops := hops_left(request):
            pairs = [(name, str(hops - 1) if name.lower() == "max-forwards" else value) for name, value in pairs]
        upgrade = request.asks_for_websocket
        if upgrade:  # to no other protocol: behind one, requests would pass that no mapping has seen
            pairs += [("connection", "Upgrade"), ("upgrade", "websocket")]
        host = request.host if self._options.preserve_host else ""
        return Outgoing(request.method, origin, target, host, pairs, upgrade, raw)

    def _check_host(self, origin: Origin) -> None:
        allowed = self._prepared.allow_hosts
        if self._chosen and allowed is not None and not allowed.allow(origin):
            raise ForbiddenError("its host is not among allow-hosts")

    async def _send(
        self, request: Request, response: Response, outgoing: Outgoing, connections: Connections
    ) -> Upstream:
        """Sends the request and returns the connection, once it has the head of the answer."""
        length = request.body_length
        if length != 0:
            await request.read_ahead(BODY_AHEAD)
        head = _head(request, outgoing, length)
        repeatable = length == 0 and outgoing.method in _REPEATABLE
        kept = connections.take(surely=not repeatable)
        upstream = kept or await connections.connect()
        while True:
            try:
                upstream.begin(
                    head,
                    partial(_inform, response),
                    head_only=outgoing.method == "HEAD",
                    upgrade=outgoing.upgrade,
                    body_follows=length != 0,
                )
                if length != 0:
                    upstream.upload(_body(request, chunked=length is None))
                await upstream.head()
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
        prepared = self._prepared
        answer = upstream.answer
        status = answer.status
        pairs = self._headers(outgoing, answer)
        if prepared.forward_response is not None and forward is not None:
            forward.response = ForwardedResponse(status, CIMultiDict(pairs))
            result = await call_hook(prepared.forward_response, forward)
            if result is not None:
                return _redirect(result, forward.incoming)
            status, pairs = forward.response.status, list(forward.response.headers.items())
        response.status = status
        response.cache_control = None  # what the upstream server doesn't say isn't ours to say
        response.headers.popall("content-length", None)  # of an earlier mapping: the framing is the answer's
        response.replace_headers(pairs)
        if answer.complete and answer.sized:
            await response.end(upstream.read_now())
            return None
        # If nothing of the body is here yet, this sends the head: an event stream may be silent for long.
        await response.write(upstream.read_now())
        while chunk := await upstream.read():
            await response.write(chunk)
        if answer.trailers:
            lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.trailers]
            response.trailers = CIMultiDict(passed_trailers(lines))
        await response.end()
        return None

    def _headers(self, outgoing: Outgoing, answer: Answer) -> Pairs:
        """The headers of an answer for the client."""
        options = self._options
        pairs = answer_headers(answer.headers, answer.version)
        if answer.status in (101, 426):
            pairs += upgrade_headers(answer.headers)
        if options.unsecure_cookies:
            pairs = unsecured(pairs)
        if options.absolute_location:
            pairs = relocated(pairs, f"{outgoing.origin}{outgoing.target}")
        elif options.auto_rewrite and not self._chosen and outgoing.match is not None and names_upstream(pairs):
            paths = self._prepared.template.mount(outgoing.match)
            if paths is not None:
                host = next((value for name, value in outgoing.headers if name == "x-forwarded-host"), "")
                told = outgoing.host or outgoing.origin.authority
                pairs = Mount(outgoing.origin, *paths, host, told).rewritten(pairs)
        return pairs


def _shown(outgoing: Outgoing) -> ForwardedRequest:
    """The request as hooks see it."""
    fields = [("host", outgoing.host), *outgoing.headers] if outgoing.host else outgoing.headers
    return ForwardedRequest(outgoing.method, f"{outgoing.origin}{outgoing.target}", CIMultiDict(fields))


def _take_over(outgoing: Outgoing, changed: ForwardedRequest) -> None:
    """What a hook has made of the request. Raises ValueError for what can't be sent."""
    if not is_token(changed.method):
        raise ValueError(f"{changed.method!r} is not a method (RFC 9110 9.1)")
    fields = changed.headers
    if wrong := [name for name in fields if not is_token(name)]:
        raise ValueError(f"{wrong[0]!r} is not a header name (RFC 9110 5.1)")
    outgoing.method = changed.method
    outgoing.host = fields.get("host", "")
    outgoing.headers = [(name, value) for name, value in fields.items() if name.lower() not in _OURS]
    if changed.url != f"{outgoing.origin}{outgoing.target}":
        outgoing.origin, outgoing.target = parse_url(changed.url)
        outgoing.match = None


def _head(request: Request, outgoing: Outgoing, length: int | None) -> bytes:
    pairs = [("host", outgoing.host or outgoing.origin.authority), *outgoing.headers]
    if length is None:
        pairs.append(("transfer-encoding", "chunked"))
    elif length or outgoing.method in _WITH_LENGTH or "content-length" in request.headers:
        pairs.append(("content-length", str(length)))
    return head_bytes(f"{outgoing.method} {outgoing.target} HTTP/1.1", pairs)


async def _body(request: Request, chunked: bool) -> AsyncGenerator[bytes, None]:
    """The body as it goes over the wire."""
    async with aclosing(cast("AsyncGenerator[bytes, None]", request.stream())) as chunks:
        async for chunk in chunks:
            yield b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk
    if chunked:
        trailers = passed_trailers(request.trailers.items()) if request.trailers else []
        yield b"0\r\n" + head_bytes("", trailers)[2:]


def _inform(response: Response, status: int, fields: Fields) -> None:
    """Passes on an interim answer (RFC 9110 15.2). A 100 is for this proxy, which sends its own in its time."""
    if status != 100 and not response.headers_sent:
        response.inform(status, answer_headers(fields, "1.1"))


def _redirect(result: str | int, request: Request) -> str | int:
    if request.method not in ("GET", "HEAD"):
        raise TypeError(
            f"forward-response redirects a {request.method} to {result!r}: only GET and HEAD can be redirected"
        )
    return result


async def _switch(request: Request, upstream: Upstream, pairs: Pairs) -> None:
    """The connection becomes a tunnel."""
    assert request.upgrader is not None
    try:
        client = request.upgrader.hand_over(pairs)
    except BaseException:
        upstream.abort()
        raise
    await carry(client, upstream)
