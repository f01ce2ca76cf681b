"""`watch: true`: code is loaded anew when its files change.

Each request compares the files with what was loaded: only their content tells for sure (two edits may fall on the same
time stamp), and an edit is there for the very next request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reserve_core import ConfigError, Reference

from .function import Function

logger = logging.getLogger("reserve")


class WatchedFunction:
    """A function named by a reference, as its file has it now. Raises `ConfigError` when that can't be used."""

    def __init__(self, reference: Reference, prepare: Callable[[Any, str], Function]) -> None:
        self._reference = reference
        self._prepare = prepare
        self._module = _watched(reference)
        self._version = self._module.refresh()
        self._function = self._prepare(reference.load(), reference.text)

    def current(self) -> Function:
        """The function to call now: the last one that could be used."""
        version = self._module.refresh()
        if version != self._version:
            self._version = version
            try:
                self._function = self._prepare(self._reference.load(), self._reference.text)
            except ConfigError as error:
                logger.error("%s\nThe former code stays in use", error)
        return self._function


class _WatchedModule:
    """A module and its files."""

    def __init__(self, reference: Reference) -> None:
        self.version = 0
        self._reference = Reference(reference.place, reference.cwd)
        self._reference.load()
        self._sources = {path: _read(path) for path in self._reference.files}
        self._failure = ""

    def refresh(self) -> int:
        """Loads the module anew if it has to be; returns how often it has been.

        A failure is logged once. The code that failed may have imported files that nobody knows of: until it can be
        loaded, each request tries.
        """
        if self._failure or any(_read(path) != source for path, source in self._sources.items()):
            # Read before they are loaded: an edit meanwhile is seen the next time.
            self._sources = {path: _read(path) for path in self._sources}
            try:
                self._reference.reload()
            except ConfigError as error:
                if str(error) != self._failure:
                    self._failure = str(error)
                    logger.error("%s\nThe former code stays in use", error)
            else:
                self.version += 1
                self._failure = ""
                self._sources = {path: self._sources.get(path) or _read(path) for path in self._reference.files}
        return self.version


_modules: dict[str, _WatchedModule] = {}


def _watched(reference: Reference) -> _WatchedModule:
    """The watch of a reference's module: one for all mappings, so that they go on sharing what the module holds."""
    reference.load()
    if not reference.files or reference.module is None:
        raise ConfigError(
            f'"watch" has nothing to watch: {reference.place} is not below {reference.cwd}',
            'Name a file of your own, "./file.py:name", or leave "watch" out',
        )
    name = reference.module.__name__
    if name not in _modules:
        _modules[name] = _WatchedModule(reference)
    return _modules[name]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
