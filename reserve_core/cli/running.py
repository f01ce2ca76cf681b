"""Servers from their start to their end, and the signals that reload and stop them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, PluginError
from ..failures import describe, is_cancellation
from ..system import UNSUPPORTED
from .common import CannotRun, Unusable, say

if TYPE_CHECKING:
    from ..server import Server

logger: logging.Logger = logging.getLogger("reserve")

# Seconds: an end that takes longer is told.
AT_ONCE = 0.25

SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def run_until_signal(
    servers: list[Server], verbose: bool, reloader: Reloader | None = None, silent: bool = False
) -> None:
    """Starts the servers, until a signal stops them.

    The first signal lets the requests at work finish, the second cuts them, a third one ends the process as if nobody
    had listened to it.
    """
    running = Running(servers, verbose, silent)
    with signals(running.stop, reloader):
        await running.run()


class Running:
    """Servers at work. `started`, if there is one, is called when all of them serve."""

    def __init__(
        self, servers: list[Server], verbose: bool, silent: bool, started: Callable[[], None] | None = None
    ) -> None:
        self._servers = servers
        self._verbose = verbose
        self._silent = silent
        self._on_start = started
        self._started: list[Server] = []
        self._closing: list[asyncio.Future[Any]] = []
        self._work: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Starts the servers and waits for their end."""
        self._work = asyncio.create_task(self._start())
        await asyncio.wait([self._work])
        self._close(force=False)
        await self._tell_waiting()
        while self._closing:
            await self._closing.pop()
        if not self._work.cancelled():
            self._work.result()

    def stop(self) -> None:
        """Lets the requests at work finish; called again, cuts them."""
        work = self._work
        if work is not None and not work.done() and not work.cancelling():
            work.cancel()
        else:
            self._close(force=True)

    def _close(self, force: bool) -> None:
        self._closing.append(asyncio.gather(*(server.close(force=force) for server in self._started)))

    async def _tell_waiting(self) -> None:
        """Says how long the end may take, unless all requests end at once."""
        await asyncio.wait(self._closing, timeout=AT_ONCE)
        count = sum(server.working for server in self._started)
        if count and len(self._closing) == 1 and not self._silent:
            longest = max(server.configuration.limits.shutdown_timeout for server in self._started)
            what, it = ("1 request", "it") if count == 1 else (f"{count} requests", "them")
            say(f"Waiting for {what}, up to {longest:g} s; Ctrl-C again cuts {it}")

    async def _start(self) -> None:
        for server in self._servers:
            self._started.append(server)
            await _start(server, self._verbose)
        if self._on_start is not None:
            self._on_start()
        await asyncio.Event().wait()


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
            except click.ClickException as error:  # told like all that the command line can't do; the servers go on
                error.show()
            except BaseException as error:
                if is_cancellation(error):
                    raise
                logger.exception("The reload failed")

    async def _watch(self, watched: Callable[[], Iterable[Path]]) -> None:
        from ..watch import changes

        async for _ in changes(watched):
            self.ask()


@contextmanager
def signals(stop: Callable[[], None], reloader: Reloader | None = None) -> Iterator[None]:
    """SIGINT and SIGTERM stop, the third one for good; SIGHUP reloads, unless it says that the terminal is gone."""
    loop = asyncio.get_running_loop()
    stops = 0

    def on_stop() -> None:
        nonlocal stops
        stops += 1
        if stops == 2:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
        stop()

    handlers = dict.fromkeys(SIGNALS, on_stop)
    if reloader is not None:
        ask = reloader.ask
        had_terminal = _has_terminal()
        handlers[signal.SIGHUP] = lambda: on_stop() if had_terminal and not _has_terminal() else ask()
        reloader.start()
    try:
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
    except NotImplementedError as error:
        raise CannotRun(UNSUPPORTED) from error
    try:
        yield
    finally:
        if reloader is not None:
            reloader.stop()
        for number in handlers:
            loop.remove_signal_handler(number)


def _has_terminal() -> bool:
    """Whether the process has a terminal that controls it."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def _start(server: Server, verbose: bool) -> None:
    try:
        await server.start()
    except (ConfigError, PluginError) as error:
        raise Unusable(str(error)) from error
    except BaseException as error:  # a listener's, or a lifespan's: its author wants to know where
        if is_cancellation(error):
            raise
        notes = getattr(error, "__notes__", ())  # which mapping has a lifespan of this kind
        if isinstance(error, OSError) and not notes:
            raise CannotRun(error.strerror or str(error)) from error
        if verbose:
            traceback.print_exc()
        raise CannotRun("\n    ".join((f"The server did not start: {describe(error)}", *notes))) from error
