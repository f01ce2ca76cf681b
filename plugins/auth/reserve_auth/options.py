"""The options of a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reserve_core import option

# What can stand in a quoted string of a header as it is (RFC 9110 5.6.4).
_QUOTABLE = r"^[ !#-\[\]-~]{1,200}$"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one mapping."""

    auth: Literal["basic", "bearer"] = option(
        'What is asked for: a user and a password that browsers ask people for ("basic", RFC 7617),'
        ' or the token of a program ("bearer", RFC 6750)'
    )
    users: dict[str, str] = option(
        "With basic: the users, and the hashes of their passwords, which reserve auth hash makes",
        default={},
        schema={
            "propertyNames": {
                "description": "A name has up to 128 characters, no colon among them (RFC 7617)",
                "pattern": r"^[^:\u0000-\u001f\u007f]{1,128}$",
            },
            "additionalProperties": {"writeOnly": True},
            "writeOnly": True,
        },
    )
    tokens: dict[str, str] = option(
        "With bearer: the tokens by the names of who has them, which are shown in the log",
        default={},
        schema={
            "additionalProperties": {
                "description": "A secret of 16 to 512 letters, digits and any of -._~+/ (RFC 6750);"
                " openssl rand -hex 16 makes one",
                "pattern": r"^[A-Za-z0-9._~+/-]{16,512}=*$",
                "writeOnly": True,
            },
            "writeOnly": True,
        },
    )
    realm: str = option("What the browser's question names", default="reserve", pattern=_QUOTABLE)
    forward: bool = option("Whether later mappings get the header Authorization", default=False)
