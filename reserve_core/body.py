"""The helper `body`: a request's body as what its content type says it is."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .http import Request


def body(request: Request) -> RequestBody:
    """The body of `request`, to be awaited.

    `await body(request)` is a str for `text/*`, the parsed value for `application/json` and `*+json`, otherwise bytes;
    `await body(request).text()`, `.json()` and `.bytes()` have it their way whatever the content type. The bytes are
    read once and kept, for another call as for the mappings that follow. Raises what the request's own `body()` and
    `json()` raise: `HTTPError` 413 and 400, `Disconnected`.
    """
    return RequestBody(request)


class RequestBody:
    """What `body` returns."""

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._read().__await__()

    async def text(self) -> str:
        """Decoded by the charset of the content type, UTF-8 by default; what doesn't decode is replaced."""
        return await self._request.text()

    async def json(self) -> Any:
        """Parsed as JSON."""
        return await self._request.json()

    async def bytes(self) -> bytes:
        """As it was sent."""
        return await self._request.body()

    async def _read(self) -> Any:
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind.startswith("text/"):
            return await self.text()
        if kind == "application/json" or kind.endswith("+json"):
            return await self.json()
        return await self.bytes()
