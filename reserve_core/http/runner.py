"""Runs the requests of a server: those that arrived in one turn of the event loop together."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request
    from .response import Response

# Requests that are run before the sockets are looked at again. Those that are parsed together and then run together
# cost a third less than one after the other, for the processor's caches' sake; with too many of them that is lost.
BATCH = 32


class Runner:
    """Runs each exchange that is added by `handle`, in the next turn of the loop, and tells it when that has ended.

    `tasks` are those that requests have, each with its exchange, `current` is the exchange that runs right now.

    A request that waits has a task and a context of its own:

    - From Python 3.12 on each has a task, which starts at once: one that has nothing to wait for is never scheduled.
    - Before, those of a batch share one task, one after the other. The first that waits keeps it, and those behind it
      get tasks of their own; so do those behind one that leaves its mark on the task: another context, a callback for
      its end, a request to cancel it.
    """

    def __init__(self, handle: Callable[[Request, Response], Coroutine[Any, Any, None]]) -> None:
        self.tasks: dict[asyncio.Task[None], Exchange] = {}
        self.current: Exchange | None = None
        self._handle = handle
        self._ready: deque[Exchange] = deque()
        self._scheduled = False
        # What requests start with. A pipelined one is added while another one runs, whose context isn't its own.
        self._context: Context | None = None

    def add(self, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> None:
        """Runs `exchange` in the next turn of the loop."""
        self._ready.append(exchange)
        if not self._scheduled:
            self._scheduled = True
            if self._context is None:
                self._context = copy_context()
            self._schedule(loop, self._context)

    def _take(self, loop: asyncio.AbstractEventLoop, context: Context) -> deque[Exchange]:
        """The next batch."""
        batch = self._ready
        if len(batch) > BATCH:
            batch = deque(self._ready.popleft() for _ in range(BATCH))
            self._schedule(loop, context)
        else:
            self._ready = deque()
            self._scheduled = False
        return batch

    def _schedule(self, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        if sys.version_info >= (3, 12):
            loop.call_soon(self._start, loop, context, context=context)
        else:
            loop.create_task(self._run(loop, context, None), context=context.copy())

    # With a task for each.

    def _start(self, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        tasks = self.tasks
        for exchange in self._take(loop, context):
            response = exchange.response
            if response is None:
                continue  # the client has gone
            self.current = exchange
            # Not by the loop's own `create_task`: uvloop's takes the argument, and starts no task at once.
            task = asyncio.Task(
                self._handle(exchange.request, response),
                loop=loop,
                eager_start=True,  # type: ignore[call-arg, unused-ignore]
            )
            if task.done():
                _look_at(task)
                exchange.finished()
            else:
                exchange.task = task
                tasks[task] = exchange
                task.add_done_callback(self._ended)
        self.current = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        _look_at(task)
        self.tasks.pop(task).finished()

    # With a task for all that don't wait.

    async def _run(self, loop: asyncio.AbstractEventLoop, context: Context, batch: deque[Exchange] | None) -> None:
        if batch is None:
            batch = self._take(loop, context)
        task = asyncio.current_task(loop)
        assert task is not None
        if len(batch) > 1:
            loop.call_soon(self._give_away, batch, loop, context)
        while batch:
            exchange = batch.popleft()
            response = exchange.response
            if response is None:
                continue  # the client has gone
            exchange.task = task
            self.tasks[task] = exchange
            try:
                await self._handle(exchange.request, response)
            except BaseException:  # noqa: S110 - the dispatcher has reported it
                # Behind one that has waited no other runs in this task: when it is closed, the task ends.
                pass
            finally:
                del self.tasks[task]
                exchange.finished()
            if batch and (task.cancelling() or getattr(task, "_callbacks", None) or copy_context() != context):
                self._give_away(batch, loop, context)

    def _give_away(self, batch: deque[Exchange], loop: asyncio.AbstractEventLoop, context: Context) -> None:
        """Runs what is left of a batch without the task that has begun it."""
        while batch:
            loop.create_task(self._run(loop, context, deque((batch.popleft(),))), context=context.copy())


def _look_at(task: asyncio.Task[None]) -> None:
    """Retrieves the exception, which the dispatcher has reported: else asyncio would log it again."""
    if not task.cancelled():
        task.exception()
