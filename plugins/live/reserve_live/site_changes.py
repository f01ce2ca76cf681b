"""What has changed in the folders of a site, and when.

Times are microseconds since the epoch, so that they mean the same to all workers and to the next start of the server. A
page knows of all changes up to the time at which it was made; what comes later is told to it, whoever has seen it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from reserve_core import ConfigError
from reserve_core.kit import folder_changes, is_part_of_site

if TYPE_CHECKING:
    from reserve_core import Event

logger: Final = logging.getLogger("reserve")

# Changes that are remembered. Whoever was away for more is told that anything may have changed.
MOST_CHANGES: Final = 1000
# Of one change, no more files are named.
MOST_FILES: Final = 100
# A file system's clock may be behind by this (microseconds): it counts in steps of the system's timer.
_TOLERANCE: Final = 20_000

# The standard output and the standard error.
_OUTPUTS: Final = (1, 2)

Files = frozenset[str] | None  # relative to their folder; None: anything


class Change(NamedTuple):
    """At a time, files have changed."""

    time: int
    files: Files


class SiteChanges:
    """The changes since the folders are watched, and what is wrong with the configuration, "" if it is in use.

    The files of the configuration are no part of the site, wherever they are: what they change is told when it is in
    use.
    """

    def __init__(self, folders: tuple[Path, ...], configuration_files: frozenset[Path]) -> None:
        self.problem: str = ""
        self.news: asyncio.Event = asyncio.Event()  # another one after each change
        self._folders = tuple(Path(os.path.realpath(folder)) for folder in folders)
        self._configuration_files = {Path(os.path.realpath(file)) for file in configuration_files}
        self._since = self._last = 0
        self._changes: deque[Change] = deque()

    def now(self) -> int:
        """The time, after that of each change so far and before that of the next one."""
        self._last = max(time.time_ns() // 1000, self._last)
        return self._last

    async def after(self, moment: int) -> Files:
        """What has changed after a moment, in the folders or the configuration.

        Where that was before anything was watched, what the file system says has to do: it may be anything then, unless
        files were only written to.
        """
        later = [change.files for change in self._changes if change.time > moment]
        found: set[str] = set()
        if moment < self._since:
            written = await asyncio.to_thread(self._written, moment - _TOLERANCE)
            if written is None:
                return None
            found |= written
        for each in later:
            if each is None:
                return None
            found |= each
        return frozenset(found)

    def watched(self) -> None:
        """From now on, nothing is missed."""
        self._since = self.now()

    def changed(self, paths: Iterable[Path]) -> None:
        """These have changed: files below the folders, or a folder itself, in which anything may have."""
        paths = set(paths) - self._configuration_files
        files = {self._name(path) for path in paths if not _is_output(path)}
        if files:
            self._tell(None if "." in files or len(files) > MOST_FILES else frozenset(files))

    def reloaded(self, event: Event) -> None:
        """The server has other mappings."""
        self.problem = ""
        self._tell(None)

    def reload_failed(self, event: Event) -> None:
        """It has the former ones, as something is wrong with those that it should have."""
        error = event.reason
        self.problem = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
        self._wake()

    def _written(self, moment: int) -> Files:
        """What the file system says that was written after a moment: anything where something was put or taken away, or
        with the configuration.

        It goes by the times of the last change of what is there, names included: nobody sets them.
        """
        paths = chain(self._configuration_files, _paths(self._folders))
        changed = [path for path in paths if _ctime(path) > moment * 1000]
        if len(changed) > MOST_FILES or any(path.is_dir() or path in self._configuration_files for path in changed):
            return None
        return frozenset(self._name(path) for path in changed if not _is_output(path))

    def _name(self, path: Path) -> str:
        """The path as seen from its folder."""
        return next((path.relative_to(each).as_posix() for each in self._folders if path.is_relative_to(each)), ".")

    def _tell(self, files: Files) -> None:
        self._last = max(time.time_ns() // 1000, self._last + 1)
        self._changes.append(Change(self._last, files))
        if len(self._changes) > MOST_CHANGES:
            self._since = self._changes.popleft().time
        self._wake()

    def _wake(self) -> None:
        news, self.news = self.news, asyncio.Event()
        news.set()


@asynccontextmanager
async def site_changes(
    folders: tuple[Path, ...], configuration_files: frozenset[Path], delay: float
) -> AsyncIterator[SiteChanges]:
    """Watches folders, for `resources.share`: from when it is entered, no change is missed.

    A change is told, and counts, so many seconds after it: until then an application may make pages as before it.
    """
    changes = SiteChanges(folders, configuration_files)
    watched = asyncio.Event()
    watching = asyncio.create_task(_watch(changes, folders, delay, watched))
    try:
        await watched.wait()
        yield changes
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(changes: SiteChanges, folders: tuple[Path, ...], delay: float, watched: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    try:
        async for paths in folder_changes(folders):
            if paths and delay:
                loop.call_later(delay, changes.changed, paths)
            elif paths:
                changes.changed(paths)
            else:
                changes.watched()
                watched.set()
    except Exception as error:  # the system may watch no more
        logger.error("Pages are not reloaded when files change: %s", error)
    finally:
        watched.set()


def _is_output(path: Path) -> bool:
    """Whether a file has what this server prints: each page that is loaded is a line of it."""
    try:
        found = path.stat()
        return any(os.path.samestat(found, os.fstat(descriptor)) for descriptor in _OUTPUTS)
    except OSError:
        return False


def _paths(folders: Iterable[Path]) -> Iterator[Path]:
    """The folders, and all that pages may be made of below them."""
    for folder in folders:
        for name, folders_in_it, files in os.walk(folder):
            root = Path(name)
            yield root
            folders_in_it[:] = [each for each in folders_in_it if is_part_of_site(root / each, (folder,))]
            yield from (root / each for each in files if is_part_of_site(root / each, (folder,)))


def _ctime(path: Path) -> int:
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return 0
