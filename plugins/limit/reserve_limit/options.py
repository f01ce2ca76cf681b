"""The options of a mapping, and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reserve_core import option
from reserve_core.kit import TOKEN, Quota


@dataclass(frozen=True, slots=True)
class ClientHeader:
    """A header that tells clients apart."""

    header: str = option("The name of the header", pattern=f"^{TOKEN}$")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    limit: str | tuple[str, ...] = option(
        'How many requests of a client pass: "10/s", "100/m" or "1000/h"; of several, all hold',
        schema={
            "pattern": Quota.PATTERN,
            "items": {"description": 'A number and a time: "10/s", "100/m" or "1000/h"', "pattern": Quota.PATTERN},
            "minItems": 1,
            "uniqueItems": True,
        },
    )
    burst: int | None = option(
        "How many of them may come at once, when none has come for a while; by default the number in limit",
        default=None,
        minimum=1,
        maximum=Quota.MAX_COUNT,
    )
    by: Literal["address", "user"] | ClientHeader = option(
        'What tells clients apart: their "address", the "user" of their credentials, or a header,'
        ' {"header": "X-Api-Key"}; without credentials or the header, it\'s the address',
        default="address",
    )
    name: str | None = option(
        "Mappings of the same name count together; by default each counts for itself",
        default=None,
        pattern="^[A-Za-z0-9_.-]{1,64}$",
    )
    redis_url: str | None = option(
        "The Redis that counts, for all processes that name it: redis://, rediss:// or unix://, with password and"
        " database number if needed, redis+cluster:// or redis+sentinel://; without it, each process counts in"
        " its memory",
        default=None,
    )
