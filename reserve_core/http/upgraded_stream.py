"""The bytes of a connection after a 101 (RFC 9110 7.8), in the manner of `tornado.iostream.IOStream`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError

from .flow import FlowControl, Waiter

# Bytes that may wait for a reader before the stream stops reading from its socket, and where it starts again.
HIGH_WATER = 64 * 1024
LOW_WATER = HIGH_WATER // 2


class UpgradedStream:
    """What a connection becomes when it stops to speak HTTP.

    It reads, writes and closes as Tornado's protocols expect it of a stream. `flow` is the protocol that carries it,
    `data` what came behind the head of the request. `received` counts the bytes that came in. One reader at a time.
    """

    def __init__(self, flow: FlowControl, data: bytes = b"") -> None:
        self.received: int = len(data)
        self._flow = flow
        self._transport = flow.transport
        self._close_callback: Callable[[], None] | None = None
        self._lost = flow.loop.create_future()  # done when the connection is lost
        self._error: BaseException | None = None
        # Reading.
        self._buffer = bytearray(data)
        self._needed = 0
        self._reader = Waiter("The stream")
        self._ended = False  # no more bytes will be received
        # Writing.
        self._written = flow.loop.create_future()
        self._written.set_result(None)

    @property
    def io_loop(self) -> IOLoop:
        """The running event loop, as Tornado has it."""
        return IOLoop.current()

    @property
    def paused(self) -> bool:
        """Whether reading is paused because the received bytes aren't read."""
        return not self._flow.reading

    @property
    def full(self) -> bool:
        """Whether writing should pause because the client doesn't receive what was written."""
        return self._flow.write_paused

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to take them."""
        return self._transport.get_write_buffer_size()

    async def read_bytes(self, num_bytes: int) -> bytes:
        """Exactly that many bytes. Raises `StreamClosedError` when the stream ends before."""
        while len(self._buffer) < num_bytes:
            if self._ended:
                raise StreamClosedError(self._error)
            await self._wait_for(num_bytes)
        return self._take(num_bytes)

    async def read_chunk(self) -> bytes:
        """What has come, as soon as there is some, up to 64 KB of it; b"" at the end."""
        while not self._buffer:
            if self._ended:
                return b""
            await self._wait_for(1)
        return self._take(min(len(self._buffer), HIGH_WATER))

    def write(self, data: bytes | memoryview) -> asyncio.Future[None]:
        """Sends `data`. The future is done when the client has taken enough for more to be written.

        Raises `StreamClosedError` when the stream is closed; the future fails with it when it is closed meanwhile.
        """
        if self.closed():
            raise StreamClosedError(self._error)
        self._transport.write(data)
        return self._flow.room() if self._flow.write_paused else self._written

    async def drain(self) -> None:
        """Returns when more may be written. Raises `StreamClosedError` when the stream is closed."""
        await self._flow.drained()
        if self.closed():
            raise StreamClosedError(self._error)

    def write_eof(self) -> bool:
        """Says that no more will be written; False if the transport can't (TLS) or the connection is broken."""
        if self.closed() or not self._transport.can_write_eof():
            return False
        try:
            self._transport.write_eof()
        except OSError:  # the client has gone, and the transport doesn't know yet
            return False
        return True

    def close(self) -> None:
        """Closes the connection once what was written is sent. What has come in is dropped."""
        self._buffer.clear()
        self._transport.close()
        self._end()

    def abort(self) -> None:
        """Cuts the connection at once."""
        self._buffer.clear()
        self._transport.abort()
        self._end()

    def closed(self) -> bool:
        """Whether nothing can be written any more. What came in before can still be read."""
        return self._transport.is_closing() or self._lost.done()

    async def wait_closed(self) -> None:
        """Returns when the connection is lost or closed."""
        await asyncio.shield(self._lost)

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """`callback` is called once, when the connection is lost or closed."""
        self._close_callback = callback

    def set_nodelay(self, value: bool) -> None:
        """Nothing to do: the transports of asyncio and uvloop never delay small segments."""

    # Called by the protocol.

    def feed(self, data: bytes) -> None:
        """Adds received bytes to the buffer."""
        self.received += len(data)
        if self._ended:
            return
        self._buffer += data
        if self._needed and len(self._buffer) >= self._needed:
            self._reader.wake()
        # Also with a reader just woken: uvloop gives all that the kernel has, up to 8 MB, before anybody runs.
        if len(self._buffer) > max(HIGH_WATER, self._needed):
            self._flow.set_reading(False)

    def feed_eof(self) -> None:
        """The client will send no more."""
        self._end()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is lost or closed."""
        if self._lost.done():
            return
        self._error = exc
        self._lost.set_result(None)
        self._end()
        self._flow.fail_writers(StreamClosedError(exc))
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            callback()

    # Private.

    def _take(self, size: int) -> bytes:
        buffer = self._buffer
        if size == len(buffer):
            data = bytes(buffer)
            buffer.clear()
        else:
            with memoryview(buffer) as view:
                data = bytes(view[:size])
            del buffer[:size]  # moves the start of the bytearray, not its content
        if len(buffer) <= LOW_WATER:
            self._flow.set_reading(True)
        return data

    async def _wait_for(self, size: int) -> None:
        self._flow.set_reading(True)
        before, self._needed = self._needed, size
        try:
            await self._reader.wait()
        finally:
            self._needed = before  # 0, or what the reader waits for beside whom this one can't

    def _end(self) -> None:
        self._ended = True
        self._reader.wake()
