"""When the configuration is read again: on request (SIGHUP), and with `--watch` when a file has changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import click

from ..failures import is_cancellation

logger: logging.Logger = logging.getLogger("reserve")


class Reloader:
    """Runs `reload` each time it is asked to, one time after the other, and when one of the `watched` files changes."""

    def __init__(
        self, reload: Callable[[], Awaitable[None]], watched: Callable[[], Iterable[Path]] | None = None
    ) -> None:
        self._reload = reload
        self._watched = watched
        self._asked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self) -> None:
        self._asked.set()

    def start(self) -> None:
        self._tasks.append(asyncio.create_task(self._work()))
        if self._watched is not None:
            self._tasks.append(asyncio.create_task(self._watch(self._watched)))

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _work(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._reload()
            except click.ClickException as error:  # printed like each error of a command; the servers go on
                error.show()
            except BaseException as error:
                if is_cancellation(error):
                    raise
                logger.exception("The reload failed")

    async def _watch(self, watched: Callable[[], Iterable[Path]]) -> None:
        from ..file_watch import changes

        async for _ in changes(watched):
            self.ask()
