"""The listener of an https port: connections count, and have a deadline, from their acceptance on, before TLS."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from contextlib import suppress
from string import ascii_letters

from .connection import Connection
from .server_state import ServerState

# Connections that are accepted before others have their turn.
AT_ONCE = 64
# Seconds until accepting is tried again when the system is out of file descriptors or memory.
PAUSE = 1.0

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# A request line begins with a letter, a TLS record never: it begins with its type, 22 for a handshake (RFC 8446 5.1).
_LETTERS = frozenset(ascii_letters.encode())


class TlsListener:
    """Accepts connections on a listening socket and leads them through their handshake.

    The event loop's own server tells of a connection once its handshake has ended: until then it would belong to no
    limit. `context` is what a handshake begins with.
    """

    def __init__(
        self, server: ServerState, loop: asyncio.AbstractEventLoop, listening: socket.socket, context: ssl.SSLContext
    ) -> None:
        self._server = server
        self._loop = loop
        self._listening = listening
        self._context = context
        self._timer: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Accepts no more. Connections that are there go on."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def _listen(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = self._listening.accept()
            except OSError as error:  # BlockingIOError: no connection is waiting; or the client has closed it already
                if error.errno in _EXHAUSTED:
                    self._server.warn_of_descriptors()
                    self._loop.remove_reader(self._listening)
                    self._timer = self._loop.call_later(PAUSE, self._listen)
                return
            connection = Connection(self._server, self._loop)
            if self._server.admit(connection, sock.fileno()):
                sock.setblocking(False)
                connection.begin(
                    _HandshakeTransport(self._loop, connection, sock, self._context), address, sock.getsockname()
                )
            else:
                sock.close()  # to say why would take a handshake


class _HandshakeTransport(asyncio.Transport):
    """Stands for the transport of a connection until that one's handshake has ended."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connection: Connection, sock: socket.socket, context: ssl.SSLContext
    ) -> None:
        super().__init__()
        self._loop = loop
        self._connection = connection
        self._context = context
        self._sock: socket.socket | None = sock  # as long as the event loop hasn't taken it over
        self._task = loop.create_task(self._arrive(sock))
        self._task.add_done_callback(self._arrived)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._task.cancelling() > 0

    def close(self) -> None:
        self._task.cancel()

    def abort(self) -> None:
        self._task.cancel()

    async def _arrive(self, sock: socket.socket) -> None:
        connection = self._connection
        limits = connection.server.limits
        first = await self._first_byte(sock)
        self._sock = None
        if first and first[0] in _LETTERS:
            connection.refuse(400, "This port speaks https: write https:// instead of http://")
            await self._loop.connect_accepted_socket(lambda: connection, sock)
        else:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                sock,
                ssl=self._context,
                # The connection's own deadlines come before.
                ssl_handshake_timeout=limits.header_timeout + PAUSE,
                ssl_shutdown_timeout=limits.write_timeout + PAUSE,
            )

    def _arrived(self, task: asyncio.Task[None]) -> None:
        connection = self._connection
        if self._sock is not None:
            self._sock.close()
        if connection.transport is self:
            connection.connection_lost(None)
        # OSError, of which ssl.SSLError is one: the client has gone, or doesn't speak TLS as we do.
        with suppress(OSError, asyncio.CancelledError):
            task.result()

    async def _first_byte(self, sock: socket.socket) -> bytes:
        """The first byte that comes, which stays where it is; b"" when the client has closed."""
        readable = asyncio.Event()
        self._loop.add_reader(sock, readable.set)
        try:
            await readable.wait()
        finally:
            self._loop.remove_reader(sock)
        return sock.recv(1, socket.MSG_PEEK)
