"""`thread: true`: plain functions are called in threads, so that they may block."""

from __future__ import annotations

import inspect
from typing import Any, cast

from reserve_core import ConfigError, Request, Response, Writer
from reserve_core.kit import Threads

from .function import THREADS, Function, prepare_function

_threads = Threads(THREADS, "custom")


def prepare_threaded(target: Any, name: str | None = None) -> Function:
    """As `prepare_function`: how to call `target` in a thread. Raises `ConfigError` for a coroutine function, too."""
    function = prepare_function(target, name)
    call = function.call
    if inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__):
        raise ConfigError(
            f'"thread" is for plain functions, and {function.name} is an async one',
            'Write "def", or leave "thread" out and have the function wait with "await"',
        )

    async def call_in_thread(request: Request, response: Response, *groups: str) -> Any:
        # Only the event loop's thread may write to the connection.
        writer, response.writer = response.writer, cast("Writer", _NoWriter(function.name))
        try:
            return await _threads.run(call, request, response, *groups)
        finally:
            response.writer = writer

    return function._replace(call=call_in_thread)


class _NoWriter:
    """The writer of a response that is in a thread."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f'{self._name} runs in a thread ("thread": true): return the response, [body, {{...}}]')
