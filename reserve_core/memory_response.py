"""A response that stays in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .explanation.trace import Trace
    from .http import Headers, Response


class MemoryResponse:
    """A response in memory: `status`, `headers`, `body` (bytes), `aborted` (its handler failed in the middle of it).

    `status` is 0 where there is no response: the connection would have been reset.

    `interim` are the responses before it (1xx), each with its status and headers. `response` is what handlers write to.
    `trace` says which mapping a mock's response came from, and why; `repr()` shows it.
    """

    def __init__(self, method: str) -> None:
        from .http import Headers, Response

        self.status: int = 0
        self.headers: Headers = Headers()
        self.interim: list[tuple[int, Headers]] = []
        self.aborted: bool = False
        self.response: Response = Response(self)
        self.trace: Trace | None = None
        self._silent = method == "HEAD"
        self._chunks: list[bytes] = []

    def __repr__(self) -> str:
        trace = "" if self.trace is None else f"\n{self.trace}\n"
        return f"<MemoryResponse {self.status}{trace}>"

    @property
    def body(self) -> bytes:
        """The bytes of the body, empty for HEAD."""
        return b"".join(self._chunks)

    @property
    def trailers(self) -> Headers:
        """The fields that came behind the body."""
        return self.response.trailers

    @property
    def text(self) -> str:
        """The body as UTF-8; what doesn't decode is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError when it is none."""
        return json.loads(self.body)

    # The writer of the dispatched response.

    def inform(self, status: int, headers: Headers) -> None:
        """See `Writer.inform`."""
        self.interim.append((status, headers))

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        self.start(status, headers)
        if "content-length" not in self.headers and status not in (204, 304):
            self.headers["content-length"] = str(len(body))
        self._take(body)

    def start(self, status: int, headers: Headers) -> None:
        """See `Writer.start`."""
        self.status = status
        self.headers = headers.copy()
        self._silent = self._silent or status in (204, 304)

    async def write(self, chunk: bytes) -> None:
        """See `Writer.write`."""
        self._take(chunk)

    async def end(self) -> None:
        """See `Writer.end`."""

    def abort(self) -> None:
        """See `Writer.abort`."""
        self.aborted = True
        self.status = self.status or (500 if self.response.status else 0)

    def _take(self, chunk: bytes) -> None:
        if not self._silent:
            self._chunks.append(chunk)
