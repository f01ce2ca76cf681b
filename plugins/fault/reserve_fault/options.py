"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass

from reserve_core import option

# A time: "300ms", "1.5s", "2m".
_TIME = {"pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m)$"}


@dataclass(frozen=True, slots=True)
class Effects:
    """What befalls a response."""

    delay: str | tuple[str, ...] | None = option(
        'How long it is delayed, 5 minutes at most: "300ms", "1.5s", "2m"; of two, ["100ms", "2s"], by a random time'
        " between them",
        default=None,
        schema={
            **_TIME,
            "items": {**_TIME, "description": 'A time: "300ms", "1.5s", "2m"'},
            "minItems": 2,
            "maxItems": 2,
        },
    )
    status: int | None = option(
        "The status that takes the place of the response", default=None, minimum=200, maximum=599
    )
    reset: bool = option("The connection is reset in place of a response", default=False)
    drip: int | None = option("How many bytes of the body are sent in a second", default=None, minimum=1)
    truncate: int | None = option("After how many bytes of the body the connection is cut", default=None, minimum=0)
    rate: float = option(
        "How many of the requests it befalls, at random: 0.1 is one in ten", default=1.0, minimum=0, maximum=1
    )


@dataclass(frozen=True, slots=True)
class FaultOptions(Effects):
    """What befalls the responses of a mapping, one after the other."""

    sequence: tuple[int | str | Effects, ...] | None = option(
        'What befalls the first request, the second one, and so on: a status, "pass" for nothing, or an object as this'
        " one; the last one stays",
        default=None,
        schema={
            "items": {
                "description": 'A status, 200 to 599, "pass" for nothing, or an object: {"delay": "1s"}',
                "pattern": "^pass$",
                "minimum": 200,
                "maximum": 599,
            },
            "minItems": 1,
        },
    )


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    fault: FaultOptions = option("What befalls the responses of the mappings behind it")
