"""One connection to Redis that everything shares: the commands of one turn of the event loop go out together.

Each has a reply, or a failure, of its own. A caller that is cancelled stops waiting for its reply, which is still read
from the connection: nobody else can get it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, RedisError

from .interface import Unavailable
from .redis_connection import TIMEOUT, UNREACHABLE, Argument, RedisConnection, RedisConnector, ReplyError, pack_command
from .redis_scripts import MirrorScript

logger = logging.getLogger("reserve")

# What may wait for its reply, in bytes. A command counts for its bytes and this much.
MAX_WAITING = 256 * 1024 * 1024
COMMAND_COST = 512
# Different error replies of a connection that are logged.
MAX_REFUSALS = 16
# Seconds after a failure in which commands fail at once.
PAUSE = 0.5

STOPPING = "The server is stopping"

OnConnect = Callable[[Callable[..., Awaitable[Any]]], Awaitable[None]]

# Error replies by which Redis says that it carries out no command at all for now.
_CLOSED = frozenset(("LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS"))
_NO_SCRIPT = "NOSCRIPT"


class _Command:
    """A packed command, and the future of its reply; None: nobody waits for it."""

    __slots__ = ("data", "repeated", "reply", "size")

    def __init__(self, data: bytes, reply: asyncio.Future[Any] | None) -> None:
        self.data: bytes = data
        self.reply: asyncio.Future[Any] | None = reply
        self.size: int = len(data) + COMMAND_COST
        self.repeated: bool = False  # once the script that it runs was loaded again

    def fail(self, message: str, cause: Exception | None = None) -> None:
        reply = self.reply
        if reply is not None and not reply.done():
            error = Unavailable(message)
            error.__cause__ = cause
            reply.set_exception(error)


class RedisPipeline:
    """Sends commands. `scripts` are loaded into each new connection; then `on_connect` may send commands of its own."""

    def __init__(self, connector: RedisConnector, scripts: Iterable[MirrorScript], on_connect: OnConnect) -> None:
        self._connector = connector
        self._scripts = tuple(scripts)
        self._loading = [pack_command(("SCRIPT", "LOAD", script.source)) for script in self._scripts]
        self._on_connect = on_connect
        self._waiting: list[_Command] = []  # for the end of the turn of the loop, or a connection
        self._unloaded: list[_Command] = []  # those whose script Redis doesn't know
        self._sent: deque[_Command] = deque()  # one round trip, in the order of the replies to come
        self._size = 0  # of all these
        self._connection: RedisConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._turn: asyncio.Handle | None = None  # its end
        self._timeout: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        self._unreachable = False
        self._retry_at = 0.0
        self._refusals: set[str] = set()  # the errors that were logged
        self._closed = False

    def run(self, script: MirrorScript, keys: tuple[str, ...], *arguments: Argument) -> asyncio.Future[Any]:
        """Runs a script; the future gets what it returns."""
        return self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)

    def call(self, *arguments: Argument) -> asyncio.Future[Any]:
        """Sends a command; the future gets its reply. It fails with `Unavailable` when there is none or it's an error.

        A command whose reply was lost may have been carried out.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        command = _Command(pack_command(arguments), reply)
        if self._closed:
            command.fail(STOPPING)
        elif self._unreachable and loop.time() < self._retry_at:
            command.fail(UNREACHABLE)
        elif self._size + command.size > MAX_WAITING:
            command.fail("Redis is too slow for what is recorded: try again later")
        else:
            self._size += command.size
            self._waiting.append(command)
            self._send_soon()
        return reply

    async def connect(self) -> None:
        """Makes sure that there is a connection. Raises `Unavailable`, `AuthenticationError` for a wrong password."""
        try:
            await self.call("PING")
        except Unavailable as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, AuthenticationError):
                cause = cause.__cause__
            raise cause or error from None

    async def close(self) -> None:
        """Fails all commands that wait, and closes the connection."""
        self._closed = True
        task = self._connecting
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for commands in (self._sent, self._unloaded, self._waiting):
            self._fail(commands, STOPPING)
        self._disconnect()

    # A turn of the loop.

    def _send_all(self) -> None:
        self._turn = None
        connection = self._connection
        if connection is None:
            if self._connecting is None and self._waiting:
                self._connecting = asyncio.create_task(self._connect())
            return
        if self._sent:
            return  # what comes until those have their replies makes one round trip, too: fewer system calls
        commands: list[_Command] = []
        if self._unloaded:
            commands += [_Command(data, None) for data in self._loading]
            self._size += sum(command.size for command in commands)
            commands += self._unloaded
            self._unloaded = []
        for command in self._waiting:
            if command.reply is not None and command.reply.done():  # its caller was cancelled
                self._size -= command.size
            else:
                commands.append(command)
        self._waiting = []
        if not commands:
            return
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        if self._timeout is None:
            self._timeout = loop.call_later(TIMEOUT, self._check_timeout)
        self._sent.extend(commands)
        connection.send([command.data for command in commands])

    def _on_reply(self, reply: Any) -> None:
        if not self._sent:
            return
        command = self._sent.popleft()
        self._size -= command.size
        if isinstance(reply, ReplyError):
            self._on_error_reply(command, reply)
        elif command.reply is not None and not command.reply.done():
            command.reply.set_result(reply)
        if not self._sent and (self._waiting or self._unloaded):
            self._send_soon()

    def _send_soon(self) -> None:
        """What waits is sent at the end of this turn."""
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._send_all)

    def _on_error_reply(self, command: _Command, error: ReplyError) -> None:
        code = str(error).partition(" ")[0]
        if code == _NO_SCRIPT and command.reply is not None and not command.repeated:
            # Somebody has flushed the scripts: it wasn't carried out.
            command.repeated = True
            self._size += command.size
            self._unloaded.append(command)
        elif code in _CLOSED:
            self._size += command.size
            self._sent.appendleft(command)
            self._on_lost(error)
        else:
            why = re.sub("^[A-Z]+ ", "", str(error)).partition(" script: ")[0].rstrip(".")
            self._report_refusal(why)
            command.fail(f"The mirror's Redis refuses: {why}", error)

    def _check_timeout(self) -> None:
        """Closes the connection when its replies take too long."""
        self._timeout = None
        connection, loop = self._connection, asyncio.get_running_loop()
        if connection is None or not self._sent:
            return
        limit = max(connection.heard_at, self._sent_at) + TIMEOUT
        if loop.time() < limit:
            self._timeout = loop.call_at(limit, self._check_timeout)
        else:
            self._on_lost(TimeoutError())

    # The connection.

    async def _connect(self) -> None:
        opened: AbstractConnection | None = None
        try:
            async with asyncio.timeout(TIMEOUT):
                opened = await self._connector.connect()
                await self._prepare(opened)
        except (RedisError, OSError, TimeoutError) as error:
            self._report_loss(error)
            self._fail(self._waiting, UNREACHABLE, error)
        except BaseException:
            self._fail(self._waiting, STOPPING)
            raise
        else:
            self._connection = RedisConnection(opened, self._on_reply, self._on_lost)
            opened = None
            self._refusals.clear()
            if self._unreachable:
                self._unreachable = False
                logger.warning("Redis at %s is back", self._connector.place)
            self._send_all()
        finally:
            self._connecting = None
            if opened is not None:
                await opened.disconnect(nowait=True)

    async def _prepare(self, opened: AbstractConnection) -> None:
        await opened.send_packed_command(self._loading)
        for _ in self._loading:
            await opened.read_response()

        async def ask(*arguments: Argument) -> Any:
            await opened.send_packed_command([pack_command(arguments)])
            return await opened.read_response()

        await self._on_connect(ask)

    def _on_lost(self, error: Exception) -> None:
        """The connection is lost, which is logged if somebody waits for a reply; the next command makes another."""
        self._disconnect()
        if self._sent or self._unloaded:
            self._report_loss(error)
            self._fail(self._sent, UNREACHABLE, error)
            self._fail(self._unloaded, UNREACHABLE, error)
        if self._waiting:
            self._send_soon()

    def _report_loss(self, error: Exception) -> None:
        self._retry_at = asyncio.get_running_loop().time() + PAUSE
        if not self._unreachable:
            self._unreachable = True
            why = str(error) or f"no reply within {TIMEOUT:g} seconds"
            logger.error(
                "Redis at %s can't be reached: %s\nRequests to mirrors are answered with 503 until it's back",
                self._connector.place,
                why,
            )

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _report_refusal(self, error: str) -> None:
        """Logs an error reply, once on each connection."""
        if error not in self._refusals and len(self._refusals) < MAX_REFUSALS:
            self._refusals.add(error)
            logger.error("Redis at %s refuses: %s", self._connector.place, error)

    def _fail(self, commands: list[_Command] | deque[_Command], message: str, cause: Exception | None = None) -> None:
        for command in commands:
            self._size -= command.size
            command.fail(message, cause)
        commands.clear()
