"""Failures of code that isn't ours: functions, hooks, listeners, applications.

What such code raises is its own failure and nothing more: `sys.exit` in a function (argparse calls it, too) ends
neither the server nor anybody else's request. The caller catches `BaseException` and re-raises only what isn't the
code's own, see `is_cancellation`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Most that import this never fail: what is needed to tell of a failure comes with the first one.
if TYPE_CHECKING:
    import asyncio
    from types import CodeType, FrameType, TracebackType

logger: logging.Logger = logging.getLogger("reserve")

_CORE = __name__.partition(".")[0]
# The names of our packages and of most plugins begin so; those of a user's files too, see `config.local_modules`.
_PACKAGES, _LOCAL = "reserve_", "reserve_local_"
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_COROUTINE = 0x80 | 0x100 | 0x200  # of a code's flags: CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR


def is_cancellation(error: BaseException) -> bool:
    """Whether `error` cancels the task that runs now. A CancelledError of what this task waits for doesn't."""
    from asyncio import CancelledError, current_task

    if not isinstance(error, CancelledError):
        return False
    task = current_task()
    return task is None or task.cancelling() > 0


def describe(error: BaseException) -> str:
    """An exception in one line: its type, its message, and the place that raised it.

    Of a group the first of its exceptions is told as well: the group's own message says how many there are.
    """
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    if isinstance(error, BaseExceptionGroup):
        return f"{text}: {describe(error.exceptions[0])}"
    if isinstance(error, SyntaxError):
        return text  # its message says where
    place = place_of(error)
    return f"{text} ({place})" if place else text


def place_of(error: BaseException) -> str:
    """Where `error` was raised: `file.py:4 in helper`, "" if that isn't known; see `place`."""
    return place(_frames(error.__traceback__))


def place(frames: Iterable[tuple[FrameType, int]]) -> str:
    """The place that `frames`, pairs of a frame and its line, outermost first, tell of: `file.py:4 in helper`.

    It is the innermost one in a user's own code; where there is none, in a plugin's or a library's.
    """
    own = other = ""
    for frame, line in frames:
        code = frame.f_code
        if _is_ours(frame) or (code.co_filename.startswith(("<", _standard_library())) and not _is_installed(code)):
            continue
        other = f"{_file(code)}:{line}" + (f" in {code.co_name}" if code.co_name != "<module>" else "")
        if not _is_library(frame):
            own = other
    return own or other


def stack(frame: FrameType | None) -> list[tuple[FrameType, int]]:
    """The frames of a running thread for `place`, of which `frame` is the innermost."""
    frames = []
    while frame is not None:
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    return frames[::-1]


def survives(error: BaseException) -> bool:
    """Whether the event loop that `error` has stopped has to go on, as nobody who may has meant to end it.

    asyncio lets SystemExit and KeyboardInterrupt of a task or a callback end the loop. A user's Ctrl-C is one only as
    long as SIGINT isn't handled otherwise. What a callback has raised is logged; that of a task is kept by it for those
    who await it.
    """
    import signal

    if isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        return False
    if not any(frame.f_code.co_flags & _COROUTINE for frame, _ in _frames(error.__traceback__)):
        logger.error("A callback of the event loop failed", exc_info=error)
    return True


def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler: what failed where nobody waits for it is an ERROR of the log."""
    unawaited = "future" in context and "exception" in context
    message = "A task that nobody waits for failed" if unawaited else context["message"]
    logger.error("%s", message, exc_info=context.get("exception"))


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


@cache
def _standard_library() -> str:
    from sysconfig import get_path

    return f"{get_path('stdlib')}{os.sep}"


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == _CORE


def _is_installed(code: CodeType) -> bool:
    return any(folder in code.co_filename for folder in _INSTALLED)


def _is_library(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__"))
    is_package = module.startswith(_PACKAGES) and not module.startswith(_LOCAL)
    return is_package or _is_installed(frame.f_code)


def _file(code: CodeType) -> str:
    path = Path(code.co_filename)
    return f"{path.parent.name}/{path.name}" if path.name == "__init__.py" else path.name
