"""One connection to Redis that everything shares: commands given at the same moment make one round trip.

Only the link's own task talks to the connection. A caller that is cancelled stops waiting for its reply, and the reply
is still taken off the wire: nobody else can get it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError

from .errors import Unavailable
from .scripts import Script

logger = logging.getLogger("reserve")

# Of one round trip: commands, bytes, and the seconds it may take, connecting included.
MAX_COMMANDS = 256
MAX_BATCH = 8 * 1024 * 1024
PATIENCE = 5.0
# What may wait for its turn, in bytes. A command counts for its arguments and this much.
MAX_WAITING = 256 * 1024 * 1024
COMMAND_COST = 512
# Different error replies of a connection that are logged.
MAX_REFUSALS = 16
# Seconds after a failure in which everybody is refused at once.
PAUSE = 0.5

AWAY = "The mirror's Redis is away: try again in a moment"
STOPPING = "The server is stopping"

Argument = str | bytes | int
Greeting = Callable[[Callable[..., Awaitable[Any]]], Awaitable[None]]


# Its stub knows tuples of one member only.
pack_command: Callable[[tuple[Argument, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]


class _Command(NamedTuple):
    arguments: tuple[Argument, ...]
    size: int
    reply: asyncio.Future[Any]


class Dial:
    """Makes connections to the Redis of a URL; `place` names it without its password.

    Raises ValueError for a URL that is none of Redis.
    """

    def __init__(self, url: str) -> None:
        self.place = re.sub("//.*@", "//", url.partition("?")[0])
        # One protocol, so that replies look the same whatever the library's default; time is ours to keep.
        self._pool = ConnectionPool.from_url(
            url, protocol=2, socket_timeout=None, socket_connect_timeout=PATIENCE, decode_responses=False
        )

    async def connect(self) -> AbstractConnection:
        """A new connection, authenticated. Raises `RedisError`, OSError or TimeoutError."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection


class Link:
    """Sends commands. `scripts` are loaded into each new connection; then `greet` may send commands of its own."""

    def __init__(self, dial: Dial, scripts: Iterable[Script], greet: Greeting) -> None:
        self._dial = dial
        self._scripts = tuple(scripts)
        self._greet = greet
        self._waiting: deque[_Command] = deque()
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._connection: AbstractConnection | None = None
        self._away = False
        self._retry_at = 0.0
        self._refusals: set[str] = set()  # the errors that were logged
        self._closed = False

    async def run(self, script: Script, keys: tuple[str, ...], *arguments: Argument) -> Any:
        """Runs a script and returns what it returns."""
        return await self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)

    async def call(self, *arguments: Argument) -> Any:
        """Sends a command and returns its reply. Raises `Unavailable` when there is none, or it is an error.

        A command whose reply was lost may have been carried out.
        """
        loop = asyncio.get_running_loop()
        if self._closed:
            raise Unavailable(STOPPING)
        if self._away and loop.time() < self._retry_at:
            raise Unavailable(AWAY)
        size = COMMAND_COST
        for argument in arguments:
            if not isinstance(argument, int):
                size += len(argument)
        if self._size + size > MAX_WAITING:
            raise Unavailable("Redis takes less than is recorded: try again later")
        reply: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Command(arguments, size, reply))
        self._size += size
        if self._task is None:
            self._task = loop.create_task(self._work())
        return await reply

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
        """Gives up what waits, and the connection."""
        self._closed = True
        task = self._task
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._disconnect()

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._take_turn()
        finally:
            self._task = None
            _fail(self._waiting, STOPPING)
            self._waiting.clear()
            self._size = 0

    async def _take_turn(self) -> None:
        batch = self._next_batch()
        try:
            async with asyncio.timeout(PATIENCE):
                connection = self._connection or await self._connect()
                unknown = await self._exchange(connection, batch)
                if unknown:  # somebody has flushed the scripts: none of these was carried out
                    await self._load_scripts(connection)
                    await self._exchange(connection, unknown)
        except (RedisError, OSError, TimeoutError) as error:
            await self._lose(error)
            _fail(batch, AWAY, error)
        except BaseException:
            _fail(batch, STOPPING)
            raise

    def _next_batch(self) -> list[_Command]:
        waiting = self._waiting
        batch: list[_Command] = []
        size = 0
        while waiting and len(batch) < MAX_COMMANDS and size < MAX_BATCH:
            command = waiting.popleft()
            self._size -= command.size
            if not command.reply.done():
                batch.append(command)
                size += command.size
        return batch

    async def _exchange(self, connection: AbstractConnection, batch: list[_Command]) -> list[_Command]:
        """Sends commands and hands out their replies; returns those whose script Redis doesn't know."""
        await connection.send_packed_command([pack_command(command.arguments) for command in batch])
        unknown: list[_Command] = []
        for command in batch:
            try:
                reply = await connection.read_response()
            except NoScriptError:
                unknown.append(command)
            except ResponseError as error:
                why = str(error).partition(" script: ")[0].rstrip(".")
                self._report_refusal(why)
                _fail([command], f"The mirror's Redis refuses: {why}", error)
            else:
                if not command.reply.done():
                    command.reply.set_result(reply)
        return unknown

    async def _connect(self) -> AbstractConnection:
        connection = await self._dial.connect()
        try:
            await self._load_scripts(connection)

            async def ask(*arguments: Argument) -> Any:
                await connection.send_packed_command([pack_command(arguments)])
                return await connection.read_response()

            await self._greet(ask)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._connection = connection
        self._refusals.clear()
        if self._away:
            self._away = False
            logger.warning("Redis at %s is back", self._dial.place)
        return connection

    async def _load_scripts(self, connection: AbstractConnection) -> None:
        await connection.send_packed_command(
            [pack_command(("SCRIPT", "LOAD", script.source)) for script in self._scripts]
        )
        for _ in self._scripts:
            await connection.read_response()

    async def _lose(self, error: Exception) -> None:
        await self._disconnect()
        self._retry_at = asyncio.get_running_loop().time() + PAUSE
        if not self._away:
            self._away = True
            why = str(error) or f"no answer within {PATIENCE:g} seconds"
            logger.error(
                "Redis at %s is away: %s\nRequests to mirrors are answered with 503 until it's back",
                self._dial.place,
                why,
            )

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    def _report_refusal(self, error: str) -> None:
        """Logs an error reply, once on each connection."""
        if error not in self._refusals and len(self._refusals) < MAX_REFUSALS:
            self._refusals.add(error)
            logger.error("Redis at %s refuses: %s", self._dial.place, error)


def _fail(commands: Iterable[_Command], message: str, cause: Exception | None = None) -> None:
    for command in commands:
        if not command.reply.done():
            error = Unavailable(message)
            error.__cause__ = cause
            command.reply.set_exception(error)
