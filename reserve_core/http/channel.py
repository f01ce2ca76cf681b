"""The socket of one client: writing under flow control, write timeouts, and how the connection is closed."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import TYPE_CHECKING, Any

from ..defaults import CACHEABLE, NO_STORE, TEXT
from ..errors import Disconnected
from .flow import FlowControl
from .response_head import render_head
from .server_state import ServerState
from .states import CLOSED, IDLE, LINGERING, UPGRADED, ConnectionState

if TYPE_CHECKING:
    from .upgraded_stream import UpgradedStream

# Seconds in which a client may still read the last response before its connection is cut.
LINGER = 2.0

# Bytes that a client has to receive within the write timeout.
LITTLE = 16 * 1024

NEVER = float("inf")

Address = tuple[str, int]  # host and port


class Channel(FlowControl):
    """A transport with a `deadline` (of the loop's clock, in seconds) that `ServerState.tick` looks at."""

    def __init__(self, server: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        # Of the server.
        self.server = server
        # Of the connection.
        self.peer: Address | None = None  # of the two ends of a TCP connection
        self.local: Address | None = None
        self.state: ConnectionState = IDLE
        self.deadline: float = 0.0
        self._unsent = 0
        self._write_deadline = 0.0
        self._stream: UpgradedStream | None = None

    def begin(self, transport: asyncio.Transport, peer: Any, local: Any) -> None:
        """The connection has been accepted, its first request has to come. `peer`, `local`: its socket addresses."""
        self.transport = transport
        if isinstance(peer, tuple) and isinstance(local, tuple):  # otherwise it's no TCP
            self.peer, self.local = peer[:2], local[:2]
        self.deadline = self.server.now + self.server.limits.header_timeout

    def connection_lost(self, exc: Exception | None) -> None:
        self.state = CLOSED
        if self._stream is not None:
            self._stream.connection_lost(exc)
        self.fail_writers(Disconnected("The client has gone"))

    def eof_received(self) -> bool:
        if self._stream is not None:
            self._stream.feed_eof()
        # A client that has closed can't be told from one that has closed its sending half only: both count as gone.
        return False

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._write_deadline = self.server.now + self.server.limits.write_timeout

    @property
    def writing(self) -> bool:
        """Whether bytes wait for the client to take them."""
        return self.transport.get_write_buffer_size() > 0

    def abort(self) -> None:
        """Cuts the connection."""
        self.state = CLOSED
        self.transport.abort()

    def reset(self) -> None:
        """Cuts the connection with a TCP reset."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):  # it is closed
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def _is_stalled(self, now: float) -> bool:
        """Whether the client has received next to nothing within the write timeout."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent:
            self._unsent = 0
            return False
        unsent += _unacknowledged(self.transport)
        if not self._unsent or self._unsent - unsent >= LITTLE:
            self._write_deadline = now + self.server.limits.write_timeout
            self._unsent = unsent
        else:
            self._unsent = max(self._unsent, unsent)  # less than that adds up
        return now >= self._write_deadline

    def _write_error(self, status: int, reason: str) -> None:
        """Writes a response that belongs to no request, or to one that couldn't be read."""
        body = reason.encode()
        unkept = f"cache-control: {NO_STORE}\r\n" if status in CACHEABLE else ""
        fields = (
            f"content-type: {TEXT}\r\n{unkept}content-length: {len(body)}\r\n{self.server.date}connection: close\r\n"
        )
        self.transport.write(render_head(status, fields) + body)

    def _linger(self) -> None:
        """After the last response the sending half is closed, and reading goes on for a while: if the socket were
        closed at once, bytes still arriving would make the kernel reset the connection, and the client would lose the
        response (RFC 9112 9.6)."""
        more = self.state is not IDLE  # such bytes are to be expected
        self.state = LINGERING
        self.deadline = self.server.now + LINGER
        transport = self.transport
        if transport.is_closing():
            return
        if transport.can_write_eof():
            try:
                transport.write_eof()
            except OSError:  # the client has just reset the connection
                transport.close()
                return
        elif not more:
            # TLS can't close one half alone, and the client may wait for the connection to be closed.
            self._end_lingering(self.server.now)
            return
        self.set_reading(True)

    def _end_lingering(self, now: float) -> None:
        if self.writing:
            # The client hasn't received all of the response yet.
            self.deadline = now + LINGER if self.transport.can_write_eof() else now
        elif self.transport.is_closing():
            self.transport.abort()
        else:
            # Bytes that TLS has encrypted already aren't counted as pending.
            self._close(self.server.limits.write_timeout)

    def _close(self, patience: float = LINGER) -> None:
        """Closes the connection; with TLS, which waits for the client's close_notify, within `patience` seconds."""
        self.state = CLOSED
        self.deadline = self.server.now + patience
        self.transport.close()

    def _give_away(self, head: bytes, data: bytes) -> UpgradedStream:
        """Writes the head of a 101: from now on the connection is a stream, which begins with `data`."""
        self.state = UPGRADED
        self.deadline = NEVER
        self.transport.write(head)
        self.set_reading(True)
        from .upgraded_stream import UpgradedStream  # with Tornado, for those who have use for it

        self._stream = UpgradedStream(self, data)
        return self._stream


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes in the kernel's send buffer that the client hasn't acknowledged; 0 if the kernel doesn't tell.

    A slow client receives these for a long time before the kernel takes more.
    """
    sock = transport.get_extra_info("socket")
    try:
        return 0 if sock is None else int(struct.unpack("i", ioctl(sock.fileno(), TIOCOUTQ, bytes(4)))[0])
    except (OSError, ValueError):  # ValueError: it is closed
        return 0
