"""Headers that make the head of a response themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator


class ReadyHeaders:
    """Headers from which a head is made faster than from the pairs that iterating over them gives.

    `cache_control` is that of the responses they are for: see `Response`.
    """

    __slots__ = ()

    cache_control: str | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[str, str]]:
        """The pairs."""

    @abstractmethod
    def head(self, status: int, size: int, date: str) -> bytes | None:
        """The head of a response on a connection that stays open, with a body of `size` bytes. `date`: the line of its
        Date. None: more has to be done for it than to write the headers down."""
