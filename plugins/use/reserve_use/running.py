"""The applications that run: each is started before its first request, and stopped with its server."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from reserve_core import Configuration

if TYPE_CHECKING:
    from .application import Application

logger = logging.getLogger("reserve")

_running: dict[Configuration, list[Application]] = {}
_locks: dict[Configuration, asyncio.Lock] = {}


async def start(application: Application, configuration: Configuration) -> None:
    """Starts an application, if nobody has. Raises `ConfigError` when it says that it can't."""
    async with _locks.setdefault(configuration, asyncio.Lock()):
        if not application.started:
            await application.start()
            _running.setdefault(configuration, []).append(application)


async def stop(configuration: Configuration) -> None:
    """Stops the applications of a configuration, the last one first."""
    _locks.pop(configuration, None)
    for application in reversed(_running.pop(configuration, [])):
        try:
            await application.stop()
        except Exception:
            logger.exception("%s failed to stop", application.name)
