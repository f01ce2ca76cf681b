"""The writer that compresses the body of a response."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from reserve_core.kit import BodyWriter, Threads, accepted_codings, add_vary

from .compressible import is_compressible
from .encoders import ENCODERS, WINDOW_LOG, WINDOW_LOG_OF_STREAM, Encoder

if TYPE_CHECKING:
    from reserve_core import Headers, Request, Response

    from .options import Options

# Bytes that are compressed in the event loop, which takes about a millisecond; more is compressed in a thread, whose
# round trip costs a quarter of that.
AT_ONCE = 32 * 1024

_WEAK_TAG = re.compile(r'W/("[^\x00-\x20"\x7f]*")')


class Compression:
    """What one mapping does, in the `threads` that its server has for it."""

    def __init__(self, options: Options, threads: Threads) -> None:
        self.min_size = options.min_size
        self._threads = threads
        self._codings = options.codings
        self._levels = options.levels

    def coding(self, request: Request) -> str | None:
        """The content coding that the client likes best; None: it wants none."""
        return best_coding(request, self._codings)

    def body(self, coding: str, size: int | None) -> CompressedBody:
        """What compresses one body, of `size` bytes if that is known."""
        window_log = WINDOW_LOG_OF_STREAM if size is None else WINDOW_LOG
        encoder = ENCODERS[coding](getattr(self._levels, coding), window_log)
        return CompressedBody(encoder, self._threads, flush=size is None)


class CompressedBody:
    """A body that is compressed: see `BodyChange`.

    One of unknown length may be a stream of events: each piece goes out at once.
    """

    def __init__(self, encoder: Encoder, threads: Threads, flush: bool) -> None:
        self._encoder = encoder
        self._threads = threads
        self._flush = flush
        self._held = 0  # bytes that the encoder may still have to compress

    async def feed(self, piece: bytes) -> bytes:
        """See `BodyChange.feed`."""
        if not self._flush:
            self._held += len(piece)
        if len(piece) <= AT_ONCE:
            return self._encoder.feed(piece, self._flush)
        return await self._threads.run(self._encoder.feed, piece, self._flush)

    async def finish(self) -> bytes:
        """See `BodyChange.finish`."""
        if self._held <= AT_ONCE:
            return self._encoder.finish()
        return await self._threads.run(self._encoder.finish)


class CompressingWriter(BodyWriter):
    """Compresses what is worth it with the coding that the client likes best."""

    def __init__(self, request: Request, response: Response, compression: Compression) -> None:
        super().__init__(request, response)
        self._compression = compression
        # Those of the client: later mappings may ask for something else.
        self._coding = compression.coding(request)
        self._tags = ", ".join(request.headers.getall("if-none-match", ()))

    def change(self, status: int, headers: Headers, size: int | None) -> CompressedBody | None:
        """See `BodyWriter.change`."""
        if status == 304:
            self._name_as_compressed(headers)
        if (size is not None and size < self._compression.min_size) or not is_compressible(status, headers):
            return None
        add_vary(headers, "accept-encoding")
        if self._coding is None:
            return None
        _weaken(headers)
        headers.popall("accept-ranges", None)  # they are of the body as it is behind this mapping
        headers["content-encoding"] = self._coding
        return self._compression.body(self._coding, size)

    def _name_as_compressed(self, headers: Headers) -> None:
        """A client that asks whether the compressed body is still right is told so by the entity tag that it has."""
        if headers.get("etag") in _WEAK_TAG.findall(self._tags):
            _weaken(headers)
            add_vary(headers, "accept-encoding")


def _weaken(headers: Headers) -> None:
    """The same content in other bytes has no strong entity tag (RFC 9110 8.8.1)."""
    tag = headers.get("etag", "")
    if tag.startswith('"'):
        headers["etag"] = f"W/{tag}"


def best_coding(request: Request, codings: tuple[str, ...]) -> str | None:
    """The one of the `codings` that the client likes best; None: it wants none."""
    accepted = _accepted(", ".join(request.headers.getall("accept-encoding", ())), codings)
    return accepted[0] if accepted else None


@lru_cache(maxsize=128)
def _accepted(accept_encoding: str, codings: tuple[str, ...]) -> tuple[str, ...]:
    return accepted_codings(accept_encoding, codings)


@asynccontextmanager
async def compressing_threads() -> AsyncIterator[Threads]:
    """The threads of a server: as many as processors."""
    threads = Threads(os.cpu_count() or 1, "compress")
    try:
        yield threads
    finally:
        threads.close()
