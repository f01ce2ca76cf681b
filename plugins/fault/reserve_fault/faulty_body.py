"""The writer of a response whose body is sent slowly, or only in part."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from reserve_core import Disconnected

if TYPE_CHECKING:
    from reserve_core import Headers, Response

# Pieces in a second: few enough to cost little, and enough to look like a slow line.
PIECES = 10


class FaultyBodyWriter:
    """Sends `drip` bytes of the body in a second, and cuts the connection in front of what is beyond `truncate` bytes.

    None is: at once, all of it. A response that is sent in one call is kept until `finish`, which has the time.
    """

    def __init__(self, response: Response, drip: int | None, truncate: int | None) -> None:
        self._writer = writer = response.writer
        self._drip = drip
        self._left = truncate
        self._whole: tuple[int, Headers, bytes] | None = None
        self._through = False
        self.is_cut: bool = False
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()  # when the next piece is
        self.inform = writer.inform
        self.start = writer.start
        self.end = writer.end
        self.abort = writer.abort
        response.writer = self

    def let_through(self) -> None:
        """What comes from now on is sent as it is."""
        self._through = True

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        if self._through or not body:
            self._writer.send(status, headers, body)
        else:
            self._whole = (status, headers.copy(), body)

    async def write(self, chunk: bytes) -> None:
        """See `Writer.write`."""
        left = self._left
        part = chunk if left is None else chunk[:left]
        if self._drip is None:
            if part:
                await self._writer.write(part)
        else:
            await self._write_slowly(part, self._drip)
        if left is not None:
            self._left = left - len(part)
            if len(part) < len(chunk):
                await self._cut()

    async def finish(self) -> None:
        """Sends what was sent in one call. Raises what `write` raises."""
        whole, self._whole = self._whole, None
        if whole is not None:
            status, headers, body = whole
            if "content-length" not in headers and status not in (204, 304):
                headers["content-length"] = str(len(body))
            self._writer.start(status, headers)
            await self.write(body)
            await self._writer.end()

    async def _write_slowly(self, data: bytes, drip: int) -> None:
        size = max(drip // PIECES, 1)
        for position in range(0, len(data), size):
            piece = data[position : position + size]
            now = self._loop.time()
            if self._due > now:
                await asyncio.sleep(self._due - now)
            self._due = max(self._due, now) + len(piece) / drip
            await self._writer.write(piece)

    async def _cut(self) -> None:
        await asyncio.sleep(0)  # the head goes out, if there is nothing else
        self.is_cut = True
        self._writer.abort()
        raise Disconnected("A fault has cut the response")
