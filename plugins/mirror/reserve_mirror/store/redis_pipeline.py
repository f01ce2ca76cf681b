"""One connection to a node of Redis that everything shares: the commands of one turn of the event loop go out together.

Each has a reply, or a failure, of its own. A caller that is cancelled stops waiting for its reply, which is still read
from the connection: nobody else can get it. What Redis says it has not carried out is asked again for a while, from
whichever node then serves the mirror.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Lost, RedisError

from .redis_command import NOT_STORED, REFUSED, UNCONFIRMED, UNREACHABLE, Command
from .redis_connection import TIMEOUT, Argument, RedisConnection, ReplyError, pack_command
from .redis_scripts import MirrorScript, keys_of

if TYPE_CHECKING:
    from reserve_core.kit import RedisAddress

    from .redis_router import RedisRouter

logger = logging.getLogger("reserve")

# What may wait for its reply, in bytes.
MAX_WAITING = 256 * 1024 * 1024
# Different error replies of a connection that are logged.
MAX_REFUSALS = 16
# Seconds after a failure in which commands fail at once; between two attempts of one that may be asked again.
PAUSE = 0.5
RETRY_PAUSE = 0.1
# Seconds without a sign of life after which the router finds out whether another node serves.
SUSPICION = 1.5
# Seconds that replicas have to confirm what is stored.
CONFIRMATION_TIME = 1.0
# Redirects that are followed at once.
MAX_REDIRECTS = 5

STOPPING = "The server is stopping"

# Error replies, all to commands that were not carried out (https://redis.io/docs/latest/develop/reference/cluster-spec/).
# Redis lets us do nothing at all:
_SHUT_OUT = frozenset(("NOAUTH", "WRONGPASS"))
# The connection leads to a server that isn't the master any more:
_NO_MASTER = frozenset(("READONLY", "MASTERDOWN"))
# The server will carry it out in a moment:
_NOT_YET = frozenset(("TRYAGAIN", "CLUSTERDOWN", "LOADING"))
_REDIRECTS = frozenset(("MOVED", "ASK"))
_NO_SCRIPT = "NOSCRIPT"

_ASKING = pack_command(("ASKING",))


class RedisPipeline:
    """Sends commands to the node at `address`; None: the router finds out where that is, with each connection."""

    def __init__(self, router: RedisRouter, address: RedisAddress | None) -> None:
        self.address = address
        self._router = router
        self._replicas = router.replicas
        self._waiting: list[Command] = []  # for the end of the turn of the loop, or a connection
        self._later: list[Command] = []  # to be asked again
        self._sent: deque[Command] = deque()  # one round trip, in the order of the replies to come
        self._unconfirmed: list[tuple[Command, Any]] = []  # carried out, with their replies, until replicas have it
        self._size = 0  # of all these
        self._connection: RedisConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._turn: asyncio.Handle | None = None  # its end
        self._retry: asyncio.TimerHandle | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        self._outdated = False  # the connection is closed when this round trip has ended
        self._unreachable = False
        self._retry_at = 0.0
        self._refusals: set[str] = set()  # the errors that were logged
        self._closed = False

    def run(self, script: MirrorScript, code: str, *arguments: Argument) -> asyncio.Future[Any]:
        """Runs a script on the keys of a mirror; the future gets what it returns."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        data = pack_command(("EVALSHA", script.sha, 3, *keys_of(code), *arguments))
        self.submit(Command(code, data, reply, script))
        return reply

    def call(self, code: str, *arguments: Argument) -> asyncio.Future[Any]:
        """Sends a command about a mirror; the future gets its reply.

        It fails with `Unavailable` when there is none or it's an error. A command whose reply was lost may have been
        carried out.
        """
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.submit(Command(code, pack_command(arguments), reply))
        return reply

    def submit(self, command: Command) -> None:
        """Takes a command over."""
        if self._closed:
            command.fail(STOPPING)
        elif self._unreachable and asyncio.get_running_loop().time() < self._retry_at:
            command.fail(UNREACHABLE)
        elif self._size + command.size > MAX_WAITING:
            command.fail("Redis is too slow for what is recorded: try again later")
        else:
            self._size += command.size
            self._waiting.append(command)
            self._send_soon()

    def leave(self) -> None:
        """Hands over what waits here for another node that serves it now."""
        staying: list[Command] = []
        for command in self._waiting:
            node = self._router.node_of(command.code)
            if node is self:
                staying.append(command)
            else:
                self._size -= command.size
                node.submit(command)
        self._waiting = staying

    def retire(self) -> None:
        """The node serves no mirror any more: what was sent there still gets its replies, within their time."""
        self.leave()
        if self._unreachable:
            logger.warning("Redis at %s is back: another node serves instead", self._router.place)
        if self._sent or self._connecting is not None:
            self._outdated = True
        else:
            self._disconnect()

    @property
    def is_idle(self) -> bool:
        return self._connection is None and self._connecting is None and not self._later

    def give_up(self) -> None:
        """Another server has taken the place of the one that the connection leads to."""
        if self._connection is not None:
            self._on_lost(Lost("another server has become the master"))
            self._retry_at = 0.0  # that one is known

    async def close(self) -> None:
        """Fails all commands that wait, and closes the connection."""
        self._closed = True
        task = self._connecting
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._retry is not None:
            self._retry.cancel()
        for command, _ in self._unconfirmed:
            command.fail(UNCONFIRMED)
        for commands in (self._sent, self._later, self._waiting):
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
        commands: list[Command] = []
        for command in self._waiting:
            if command.reply is not None and command.reply.done():  # its caller was cancelled
                self._size -= command.size
                continue
            if command.asking:
                commands.append(self._own(_ASKING))
            commands.append(command)
        self._waiting = []
        if not commands:
            return
        if self._replicas and any(command.stores for command in commands):
            commands.append(self._own(pack_command(("WAIT", self._replicas, int(CONFIRMATION_TIME * 1000)))))
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        if self._timeout is None:
            self._timeout = loop.call_later(SUSPICION, self._check_timeout)
        self._sent.extend(commands)
        connection.send([command.data for command in commands])

    def _on_reply(self, reply: Any) -> None:
        if not self._sent:
            return
        command = self._sent.popleft()
        self._size -= command.size
        future = command.reply
        if isinstance(reply, ReplyError):
            self._on_error_reply(command, reply)
        elif future is None:
            self._on_own_reply(reply)
        elif self._replicas and reply and command.stores:
            self._unconfirmed.append((command, reply))
        elif not future.done():
            future.set_result(reply)
        if not self._sent:
            if self._outdated:
                self._disconnect()
            if self._waiting:
                self._send_soon()

    def _own(self, data: bytes) -> Command:
        """A command for whose reply nobody waits."""
        command = Command("", data, None)
        self._size += command.size
        return command

    def _send_soon(self) -> None:
        """What waits is sent at the end of this turn."""
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._send_all)

    def _on_own_reply(self, reply: Any) -> None:
        """After WAIT, how many replicas have what the connection has written until then."""
        commands, self._unconfirmed = self._unconfirmed, []
        confirmed = isinstance(reply, int) and reply >= self._replicas
        if commands and not confirmed:
            self._report_refusal(f"only {reply} of {self._replicas} replicas confirm within {CONFIRMATION_TIME:g} s")
        for command, result in commands:
            if not confirmed:
                command.fail(UNCONFIRMED)
            elif command.reply is not None and not command.reply.done():
                command.reply.set_result(result)

    # What Redis has not carried out.

    def _on_error_reply(self, command: Command, error: ReplyError) -> None:
        code = str(error).partition(" ")[0]
        if command.reply is None:
            self._report_refusal(_reason(error))
            self._on_own_reply(0)
        elif code == _NO_SCRIPT and command.script is not None:
            script = command.script
            command.data = command.data.replace(script.by_sha, script.by_source, 1)
            self._size += command.size
            self._waiting.append(command)
        elif code in _REDIRECTS:
            if command.attempts < MAX_REDIRECTS and command.may_repeat(asyncio.get_running_loop().time()):
                self._router.redirect(command, str(error), self)
            else:
                self._ask_later(command, error)
        elif code in _NOT_YET:
            self._ask_later(command, error)
        elif code in _NO_MASTER:
            self._outdated = True
            self._ask_later(command, error)
        elif code in _SHUT_OUT:
            self._size += command.size
            self._sent.appendleft(command)
            self._on_lost(error)
        else:
            self._report_refusal(_reason(error))
            command.fail(NOT_STORED if command.stores else REFUSED, error)

    def _ask_later(self, command: Command, error: ReplyError) -> None:
        loop = asyncio.get_running_loop()
        command.asking = False
        if command.may_repeat(loop.time()):
            self._size += command.size
            self._later.append(command)
            if self._retry is None:
                self._retry = loop.call_later(RETRY_PAUSE, self._ask_again)
        else:
            self._outdated = True
            self._report_loss(error)
            command.fail(UNREACHABLE, error)

    def _ask_again(self) -> None:
        self._retry = None
        commands, self._later = self._later, []
        for command in commands:
            self._size -= command.size
            self._router.node_of(command.code).submit(command)

    def _check_timeout(self) -> None:
        """Closes the connection when its replies take too long."""
        self._timeout = None
        connection, loop = self._connection, asyncio.get_running_loop()
        if connection is None or not self._sent:
            return
        now, alive = loop.time(), max(connection.heard_at, self._sent_at)
        if now >= alive + TIMEOUT:
            self._on_lost(TimeoutError())
            return
        check_at = alive + SUSPICION
        if now >= check_at:
            self._router.look_again()
            check_at = min(now + SUSPICION, alive + TIMEOUT)
        self._timeout = loop.call_at(check_at, self._check_timeout)

    # The connection.

    async def _connect(self) -> None:
        opened: AbstractConnection | None = None
        try:
            if self._unreachable:  # maybe another node serves now
                await self._router.refresh()
                self.leave()
                if not self._waiting:
                    return
            opened = await self._router.open(self)
        except (RedisError, OSError, TimeoutError) as error:
            await self._router.refresh()
            self.leave()
            if self._waiting:
                self._report_loss(error)
                self._fail(self._waiting, UNREACHABLE, error)
        except BaseException:
            self._fail(self._waiting, STOPPING)
            raise
        else:
            self._use(opened)
            opened = None
        finally:
            self._connecting = None
            if opened is not None:
                await opened.disconnect(nowait=True)

    def _use(self, opened: AbstractConnection | None) -> None:
        self.leave()  # what others serve, as the router has found out meanwhile
        if opened is None:
            return
        self._connection = RedisConnection(opened, self._on_reply, self._on_lost)
        self._refusals.clear()
        if self._unreachable:
            self._unreachable = False
            logger.warning("Redis at %s is back", self._router.place)
        if self._outdated and not self._waiting:
            self._disconnect()
        self._outdated = False
        self._send_all()

    def _on_lost(self, error: Exception) -> None:
        """The connection is lost, which is logged if somebody waits for a reply; the next command makes another."""
        self._disconnect()
        for command, _ in self._unconfirmed:
            command.fail(UNCONFIRMED, error)
        self._unconfirmed.clear()
        if self._sent:
            self._report_loss(error)
            self._fail(self._sent, UNREACHABLE, error)
            self._router.look_again()
        if self._waiting:
            self._send_soon()

    def _report_loss(self, error: Exception) -> None:
        self._retry_at = asyncio.get_running_loop().time() + PAUSE
        if not self._unreachable:
            self._unreachable = True
            why = str(error) or f"no reply within {TIMEOUT:g} seconds"
            logger.error(
                "Redis at %s can't be reached: %s\nRequests to mirrors are answered with 503 until it's back",
                self._router.place,
                why,
            )

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._outdated = False
        if connection is not None:
            connection.close()
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _report_refusal(self, error: str) -> None:
        """Logs an error reply, once on each connection."""
        if error not in self._refusals and len(self._refusals) < MAX_REFUSALS:
            self._refusals.add(error)
            logger.error("Redis at %s refuses: %s", self._router.place, error)

    def _fail(self, commands: list[Command] | deque[Command], message: str, cause: Exception | None = None) -> None:
        for command in commands:
            self._size -= command.size
            command.fail(message, cause)
        commands.clear()


def _reason(error: ReplyError) -> str:
    """An error reply without its code, and the script that it came from."""
    return re.sub("^[A-Z]+ ", "", str(error)).partition(" script: ")[0].rstrip(".")
