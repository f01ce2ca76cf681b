"""Notices that files have changed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

# Milliseconds: without changes for so long, those before belong together; look so often whatever the system tells.
_STEP = 50
_GROUP = 400
_LOOK = 1000

_Stamps = dict[Path, tuple[int, int, int] | None]


async def changes(files: Callable[[], Iterable[Path]]) -> AsyncIterator[None]:
    """Yields each time one of `files`, or a Python file beside one, has changed, appeared or disappeared.

    `files` is asked each time, as the ones to watch may be others then.
    """
    from watchfiles import awatch

    before = _stamps(files())
    while True:
        folders = _folders(before)
        # Folders, because an editor may put a new file in the place of the old one.
        watching = awatch(
            *folders,
            watch_filter=None,
            recursive=False,
            step=_STEP,
            debounce=_GROUP,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        async for _ in watching:
            now = _stamps(files())
            if now != before:
                before = now
                yield
            # What was read meanwhile may have brought others; those changes count from here on.
            before = {path: before.get(path, stamp) for path, stamp in _stamps(files()).items()}
            if _folders(before) != folders:
                break


def _folders(stamps: _Stamps) -> set[Path]:
    return {folder for path in stamps if (folder := path.parent).is_dir()}


def _stamps(files: Iterable[Path]) -> _Stamps:
    """What tells the present files from later ones; None for one that isn't there."""
    paths = {Path(os.path.realpath(path)) for path in files}
    neighbours = {each for folder in {path.parent for path in paths} if folder.is_dir() for each in folder.glob("*.py")}
    return {path: _stamp(path) for path in paths | neighbours}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
