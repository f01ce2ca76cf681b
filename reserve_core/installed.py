"""The entry points of the installed distributions, as their metadata in the folders of `sys.path` says them.

`importlib.metadata` finds the same, and its modules, with those of email and of archives, are a tenth of a start.
https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, reduce
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zipfile


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A name that a distribution publishes, and what it stands for: "module" or "module:object"."""

    name: str
    value: str
    metadata: Path | zipfile.Path  # a folder

    def load(self) -> Any:
        """Imports what it stands for. Raises whatever the import does."""
        module, _, attributes = self.value.partition("[")[0].partition(":")  # no extras: what is there is there
        return reduce(getattr, filter(None, attributes.strip().split(".")), import_module(module.strip()))

    @property
    def distribution(self) -> tuple[str, str]:
        """The name and the version of its distribution."""
        return _name_and_version(self.metadata)


def entry_points(group: str) -> Iterator[EntryPoint]:
    """The entry points of a group. Of two distributions of one name the first on `sys.path` counts."""
    seen = set()
    for folder in _folders():
        for metadata in folder.iterdir():
            stem, _, kind = metadata.name.rpartition(".")
            if kind not in ("dist-info", "egg-info"):
                continue
            name = re.sub(r"[-_.]+", "_", stem.partition("-")[0]).lower()
            if name in seen:
                continue
            seen.add(name)
            for entry, value in _section(_text(metadata / "entry_points.txt"), group):
                yield EntryPoint(entry, value, metadata)


def _folders() -> Iterator[Path | zipfile.Path]:
    """What can be looked into of `sys.path`: folders and archives."""
    for path in map(Path, sys.path):
        if path.is_dir():
            yield path
        elif path.is_file():
            import zipfile

            if zipfile.is_zipfile(path):
                yield zipfile.Path(path)


def _text(file: Path | zipfile.Path) -> str:
    """Empty without the file."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _section(text: str, group: str) -> Iterator[tuple[str, str]]:
    here = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            here = line == f"[{group}]"
        elif here and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


@lru_cache(maxsize=64)
def _name_and_version(metadata: Path | zipfile.Path) -> tuple[str, str]:
    head = (_text(metadata / "METADATA") or _text(metadata / "PKG-INFO")).partition("\n\n")[0]
    fields = dict(re.findall(r"^(Name|Version):[ \t]*(.*?)[ \t]*$", head, re.MULTILINE))
    if "Name" not in fields:
        return "(a distribution without metadata)", ""
    return fields["Name"], fields.get("Version", "")
