"""The helper `capture`: a copy of an answer's body while it goes out."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import brotli  # type: ignore[import-untyped]
import zstandard

from .errors import ResponseError
from .http.request import Headers

if TYPE_CHECKING:
    from .http import Response, Writer

# Bytes a decoder yields at a time, about: a small body that decodes to a huge one neither fills the memory nor holds up
# the event loop.
PIECE = 64 * 1024

# The window a zstd decoder must have, and need not exceed (RFC 9659 3).
ZSTD_WINDOW = 8 * 1024 * 1024
# A zstd block of 4 bytes can decode to 128 KB, and its decoder knows no limit: it gets little at a time.
ZSTD_INPUT = 256


class Sink(Protocol):
    """Where the copy goes: a file, a `BytesIO`, anything with such a `write`. It may be a coroutine function."""

    def write(self, data: bytes, /) -> Any: ...


class Captured(NamedTuple):
    """The head of an answer whose body has been copied."""

    status: int
    headers: Headers


def capture(response: Response, sink: Sink) -> asyncio.Future[Captured]:
    """Copies the body of the answer to come to `sink`, decoded from gzip, deflate, br and zstd.

    The future gets its result once the answer is complete and the sink has all of it. It fails with a ConnectionError
    when the answer is cut, a ValueError when the body can't be decoded, an EOFError when its coding ends too early, and
    with what `sink.write` raises. Nothing of that disturbs the answer: each chunk goes out first, then it is copied. A
    coroutine function as `sink.write` is awaited before the next chunk goes out. Cancelling the future ends the copy.

    Raises `ResponseError` when the answer has begun already.
    """
    if response.headers_sent:
        raise ResponseError("The response has begun already: capture it before a handler answers")
    copier = _Copier(response.writer, sink)
    response.writer = copier
    return copier.captured


class _Copier:
    """The writer before the response's own."""

    def __init__(self, writer: Writer, sink: Sink) -> None:
        self.captured: asyncio.Future[Captured] = asyncio.get_running_loop().create_future()
        self._writer = writer
        self._sink = sink
        self._head = Captured(0, Headers())
        self._decoders: list[_Decoder] = []
        self._empty = True
        self._ended = False
        self._task: asyncio.Task[None] | None = None

    def inform(self, status: int, headers: Headers) -> None:
        self._writer.inform(status, headers)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self._writer.send(status, headers, body)
        self._begin(status, headers)
        self._ended = True
        self._task = asyncio.create_task(self._copy_whole(body))

    def start(self, status: int, headers: Headers) -> None:
        self._writer.start(status, headers)
        self._begin(status, headers)

    async def write(self, chunk: bytes) -> None:
        await self._writer.write(chunk)
        await self._copy(chunk)

    async def end(self) -> None:
        await self._writer.end()
        self._ended = True
        self._complete()

    def abort(self) -> None:
        self._writer.abort()
        if not self._ended:
            self._fail(ConnectionAbortedError("The answer was cut before its end"))

    def _begin(self, status: int, headers: Headers) -> None:
        self._head = Captured(status, Headers(headers))
        try:
            self._decoders = _decoders(",".join(headers.getall("content-encoding", [])))
        except ValueError as error:
            self._fail(error)

    async def _copy_whole(self, body: bytes) -> None:
        await self._copy(body)
        self._complete()

    async def _copy(self, data: bytes) -> None:
        if self.captured.done() or not data:
            return
        self._empty = False
        try:
            for number, piece in enumerate(_decode(self._decoders, data)):
                if number:
                    await asyncio.sleep(0)  # a bomb lets the others have their turn
                written = self._sink.write(piece)
                if isawaitable(written):
                    await written
                if self.captured.done():
                    return
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            coding = self._head.headers.get("content-encoding")
            self._fail(ValueError(f"The body is not what its content-encoding says ({coding}): {error}"), error)
        except Exception as error:
            self._fail(error)

    def _complete(self) -> None:
        if self.captured.done():
            return
        if self._empty or all(decoder.complete for decoder in self._decoders):
            self.captured.set_result(self._head)
        else:
            coding = self._head.headers.get("content-encoding")
            self._fail(EOFError(f"The body ended in the middle of its content-encoding ({coding})"))

    def _fail(self, error: Exception, cause: Exception | None = None) -> None:
        if not self.captured.done():
            error.__cause__ = cause or error.__cause__
            self.captured.set_exception(error)


class _Decoder(Protocol):
    """Takes a content coding (RFC 9110 8.4.1) off a body, piece by piece."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to, in pieces of bounded size."""

    @property
    def complete(self) -> bool:
        """Whether the coding has come to its end."""


def _decode(decoders: Sequence[_Decoder], data: bytes) -> Iterator[bytes]:
    if not decoders:
        yield data
        return
    for piece in decoders[0].feed(data):
        yield from _decode(decoders[1:], piece)


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
        for start in range(0, len(data), ZSTD_INPUT):
            rest = data[start : start + ZSTD_INPUT]
            while rest:
                if self._frame.eof:
                    self._frame = self._new_frame()
                piece = self._frame.decompress(rest)
                rest = self._frame.unused_data if self._frame.eof else b""
                if piece:
                    yield piece

    @property
    def complete(self) -> bool:
        return self._frame.eof

    @staticmethod
    def _new_frame() -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()


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
                raise ValueError(f"The content coding {name!r} is unknown: a capture decodes {', '.join(_CODINGS)}")
            decoders.append(_CODINGS[name]())
    return decoders
