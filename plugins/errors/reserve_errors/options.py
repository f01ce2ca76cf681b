"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass

from reserve_core import option


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    errors: dict[str, str] = option(
        'The HTML file that is shown for a status, "404", or for all that begin like it and have none, "5xx"',
        schema={
            "propertyNames": {
                "description": 'A status of an error, "404", or those that begin like it, "4xx" and "5xx"',
                "pattern": "^[45](?:[0-9][0-9]|xx)$",
            },
            "additionalProperties": {"minLength": 1},
        },
    )
    intercept: bool = option(
        "Shows them in place of the errors that handlers respond with, too: functions, applications, other servers",
        default=False,
    )
