"""Takes content codings (RFC 9110 8.4.1) off a body, piece by piece: neither memory nor loop is at its mercy."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import brotli  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Bytes a decoder yields at a time, about: a small body that decodes to a huge one neither fills the memory nor holds up
# the event loop.
PIECE = 64 * 1024
# Bytes a decoder gets at a time: it may find hundreds of members that decode to nothing, and copies the rest for each.
INPUT = 4096

# The window a zstd decoder must have, and need not exceed: 8 MB (RFC 9659 3). As the power of two.
ZSTD_WINDOW_LOG = 23


class Decoding:
    """The decoders of a Content-Encoding (`coding`). Raises ValueError for an unknown coding."""

    def __init__(self, coding: str) -> None:
        self.coding = coding
        self._decoders = _decoders(coding)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to, in pieces of bounded size. Raises ValueError when it isn't what the coding says.

        Work is bounded, too: where much decodes to nothing, empty pieces come, for others to have their turn.
        """
        try:
            yield from _decode(self._decoders, data)
        except (zlib.error, brotli.error, zstd.ZstdError) as error:
            raise ValueError(f"The body is not what its content-encoding says ({self.coding}): {error}") from error

    @property
    def complete(self) -> bool:
        """Whether each coding has come to its end."""
        return all(decoder.complete for decoder in self._decoders)


class _Decoder(Protocol):
    """Takes one content coding off a body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to, in pieces of bounded size."""

    @property
    def complete(self) -> bool:
        """Whether the coding has come to its end."""


def _decode(decoders: Sequence[_Decoder], data: bytes) -> Iterator[bytes]:
    if not decoders:
        yield data
        return
    for start in range(0, len(data), INPUT):
        nothing = True
        for decoded in decoders[0].feed(data[start : start + INPUT]):
            for piece in _decode(decoders[1:], decoded):
                nothing = False
                yield piece
        if nothing:
            yield b""


class _Gzip:
    """gzip, of one member or several (RFC 1952)."""

    def __init__(self, wbits: int = 16 + zlib.MAX_WBITS) -> None:
        self._wbits = wbits
        self._member = zlib.decompressobj(wbits)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(self._wbits)
            piece = self._member.decompress(data, PIECE)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece

    @property
    def complete(self) -> bool:
        return self._member.eof


class _Deflate:
    """zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers call by the same name."""

    def __init__(self) -> None:
        self._inner: _Gzip | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            # The method in zlib's first byte is 8; bare deflate begins so only with padding that isn't zero.
            self._inner = _Gzip(zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        return self._inner.feed(data)

    @property
    def complete(self) -> bool:
        return self._inner is not None and self._inner.complete


class _Brotli:
    """Brotli (RFC 7932)."""

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while piece := self._decompressor.process(data, output_buffer_limit=PIECE):
            yield piece
            data = b""  # it has all of it; what it owes comes without more

    @property
    def complete(self) -> bool:
        return bool(self._decompressor.is_finished())


class _Zstd:
    """Zstandard, of one frame or several (RFC 8878)."""

    def __init__(self) -> None:
        self._frame = self._new_frame()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data or not (self._frame.needs_input or self._frame.eof):
            if self._frame.eof:
                self._frame = self._new_frame()
            piece = self._frame.decompress(data, PIECE)
            # It has all of it; what it owes comes without more.
            data = self._frame.unused_data if self._frame.eof else b""
            if piece:
                yield piece

    @property
    def complete(self) -> bool:
        return self._frame.eof

    @staticmethod
    def _new_frame() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})


_CODINGS: dict[str, Callable[[], _Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}


def _decoders(content_encoding: str) -> list[_Decoder]:
    """The decoders of a Content-Encoding, the one applied last first. Raises ValueError for an unknown coding."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    decoders: list[_Decoder] = []
    for name in reversed(names):
        if name and name != "identity":
            if name not in _CODINGS:
                raise ValueError(f"The content coding {name!r} is unknown: known are {', '.join(_CODINGS)}")
            decoders.append(_CODINGS[name]())
    return decoders
