"""Threads for functions that block: the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


class Threads:
    """Up to `most` threads, each started when it is needed; functions beyond that wait for one.

    They are daemons, other than those of `concurrent.futures`: a thread can't be ended, and what hangs in one must not
    keep the process from ending.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._count = 0

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What `function` returns or raises; it has the context variables of the caller."""
        future: Future[Result] = Future()
        self._jobs.put((future, partial(copy_context().run, function, *arguments)))
        if not self._idle.acquire(blocking=False) and self._count < self._most:
            self._count += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True).start()
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the threads, each once what it works on has ended."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _execute(*job)
            del job  # what it holds isn't kept until there is another one
            self._idle.release()


def _execute(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except StopIteration as error:  # no future of asyncio may carry it
        failure = RuntimeError(f"{type(error).__name__} was raised in a thread")
        failure.__cause__ = error
        future.set_exception(failure.with_traceback(error.__traceback__))
    except BaseException as error:
        future.set_exception(error)
