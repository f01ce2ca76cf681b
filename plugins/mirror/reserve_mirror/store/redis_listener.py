"""One connection to a node of Redis, on which the events of the mirrors come that the node serves.

Where the server and our rights have sharded pub/sub (Redis 7) we listen by that, elsewhere by the plain one:
https://redis.io/docs/latest/develop/interact/pubsub/#sharded-pubsub. The scripts know both ways.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from .event_hub import EventHub
from .mirror_event import MirrorEvent
from .redis_connection import TIMEOUT, Argument, RedisConnection, ReplyError, ask, pack_command
from .redis_scripts import LISTENS_SHARDED, code_of, keys_of

if TYPE_CHECKING:
    from reserve_core.kit import RedisAddress

# Seconds between two attempts to connect; between two pings; without any message until the connection is given up.
PAUSE = 0.2
HEARTBEAT = 5.0
SILENCE = 12.0

_TOKENS = count(1)

Confirmed = Callable[[], None]
Connect = Callable[["RedisAddress | None"], Awaitable[AbstractConnection]]


class Places(Protocol):
    """Who knows where each mirror is listened for."""

    def settle(self) -> None:
        """Has each mirror listened for at the node that serves it, as far as it's known."""

    async def find(self) -> None:
        """Finds out who serves, and settles."""


class RedisListener:
    """Hands the events of the mirrors in `codes` to `hub`. It is connected as long as there are some.

    When it may have missed events, their watchers are told to look at the store, once it listens again.
    """

    def __init__(self, connect: Connect, address: RedisAddress | None, hub: EventHub, places: Places) -> None:
        self.codes: set[str] = set()
        self._connect = connect
        self._address = address
        self._hub = hub
        self._places = places
        self._connection: RedisConnection | None = None
        self._task: asyncio.Task[None] | None = None
        # A ping follows each subscription: once its reply is there, the subscription holds.
        self._pending: dict[bytes, tuple[str, Confirmed]] = {}
        self._missed = False  # maybe events, until the first of these replies
        # Of each connection:
        self._sharded = False
        self._lost: asyncio.Future[None] | None = None
        self._leaving: Counter[str] = Counter()  # those for which Redis confirms that we leave

    @property
    def is_idle(self) -> bool:
        return self._task is None

    def subscribe(self, code: str, confirmed: Confirmed) -> None:
        """Listens for a mirror; `confirmed` is called when its events are sure to come."""
        token = b"%d" % next(_TOKENS)
        self.codes.add(code)
        self._pending[token] = code, confirmed
        self._send(self._command("SUBSCRIBE", code), ("PING", token))
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def unsubscribe(self, code: str) -> list[Confirmed]:
        """Listens for a mirror no more. Returns who is not confirmed yet."""
        self.codes.discard(code)
        tokens = [token for token, (each, _) in self._pending.items() if each == code]
        if self._connection is not None:
            self._leaving[code] += 1
            self._send(self._command("UNSUBSCRIBE", code))
        return [self._pending.pop(token)[1] for token in tokens]

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _command(self, name: str, code: str) -> tuple[Argument, ...]:
        return (f"S{name}" if self._sharded else name, keys_of(code)[0])

    def _send(self, *commands: tuple[Argument, ...]) -> None:
        """Sends commands, if there is a connection: to a new one `_use` sends all that matters."""
        if self._connection is not None:
            self._connection.send([pack_command(command) for command in commands])

    async def _run(self) -> None:
        try:
            while self.codes:
                try:
                    await self._use(await self._connect(self._address))
                except (RedisError, OSError, TimeoutError):
                    pass  # who waits for it learns so by its time-out, and the pipeline logs it
                if self.codes:
                    self._missed = True
                    await self._places.find()
                    await asyncio.sleep(PAUSE)
        finally:
            self._task = None

    async def _use(self, opened: AbstractConnection) -> None:
        """Takes in what comes from a connection until it is lost, or nobody watches. Raises what `ask` does."""
        try:
            self._places.settle()  # more may be known since
            if self.codes:
                async with asyncio.timeout(TIMEOUT):
                    channel = keys_of(next(iter(self.codes)))[0]
                    self._sharded = bool(await ask(opened, "EVAL", LISTENS_SHARDED, 1, channel))
        except BaseException:
            await opened.disconnect(nowait=True)
            raise
        loop = asyncio.get_running_loop()
        lost = self._lost = loop.create_future()
        self._leaving.clear()
        connection = self._connection = RedisConnection(opened, self._on_message, self._give_up)
        try:
            self._send(*(self._command("SUBSCRIBE", code) for code in self.codes))
            self._send(*(("PING", token) for token in self._pending))
            while self.codes and not lost.done() and loop.time() < connection.heard_at + SILENCE:
                self._send(("PING", b"0"))
                await asyncio.wait((lost,), timeout=HEARTBEAT)
                self._places.settle()
        finally:
            self._connection = None
            connection.close()

    def _give_up(self, _: Exception) -> None:
        """The connection is lost, or not to the node that serves our mirrors."""
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    def _on_message(self, message: Any) -> None:
        if isinstance(message, ReplyError):  # such as MOVED
            self._give_up(message)
        elif not isinstance(message, list):  # the reply to a ping of RESP3, or without any subscription
            self._confirm(message)
        elif message[0] in (b"smessage", b"message"):
            self._publish(code_of(message[1]), message[2])
        elif message[0] == b"pong":
            self._confirm(message[1])
        elif message[0] == b"sunsubscribe":
            code = code_of(message[1])
            if self._leaving[code]:
                self._leaving[code] -= 1
            else:  # the node serves this slot no more
                self._give_up(RedisError("MOVED"))

    def _confirm(self, token: bytes) -> None:
        _, confirmed = self._pending.pop(token, (None, None))
        if confirmed is not None:
            confirmed()
        if self._missed:  # all subscriptions hold again: what happened before is in the store only
            self._missed = False
            self._hub.lose(self.codes)

    def _publish(self, code: str, payload: bytes) -> None:
        text = payload.decode()
        if text.startswith("{"):
            self._hub.publish(code, MirrorEvent(json.loads(text)["type"], text))
            return
        request_id, _, summary = text.partition(" ")
        if summary:
            self._hub.publish(code, MirrorEvent.request(request_id, summary))
        elif code in self.codes:  # another node has it, which has told us by way of ours
            self._give_up(RedisError("MOVED"))
