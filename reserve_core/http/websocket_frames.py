"""WebSocket frames and messages (RFC 6455 5 to 7, RFC 7692): Tornado's protocol, made strict.

Where Tornado cuts the connection, a client is told with a close frame what it did wrong; close frames are checked
before they are echoed; nothing waits without a bound.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections import deque
from typing import Any, cast

from tornado.iostream import StreamClosedError
from tornado.util import _websocket_mask
from tornado.websocket import WebSocketProtocol13, _DecompressTooLargeError, _WebSocketParams

from ..errors import Disconnected
from .flow import Waiter
from .prepared_message import BINARY, TEXT, PreparedMessage
from .upgraded_stream import UpgradedStream

Message = str | bytes

# Seconds within which a client has to reply to our close frame.
CLOSE_TIMEOUT = 5.0
# Size of the messages that may wait for the handler before no more are read. One counts for its length and this much.
INBOX_LIMIT = 64 * 1024
MESSAGE_COST = 128
# Bytes that may wait for a client when a message is sent without waiting for it.
BACKLOG_LIMIT = 1024 * 1024
# What one client may send before the others have their turn. A frame counts for its length and this much.
FAIR_SHARE = 256 * 1024
FRAME_COST = 1024

CONTINUATION, CLOSE, PING, PONG = 0x0, 0x8, 0x9, 0xA
_DATA = frozenset((TEXT, BINARY))
_CONTROL = frozenset((CLOSE, PING, PONG))

# The codes a close frame may have (RFC 6455 7.4 and its IANA registry), besides 3000 to 4999.
_CLOSE_CODES = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))
NO_CODE, LOST = 1005, 1006


def is_close_code(code: int) -> bool:
    """Whether a close frame may have this code (RFC 6455 7.4)."""
    return code in _CLOSE_CODES or 3000 <= code <= 4999


class ProtocolError(Exception):
    """The client broke the protocol: the connection fails with `code` (RFC 6455 7.1.7)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Inbox:
    """Messages that were received and wait for the handler."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._size = 0
        self._bounded = True
        self._ended = False
        self._receiver = Waiter("The WebSocket")
        self._sender = Waiter("The WebSocket")

    async def put(self, message: Message) -> None:
        """Adds a message; returns when the next one may come."""
        self._messages.append(message)
        self._size += len(message) + MESSAGE_COST
        self._receiver.wake()
        while self._size > INBOX_LIMIT and self._bounded:
            await self._sender.wait()

    async def get(self) -> Message:
        """The next message. Raises `Disconnected` when all were taken and there will be no more."""
        while not self._messages:
            if self._ended:
                raise Disconnected("The WebSocket is closed")
            await self._receiver.wait()
        message = self._messages.popleft()
        self._size -= len(message) + MESSAGE_COST
        if self._size <= INBOX_LIMIT:
            self._sender.wake()
        return message

    def unbound(self) -> None:
        """From now on `put` doesn't wait: little can come any more."""
        self._bounded = False
        self._sender.wake()

    def end(self) -> None:
        """No more messages will come."""
        self._ended = True
        self.unbound()
        self._receiver.wake()


class FrameProtocol(WebSocketProtocol13):
    """The server's end of one WebSocket, from the end of the handshake to the end of the connection.

    `close_code` and `close_reason` are None until the WebSocket has ended, `told` until we have closed it: our code and
    reason. See `WebSocket`.
    """

    stream: UpgradedStream  # type: ignore[assignment]  # it has all that is used of an IOStream
    client_terminated: bool
    server_terminated: bool
    close_code: int | None
    close_reason: str | None

    def __init__(
        self,
        stream: UpgradedStream,
        *,
        deflate: dict[str, str | None] | None,
        max_message_size: int,
        ping_interval: float | None,
        ping_timeout: float | None,
    ) -> None:
        # The handler would get Tornado's callbacks; ours takes from the inbox instead.
        handler = cast("Any", None)
        super().__init__(handler, False, _WebSocketParams(ping_interval, ping_timeout, max_message_size))
        self._window_bits = 0  # of the compressor; 0: there is none
        if deflate is not None:
            self._create_compressors("server", deflate)
            self._window_bits = int(deflate.get("server_max_window_bits") or zlib.MAX_WBITS)
        self.stream = stream
        self.inbox: Inbox = Inbox()
        self.told: tuple[int | None, str | None] = (None, None)
        # The message whose fragments come in.
        self._fragments: bytearray | None = None
        self._opcode = 0
        self._deflated = False
        self._give_up: asyncio.TimerHandle | None = None
        stream.set_close_callback(self._lost)
        self.start_pinging()
        self._reader = asyncio.get_running_loop().create_task(self._receive_frame_loop())

    async def send(self, message: PreparedMessage) -> None:
        """Sends a message once the client has taken enough of those before. A cancelled call has sent nothing.

        Raises `Disconnected` when the WebSocket is closed.
        """
        await self._room()
        self.stream.write(message.frame(self._window_bits))

    async def ping(self, data: bytes) -> None:
        """Sends a ping likewise."""
        await self._room()
        self.write_ping(data)

    def send_now(self, message: PreparedMessage) -> None:
        """Sends a message if the WebSocket is open. If too many bytes wait for the client already, its WebSocket is
        closed instead."""
        if self.is_closing():
            return
        if self.stream.unsent > BACKLOG_LIMIT:
            self.fail(1013, "Messages are read too slowly")
        else:
            self.stream.write(message.frame(self._window_bits))

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Sends a close frame; the client has `CLOSE_TIMEOUT` seconds to reply with its own. May be called again."""
        if not self.server_terminated:
            self.server_terminated = True
            self.told = code, reason
            if not self.stream.closed():
                payload = b"" if code is None else struct.pack(">H", code) + (reason or "").encode()
                self._write_frame(True, CLOSE, payload)
                loop = asyncio.get_running_loop()
                self._give_up = loop.call_later(CLOSE_TIMEOUT, self.stream.abort)
        if self.client_terminated:
            self.stream.close()
        self.inbox.end()
        self._stop_pinging()

    def fail(self, code: int, reason: str) -> None:
        """Closes because of what the client does: whatever its close frame says, `close_code` is ours."""
        if not self.server_terminated:
            self.close_code, self.close_reason = code, reason
            self.close(code, reason)

    async def wait_ended(self) -> None:
        """Returns when the closing handshake is over, or the connection lost."""
        await asyncio.wait((self._reader,))

    # Tornado calls the methods below by these names.

    async def _receive_frame_loop(self) -> None:
        """Receives frames until the WebSocket is closed or its connection lost."""
        work = 0
        try:
            while not self.client_terminated:
                before = self._wire_bytes_in
                await self._receive_frame()
                work += FRAME_COST + self._wire_bytes_in - before
                if work > FAIR_SHARE:
                    work = 0
                    await asyncio.sleep(0)
        except ProtocolError as error:
            self.fail(error.code, str(error))
            await self._hang_up()
        except StreamClosedError:
            pass
        finally:
            if self.close_code is None:
                self.close_code, self.close_reason = LOST, ""
            self._abort()

    async def _receive_frame(self) -> None:
        first, second = await self._read_bytes(2)
        final = bool(first & self.FIN)
        opcode = first & self.OPCODE_MASK
        length = second & 0x7F
        self._check_head(final, first & self.RSV_MASK, opcode, bool(second & 0x80), length)
        if length > 125:
            length = await self._read_length(length)
        if opcode not in _CONTROL and length + len(self._fragments or b"") > self.params.max_message_size:
            raise ProtocolError(1009, f"A message may have {self.params.max_message_size} bytes")
        mask = await self._read_bytes(4)
        data = _websocket_mask(mask, await self._read_bytes(length))
        if opcode in _CONTROL:
            self._handle_control(opcode, data)
            return
        if opcode in _DATA:
            self._opcode = opcode
            self._deflated = bool(first & self.RSV1)
            if final:
                await self._deliver(data)
            else:
                self._fragments = bytearray(data)
            return
        fragments = self._fragments
        assert fragments is not None
        fragments += data
        if final:
            self._fragments = None
            await self._deliver(fragments)

    async def periodic_ping(self) -> None:
        """Pings a client that sends nothing, and closes the connection if no pong comes."""
        interval, timeout = self.params.ping_interval, self.params.ping_timeout
        assert interval is not None
        while True:
            if not await self._silent(interval):
                continue
            try:
                self.write_ping(b"")
            except StreamClosedError:
                return
            if timeout and await self._silent(timeout):
                self.fail(1011, f"No pong within {timeout:g} seconds")
                return

    # Private.

    async def _room(self) -> None:
        """Returns when the client has taken enough. Raises `Disconnected` when the WebSocket is closed."""
        if self.stream.full or self.stream.closed():
            try:
                await self.stream.drain()
            except StreamClosedError:
                raise Disconnected("The WebSocket is closed: the client has gone") from None
        if self.server_terminated:
            raise Disconnected("The WebSocket is closed")

    def _check_head(self, final: bool, reserved: int, opcode: int, masked: bool, length: int) -> None:
        if opcode not in _DATA and opcode not in _CONTROL and opcode != CONTINUATION:
            raise ProtocolError(1002, f"Opcode {opcode} is reserved (RFC 6455 5.2)")
        if reserved and not (reserved == self.RSV1 and opcode in _DATA and self._decompressor is not None):
            raise ProtocolError(1002, "A reserved bit is set (RFC 6455 5.2)")
        if not masked:
            raise ProtocolError(1002, "A frame is not masked (RFC 6455 5.1)")
        if opcode in _CONTROL:
            if not final:
                raise ProtocolError(1002, "A control frame is fragmented (RFC 6455 5.5)")
            if length > 125:
                raise ProtocolError(1002, "A control frame has more than 125 bytes (RFC 6455 5.5)")
        elif opcode == CONTINUATION and self._fragments is None:
            raise ProtocolError(1002, "A continuation frame continues nothing (RFC 6455 5.4)")
        elif opcode != CONTINUATION and self._fragments is not None:
            raise ProtocolError(1002, "A message begins within a fragmented one (RFC 6455 5.4)")

    async def _read_length(self, length: int) -> int:
        size, least = (2, 126) if length == 126 else (8, 1 << 16)
        length = int.from_bytes(await self._read_bytes(size))
        if length < least or length >= 1 << 63:
            raise ProtocolError(1002, "A length is not in its shortest form, or negative (RFC 6455 5.2)")
        return length

    async def _deliver(self, data: bytes | bytearray) -> None:
        if self._deflated:
            data = self._inflate(bytes(data))
        message: Message
        if self._opcode == TEXT:
            try:
                message = data.decode()
            except UnicodeDecodeError:
                raise ProtocolError(1007, "A text message is not UTF-8 (RFC 6455 8.1)") from None
        else:
            message = bytes(data)
        if not self.server_terminated:
            await self.inbox.put(message)

    def _inflate(self, data: bytes) -> bytes:
        assert self._decompressor is not None
        try:
            return self._decompressor.decompress(data)
        except _DecompressTooLargeError:
            raise ProtocolError(1009, f"A message may have {self.params.max_message_size} bytes") from None
        except zlib.error:
            raise ProtocolError(1007, "A compressed message is damaged (RFC 7692 7.2.2)") from None

    def _handle_control(self, opcode: int, data: bytes) -> None:
        if opcode == PING:
            self._send_pong(data)
        elif opcode == CLOSE:
            code, reason = _parse_close(data)
            self.client_terminated = True
            if self.close_code is None:
                self.close_code, self.close_reason = code, reason
            self.close(None if code == NO_CODE else code)

    async def _hang_up(self) -> None:
        """Reads and drops what still arrives: if the socket were closed with unread bytes, the kernel would reset the
        connection, and the client would lose the close frame (RFC 6455 7.1.1)."""
        if self.stream.write_eof():
            while await self.stream.read_chunk():
                pass

    async def _silent(self, seconds: float) -> bool:
        """Whether nothing was received from the client within this time, although it could have been.

        Nothing is received while reading is paused; and a pong is late while many bytes wait to be sent to the client,
        whose progress the connection checks.
        """
        stream = self.stream
        received = stream.received
        await asyncio.sleep(seconds)
        return stream.received == received and not (stream.paused or stream.full)

    def _stop_pinging(self) -> None:
        if self._ping_coroutine is not None:
            self._ping_coroutine.cancel()
            self._ping_coroutine = None

    def _lost(self) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
        self.inbox.unbound()
        self._stop_pinging()


def _parse_close(data: bytes) -> tuple[int, str]:
    """The code and the reason in a close frame (RFC 6455 5.5.1)."""
    if not data:
        return NO_CODE, ""
    if len(data) == 1:
        raise ProtocolError(1002, "A close frame has half a code (RFC 6455 5.5.1)")
    code = int.from_bytes(data[:2])
    if not is_close_code(code):
        raise ProtocolError(1002, f"A close frame may not have the code {code} (RFC 6455 7.4)")
    try:
        return code, data[2:].decode()
    except UnicodeDecodeError:
        raise ProtocolError(1007, "The reason of a close frame is not UTF-8 (RFC 6455 5.5.1)") from None
