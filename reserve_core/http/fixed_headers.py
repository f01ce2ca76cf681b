"""Headers that never change, and the heads that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..defaults import CACHEABLE, NO_STORE
from .ready_headers import ReadyHeaders
from .response_head import is_framing, render_field, render_head

# Heads that are kept of the same headers, at most.
MAX_HEADS = 256


class FixedHeaders(ReadyHeaders):
    """Headers that never change, for responses that all have the same ones: checked and written out once.

    To be kept, and given to `Response.send` as its `headers`: it is what a list of the same pairs would be, which is
    what iterating over it gives, and costs a response less. Raises `ResponseError` for what can't be sent.
    """

    __slots__ = ("_cacheable", "_date", "_dated", "_heads", "_lines", "_pairs", "_plain", "cache_control")

    def __init__(self, values: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        pairs = tuple(values.items() if isinstance(values, Mapping) else values)
        names = [name.lower() for name, _ in pairs]
        self.cache_control = NO_STORE
        self._pairs: tuple[tuple[str, str], ...] = pairs
        self._lines: str = "".join([render_field(name, value) for name, value in pairs])
        render_head(200, self._lines)  # raises what a response would raise
        self._plain: bool = names.count("vary") < 2 and not any(is_framing(name) for name in names)
        self._dated: bool = "date" in names
        self._cacheable: bool = "cache-control" in names or "expires" in names
        # The heads made in the second that the date tells, by status and size.
        self._heads: dict[tuple[int, int], bytes] = {}
        self._date: str = ""

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        return f"<FixedHeaders {list(self._pairs)!r}>"

    def head(self, status: int, size: int, date: str) -> bytes | None:
        """The head of a response on a connection that stays open, with a body of `size` bytes that nobody may keep
        unless the headers say so. `date`: the line of its Date. None: there is something to be done for the headers, as
        they are about the connection or the length, or have to be joined.

        Each is kept as long as the date is the same: for a second.
        """
        if date is not self._date:
            self._date = date
            self._heads = {}
        head = self._heads.get((status, size))
        if head is None:
            if not self._plain or not 200 <= status <= 999:
                return None
            lines = self._lines
            if status in CACHEABLE and not self._cacheable:
                lines += f"cache-control: {NO_STORE}\r\n"
            if not self._dated:
                lines += date
            if status != 204 and (status != 304 or size):
                lines += f"content-length: {size}\r\n"
            head = render_head(status, lines)
            if len(self._heads) < MAX_HEADS:
                self._heads[status, size] = head
        return head
