"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass

from reserve_core import option
from reserve_core.kit import TOKEN


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    status: int = option("The status of the response (RFC 9110 15)", minimum=200, maximum=599)
    headers: dict[str, str | int | list[str]] = option(
        "Headers of the response, an array for several of one name. The groups of the match can"
        " be put in ($1, $name): as the client sent it in Location and its like, else percent-encoded where a"
        " header needs it",
        default={},
        schema={
            "propertyNames": {
                "description": "A header's name has letters, digits and hyphens, no spaces (RFC 9110 5.1)",
                "pattern": f"^{TOKEN}$",
            }
        },
    )
