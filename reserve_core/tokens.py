"""The token of HTTP: what methods, names of header fields, codings and charsets are; lists (RFC 9110 5.6), and
credentials (RFC 9110 11.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable

# One of its characters, and one whole, as regular expressions of Python and of JSON Schema.
TCHAR = "[!#$%&'*+.^_`|~0-9A-Za-z-]"
TOKEN = f"{TCHAR}+"

_TOKEN = re.compile(TOKEN)


def is_token(text: str) -> bool:
    """Whether all of `text` is one token (RFC 9110 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def members(values: Iterable[str]) -> list[str]:
    """The members of a list that `values`, the lines of one header field, make up (RFC 9110 5.6.1)."""
    return [member for value in values for each in value.split(",") if (member := each.strip(" \t"))]


def credentials(authorization: str) -> tuple[str, str]:
    """The scheme in an Authorization, in lower case, and what follows it (RFC 9110 11.4): ("bearer", "TOKEN")."""
    scheme, _, rest = authorization.partition(" ")
    return scheme.lower(), rest.strip()
