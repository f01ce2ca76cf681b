"""What writers have in common that are put in front of a response's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request import Headers
    from .response import Response


class PassingWriter:
    """A writer in front of the one a response has; it steps aside when it has no more to do.

    What follows is sent as without it then: files, too, go past the program. A class of its own puts itself there.
    """

    def __init__(self, response: Response) -> None:
        self._writer = writer = response.writer
        self._response: Response | None = response
        self.inform: Callable[[int, Headers], None] = writer.inform

    def _step_aside(self) -> None:
        response, self._response = self._response, None  # they no longer refer to each other, either
        present: object = None if response is None else response.writer
        if response is not None and present is self:
            writer = self._writer
            while isinstance(writer, PassingWriter) and writer._response is None:
                writer = writer._writer  # it has stepped aside before, and there was this one in front of it
            response.writer = writer
