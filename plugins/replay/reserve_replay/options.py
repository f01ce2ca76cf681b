"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reserve_core import option
from reserve_core.kit import TOKEN


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    replay: str = option(
        "Where the exchanges are: a HAR, a folder of pairs, or a ZIP archive of either", schema={"minLength": 1}
    )
    by: tuple[str, ...] = option(
        "What of a request has to be as it was recorded: method, path, query, query.NAME, header.NAME, body",
        default=("method", "path", "query"),
        schema={
            "items": {
                "description": 'One of "method", "path", "query", "body", or a name: "query.page", "header.x-tenant"',
                "pattern": rf"^(?:method|path|query|body|query\..+|header\.{TOKEN})$",
            },
            "minItems": 1,
        },
    )
    missing: Literal["pass", "record"] = option(
        'What becomes of a request that isn\'t recorded: the next mappings have it; with "record", what they respond is'
        " written to the folder",
        default="pass",
    )
    secrets: tuple[str, ...] = option(
        "Regular expressions of what is replaced in headers, queries and bodies before they are written, besides"
        " credentials and cookies; of one with groups, the groups",
        default=(),
    )
