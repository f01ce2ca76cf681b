"""Servers from their start to their end."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, PluginError
from ..failures import describe, is_cancellation
from ..listening import PortTaken
from .command_process import say
from .exit_codes import CannotRun, Unusable
from .reloader import Reloader
from .signals import signals

if TYPE_CHECKING:
    from ..server import Server

# Seconds: an end that takes longer is told.
AT_ONCE = 0.25


async def run_until_signal(
    servers: list[Server], verbose: bool, reloader: Reloader | None = None, silent: bool = False
) -> None:
    """Starts the servers, until a signal stops them.

    The first signal lets the requests at work finish, the second cuts them, a third one ends the process as if it
    weren't handled.
    """
    running = RunningServers(servers, verbose, silent)
    with signals(running.stop, reloader):
        await running.run()


class RunningServers:
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
        if len(self._closing) > 1 or self._silent:
            return
        limits = [server.configuration.limits for server in self._started]
        count = sum(server.working for server in self._started)
        drain = max((each.drain_time for each in limits), default=0)
        if drain:
            say(f"Draining for {drain:g} s; Ctrl-C again stops at once")
        elif count:
            longest = max(each.shutdown_timeout for each in limits)
            what, it = ("1 request", "it") if count == 1 else (f"{count} requests", "them")
            say(f"Waiting for {what}, up to {longest:g} s; Ctrl-C again cuts {it}")

    async def _start(self) -> None:
        for server in self._servers:
            self._started.append(server)
            await _start(server, self._verbose, len(self._servers) == 1)
        if self._on_start is not None:
            self._on_start()
        await asyncio.Event().wait()


def not_listening(error: OSError, alone: bool) -> CannotRun:
    """Says why a server can't listen, and by which option it can, if it is `alone`: the option goes to all of them."""
    message = error.strerror or str(error)
    if alone and isinstance(error, PortTaken) and error.next_free is not None:
        message += f"\n    --port {error.next_free} takes that one"
    return CannotRun(message)


async def _start(server: Server, verbose: bool, alone: bool) -> None:
    try:
        await server.start()
    except (ConfigError, PluginError) as error:
        raise Unusable(str(error)) from error
    except BaseException as error:  # a listener's, or a lifespan's: its author wants to know where
        if is_cancellation(error):
            raise
        notes = getattr(error, "__notes__", ())  # which mapping has a lifespan of this kind
        if isinstance(error, OSError) and not notes:
            raise not_listening(error, alone) from error
        if verbose:
            traceback.print_exc()
        raise CannotRun("\n    ".join((f"The server did not start: {describe(error)}", *notes))) from error
