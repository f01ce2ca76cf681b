"""File systems of the user's own: what `custom-file-system` must offer."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from datetime import datetime
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from reserve_core import Response


class FileSystem(Protocol):
    """Any object, module or class instance with these functions.

    Paths are absolute, made of the mapping's `cwd` and the requested names, and never climb above the mapping's root.
    """

    async def stat(self, path: str) -> Any:
        """What `path` is: an `os.stat_result`, or a dict or an object with

        - `size` in bytes
        - `is_directory`, a bool or a function that returns it (default: false)
        - `mtime`, a datetime or seconds since the epoch, or None if not known (default)

        Returns None or raises OSError when there is nothing to serve.
        """

    async def readdir(self, path: str) -> Iterable[str]:
        """The names in a folder. Only `listing` needs it."""

    def create_read_stream(
        self, path: str, start: int, end: int
    ) -> AsyncIterator[bytes] | Awaitable[AsyncIterator[bytes]]:
        """The bytes from position `start` to position `end`, **inclusive**, in chunks of any size."""


class Stat(NamedTuple):
    """What a file system says of a path. `written` is in nanoseconds since the epoch."""

    size: int
    is_directory: bool
    written: int | None


def missing_functions(candidate: object, *, listing: bool) -> list[str]:
    """The names of the functions that `candidate` lacks to be a file system."""
    needed = ["stat", "create_read_stream", *(["readdir"] if listing else [])]
    return [name for name in needed if not callable(getattr(candidate, name, None))]


async def stat_file(file_system: FileSystem, path: str) -> Stat | None:
    """Asks a file system what `path` is; None: nothing. Raises TypeError when what it returns makes no sense."""
    try:
        found = await file_system.stat(path)
    except OSError:
        return None
    if found is None:
        return None
    if isinstance(found, os.stat_result):
        return Stat(found.st_size, modes.S_ISDIR(found.st_mode), found.st_mtime_ns)
    if not isinstance(found, Mapping):
        found = {name: getattr(found, name, None) for name in ("size", "is_directory", "mtime")}
    directory = found.get("is_directory") or False
    if callable(directory):
        directory = directory()
    size = found.get("size")
    if not directory and (not isinstance(size, int) or size < 0):
        raise TypeError(f"The custom file system's stat({path!r}) gives {size!r} as size: it must be a number of bytes")
    return Stat(size or 0, bool(directory), _nanoseconds(found.get("mtime")))


async def send_range(file_system: FileSystem, path: str, response: Response, start: int, stop: int) -> None:
    """Writes the bytes from `start` to before `stop`. Raises OSError when there are fewer or more."""
    chunks = file_system.create_read_stream(path, start, stop - 1)
    if isawaitable(chunks):
        chunks = await chunks
    position = start
    try:
        async for chunk in chunks:
            position += len(chunk)
            if position > stop:
                break
            await response.write(chunk)
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    if position != stop:
        raise OSError(f"{path} changed while it was being sent: byte {stop} expected, byte {position} reached")


def _nanoseconds(mtime: datetime | float | None) -> int | None:
    if mtime is None:
        return None
    return int((mtime.timestamp() if isinstance(mtime, datetime) else mtime) * 1_000_000_000)
