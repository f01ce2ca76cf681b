"""A message as WebSockets send it: its frame (RFC 6455 5.2), compressed for those that agreed to that (RFC 7692)."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from .response import encode

TEXT, BINARY = 0x1, 0x2
_FINAL, _COMPRESSED = 0x80, 0x40
# Bytes of a message worth compressing: less isn't made smaller, more would hold up the other clients.
COMPRESSED = range(1024, 1024 * 1024)


class PreparedMessage:
    """A message for many WebSockets: what goes out is made once for all of them, and compressed once.

    `await websocket.send(message)` sends it like the value it's made of: a str is a text message, bytes are a binary
    one, any other JSON value is JSON in a text message. Raises TypeError for what can't be sent.
    """

    __slots__ = ("_data", "_frames", "_opcode")

    def __init__(self, message: Any) -> None:
        self._data, _ = encode(message)
        self._opcode = BINARY if isinstance(message, bytes | bytearray | memoryview) else TEXT
        self._frames: dict[int, bytes] = {}  # by the bits of the window

    def frame(self, window_bits: int) -> bytes:
        """The frame, compressed with a window of so many bits (8 to 15) if that makes it smaller; 0: as it is.

        Each message is compressed by itself, as `server_no_context_takeover` has it (RFC 7692 7.1.1.1): whoever has the
        same window gets the same bytes.
        """
        if len(self._data) not in COMPRESSED:
            window_bits = 0
        frame = self._frames.get(window_bits)
        if frame is None:
            frame = self._frames[window_bits] = self._make(window_bits)
        return frame

    def _make(self, window_bits: int) -> bytes:
        first, data = _FINAL | self._opcode, self._data
        if window_bits:
            compressor = zlib.compressobj(wbits=-window_bits)
            # Without the four bytes that the receiver adds (RFC 7692 7.2.1).
            data = (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
            first |= _COMPRESSED
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", first, size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", first, 126, size)
        else:
            head = struct.pack("!BBQ", first, 127, size)
        return head + data
