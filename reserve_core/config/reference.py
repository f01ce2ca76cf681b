"""References to Python code in a configuration: "./file.py", "./file.py:name", "package.module:name"."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ConfigError
from ..failures import describe
from . import local_modules
from .migration import of_reference

FORMS = 'Write "./file.py:name" or "package.module:name"'

_SYNTAX = re.compile(r"(?P<place>[^:]+|.+\.py)(?::(?P<name>[^\W\d]\w*))?")


def load_reference(text: str, cwd: Path, default_name: str | None = None) -> Any:
    """What the reference `text` names. The parameters and the errors are those of `Reference`."""
    return Reference(text, cwd, default_name).load()


class Reference:
    """A reference to Python code, taken apart.

    A file's path is relative to `cwd`; how it is imported stands in `local_modules`. A module is looked for where
    Python looks and then below `cwd`. Without a name in `text`, `default_name` is meant; without that, the module
    itself. Raises `ConfigError` when `text` is no reference; so does `load` when there is no such code or it fails.
    """

    def __init__(self, text: str, cwd: Path, default_name: str | None = None) -> None:
        parts = _SYNTAX.fullmatch(text)
        if parts is None or "\0" in text:
            raise ConfigError(f'"{text}" is not a reference to Python code', FORMS)
        self.text = text
        self.cwd = cwd
        self.place: str = parts["place"]
        self.name: str | None = parts["name"] or default_name
        self.path: Path | None = cwd / self.place if self.place.endswith(".py") else None
        self.module: ModuleType | None = None
        if self.path is None and not all(part.isidentifier() for part in self.place.split(".")):
            is_path = "/" in self.place and (cwd / f"{self.place}.py").is_file()
            hint = f'Did you mean "{self.place}.py"?' if is_path else FORMS
            raise self._of_node() or ConfigError(f'"{text}" is not a reference to Python code', hint)

    def load(self) -> Any:
        """The object. Its module is imported once, whatever the number of references to it."""
        return self._object(self._guarded(self._import))

    def reload(self) -> Any:
        """The object as its file has it now; see `local_modules.reload`. A module that isn't local stays as it is.

        Raises `ConfigError` when the new code can't be used; then the former is still there.
        """
        module = self.module
        if module is None or not module.__name__.startswith(local_modules.PREFIX):
            return self.load()
        return self._object(self._guarded(lambda: local_modules.reload(module)))

    @property
    def files(self) -> frozenset[Path]:
        """The local files a loaded reference depends on: the ones to watch. None for a module that isn't local."""
        return local_modules.local_files(self.module) if self.module is not None else frozenset()

    def _import(self) -> ModuleType:
        if self.path is not None:
            return local_modules.import_file(self.path)
        top = self.place.partition(".")[0]
        is_known = top in sys.modules or importlib.util.find_spec(top) is not None
        if not is_known and local_modules.has_module(self.cwd, top):
            return local_modules.import_module(self.cwd, self.place)
        return importlib.import_module(self.place)

    def _guarded(self, load: Callable[[], ModuleType]) -> ModuleType:
        if self.path is not None and not self.path.is_file():
            raise ConfigError(f'"{self.text}": there is no file {self.path}', f"Paths are relative to {self.cwd}")
        try:
            self.module = load()
        except KeyboardInterrupt:  # Ctrl-C
            raise
        except BaseException as error:
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if self.path is None and missing and f"{self.place}.".startswith(f"{missing}."):
                hint = 'Install it, or name a file: "./file.py:name"'
                raise (self._of_node() or ConfigError(f'"{self.text}": there is no module {missing}', hint)) from error
            hint = f"Mend {self.path.name if self.path else self.place}"
            raise ConfigError(f'"{self.text}" fails when it is imported: {describe(error)}', hint) from error
        return self.module

    def _of_node(self) -> ConfigError | None:
        """What is to be said when the reference is one of REserve's."""
        found = of_reference(self.place)
        return None if found is None else ConfigError(f'"{self.text}" {found[0]}', found[1])

    def _object(self, module: ModuleType) -> Any:
        if self.name is None:
            return module
        try:
            return getattr(module, self.name)
        except AttributeError as error:
            public = [name for name in vars(module) if not name.startswith("_")]
            import difflib

            close = difflib.get_close_matches(self.name, public, 1)
            hint = (
                f'Did you mean "{self.place}:{close[0]}"?'
                if close
                else f'Define it, or name another: "{self.place}:..."'
            )
            raise ConfigError(f'"{self.text}": {self.place} has no "{self.name}"', hint) from error
