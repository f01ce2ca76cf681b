"""The lifespan of an ASGI application: it is told of the server's start and of its end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from reserve_core import ConfigError
from reserve_core.kit import is_cancellation

from .asgi_scope import ASGI, ASGIApp, ASGIMessage

logger = logging.getLogger("reserve")

# Seconds that an application may take to stop.
STOP_TIMEOUT = 10.0


class ASGILifespan:
    """Runs an application once with the scope `lifespan`. `state` is what it leaves there for its requests."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._name = name
        self._told: asyncio.Queue[ASGIMessage] = asyncio.Queue()
        self._received = False  # the application knows lifespans: it has asked for what it is told
        self._failed = False  # it has said so
        self._reply: asyncio.Future[str | None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when the application is ready, or doesn't know of lifespans.

        Raises `ConfigError` when it says that it has failed.
        """
        self._task = asyncio.create_task(self._run())
        failure = await self._tell("lifespan.startup")
        if failure is not None:
            await self.stop()
            raise ConfigError(f"{self._name} failed to start: {failure}".rstrip(": "), "See what it says above")

    async def stop(self) -> None:
        """Returns when the application has stopped, or after a time. Raises RuntimeError when it says it failed."""
        task, self._task = self._task, None
        if task is None:
            return
        failure = None
        if not task.done():
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    failure = await self._tell("lifespan.shutdown")
            except TimeoutError:
                failure = f"it takes longer than {STOP_TIMEOUT:g} s"
        task.cancel()
        await asyncio.wait((task,))
        if failure is not None:
            raise RuntimeError(failure)

    async def _tell(self, event: str) -> str | None:
        """Tells the application something; what it says to a failure, None when all is well."""
        self._reply = asyncio.get_running_loop().create_future()
        self._told.put_nowait({"type": event})
        return await self._reply

    async def _run(self) -> None:
        try:
            await self._app({"type": "lifespan", "asgi": ASGI, "state": self.state}, self._receive, self._send)
        except BaseException as error:
            if is_cancellation(error):
                raise
            if self._failed:
                logger.debug("%s has told why", self._name, exc_info=error)
            elif self._received:
                logger.error("%s failed in its lifespan", self._name, exc_info=error)
            else:  # who doesn't know the scope may raise anything
                logger.debug("%s has no lifespan: %r", self._name, error)
        finally:
            self._resolve(None)

    async def _receive(self) -> ASGIMessage:
        message = await self._told.get()
        self._received = True
        return message

    async def _send(self, message: ASGIMessage) -> None:
        kind = message["type"]
        if kind.endswith(".failed"):
            self._failed = True
            self._resolve(str(message.get("message", "")))
        elif kind in ("lifespan.startup.complete", "lifespan.shutdown.complete"):
            self._resolve(None)
        else:
            raise RuntimeError(f"{kind!r} is no message of a lifespan")

    def _resolve(self, failure: str | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(failure)
