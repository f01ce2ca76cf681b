"""From a mapping's value and a request to a path in the file system: which part is the author's, which the client's."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from reserve_core.kit import split_template

# A slash or a NUL can't be part of a name; a backslash is a separator elsewhere; control characters are never meant.
_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f-\x9f]")


class RequestedPath(NamedTuple):
    """What one request asks for: `names` below the folder `root`.

    `folder_only`: the name had a final slash. `file_only`: a folder of that name isn't meant.
    """

    root: str
    names: list[str]
    folder_only: bool
    file_only: bool

    @property
    def path(self) -> str:
        return os.path.join(self.root, *self.names)  # noqa: PTH118 - Path is ten times slower


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A mapping's value, compiled.

    What stands before the first group is the author's: its folder part (up to the last slash) is the **root**, relative
    to `cwd`, and may be absolute or climb (`../www/$1`). What follows is the client's, is read as a URL path and never
    leads above the root.

    In `../www$1` the group is glued to a name. What begins with a slash is below the folder `../www`. Anything else
    is the name of one file beside it (`page$1.html`), never a folder: `/www2` is out of reach of `/www`. With a slash
    further on (`v$1/$2`) the author builds names of folders from groups: they are below `./`.

    A root of the whole file system can't be written: `/$1` is relative to `cwd` as `$1` is.
    """

    folder: str  # the root, absolute
    literal: str  # what every redirect begins with
    stem: str  # the end of the literal: the beginning of the first name
    glued: bool  # no slash follows the stem and its group
    fixed: bool  # there is nothing of the client's in it

    @classmethod
    def parse(cls, value: str, cwd: Path) -> PathTemplate:
        """Raises ValueError when groups are followed by a '..', which would never be served."""
        (literal, *others), groups = split_template(value)
        rest = "\0".join(("", *others))  # a NUL for each group
        if ".." in rest.split("/"):
            raise ValueError(f"'..' after a group in {value!r}")
        folder, _, stem = literal.rpartition("/")
        if stem in (".", "..") and not groups:
            folder, stem = f"{folder}/{stem}" if folder else stem, ""
        return cls(
            folder=os.path.normpath(cwd / folder),
            literal=literal,
            stem=stem,
            glued=bool(stem) and "/" not in rest,
            fixed=not groups,
        )

    def key(self, redirect: str) -> str:
        """The redirect without the query and the fragment that groups brought along."""
        if "?" in redirect or "#" in redirect:
            start = len(self.literal)
            redirect = redirect[:start] + redirect[start:].partition("#")[0].partition("?")[0]
        return redirect

    def resolve(self, key: str, *, dotfiles: bool) -> RequestedPath | None:
        """What `key` asks for; None when it can't be served, whatever there is in the file system."""
        if self.fixed:
            return RequestedPath(self.folder, [self.stem] if self.stem else [], key.endswith("/"), file_only=False)
        if not key.startswith(self.literal):
            return None
        root, rest = self.folder, key[len(self.literal) :]
        file_only = False
        if self.glued and (not rest or rest[0] == "/"):
            root = os.path.join(root, self.stem)  # noqa: PTH118
        elif self.stem:
            if self.glued and "/" in rest:
                return None
            file_only = self.glued
            rest = self.stem + rest
        names = _names(rest, dotfiles=dotfiles)
        return None if names is None else RequestedPath(root, names, rest.endswith("/"), file_only)


def _names(path: str, *, dotfiles: bool) -> list[str] | None:
    """The decoded names of a URL path (empty ones don't count); None when one of them can't be served."""
    names = []
    for part in path.split("/"):
        name = unquote(part, errors="surrogateescape") if "%" in part else part
        if name:
            if not servable(name, dotfiles=dotfiles):
                return None
            names.append(name)
    return names


def servable(name: str, *, dotfiles: bool) -> bool:
    """Whether a name is one that clients can ask for."""
    if name[0] == "." and (name in (".", "..") or (not dotfiles and is_hidden(name))):
        return False
    return _FORBIDDEN.search(name) is None


def is_hidden(name: str) -> bool:
    """Whether a name is a dotfile's. `.well-known` isn't one: it is there to be asked for (RFC 8615)."""
    return name[0] == "." and name != ".well-known"
