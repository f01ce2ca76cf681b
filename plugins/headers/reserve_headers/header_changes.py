"""What is done to the headers of a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reserve_core import ConfigError
from reserve_core.kit import HeaderTemplate, HeadWriter

if TYPE_CHECKING:
    from reserve_core import Headers, Request, Response

    from .options import Values

# They say where a message ends, or are about one connection only (RFC 9110 7.6.1): a client, the server and an
# upstream server each have their own.
OF_CONNECTION = frozenset(
    (
        *("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
        "upgrade",
    )
)

Pairs = list[tuple[str, str]]


class HeaderChanges:
    """The changes that a configuration asks for. Raises `ConfigError` for headers that can't be changed or sent."""

    def __init__(self, values: Values) -> None:
        framing = next((name for name in values if name.lower() in OF_CONNECTION), None)
        if framing is not None:
            raise ConfigError(
                f'"{framing}" can\'t be changed', "It is about the connection or the message's length; leave it out"
            )
        spellings: dict[str, str] = {}
        for name in values:
            other = spellings.setdefault(name.lower(), name)
            if other != name:
                raise ConfigError(
                    f'"{name}" and "{other}" are one header', "Write one of them; an array has several values"
                )
        self._values = values
        # The names whose former values go.
        self._replaced = [name for name, value in values.items() if not isinstance(value, list)]
        self._templates = [
            HeaderTemplate(name, each if isinstance(each, str) else str(each))
            for name, value in values.items()
            for each in (value if isinstance(value, list) else () if value is None else (value,))
        ]

    def __bool__(self) -> bool:
        return bool(self._values)

    def __str__(self) -> str:
        done = {
            "sets": [name for name, value in self._values.items() if isinstance(value, str | int)],
            "adds": [name for name, value in self._values.items() if isinstance(value, list)],
            "removes": [name for name, value in self._values.items() if value is None],
        }
        return ", ".join(f"{verb} {' and '.join(names)}" for verb, names in done.items() if names)

    def pairs(self, request: Request, match: re.Match[str]) -> Pairs:
        """The headers to come, for a request that is at the mapping of the `match`."""
        return [(template.name, template.value(request, match)) for template in self._templates]

    def make(self, headers: Headers, pairs: Pairs) -> None:
        """Makes the changes in `headers`."""
        for name in self._replaced:
            headers.popall(name, None)
        headers.extend(pairs)


class ChangingWriter(HeadWriter):
    """Makes the changes in the head of a response."""

    def __init__(self, response: Response, changes: HeaderChanges, pairs: Pairs) -> None:
        super().__init__(response)
        self._changes = changes
        self._pairs = pairs

    def change(self, status: int, headers: Headers) -> None:
        """See `HeadWriter.change`."""
        self._changes.make(headers, self._pairs)
