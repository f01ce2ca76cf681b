"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass

from reserve_core import option


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    rewrite: str = option(
        "The URL to go on with, path and query, with groups as the client sent them: the mappings start again from the"
        " first one. A query that it shall keep is a group of the match",
        schema={"minLength": 1},
    )
    response_status: int | None = option(
        "The status that a later response has instead of 200: that of an error's page, say",
        default=None,
        minimum=200,
        maximum=599,
    )
