"""WebSockets as handlers see them, and the server's side of the opening handshake (RFC 6455 4.2)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from tornado.websocket import WebSocketProtocol13

from ..errors import Disconnected, HTTPError
from ..tokens import members
from . import strict_json
from .prepared_message import PreparedMessage
from .request import Request
from .response import HeaderValues
from .upgrade import WEBSOCKET_13
from .upgraded_stream import UpgradedStream
from .websocket_frames import FrameProtocol, Message, is_close_code

MAX_MESSAGE = 10 * 1024 * 1024
PING_INTERVAL = 20.0
PING_TIMEOUT = 20.0

# Both sides begin each message afresh: a WebSocket at rest holds no compressor's 300 KB (RFC 7692 7.1.1).
_DEFLATE = ("server_no_context_takeover", "client_no_context_takeover")
_WINDOW_BITS = re.compile(r"[89]|1[0-5]")
_REASON_LIMIT = 123  # bytes (RFC 6455 5.5)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class WebSocket:
    """An open WebSocket: `websocket = await request.upgrade()`.

    Iterating gives the messages, str for text and bytes for binary ones, until it's closed. It's closed when the
    handler returns: with 1011 if it raised, else with 1000. `subprotocol` is the one chosen, or None. Messages wait for
    the handler within bounds: a client that sends faster than they are received is read no further.

    Options of `request.upgrade`: `subprotocols` that the handler speaks, best first; `origins` from which pages may
    connect besides this host's own ("https://example.com"; "*": all); `headers` to add to the response; `compression`
    (RFC 7692; True); `max_message_size` in bytes (10 MiB), after decompression; `ping_interval`, the seconds of silence
    after which the client is pinged (20; None: never); `ping_timeout`, the seconds of further silence after which it's
    closed (20; None: never).
    """

    __slots__ = ("_protocol", "subprotocol")

    def __init__(self, protocol: FrameProtocol, subprotocol: str | None) -> None:
        self._protocol = protocol
        self.subprotocol: str | None = subprotocol

    def __repr__(self) -> str:
        return f"<WebSocket {'closed' if self.closed else 'open'}>"

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more. Messages that came before can still be received."""
        return self._protocol.is_closing()

    @property
    def full(self) -> bool:
        """Whether `send` would wait, because the client hasn't taken enough of what was sent before."""
        return self._protocol.stream.full

    @property
    def close_code(self) -> int | None:
        """Why it was closed (RFC 6455 7.4), None until it is: the code the client gave, 1005 if it gave none, ours if
        it's for what the client did or if the client hasn't replied yet, 1006 if the connection was lost without a
        close frame."""
        code = self._protocol.close_code
        return self._protocol.told[0] if code is None else code

    @property
    def close_reason(self) -> str | None:
        """The text that came with `close_code`, None until it's closed."""
        reason = self._protocol.close_reason
        return self._protocol.told[1] if reason is None else reason

    def __aiter__(self) -> WebSocket:
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.receive()
        except Disconnected:
            raise StopAsyncIteration from None

    async def json(self) -> AsyncIterator[Any]:
        """Iterates over the messages, parsed as JSON, until it's closed: by us with 1007, if one of them is none."""
        async for message in self:
            try:
                value = strict_json.parse(message)
            except (ValueError, RecursionError) as error:
                self._protocol.fail(1007, f"A message is not valid JSON: {error}"[:_REASON_LIMIT])
                await self._protocol.wait_ended()
                return
            yield value

    async def receive(self) -> Message:
        """The next message: str or bytes. Raises `Disconnected` when it's closed and all messages were received."""
        return await self._protocol.inbox.get()

    async def send(self, message: Any) -> None:
        """Sends a str as a text message, bytes as a binary one, any other JSON value as JSON in a text message, and a
        `PreparedMessage` as what it's made of; waits while the client doesn't take those before.

        A cancelled call has sent nothing. Raises `Disconnected` when it's closed, TypeError for what can't be sent.
        """
        await self._protocol.send(_prepared(message))

    async def ping(self, data: bytes = b"") -> None:
        """Sends a ping of up to 125 bytes; whether a pong comes is checked with `ping_interval`.

        Raises `Disconnected` when it's closed, ValueError for more bytes.
        """
        if len(data) > 125:
            raise ValueError(f"A ping has up to 125 bytes, not {len(data)} (RFC 6455 5.5)")
        await self._protocol.ping(data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it, and waits up to five seconds for the client's close frame. Does nothing if it's closed already.

        Raises ValueError for a code that a server may not send (RFC 6455 7.4) or a reason of more than 123 bytes.
        """
        if code == 1010 or not is_close_code(code):
            raise ValueError(
                f"A server may not close with {code}: 1000, 1001 and 3000 to 4999 are usual (RFC 6455 7.4)"
            )
        if len(reason.encode()) > _REASON_LIMIT:
            raise ValueError(f"The reason of a close has up to {_REASON_LIMIT} bytes as UTF-8 (RFC 6455 5.5)")
        self._protocol.close(code, reason)
        await self._protocol.wait_ended()


def broadcast(websockets: Iterable[WebSocket], message: Any) -> None:
    """Sends a message, as `WebSocket.send` does, to each of `websockets` at once: no client waits for another.

    Those that are closed are left out. If 1 MiB of earlier messages waits for a client, it is too slow: its WebSocket
    is closed with 1013. Raises TypeError for what can't be sent.
    """
    prepared = _prepared(message)
    for websocket in websockets:
        websocket._protocol.send_now(prepared)


async def accept(
    request: Request,
    hand_over: Callable[[list[tuple[str, str]]], UpgradedStream],
    *,
    subprotocols: Iterable[str] = (),
    origins: Iterable[str] = (),
    headers: HeaderValues = (),
    compression: bool = True,
    max_message_size: int = MAX_MESSAGE,
    ping_interval: float | None = PING_INTERVAL,
    ping_timeout: float | None = PING_TIMEOUT,
) -> WebSocket:
    """Accepts the opening handshake in `request`, which asks for a WebSocket; see `WebSocket` for the options.

    `hand_over` sends a 101 with the header fields it's given and returns the connection as a stream.

    Raises `HTTPError` 426 when the handshake isn't of version 13, 400 when it's malformed, 403 when a page of another
    site makes it; and what `hand_over` raises.
    """
    if max_message_size < 1:
        raise ValueError(f"max_message_size must be at least 1 byte, not {max_message_size}")
    key = _check_handshake(request)
    _check_origin(request, origins)
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", WebSocketProtocol13.compute_accept_value(key)),
    ]
    offered = members(request.headers.getall("sec-websocket-protocol", ()))
    subprotocol = next((each for each in _listed(subprotocols) if each in offered), None)
    if subprotocol is not None:
        fields.append(("Sec-WebSocket-Protocol", subprotocol))
    deflate = _negotiate(members(request.headers.getall("sec-websocket-extensions", ()))) if compression else None
    if deflate is not None:
        extension = [name if value is None else f"{name}={value}" for name, value in deflate.items()]
        fields.append(("Sec-WebSocket-Extensions", "; ".join(("permessage-deflate", *extension))))
    fields.extend(headers.items() if isinstance(headers, Mapping) else headers)
    stream = hand_over(fields)
    protocol = FrameProtocol(
        stream,
        deflate=deflate,
        max_message_size=max_message_size,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
    )
    return WebSocket(protocol, subprotocol)


def _prepared(message: Any) -> PreparedMessage:
    return message if isinstance(message, PreparedMessage) else PreparedMessage(message)


def _listed(values: Iterable[str]) -> Iterable[str]:
    # A str is meant as one value: taken for its letters, a pattern of origins would have a "*".
    return (values,) if isinstance(values, str) else values


def _check_handshake(request: Request) -> str:
    """The client's key. Raises `HTTPError` when the handshake isn't what RFC 6455 4.2.1 asks for."""
    headers = request.headers
    if headers.getall("sec-websocket-version", ()) != ["13"]:
        raise HTTPError(426, "This server speaks version 13 of WebSocket", WEBSOCKET_13)
    keys = headers.getall("sec-websocket-key", ())
    if len(keys) != 1 or not _is_key(keys[0]):
        raise HTTPError(400, "A WebSocket handshake has one Sec-WebSocket-Key: 16 bytes as base64 (RFC 6455 4.1)")
    return keys[0]


def _is_key(value: str) -> bool:
    try:
        return len(value) == 24 and len(base64.b64decode(value, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _check_origin(request: Request, origins: Iterable[str]) -> None:
    """Browsers let any page open a WebSocket to any server, with that server's cookies (RFC 6455 10.2)."""
    sent = request.headers.getall("origin", ())
    if not sent:
        return  # no browser
    origin = sent[0].lower()
    allowed = {each.lower().rstrip("/") for each in _listed(origins)}
    if len(sent) > 1 or not (origin in allowed or "*" in allowed or _is_same(origin, request.client.host.lower())):
        raise HTTPError(403, "Pages of another site may not open this WebSocket")


def _is_same(origin: str, host: str) -> bool:
    # The schemes are not compared: behind a proxy that ends TLS they differ.
    scheme, _, authority = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and authority != "" and authority.removesuffix(port) == host.removesuffix(port)


def _negotiate(offers: list[str]) -> dict[str, str | None] | None:
    """The parameters of permessage-deflate in the first offer that can be accepted (RFC 7692 5), None without any."""
    for offer in offers:
        name, *parameters = (part.strip(" \t") for part in offer.split(";"))
        if name.lower() == "permessage-deflate":
            agreed = _agree(parameters)
            if agreed is not None:
                return agreed
    return None


def _agree(parameters: list[str]) -> dict[str, str | None] | None:
    """The parameters to answer those of an offer with; None declines it, as a malformed one must be (RFC 7692 7)."""
    asked: dict[str, str | None] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if name in asked:
            return None
        asked[name] = value.strip('"') if equals else None
    agreed: dict[str, str | None] = dict.fromkeys(_DEFLATE)
    for name, bits in asked.items():
        if name in _DEFLATE:
            if bits is not None:
                return None
        elif name == "server_max_window_bits":
            # zlib doesn't support a window of 256 bytes.
            if bits is None or bits == "8" or not _WINDOW_BITS.fullmatch(bits):
                return None
            agreed[name] = bits
        elif name != "client_max_window_bits" or not (bits is None or _WINDOW_BITS.fullmatch(bits)):
            return None
    return agreed
