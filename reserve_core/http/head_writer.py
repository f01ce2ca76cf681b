"""The writer of those who change nothing but the head of a response."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from .passing_writer import PassingWriter

if TYPE_CHECKING:
    from .request import Headers
    from .response import Response


class HeadWriter(PassingWriter):
    """A writer (see `Writer`) that changes the head of a response: put in front of it by being made.

    A class of your own has the method `change`. With the head out it steps aside, so that what follows is sent as
    without it: files, too, go past the program.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        writer = self._writer
        self.write: Callable[[bytes], Coroutine[Any, Any, None]] = writer.write
        self.end: Callable[[], Coroutine[Any, Any, None]] = writer.end
        self.abort: Callable[[], None] = writer.abort
        response.writer = self

    @abstractmethod
    def change(self, status: int, headers: Headers) -> None:
        """Changes `headers`, which are for this head only: one that is refused is followed by another one."""

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        headers = headers.copy()
        self.change(status, headers)
        self._writer.send(status, headers, body)
        self._step_aside()

    def start(self, status: int, headers: Headers) -> None:
        """See `Writer.start`."""
        headers = headers.copy()
        self.change(status, headers)
        self._writer.start(status, headers)
        self._step_aside()
