"""The process in which a command runs: its platform, its folder, its standard streams and its event loop.

The streams may be closed, or fail when they are written to.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from ..system import UNSUPPORTED, is_supported
from .exit_codes import CannotRun

if TYPE_CHECKING:
    import asyncio

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))

Result = TypeVar("Result")


@contextmanager
def command_process() -> Iterator[None]:
    """The context in which a command runs. Exits with 1 and a message where none can run, or write its output."""
    open_missing()
    if not is_supported():
        _end(UNSUPPORTED)
    try:
        Path.cwd()
    except OSError as error:
        _end(f"The current folder can't be used: {error.strerror}. Change to another one")
    try:
        yield
    except OSError as error:
        if _is_of_echo(error):
            _end(f"The output can't be written: {error.strerror}")
        if error.errno in (errno.EMFILE, errno.ENFILE):
            _end("There are too few file descriptors to begin: raise their limit (ulimit -n)")
        raise
    finally:
        for stream in (sys.stdout, sys.stderr):
            _settle(stream)


def open_missing() -> None:
    """Opens /dev/null for the standard streams that are closed.

    The next file or socket would get the number of one of them, and be taken for it: by children, by event loops.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:  # those before are open: it gets this number
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:  # as Python has found it closed
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115  (it lasts as the process)


def say(line: str) -> None:
    """Prints a line about a server. Where nothing can be written, a server serves all the same."""
    with suppress(OSError):
        click.echo(line)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs `work` to its end on an event loop that code of users and plugins can't end before."""
    import asyncio

    from ..failures import survives, tell

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(tell)
        task = loop.create_task(work)
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt) as error:
                is_own = task.done() and not task.cancelled() and task.exception() is error
                if is_own or not survives(error):
                    raise


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:  # not for this platform
        return None
    return new_event_loop


def _end(message: str) -> None:
    with suppress(OSError):
        CannotRun(message).show()
    raise SystemExit(CannotRun.exit_code) from None


def _is_of_echo(error: OSError) -> bool:
    """Whether it comes from writing to a standard stream."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code is not click.echo.__code__:
        traceback = traceback.tb_next
    return traceback is not None


def _settle(stream: TextIO) -> None:
    """Drops what can't be written to a stream: the interpreter would fail at it once more when it exits."""
    try:
        stream.flush()
    except ValueError:  # it is closed
        pass
    except OSError:
        with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
            stream.flush()
