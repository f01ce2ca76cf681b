"""The options of a mapping: their schema, and the typed object they become."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from reserve_core import ConfigError, load_reference
from reserve_core.kit import TOKEN

from .filesystem import FileSystem, missing_functions
from .mime import type_table
from .paths import Place

if TYPE_CHECKING:
    from reserve_core import Mapping

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "string",
            "description": "Path of the file, relative to cwd, with groups. What stands before the first $, up to "
            "its last slash, is the root: it may be absolute or climb (../www/$1), groups can't leave it. A folder "
            "is answered with its index.html. A name that isn't there or isn't allowed is left to the next mapping.",
        },
        "mime-types": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": r"^[!-~]+(?:[ \t]+[!-~]+)*$"},
            "default": {},
            "description": 'Content types by extension, over the built-in ones: {"txt": "text/x-log"}.',
        },
        "charset": {
            "type": ["string", "null"],
            "pattern": f"^{TOKEN}$",
            "default": "utf-8",
            "description": "The charset that content types of text, and of JavaScript, get unless they name one. null: "
            "none, and clients go by what the file says itself, or guess.",
        },
        "caching-strategy": {
            "anyOf": [{"const": "modified"}, {"type": "integer", "minimum": 0}],
            "default": 0,
            "description": "0: 'cache-control: no-store'. \"modified\": 'no-cache', so clients ask each time whether "
            "the file has changed. A number of seconds: 'public, max-age=N, immutable'. ETag and Last-Modified are "
            "sent, and conditional requests answered, in each case: resumed downloads need them.",
        },
        "custom-file-system": {
            "description": "Where to read from instead of the disk: an object with async functions stat, "
            'create_read_stream and, for listing, readdir, or a reference to one: "./fs.py:name" or '
            '"package.module:name"; without a name it\'s the module.',
        },
        "static": {
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "ttl": {
                            "type": "number",
                            "minimum": 0,
                            "description": "Milliseconds a file is taken as unchanged.",
                        },
                        "max": {"type": "integer", "minimum": 1, "description": "Files kept in memory."},
                        "policy": {"const": "lru", "description": "Those used least recently go first."},
                    },
                },
            ],
            "default": False,
            "description": "Small files are kept in memory and sent from there if they haven't changed. true: they "
            "never change, and are not looked at again. An object: for how long, and how many.",
        },
        "follow-symlinks": {
            "type": "boolean",
            "default": False,
            "description": "Serve files that symbolic links outside of the root lead to.",
        },
        "dotfiles": {
            "type": "boolean",
            "default": False,
            "description": "Serve files and folders whose name begins with a dot. `.well-known` (RFC 8615) always is.",
        },
        "redirect-folders": {
            "type": "boolean",
            "default": True,
            "description": "Answer a folder that is named without a slash at its end with a redirect (301) to the same "
            "URL with it, so that the relative links of its page lead into it. false: the page at both.",
        },
        "listing": {
            "type": "boolean",
            "default": False,
            "description": "Answer a folder that has no index.html with a page that lists its files.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    place: Place
    types: Dict[str, str]
    cache_control: str
    file_system: FileSystem | None
    ttl: float  # seconds a file in memory is taken as unchanged
    max_files: float  # kept in memory
    follow_symlinks: bool
    dotfiles: bool
    redirect_folders: bool
    listing: bool


def parse_options(mapping: Mapping) -> Options:
    """Raises `ConfigError`."""
    static = mapping.get("static", False)
    if isinstance(static, bool):
        static = {"ttl": math.inf if static else 0}
    listing = mapping.get("listing", False)
    return Options(
        place=_place(mapping),
        types=type_table(mapping["mime-types"], mapping["charset"]),
        cache_control=_cache_control(mapping.get("caching-strategy", 0)),
        file_system=_file_system(mapping, listing=listing),
        ttl=static.get("ttl", math.inf) / 1000,
        max_files=static.get("max", math.inf),
        follow_symlinks=mapping.get("follow-symlinks", False),
        dotfiles=mapping.get("dotfiles", False),
        redirect_folders=mapping["redirect-folders"],
        listing=listing,
    )


def _place(mapping: Mapping) -> Place:
    try:
        return Place.parse(mapping.value, mapping.cwd)
    except ValueError as error:
        raise ConfigError(str(error), "Put what climbs before the first group: ../www/$1") from error


def _cache_control(strategy: str | int) -> str:
    if strategy == "modified":
        return "no-cache"
    return f"public, max-age={strategy}, immutable" if strategy else "no-store"


def _file_system(mapping: Mapping, *, listing: bool) -> FileSystem | None:
    value = mapping.get("custom-file-system")
    if value is None:
        return None
    if isinstance(value, str):
        value = load_reference(value, mapping.cwd)
    if lacking := missing_functions(value, listing=listing):
        raise ConfigError(
            f"The custom-file-system has no {' and no '.join(lacking)}",
            "It needs async functions stat(path), create_read_stream(path, start, end) and, for listing, readdir(path)",
        )
    return cast(FileSystem, value)
