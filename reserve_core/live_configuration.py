"""The interface of a running server: what its handlers and custom functions get as `configuration`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from .errors import HTTPError, ResponseCut
from .http.target import canonical_url
from .memory_response import MemoryResponse
from .tokens import is_token

if TYPE_CHECKING:
    from .config import Configuration, Handler, Limits, Mapping
    from .dispatcher import Dispatcher
    from .http import Request, Response

# How deep the requests are that handlers have made of each other's: contexts go along with tasks.
_depth: ContextVar[int] = ContextVar("depth", default=0)


class LiveConfiguration:
    """The configuration of a running server (or a mock), as it is at the moment, and what it can be asked for.

    `checked` is the configuration that it serves, another one after each reload. `draining` says that the server is
    about to stop: it still takes requests, for the limit `drain-time`, and whoever balances load should send no more.
    A server has one of these all its life: keep it as long as you like.
    """

    def __init__(
        self,
        checked: Configuration,
        dispatcher: Dispatcher,
        set_mappings: Callable[[list[dict[str, Any]]], Awaitable[None]],
        stopping: asyncio.Event,
    ) -> None:
        self.checked = checked
        self.draining: bool = False
        self._stopping = stopping
        self._dispatcher = dispatcher
        self._set_mappings = set_mappings

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handlers by their prefixes, the installed and the configuration's own."""
        return self.checked.handlers

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """The mappings that new requests run on."""
        table = self._dispatcher.table
        return self.checked.mappings if table is None else table.mappings

    @property
    def protocol(self) -> Literal["http", "https"]:
        """How the server is spoken to."""
        return self.checked.protocol

    @property
    def hostname(self) -> str:
        """The name or the address it listens on."""
        return self.checked.hostname

    @property
    def cwd(self) -> Path:
        """The folder that paths are relative to, absolute."""
        return self.checked.cwd

    @property
    def limits(self) -> Limits:
        """How much a client may send, and how long anything may take."""
        return self.checked.limits

    async def set_mappings(self, mappings: list[dict[str, Any]]) -> None:
        """Replaces the mappings, written as in a configuration, as a reload does.

        Requests under way finish on those they started with. Raises `ConfigError` with every mistake in them, and what
        a lifespan raises; then nothing has changed.
        """
        await self._set_mappings(mappings)

    @overload
    async def dispatch(self, request: Request) -> MemoryResponse: ...

    @overload
    async def dispatch(self, request: Request, response: Response) -> None: ...

    async def dispatch(self, request: Request, response: Response | None = None) -> MemoryResponse | None:
        """Runs a request of the caller's own through all mappings, flagged `internal`.

        It has the headers it was made with, and no other: no cookie and no credentials of the request that is being
        handled. Without `response`, what is answered comes back, in memory. Requests that handlers make of one another
        are answered with 508 when they are nested deeper than `max-redirect`. Raises `HTTPError` 400 for a method or a
        URL that no client could send: what guards the mappings doesn't know them.
        """
        if not is_token(request.method) or request.method != request.method.upper():
            raise HTTPError(400, "The method of a request is one word in capital letters")
        request.url = canonical_url(request.url)
        request.internal = True
        depth = _depth.get()
        memory: MemoryResponse | None = None
        if response is None:
            memory = MemoryResponse(request.method)
            response = memory.response
        if depth > self.checked.max_redirect:
            response.send(b"", 508)
            return memory
        token = _depth.set(depth + 1)
        try:
            await self._dispatcher.dispatch(request, response)
        finally:
            _depth.reset(token)
        return memory

    @overload
    async def dispatch_rest(self, request: Request) -> MemoryResponse: ...

    @overload
    async def dispatch_rest(self, request: Request, response: Response) -> None: ...

    async def dispatch_rest(self, request: Request, response: Response | None = None) -> MemoryResponse | None:
        """Answers `request` by the mappings after the one that is handling it, of the table it started with.

        Without `response`, what is answered comes back, in memory and whole: raises `ResponseCut` where it was cut.
        What one of them raises is raised, but for an `HTTPError`, which becomes the response.
        """
        memory: MemoryResponse | None = None
        if response is None:
            memory = MemoryResponse(request.method)
            response = memory.response
        await self._dispatcher.dispatch_rest(request, response)
        if memory is not None and memory.aborted:
            raise ResponseCut("cut by a later mapping")
        return memory

    async def replaced(self, request: Request) -> None:
        """Returns when other mappings have taken the place of those that `request` runs on."""
        if request.table is not None:
            await request.table.replaced.wait()

    async def stopping(self) -> None:
        """Returns when the server listens no more, and waits for the requests at work: those that have no end of their
        own, such as event streams, are to end now. WebSockets are closed anyway.
        """
        await self._stopping.wait()

    def move(self, request: Request, mapping: Mapping) -> None:
        """Has `request` run on `mapping`, one of the present `mappings`: those it came by may close.

        For handlers whose requests may never end, such as WebSockets and event streams, when all that they use is
        what `mapping` has, too: a shared resource. `replaced` tells when it is time. Raises RuntimeError when the
        request isn't dispatched, or `mapping` isn't one of the present ones.
        """
        table = self._dispatcher.table
        if request.table is None or table is None:
            raise RuntimeError("The request isn't dispatched: only a handler can have it run on other mappings")
        if not any(mapping is each for each in table.mappings):
            raise RuntimeError(f"{mapping.label} is none of the present mappings: take one of configuration.mappings")
        table.active += 1
        request.table.leave()
        request.table, request.mapping = table, mapping
