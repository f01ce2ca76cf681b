"""What puts content codings on a body (RFC 9110 8.4.1), piece by piece."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

import brotli  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# How far Brotli and zstd look back, as a power of two: in a whole body, and in a stream, which takes their memory for
# as long as it is open.
WINDOW_LOG = 19
WINDOW_LOG_OF_STREAM = 16


class Encoder(Protocol):
    """Puts one content coding on one body.

    It is made of a level and the power of two of its window.
    """

    def feed(self, data: bytes, flush: bool) -> bytes:
        """What goes out for `data`. With `flush`, a client can decode all of it from that."""

    def finish(self) -> bytes:
        """What is still to go out at the end."""


class GzipEncoder:
    """gzip (RFC 1952), whose window has 32 kB at most."""

    def __init__(self, level: int, window_log: int) -> None:
        self._compressor = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def feed(self, data: bytes, flush: bool) -> bytes:
        encoded = self._compressor.compress(data)
        return encoded + self._compressor.flush(zlib.Z_SYNC_FLUSH) if flush else encoded

    def finish(self) -> bytes:
        return self._compressor.flush()


class BrotliEncoder:
    """Brotli (RFC 7932)."""

    def __init__(self, level: int, window_log: int) -> None:
        self._compressor = brotli.Compressor(quality=level, lgwin=window_log)

    def feed(self, data: bytes, flush: bool) -> bytes:
        encoded: bytes = self._compressor.process(data)
        return encoded + self._compressor.flush() if flush else encoded

    def finish(self) -> bytes:
        encoded: bytes = self._compressor.finish()
        return encoded


class ZstdEncoder:
    """Zstandard (RFC 8878)."""

    def __init__(self, level: int, window_log: int) -> None:
        parameter = zstd.CompressionParameter
        options: dict[int, int] = {parameter.compression_level: level, parameter.window_log: window_log}
        self._compressor = zstd.ZstdCompressor(options=options)

    def feed(self, data: bytes, flush: bool) -> bytes:
        if flush:
            return self._compressor.compress(data, self._compressor.FLUSH_BLOCK)
        return self._compressor.compress(data)

    def finish(self) -> bytes:
        return self._compressor.flush()


ENCODERS: dict[str, Callable[[int, int], Encoder]] = {"br": BrotliEncoder, "zstd": ZstdEncoder, "gzip": GzipEncoder}
