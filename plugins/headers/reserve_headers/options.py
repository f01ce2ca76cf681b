"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass

from reserve_core import option
from reserve_core.kit import TOKEN

Values = dict[str, str | int | list[str] | None]

_NAMES = {
    "propertyNames": {
        "description": "A header's name has letters, digits and hyphens, no spaces (RFC 9110 5.1)",
        "pattern": f"^{TOKEN}$",
    }
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    headers: Values = option(
        "Headers of the responses of the mappings behind it: a value replaces those of its name, an array is added to"
        " them, null removes them. The groups of the match can be put in ($1, $name)",
        schema=_NAMES,
    )
    request: Values = option(
        "Headers of the request in the same way, for the mappings behind it and what they pass it on to",
        default={},
        schema=_NAMES,
    )
