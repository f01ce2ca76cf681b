"""Headers that were received, and the head they are passed on in."""

from __future__ import annotations

from collections.abc import Iterator

from .ready_headers import ReadyHeaders
from .response_head import Fields, render_received


class PassedHeaders(ReadyHeaders):
    """The header fields of a response that was received, as bytes, to be passed on as they are.

    Given to `Response.send` as its `headers`, it is what a list of the same pairs would be, which is what iterating
    over it gives, and costs less: nothing is decoded where nobody looks at it. It is for responses whose
    `cache_control` is None.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Fields) -> None:
        self._fields: Fields = fields

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields])

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<PassedHeaders {self._fields!r}>"

    def head(self, status: int, size: int, date: str) -> bytes | None:
        """The head of a response on a connection that stays open, with a body of `size` bytes. `date`: the line of its
        Date, if the headers have none. None: there is something to be done for the headers, as they are about the
        connection, or have to be joined."""
        return render_received(status, self._fields, size, date)
