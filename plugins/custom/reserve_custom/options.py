"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from reserve_core import option

from .function import DEFAULT_NAME, THREADS


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping, which may have properties of its function's own besides."""

    __schema__: ClassVar = {"additionalProperties": True}

    custom: str | list[Any] = option(
        "A function (request, response, *groups), sync or async:"
        f' "./file.py" (its {DEFAULT_NAME}), "./file.py:name" or "package.module:name";'
        " or an array [body, {status, headers}]",
        schema={"minLength": 1, "maxItems": 2},
    )
    watch: bool = option(
        "Loads the code anew when its file, or a file beside it that it imports, has changed", default=False
    )
    interpolate: bool | None = option(
        "Puts the groups of the match ($1, $name) into the strings of an array. Without it an array is sent as it is",
        default=None,
    )
    thread: bool = option(
        "Calls a plain function in a thread, so that it may block: time.sleep, requests, a"
        f" database. Up to {THREADS} at once; the function returns its response and doesn't use `response`",
        default=False,
    )
