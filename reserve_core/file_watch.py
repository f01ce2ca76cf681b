"""Notices that files have changed."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path

# Milliseconds: without changes for so long, those before belong together; look so often whatever the system tells.
_STEP = 50
_GROUP = 400
_LOOK = 1000
# Of folders, where somebody waits to see a change: one that is followed by no other is told after a step or two.
_FOLDER_STEP = 5
_FOLDER_GROUP = 200

# What is no part of a site: of tools, of editors that save, and what a page may change itself when it is asked for.
_OTHERS = re.compile(
    r"(?:^|/)(?:__pycache__|node_modules|\.(?:git|hg|svn|tox|venv|idea|[a-z]+_cache|hypothesis|DS_Store))(?:/|$)"
    r"|(?:~|\.py[cod]|\.sw[a-z]|\.log|\.(?:db|sqlite3?)(?:-journal|-shm|-wal)?|___jb_(?:tmp|old)___)$"
    r"|(?:^|/)(?:\.#[^/]*|4913)$"
)

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
            before = {path: before.get(path, seen) for path, seen in _stamps(files()).items()}
            if _folders(before) != folders:
                break


async def folder_changes(folders: Sequence[Path]) -> AsyncIterator[set[Path]]:
    """Yields the files below `folders` that have changed, appeared or disappeared, each time that some have.

    The first time it yields none: from then on nothing is missed. A folder need not be there; one that appears,
    disappears or is replaced is yielded itself, as anything in it may be another. Left out are the files of tools and
    editors, logs and databases, which a page may change itself. Raises OSError when the system can't watch so many.
    """
    roots = _real(folders)
    told: set[Path] = set()
    while True:
        present = _present(roots)
        begins = True
        async with aclosing(_below(list(present))) as watching:  # type: ignore[type-var]
            async for changed in watching:
                now = _present(roots)
                # The system names one that was removed: another one may have its number by now.
                others = {root for root in roots if root in changed or now.get(root) != present.get(root)}
                told |= others | {path for path in changed if is_part_of_site(path, roots)}
                if others:
                    break
                if told or begins:
                    yield told
                    told, begins = set(), False


def is_part_of_site(path: Path, roots: Iterable[Path]) -> bool:
    """Whether a file below one of the `roots` may be one that pages are made of."""
    return any(not _OTHERS.search(path.relative_to(root).as_posix()) for root in roots if path.is_relative_to(root))


def _real(paths: Iterable[Path]) -> list[Path]:
    """Where they are, symbolic links followed."""
    return [Path(os.path.realpath(path)) for path in paths]


async def _below(folders: Sequence[Path]) -> AsyncIterator[set[Path]]:
    """Yields what changes in them: nothing at once, when they are watched, and then at least each second."""
    from watchfiles import awatch

    if not folders:
        while True:
            yield set()
            await asyncio.sleep(_LOOK / 1000)
    watching = awatch(
        *folders,
        watch_filter=None,
        step=_FOLDER_STEP,
        debounce=_FOLDER_GROUP,
        rust_timeout=_LOOK,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    found = asyncio.ensure_future(anext(watching))
    try:
        await asyncio.sleep(0)  # its first step sets up what watches
        if not found.done():
            yield set()
        while True:
            yield {Path(path) for _, path in await found}
            found = asyncio.ensure_future(anext(watching))
    except FileNotFoundError:
        yield set()  # it has just disappeared
    finally:
        found.cancel()
        await asyncio.gather(found, return_exceptions=True)
        await watching.aclose()


def _present(roots: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """The folders that are there, each with what tells it from another one that takes its place."""
    found = {}
    for root in roots:
        try:
            status = root.stat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode):
            found[root] = (status.st_dev, status.st_ino)
    return found


def _folders(stamps: _Stamps) -> set[Path]:
    return {folder for path in stamps if (folder := path.parent).is_dir()}


def _stamps(files: Iterable[Path]) -> _Stamps:
    paths = set(_real(files))
    neighbours = {each for folder in {path.parent for path in paths} if folder.is_dir() for each in folder.glob("*.py")}
    return {path: stamp(path) for path in paths | neighbours}


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from what it will be after a change; None for one that isn't there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
