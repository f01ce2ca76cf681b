"""A connection to Redis: commands of one moment go out together, and replies are handed on as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import hiredis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Lost, InvalidResponse

from reserve_core.kit import RedisAddress, RedisURL

# Seconds that Redis has for a reply, and for a connection with all that comes first on it.
TIMEOUT = 5.0
CONNECT_TIMEOUT = 3.0

Result = TypeVar("Result")
Argument = str | bytes | int
ReplyError = hiredis.ReplyError

# Its stub knows tuples of one member only.
pack_command: Callable[[tuple[Argument, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]

_NOTHING = object()


def no_reply(seconds: float) -> TimeoutError:
    """The error of who has waited so long."""
    return TimeoutError(f"no reply within {seconds:g} seconds")


async def within(seconds: float, work: Awaitable[Result]) -> Result:
    """What `work` results in. Raises `no_reply` when that takes longer."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError as error:
        if limit.expired():
            raise no_reply(seconds) from error
        raise


class RedisConnector:
    """Makes connections to the servers of a URL."""

    def __init__(self, url: RedisURL) -> None:
        # Time is ours to keep, and so are the attempts.
        self._options = {
            **url.connection_options,
            "socket_timeout": None,
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
        }
        self._class: type[Connection] = SSLConnection if url.tls else Connection

    async def connect(self, address: RedisAddress) -> AbstractConnection:
        """A new connection, authenticated. Raises `RedisError`, OSError or TimeoutError."""
        connection: AbstractConnection
        if address.port:
            connection = self._class(host=address.host, port=address.port, **self._options)
        else:
            connection = UnixDomainSocketConnection(path=address.host, **self._options)
        try:
            await within(CONNECT_TIMEOUT, connection.connect())  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection


async def ask(opened: AbstractConnection, *arguments: Argument) -> Any:
    """The reply to one command on a connection of the library's. Raises `RedisError`, OSError."""
    await opened.send_packed_command([pack_command(arguments)])
    return await opened.read_response()


class RedisConnection(asyncio.Protocol):
    """A connection that the library has opened and authenticated, taken over from it: there, each reply would cost more
    than all else that is done to record a request.

    Each reply is given to `on_reply`, an error one as a `ReplyError`. When the connection is lost, and not by `close`,
    `on_lost` is called once with the reason.
    """

    def __init__(
        self, connection: AbstractConnection, on_reply: Callable[[Any], None], on_lost: Callable[[Exception], None]
    ) -> None:
        self._on_reply = on_reply
        self._on_lost = on_lost
        self._reader = hiredis.Reader(protocolError=InvalidResponse, notEnoughData=_NOTHING)
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self.heard_at: float = self._loop.time()  # when there was a sign of life, by the loop's clock
        # All that has come until now is read. The writer closes its transport when it is garbage collected: it is kept.
        self._writer: asyncio.StreamWriter = connection._writer  # type: ignore[assignment]
        reader = connection._reader
        connection._writer = connection._reader = None
        self._writer.transport.set_protocol(self)
        if reader is None or reader.at_eof() or self._writer.is_closing():  # the library was told, not we
            self._loop.call_soon(self.connection_lost, None)

    def send(self, commands: list[bytes]) -> None:
        """Sends packed commands. Those sent to a connection that is lost have no reply."""
        if not self._closed:
            self._writer.transport.writelines(commands)

    def close(self) -> None:
        self._closed = True
        self._writer.transport.abort()  # nobody waits for what is on its way, and by TLS Redis would have to agree

    # The transport's calls.

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._loop.time()
        reader, on_reply = self._reader, self._on_reply
        reader.feed(data)
        try:
            while not self._closed and (reply := reader.gets()) is not _NOTHING:
                on_reply(reply)
        except InvalidResponse as error:
            self.connection_lost(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed:
            self._closed = True
            self._writer.transport.abort()
            self._on_lost(exc or Lost("Redis has closed the connection"))
