"""Request bodies, between the connection that receives them and the handler that reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from ..errors import HTTPError
from ..native import mypyc_attr
from .flow import Waiter

# Bytes that may wait for a handler before the connection stops reading from its socket.
HIGH_WATER = 256 * 1024


@mypyc_attr(native_class=False)
class Body(Protocol):
    """Where a request's body comes from: the wire, or memory."""

    @property
    def length(self) -> int | None:
        """The announced length in bytes; None when it is not known before the end."""

    async def read(self) -> bytes:
        """The next chunk, b"" at the end. Raises `Disconnected` when the client went away before."""


@mypyc_attr(allow_interpreted_subclasses=True)  # which pickle takes, as it does requests
class BufferedBody:
    """A body that is in memory already."""

    __slots__ = ("_data", "length")

    def __init__(self, data: bytes) -> None:
        self.length: int | None = len(data)
        self._data = data

    @property
    def at_hand(self) -> int | None:
        """See `BodyStream.at_hand`."""
        return self.length if len(self._data) == self.length else None

    def take(self) -> bytes:
        """See `BodyStream.take`."""
        data, self._data = self._data, b""
        return data

    async def read(self) -> bytes:
        return self.take()


# Shared by all requests without a body: reading it changes nothing.
NO_BODY = BufferedBody(b"")


class BodyStream:
    """A body that arrives over the wire.

    The connection feeds it, one reader takes from it. `on_read` is called when the reader starts to wait, so that the
    connection can send 100 Continue or read on.
    """

    __slots__ = ("_chunks", "_error", "_on_read", "_size", "_waiter", "complete", "length", "started")

    def __init__(self, length: int | None, on_read: Callable[[], None]) -> None:
        self.length: int | None = length
        self.complete: bool = False
        self.started: bool = False  # whether anybody has asked for the body
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._error: BaseException | None = None
        self._waiter = Waiter("The request body")
        self._on_read = on_read

    @property
    def full(self) -> bool:
        """Whether more bytes wait than should."""
        return self._size > HIGH_WATER

    @property
    def error(self) -> BaseException | None:
        """Why the rest will not come."""
        return self._error

    @property
    def at_hand(self) -> int | None:
        """The size of the body if all of it is here and nobody has read of it; None: it isn't so."""
        return self._size if self.complete and not self.started else None

    def take(self) -> bytes:
        """The whole of a body that is at hand."""
        self.started = True
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.discard()
        return data

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        self._waiter.wake()

    def feed_end(self) -> None:
        self.complete = True
        self._on_read = _nothing
        self._waiter.wake()

    def fail(self, error: BaseException) -> None:
        """The rest will not come: readers get `error` once the bytes that did come are read."""
        if not self.complete:
            self._error = error
            self._on_read = _nothing
            self._waiter.wake()

    def discard(self) -> None:
        """Forgets the bytes that wait."""
        self._chunks.clear()
        self._size = 0

    async def read(self) -> bytes:
        """The next chunk, b"" at the end. Raises RuntimeError when somebody reads already."""
        self.started = True
        while not self._chunks:
            if self.complete:
                return b""
            if self._error is not None:
                raise self._error
            self._on_read()
            await self._waiter.wait()
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        if not self._chunks:
            self._on_read()
        return chunk


class BodyAhead:
    """A body of which a part may be read before its reader comes."""

    __slots__ = ("_body", "_chunks", "length")

    def __init__(self, body: Body) -> None:
        self.length: int | None = body.length
        self._body = body
        self._chunks: deque[bytes] = deque()

    async def fill(self, size: int) -> None:
        """Returns once `size` bytes are here, or all that come."""
        size -= sum(map(len, self._chunks))
        while size > 0 and (chunk := await self._body.read()):
            self._chunks.append(chunk)
            size -= len(chunk)

    async def read(self) -> bytes:
        return self._chunks.popleft() if self._chunks else await self._body.read()


async def read_whole(body: Body, limit: int) -> bytes:
    """All of a body. Raises `HTTPError` 413 beyond `limit` bytes, and what `read` raises."""
    length = body.length
    if length is not None and length > limit:
        raise too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while chunk := await body.read():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def too_large(limit: int) -> HTTPError:
    return HTTPError(413, f"The request body is larger than {limit} bytes")


def _nothing() -> None:
    """In the place of the connection's callback once the body is complete, so that the body keeps no connection
    alive."""
