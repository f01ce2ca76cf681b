"""The cookies that a client sends (RFC 6265 4.2)."""

from __future__ import annotations

from collections.abc import Iterable


def parse_cookies(values: Iterable[str]) -> dict[str, str]:
    """The cookies by name, of the values of all Cookie fields; of a name that comes twice, the first counts."""
    cookies: dict[str, str] = {}
    for pair in "; ".join(values).split(";"):
        name, equals, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if equals and name:
            if len(value) >= 2 and value[0] == value[-1] == '"':
                value = value[1:-1]
            cookies.setdefault(name, value)
    return cookies
