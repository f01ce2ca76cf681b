"""The applications that run: each is started before its first request, and stopped with its server."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from reserve_core import ConfigError

if TYPE_CHECKING:
    from reserve_core import Configuration

    from .application import Application

logger = logging.getLogger("reserve")

# Seconds between two looks whether an application that was replaced still has requests at work.
LOOK = 0.1

_running: dict[Configuration, list[Application]] = {}
_locks: dict[Configuration, asyncio.Lock] = {}
_tasks: set[asyncio.Task[None]] = set()


async def start(application: Application, configuration: Configuration) -> None:
    """Starts an application, if nobody has. Raises `ConfigError` when it says that it can't."""
    async with _locks.setdefault(configuration, asyncio.Lock()):
        if not application.started:
            await application.start()
            _running.setdefault(configuration, []).append(application)


def renew(applications: list[Application], configuration: Configuration) -> None:
    """After a reload: starts the `applications` there are now, and stops those before them, once nobody uses them."""
    former = [each for each in _running.get(configuration, []) if each not in applications]
    for work in (
        *(_start(each, configuration) for each in applications),
        *(_end(each, configuration) for each in former),
    ):
        task = asyncio.create_task(work)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)


async def _start(application: Application, configuration: Configuration) -> None:
    try:
        await start(application, configuration)
    except ConfigError as error:  # it is tried again by the first request
        logger.error("%s", error)


async def _end(application: Application, configuration: Configuration) -> None:
    while application.active:  # noqa: ASYNC110  (it takes as long as the longest request)
        await asyncio.sleep(LOOK)
    if application in _running.get(configuration, []):
        _running[configuration].remove(application)
        await _stop(application)


async def stop(configuration: Configuration) -> None:
    """Stops the applications of a configuration, the last one first."""
    _locks.pop(configuration, None)
    for application in reversed(_running.pop(configuration, [])):
        await _stop(application)


async def _stop(application: Application) -> None:
    try:
        await application.stop()
    except Exception:
        logger.exception("%s failed to stop", application.name)
