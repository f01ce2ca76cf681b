"""The way to a node of Redis that everything shares: the commands of one turn of the event loop go out together.

Each has a reply, or a failure, of its own. A caller that is cancelled stops waiting for its reply, which is still read
from the connection: nobody else can get it. What Redis says it has not carried out is asked again for a while, from
whichever node then serves the mirror.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Lost, RedisError

from .redis_command import NOT_STORED, REFUSED, UNCONFIRMED, UNREACHABLE, Command
from .redis_connection import TIMEOUT, Argument, RedisConnection, ReplyError, no_reply, pack_command
from .redis_node_state import NodeState
from .redis_scripts import MirrorScript, keys_of

if TYPE_CHECKING:
    from reserve_core.kit import RedisAddress

    from .redis_router import RedisRouter

# What may wait for its reply, in bytes.
MAX_WAITING = 256 * 1024 * 1024
# Batches that may be on their way at once, and about how many bytes each has. What comes until one of them has its
# replies goes out together.
MAX_BATCHES = 4
BATCH_SIZE = 1024 * 1024
# Bytes of a command that takes the lane for large ones: it would hold up all others.
LARGE = 64 * 1024
# Seconds between two attempts of a command that may be asked again.
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
    """Sends commands to the node at `address`; None: the router finds out where that is, with each connection.

    What is large takes another lane, a pipeline to the same node whose `main` is this one. It is made when it's needed.
    """

    def __init__(self, router: RedisRouter, address: RedisAddress | None, main: RedisPipeline | None = None) -> None:
        self.address = address
        self._router = router
        self._main: RedisPipeline = main or self
        self._lane: RedisPipeline | None = None  # for what is large
        self._state: NodeState = NodeState(router.place) if main is None else main._state
        self._replicas = router.replicas
        self._waiting: deque[Command] = deque()  # for the end of the turn of the loop, or a connection
        self._later: list[Command] = []  # to be asked again
        self._sent: deque[Command] = deque()  # in the order of the replies to come
        self._batches: deque[int] = deque()  # these, by how many replies each batch still gets
        self._unconfirmed: list[tuple[Command, Any]] = []  # carried out, with their replies, until replicas have it
        self._connection: RedisConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._turn: asyncio.Handle | None = None  # its end
        self._retry: asyncio.TimerHandle | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        self._outdated = False  # the connection is closed when this round trip has ended
        self._closed = False

    def run(self, script: MirrorScript, code: str, *arguments: Argument) -> asyncio.Future[Any]:
        """Runs a script on the keys of a mirror; the future gets what it returns."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        data = pack_command(("EVALSHA", script.sha, 3, *keys_of(code), *arguments))
        self.submit(Command(code, data, reply, script))
        return reply

    def call(self, code: str, *arguments: Argument, large: bool = False) -> asyncio.Future[Any]:
        """Sends a command about a mirror; the future gets its reply. `large`: that may be so.

        It fails with `Unavailable` when there is none or it's an error. A command whose reply was lost may have been
        carried out.
        """
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        command = Command(code, pack_command(arguments), reply)
        command.large = large
        self.submit(command)
        return reply

    def submit(self, command: Command) -> None:
        """Takes a command over."""
        if (command.large or command.size > LARGE) and self._main is self:
            if self._lane is None:
                self._lane = RedisPipeline(self._router, self.address, self)
            self._lane.submit(command)
        elif self._closed:
            command.fail(STOPPING)
        elif self._state.is_shut():
            command.fail(UNREACHABLE)
        elif self._state.size + command.size > MAX_WAITING:
            command.fail("Redis is too slow for what is recorded: try again later")
        else:
            self._state.size += command.size
            self._waiting.append(command)
            self._send_soon()

    def leave(self) -> None:
        """Hands over what waits here for another node that serves it now."""
        staying: deque[Command] = deque()
        for command in self._waiting:
            node = self._router.node_of(command.code)
            if node is self._main:
                staying.append(command)
            else:
                self._state.size -= command.size
                node.submit(command)
        self._waiting = staying

    def retire(self) -> None:
        """The node serves no mirror any more: what was sent there still gets its replies, within their time."""
        self.leave()
        if self._lane is not None:
            self._lane.retire()
        else:
            self._state.replaced()
        if self._sent or self._connecting is not None:
            self._outdated = True
        else:
            self._disconnect()

    @property
    def is_idle(self) -> bool:
        at_rest = self._connection is None and self._connecting is None and not self._later
        return at_rest and (self._lane is None or self._lane.is_idle)

    def give_up(self) -> None:
        """Another server has taken the place of the one that the connection leads to."""
        if self._lane is not None:
            self._lane.give_up()
        if self._connection is not None:
            self._on_lost(Lost("another server has become the master"))
            self._state.retry_at = 0.0  # that one is known

    async def close(self) -> None:
        """Fails all commands that wait, and closes the connection."""
        self._closed = True
        if self._lane is not None:
            await self._lane.close()
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
        if len(self._batches) >= MAX_BATCHES or (self._outdated and self._sent):
            return
        commands: list[Command] = []
        size = 0
        while self._waiting and size < BATCH_SIZE:
            command = self._waiting.popleft()
            if command.reply is not None and command.reply.done():  # its caller was cancelled
                self._state.size -= command.size
                continue
            if command.asking:
                commands.append(self._own(_ASKING))
            commands.append(command)
            size += command.size
        if self._waiting:
            self._send_soon()
        if not commands:
            return
        if self._replicas and any(command.stores for command in commands):
            commands.append(self._own(pack_command(("WAIT", self._replicas, int(CONFIRMATION_TIME * 1000)))))
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        if self._timeout is None:
            self._timeout = loop.call_later(SUSPICION, self._check_timeout)
        self._sent.extend(commands)
        self._batches.append(len(commands))
        connection.send([command.data for command in commands])

    def _on_reply(self, reply: Any) -> None:
        if not self._sent:
            return
        command = self._sent.popleft()
        self._state.size -= command.size
        future = command.reply
        if isinstance(reply, ReplyError):
            self._on_error_reply(command, reply)
        elif future is None:
            self._on_own_reply(reply)
        elif self._replicas and reply and command.stores:
            self._unconfirmed.append((command, reply))
        elif not future.done():
            future.set_result(reply)
        if not self._batches:  # the connection is given up
            return
        self._batches[0] -= 1
        if not self._batches[0]:
            self._batches.popleft()
            if self._outdated and not self._sent:
                self._disconnect()
            if self._waiting:
                self._send_soon()

    def _own(self, data: bytes) -> Command:
        """A command for whose reply nobody waits."""
        command = Command("", data, None)
        self._state.size += command.size
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
            self._state.refused(f"only {reply} of {self._replicas} replicas confirm within {CONFIRMATION_TIME:g} s")
        for command, result in commands:
            if not confirmed:
                command.fail(UNCONFIRMED)
            elif command.reply is not None and not command.reply.done():
                command.reply.set_result(result)

    # What Redis has not carried out.

    def _on_error_reply(self, command: Command, error: Exception) -> None:
        code = str(error).partition(" ")[0]
        if command.reply is None:
            self._state.refused(_reason(error))
            self._on_own_reply(0)
        elif code == _NO_SCRIPT and command.script is not None:
            script = command.script
            command.data = command.data.replace(script.by_sha, script.by_source, 1)
            self._state.size += command.size
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
            self._state.size += command.size
            self._sent.appendleft(command)
            self._on_lost(error)
        else:
            self._state.refused(_reason(error))
            command.fail(NOT_STORED if command.stores else REFUSED, error)

    def _ask_later(self, command: Command, error: Exception) -> None:
        loop = asyncio.get_running_loop()
        command.asking = False
        if command.may_repeat(loop.time()):
            self._state.size += command.size
            self._later.append(command)
            if self._retry is None:
                self._retry = loop.call_later(RETRY_PAUSE, self._ask_again)
        else:
            self._outdated = True
            self._state.lost(error)
            command.fail(UNREACHABLE, error)

    def _ask_again(self) -> None:
        self._retry = None
        commands, self._later = self._later, []
        for command in commands:
            self._state.size -= command.size
            self._router.node_of(command.code).submit(command)

    def _check_timeout(self) -> None:
        """Closes the connection when its replies take too long."""
        self._timeout = None
        connection, loop = self._connection, asyncio.get_running_loop()
        if connection is None or not self._sent:
            return
        now, alive = loop.time(), max(connection.heard_at, self._sent_at)
        if now >= alive + TIMEOUT:
            self._on_lost(no_reply(TIMEOUT))
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
            if self._state.unreachable:  # maybe another node serves now
                await self._router.refresh()
                self.leave()
                if not self._waiting:
                    return
            opened = await self._router.open(self)
        except (RedisError, OSError, TimeoutError) as error:
            await self._router.refresh()
            self.leave()
            if self._waiting:
                self._state.lost(error)
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
        self._state.connected()
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
            self._state.lost(error)
            self._fail(self._sent, UNREACHABLE, error)
            self._router.look_again()
        if self._waiting:
            self._send_soon()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._batches.clear()
        self._outdated = False
        if connection is not None:
            connection.close()
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _fail(self, commands: list[Command] | deque[Command], message: str, cause: Exception | None = None) -> None:
        for command in commands:
            self._state.size -= command.size
            command.fail(message, cause)
        commands.clear()


def _reason(error: Exception) -> str:
    """An error reply without its code, and the script that it came from."""
    return re.sub("^[A-Z]+ ", "", str(error)).partition(" script: ")[0].rstrip(".")
