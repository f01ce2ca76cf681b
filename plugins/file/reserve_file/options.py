"""The options of a mapping, and what is made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from reserve_core import ConfigError, load_reference, option
from reserve_core.kit import TOKEN

from .filesystem import FileSystem, missing_functions
from .mime import type_table
from .paths import PathTemplate

if TYPE_CHECKING:
    from reserve_core import Mapping


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """How small files are kept in memory. None: without a bound."""

    ttl: float | None = option("Milliseconds a file is taken as unchanged.", default=None, minimum=0)
    max: int | None = option("Files kept in memory.", default=None, minimum=1)
    policy: Literal["lru"] = option("Those used least recently go first.", default="lru")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    file: str = option(
        "Path of the file, relative to cwd, with groups. What stands before the first $, up to "
        "its last slash, is the root: it may be absolute or climb (../www/$1), groups can't leave it. A folder "
        "is answered with its index.html. A name that isn't there or isn't allowed is left to the next mapping."
    )
    mime_types: dict[str, str] = option(
        'Content types by extension, over the built-in ones: {"txt": "text/x-log"}.',
        default={},
        schema={
            "additionalProperties": {
                "description": "A content type: text/x-log",
                "pattern": r"^[!-~]+(?:[ \t]+[!-~]+)*$",
            }
        },
    )
    charset: str | None = option(
        "The charset that content types of text, and of JavaScript, get unless they name one. null: "
        "none, and clients go by what the file says itself, or guess.",
        default="utf-8",
        pattern=f"^{TOKEN}$",
    )
    caching_strategy: Literal["modified"] | int = option(
        "0: 'cache-control: no-store'. \"modified\": 'no-cache', so clients ask each time whether "
        "the file has changed. A number of seconds: 'public, max-age=N, immutable'. ETag and Last-Modified are "
        "sent, and conditional requests answered, in each case: resumed downloads need them.",
        default=0,
        minimum=0,
    )
    custom_file_system: Any = option(
        "Where to read from instead of the disk: an object with async functions stat, "
        'create_read_stream and, for listing, readdir, or a reference to one: "./fs.py:name" or '
        '"package.module:name"; without a name it\'s the module.',
        default=None,
    )
    static: bool | CacheOptions = option(
        "Small files are kept in memory and sent from there if they haven't changed. true: they "
        "never change, and are not looked at again. An object: for how long, and how many.",
        default=False,
    )
    follow_symlinks: bool = option("Serve files that symbolic links outside of the root lead to.", default=False)
    dotfiles: bool = option(
        "Serve files and folders whose name begins with a dot. `.well-known` (RFC 8615) always is.", default=False
    )
    redirect_folders: bool = option(
        "Answer a folder that is named without a slash at its end with a redirect (301) to the same "
        "URL with it, so that the relative links of its page lead into it. false: the page at both.",
        default=True,
    )
    listing: bool = option("Answer a folder that has no index.html with a page that lists its files.", default=False)

    @property
    def cache_control(self) -> str:
        if self.caching_strategy == "modified":
            return "no-cache"
        return f"public, max-age={self.caching_strategy}, immutable" if self.caching_strategy else "no-store"

    @property
    def content_types(self) -> dict[str, str]:
        """Those of files, by extension."""
        return type_table(self.mime_types, self.charset)

    @property
    def ttl(self) -> float:
        """Seconds a file in memory is taken as unchanged."""
        if isinstance(self.static, bool):
            return math.inf if self.static else 0
        return math.inf if self.static.ttl is None else self.static.ttl / 1000

    @property
    def max_files(self) -> float:
        """Files kept in memory."""
        return math.inf if isinstance(self.static, bool) or self.static.max is None else self.static.max


def parse_path_template(mapping: Mapping) -> PathTemplate:
    """Where the files are. Raises `ConfigError`."""
    try:
        return PathTemplate.parse(mapping.value, mapping.cwd)
    except ValueError as error:
        raise ConfigError(str(error), "Put what climbs before the first group: ../www/$1") from error


def load_file_system(mapping: Mapping) -> FileSystem | None:
    """The custom file system, None for the disk. Raises `ConfigError`."""
    options: Options = mapping.options
    value = options.custom_file_system
    if value is None:
        return None
    if isinstance(value, str):
        value = load_reference(value, mapping.cwd)
    if lacking := missing_functions(value, listing=options.listing):
        raise ConfigError(
            f"The custom-file-system has no {' and no '.join(lacking)}",
            "It needs async functions stat(path), create_read_stream(path, start, end) and, for listing, readdir(path)",
        )
    return cast(FileSystem, value)
