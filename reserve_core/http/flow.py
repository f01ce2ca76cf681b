"""Flow control: readers wait for data, writers wait until the transport takes more."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from ..native import mypyc_attr

# Bytes of unsent data that the kernel may buffer for a client (TCP_NOTSENT_LOWAT). By default it buffers megabytes for
# each client that doesn't read: copied, kept and dropped for nothing, while the others wait.
UNSENT = 256 * 1024


@mypyc_attr(allow_interpreted_subclasses=True)
class Waiter:
    """What one reader waits for: that somebody wakes it, because there is something new. `what`: what it reads."""

    __slots__ = ("_future", "_loop", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._loop: asyncio.AbstractEventLoop | None = None
        self._future: asyncio.Future[None] | None = None

    def wait(self) -> asyncio.Future[None]:
        """Awaited: returns after the next `wake`. Raises RuntimeError when somebody waits already."""
        if self._future is not None and not self._future.done():
            raise RuntimeError(f"{self._what} is being read by two readers at once")
        loop = self._loop
        if loop is None:  # before Python 3.12 asking for it is a system call
            loop = self._loop = asyncio.get_running_loop()
        self._future = loop.create_future()
        return self._future

    def wake(self) -> None:
        """Ends the wait, if there is one."""
        future = self._future
        if future is not None and not future.done():
            future.set_result(None)


@mypyc_attr(allow_interpreted_subclasses=True)
class FlowControl(asyncio.Protocol):
    """A protocol that can pause reading, and whose writers wait while the transport's buffer is full.

    `reading` says whether it reads, `write_paused` whether the buffer is full.
    """

    transport: asyncio.Transport = cast("asyncio.Transport", None)  # until `connection_made`

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.reading: bool = True
        self.write_paused: bool = False
        self.limited: bool = True  # the kernel takes no more than `UNSENT`: connections begin so
        self._writers: list[asyncio.Future[None]] = []

    def set_reading(self, wanted: bool) -> bool:
        """Reads from the socket from now on, or doesn't. Returns whether that is a change."""
        if wanted is self.reading or self.transport.is_closing():
            return False
        self.reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()
        return True

    def limit_unsent(self, wanted: bool) -> None:
        """Has the kernel take no more than `UNSENT` from now on, or as much as it likes."""
        if wanted is self.limited:
            return
        self.limited = wanted
        sock = self.transport.get_extra_info("socket")
        if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT if wanted else 0)
            except OSError:
                pass  # not TCP, or closed

    def room(self) -> asyncio.Future[None]:
        """A future: done when the transport, whose buffer is full now, takes more; it fails when the connection is
        lost."""
        writer = self.loop.create_future()
        self._writers.append(writer)
        return writer

    async def drained(self) -> None:
        """Returns when the transport takes more. Raises what `fail_writers` is given."""
        while self.write_paused:
            await self.room()

    def fail_writers(self, error: BaseException) -> None:
        """The connection is lost: writers that wait get `error`."""
        self.write_paused = False
        writers, self._writers = self._writers, []
        for writer in writers:
            if not writer.done():
                writer.set_exception(error)
                writer.exception()  # nobody has to wait for a write

    # Called by the transport.

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self.write_paused = True

    def resume_writing(self) -> None:
        """The transport takes more: those who wait may write."""
        self.write_paused = False
        writers, self._writers = self._writers, []
        for writer in writers:
            if not writer.done():
                writer.set_result(None)
