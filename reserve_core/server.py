"""The server: listens, checks timeouts, takes over a changed configuration, and stops gracefully."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from .config import Configuration, Settings, check
from .config.checker import with_mappings
from .dispatcher import Dispatcher
from .errors import HTTPError
from .events import Emitter, Event
from .failures import is_cancellation
from .http import Request
from .http.connection import Connection
from .http.exchange import Exchange
from .http.server_state import ServerState
from .http.tls_listener import TlsListener
from .listening import BACKLOG, bind
from .live_configuration import LiveConfiguration
from .resources import OpenTable, Shares
from .stalls import watch
from .tls.certificate_keeper import CertificateKeeper

logger: logging.Logger = logging.getLogger("reserve")

# Seconds between two looks at the connections' deadlines: how exact a timeout is.
TICK = 0.5
# Seconds that requests may run on mappings which are replaced until the log tells of them.
LINGERING = 60.0


class Server:
    """Serves a checked configuration. `configuration` is its interface for those it serves, see `LiveConfiguration`.

    `await start()`, then `url` and `port` say where; `await close()` ends it. Or as an async context manager.
    Events go to the plugins' hooks, the configuration's listeners, and who asks with `on`. `sockets` are those of
    `bind`, when other processes serve on them too; then `worker_folder` is this one's, see `Resources`. `port` wins
    over that of any configuration.
    """

    def __init__(
        self,
        configuration: Configuration,
        sockets: Sequence[socket.socket] = (),
        port: int | None = None,
        worker_folder: Path | None = None,
    ) -> None:
        if port is not None:
            configuration = replace(configuration, port=port)
        self.events: Emitter = Emitter(configuration.plugins.observers)
        self.dispatcher: Dispatcher = Dispatcher(self.events)
        self._stopping = asyncio.Event()
        live = LiveConfiguration(configuration, self.dispatcher, self._set_mappings, self._stopping)
        self.configuration: LiveConfiguration = live
        self.port: int = configuration.port
        self._http = ServerState(
            self.dispatcher.dispatch, self._tell_refused, configuration.limits, configuration.protocol
        )
        self._sockets = sockets
        self._port_wins = port is not None
        self._listening: list[asyncio.Server | TlsListener] = []
        self._offs: list[Callable[[], None]] = []  # what ends the listening of the configuration's listeners
        self._calling_listeners = False
        self._changing = asyncio.Lock()
        self._change: asyncio.Task[None] | None = None  # of the mappings, at work: one after the other
        self._shares = Shares(worker_folder)
        self._former: dict[OpenTable, asyncio.Task[None]] = {}  # the tables that were replaced, and what closes them
        self._ticker: asyncio.Task[None] | None = None
        self._keeper: CertificateKeeper | None = None
        self._unwatch: Callable[[], None] = lambda: None
        self._state = "new"
        # Of the loop's clock: until when a server that stops still listens, and when what is at work then is cut.
        self._drained = self._deadline = math.inf
        self._end: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the server is reached: `http://127.0.0.1:5000/`."""
        return self.configuration.checked.url(self.port)

    @property
    def closing(self) -> bool:
        """Whether the server stops and listens no more: new requests get 503."""
        return self._http.closing

    @property
    def working(self) -> int:
        """How many requests are at work."""
        return len(self._exchanges())

    @property
    def connections(self) -> int:
        """How many connections are open, those of WebSockets included."""
        return len(self._http.connections)

    @property
    def upgraded(self) -> list[Request]:
        """The requests at work whose connection is a WebSocket by now, or speaks another protocol."""
        return [exchange.request for exchange in self._exchanges() if exchange.upgraded is not None]

    def _exchanges(self) -> set[Exchange]:
        """Those whose handler is at work."""
        return {exchange for task, exchange in self._http.runner.tasks.items() if exchange.task is task}

    def on(self, name: str, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Calls `callback` on each event called `name`, or on all for "*". Returns what ends it; see `Emitter.on`."""
        off = self.events.on(name, callback)
        if self._calling_listeners:
            self._offs.append(off)
        return off

    async def __aenter__(self) -> Server:
        if self._state == "new":
            await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self, listen: bool = True) -> None:
        """Begins to serve; without `listen` only requests that come by the dispatcher.

        Raises OSError, saying what to do, when the address can't be had, and what a `lifespan` raises.
        """
        if self._state != "new":
            raise RuntimeError("A server starts once: make a new one")
        self._state = "started"
        self._call_listeners()
        self.events.emit(Event("created", self))
        try:
            await self._changed(self._take_over(self.configuration.checked))
            if listen:
                await self._listen()
        except BaseException:
            await self.close(force=True)
            raise
        self.events.emit(Event("ready", self, url=self.url, port=self.port))

    async def _listen(self) -> None:
        configuration = self.configuration.checked
        if configuration.workers == 1:  # else the process that started the workers tells it
            tell_warnings(configuration)
        loop = asyncio.get_running_loop()
        self._http.tick(loop.time(), time.time())
        self._ticker = asyncio.create_task(self._tick())
        self._unwatch = watch(self._request_of)
        sockets = self._sockets or bind(configuration)
        if configuration.ssl is not None:
            self._keeper = CertificateKeeper(configuration.ssl, lambda: self.configuration.checked.ssl)
        self.port = sockets[0].getsockname()[1]
        for each in sockets:
            if configuration.ssl is not None:
                self._listening.append(TlsListener(self._http, loop, each, configuration.ssl.context))
            else:
                self._listening.append(
                    await loop.create_server(lambda: Connection(self._http, loop), sock=each, backlog=BACKLOG)
                )

    def _tell_refused(self, request: Request, error: HTTPError) -> None:
        if self.events.refused:
            request.table = self.dispatcher.table
            event = Event("refused", self, request, request.url, start=time.time(), status=error.status, reason=error)
            self.events.emit(event)

    def _request_of(self, task: asyncio.Task[None]) -> Request | None:
        runner = self._http.runner
        exchange = runner.tasks.get(task) or runner.current
        return None if exchange is None else exchange.request

    async def reload(self, settings: Settings) -> None:
        """Takes over `settings`, whatever `check` takes, and local code that has changed.

        Requests under way finish on the mappings they started with, and no connection is closed. Where it listens
        stays. Raises `ConfigError` with every mistake, and what a `lifespan` raises: then the server goes on as it was.
        RuntimeError: it isn't running, or stops meanwhile.
        """
        await self._changed(self._reload(settings))

    async def _reload(self, settings: Settings) -> None:
        present = self.configuration.checked
        changed = await check(settings, present.plugins, present.workers, anew=True)
        if self._port_wins:
            changed = replace(changed, port=present.port)
        for what in _unchangeable(present, changed):
            logger.warning("%s has changed: that requires a restart", what)
        await self._take_over(
            replace(
                changed,
                hostname=present.hostname,
                port=present.port,
                ssl=None if present.ssl is None else changed.ssl or present.ssl,
                plugins=present.plugins,
                workers=present.workers,
            )
        )
        if changed.workers == 1:
            tell_warnings(changed)
        try:
            self._call_listeners()
        except BaseException:
            logger.exception("A listener of the configuration failed")
        self.events.emit(Event("reloaded", self))

    async def _set_mappings(self, mappings: list[dict[str, Any]]) -> None:
        await self._changed(self._replace_mappings(mappings))

    async def _replace_mappings(self, mappings: list[dict[str, Any]]) -> None:
        await self._take_over(await with_mappings(self.configuration.checked, mappings))
        self.events.emit(Event("reloaded", self))

    async def _changed(self, change: Coroutine[Any, Any, None]) -> None:
        """Runs a change of the mappings, one after the other; a stop cancels it.

        Raises what it raises, and RuntimeError when the server isn't running, or stops meanwhile.
        """
        try:
            async with self._changing:
                if self._state == "started":
                    self._change = asyncio.create_task(change)
                    try:
                        await self._change
                    finally:
                        self._change = None  # one that has failed keeps much alive
                    return
        except asyncio.CancelledError as error:
            if is_cancellation(error) or self._state != "closing":
                raise
        finally:
            change.close()  # unless it has run
        raise RuntimeError("The server isn't running: its mappings can't be changed")

    async def _take_over(self, configuration: Configuration) -> None:
        """Opens the mappings of a configuration and has requests run on them: the one way in which any come to life.

        Raises what a `lifespan` raises; then nothing has changed.
        """
        table = OpenTable(configuration, self.configuration, self._shares, self.dispatcher)
        await table.open()
        self._swap(table)
        self.configuration.checked = configuration
        self._http.limits = configuration.limits

    def _swap(self, table: OpenTable | None) -> None:
        """Has new requests run on another table, and the one before closed once none runs on it any more."""
        former, self.dispatcher.table = self.dispatcher.table, table
        if former is not None:
            former.replace()
            self._former[former] = asyncio.create_task(self._close_former(former))

    async def _close_former(self, table: OpenTable) -> None:
        try:
            async with asyncio.timeout(LINGERING):
                await table.drained()
        except TimeoutError:
            if table.holds:
                self._tell_lingering(table)
            await table.drained()
        await table.close()
        del self._former[table]

    def _tell_lingering(self, table: OpenTable) -> None:
        requests = [
            exchange.request for exchange in self._http.runner.tasks.values() if exchange.request.table is table
        ]
        names = ", ".join(sorted({f"{each.method} {each.path}" for each in requests})) or "a request"
        logger.warning(
            "%s run for %g s on mappings that were replaced, whose resources stay open for that: %s",
            "A request has" if table.active == 1 else f"{table.active} requests have",
            LINGERING,
            names or "a request",
        )

    def _call_listeners(self) -> None:
        """Calls the configuration's listeners; what they listened to before ends."""
        while self._offs:
            self._offs.pop()()
        self._calling_listeners = True
        try:
            for listener in self.configuration.checked.listeners:
                listener(self)
        finally:
            self._calling_listeners = False

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._http.tick(loop.time(), time.time())
            await asyncio.sleep(TICK)

    async def close(self, timeout: float | None = None, force: bool = False) -> None:
        """Stops: drains for the limit `drain-time` (not with `force`), listens no more, lets requests at work finish
        for `timeout` seconds (by default the limit `shutdown-timeout`; 0 with `force`), then cuts what is left, and
        closes the mappings.

        Called again, it waits for the same end, which may come sooner then. It comes when who waits is cancelled, too.
        """
        loop = asyncio.get_running_loop()
        limits, now = self.configuration.limits, loop.time()
        if timeout is None:
            timeout = limits.shutdown_timeout
        if self._end is None:
            self._state = "closing"
            self.configuration.draining = True
            self._drained = now + (limits.drain_time if self._listening else 0)
        if force:
            self._drained, timeout = now, 0
        self._deadline = min(self._deadline, self._drained + timeout)
        if self._drained <= now:
            self._stop_listening()
        if self._end is None:
            self._end = loop.create_task(self._close())
        await asyncio.shield(self._end)

    def _stop_listening(self) -> None:
        if self._http.closing:
            return
        self._http.closing = True
        self._stopping.set()
        for listening in self._listening:
            listening.close()
        for connection in list(self._http.connections):
            connection.stop()

    async def _close(self) -> None:
        if self._change is not None:
            self._change.cancel()
        await self._finish_work()
        if self._ticker is not None:
            self._ticker.cancel()
            self._unwatch()
        if self._keeper is not None:
            self._keeper.close()
        async with self._changing:
            self._swap(None)
        if self._former:
            for table in self._former:
                table.cut()
            await asyncio.wait(list(self._former.values()))
        self.events.emit(Event("closed", self))

    @property
    def _active(self) -> bool:
        """Whether any request runs on any mappings, those that came by no connection included."""
        table = self.dispatcher.table
        return (table is not None and table.active > 0) or any(former.active for former in self._former)

    async def _finish_work(self) -> None:
        """Waits until no request is at work any more, nor comes; cuts those that still are at the deadline."""
        http = self._http
        tasks = http.runner.tasks
        loop = asyncio.get_running_loop()
        # Polled: a notification for each end would cost something on every request, and is of use once.
        while not http.closing or ((http.connections or tasks or self._active) and loop.time() < self._deadline):
            if loop.time() >= self._drained:
                self._stop_listening()
            await asyncio.sleep(0.02)
        for task in list(tasks):
            task.cancel()
        for connection in list(http.connections):
            connection.abort()
        if tasks:
            await asyncio.wait(list(tasks), timeout=1)
        await asyncio.sleep(0)  # so that the transports call connection_lost


async def serve(configuration: Settings, port: int | None = None) -> Server:
    """Checks `configuration`, whatever `check` takes, and serves it: the server listens when this returns.

    Close it in the end, or use it in an `async with await serve(...)`.

    `port` wins over the configuration's. Raises `ConfigError`, `PluginError`, and what `Server.start` raises.
    """
    server = Server(await check(configuration), port=port)
    await server.start()
    return server


def tell_warnings(configuration: Configuration) -> None:
    """Logs what in the configuration is legal and can't do what it says."""
    for warning in configuration.warnings:
        logger.warning("%s", warning)


def _unchangeable(old: Configuration, new: Configuration) -> list[str]:
    """The settings that a running server can't change, and that are others now."""
    names = ["hostname", "port"]
    if (old.ssl is None) is not (new.ssl is None):
        names.append("ssl")
    return [f'"{name}"' for name in names if name == "ssl" or getattr(old, name) != getattr(new, name)]
