"""The events that Redis publishes: one connection of the process, for all mirrors that are watched in it."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from .event_hub import EventHub
from .interface import Unavailable
from .mirror_event import MirrorEvent
from .redis_command import UNREACHABLE
from .redis_connection import TIMEOUT, Argument, RedisConnection, pack_command
from .redis_router import RedisRouter

# Seconds between two attempts to connect; between two pings; without any message until the connection is given up.
PAUSE = 0.2
HEARTBEAT = 5.0
SILENCE = 12.0

_PREFIX = "reserve:{"


class RedisSubscriber:
    """Feeds a `hub` with the events of the mirrors that are watched. It connects when the first one is."""

    def __init__(self, router: RedisRouter) -> None:
        self.hub = EventHub(self._join, self._leave)
        self._router = router
        self._connection: RedisConnection | None = None
        self._task: asyncio.Task[None] | None = None
        # A ping follows each subscription: once its reply is there, the subscription holds.
        self._tokens = count(1)
        self._confirmations: dict[bytes, asyncio.Future[None]] = {}
        self._lost = False  # a connection was lost, and maybe events

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _join(self, code: str) -> None:
        """Returns when the events of a mirror are sure to come. Raises `Unavailable`."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        token = b"%d" % next(self._tokens)
        confirmation = self._confirmations[token] = asyncio.get_running_loop().create_future()
        self._send(("SUBSCRIBE", _channel(code)), ("PING", token))
        try:
            async with asyncio.timeout(TIMEOUT):
                await confirmation
        except TimeoutError:
            raise Unavailable(UNREACHABLE) from None
        finally:
            del self._confirmations[token]

    def _leave(self, code: str) -> None:
        self._send(("UNSUBSCRIBE", _channel(code)))

    def _send(self, *commands: tuple[Argument, ...]) -> None:
        """Sends commands, if there is a connection: to a new one `_use` sends all that matters."""
        if self._connection is not None:
            self._connection.send([pack_command(command) for command in commands])

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TIMEOUT):
                    opened = await self._router.connect()
            except (RedisError, OSError, TimeoutError):
                pass
            else:
                await self._use(opened)
            self._lost = True
            await asyncio.sleep(PAUSE)

    async def _use(self, opened: AbstractConnection) -> None:
        """Takes in what comes from a connection until it is lost. The pipeline logs that."""
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[None] = loop.create_future()
        connection = self._connection = RedisConnection(opened, self._on_message, lambda _: lost.set_result(None))
        try:
            if self.hub.codes:
                self._send(("SUBSCRIBE", *map(_channel, self.hub.codes)))
            self._send(*(("PING", token) for token in self._confirmations))
            while not lost.done() and loop.time() < connection.heard_at + SILENCE:
                self._send(("PING", b"0"))
                await asyncio.wait((lost,), timeout=HEARTBEAT)
        finally:
            self._connection = None
            connection.close()

    def _on_message(self, message: Any) -> None:
        if not isinstance(message, list):  # the reply to a ping without any subscription
            self._confirm(message)
        elif message[0] == b"message":
            self._publish(message[1], message[2])
        elif message[0] == b"pong":
            self._confirm(message[1])

    def _confirm(self, token: bytes) -> None:
        confirmation = self._confirmations.get(token)
        if confirmation is not None and not confirmation.done():
            confirmation.set_result(None)
        if self._lost:  # the subscriptions hold again: what happened before is in the store only
            self._lost = False
            self.hub.lose()

    def _publish(self, channel: bytes, payload: bytes) -> None:
        text = payload.decode()
        if text.startswith("{"):
            event = MirrorEvent(json.loads(text)["type"], text)
        else:
            request_id, _, summary = text.partition(" ")
            event = MirrorEvent.request(request_id, summary)
        self.hub.publish(channel.decode()[len(_PREFIX) : -1], event)


def _channel(code: str) -> str:
    return f"{_PREFIX}{code}}}"
