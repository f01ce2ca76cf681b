"""The signals that stop and reload servers: SIGINT, SIGTERM and SIGHUP."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..system import UNSUPPORTED
from .exit_codes import CannotRun
from .reloader import Reloader

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals(stop: Callable[[], None], reloader: Reloader | None = None) -> Iterator[None]:
    """SIGINT and SIGTERM stop, the third one kills the process; SIGHUP reloads, or stops when the terminal is
    closed."""
    loop = asyncio.get_running_loop()
    stops = 0

    def on_stop() -> None:
        nonlocal stops
        stops += 1
        if stops == 2:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)
        stop()

    handlers = dict.fromkeys(STOP_SIGNALS, on_stop)
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
