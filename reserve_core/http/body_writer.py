"""The writer of those who change the body of a response."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from ..errors import Disconnected, ResponseError
from .failure_writers import await_failure
from .passing_writer import PassingWriter

if TYPE_CHECKING:
    from .request import Headers, Request
    from .response import Response

# Bytes of a body that are changed at once, at most: others have their turn between two pieces.
PIECE = 64 * 1024


class BodyChange(Protocol):
    """What is done to one body, piece by piece."""

    async def feed(self, piece: bytes) -> bytes:
        """What goes out for the next `piece`, which has up to 64 kB; b"": nothing yet."""

    async def finish(self) -> bytes:
        """What is still to go out, behind the last piece."""


class BodyWriter(PassingWriter):
    """A writer (see `Writer`) that changes the body of a response: put in front of it by being made.

    A class of your own has the method `change`, which says of each response whether there is something to be done. The
    response is given within `around`:

        writer = MyWriter(request, response)
        await writer.around(configuration.dispatch_rest(request, response))

    The length of what is changed isn't known before its end: it is sent chunked, or, up to 64 kB that are sent in one
    call, with the content-length that is right. Back pressure is kept, and the order of what several tasks write. A
    response that isn't changed goes as without the writer: files past the program.
    """

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__(response)
        self._request = request
        self._head_only = request.method == "HEAD"
        self._over = False  # `around` has ended: nothing can be changed any more
        self._change: BodyChange | None = None
        self._kept: tuple[int, Headers, bytes] | None = None  # what was sent in one call, which can't wait for `feed`
        self._left: int | None = None  # bytes of an announced length that are still to be written
        self._order = asyncio.Lock()
        response.writer = self

    @abstractmethod
    def change(self, status: int, headers: Headers, size: int | None) -> BodyChange | None:
        """What is to be done to the body of a response, of `size` bytes if that is known; None: nothing.

        May change `headers`, which are for this head only; their content-length goes where the body is changed. To HEAD
        they should be what they would be to GET: the body is left out then.
        """

    async def around(self, respond: Awaitable[None]) -> None:
        """Has `respond` give the response, and completes it. Raises what it raises, and what `Response.write` does.

        The response that the server sends to a failure before there was another one is changed, too.
        """
        self._over = False
        try:
            await respond
            await self._complete()
        except Exception:
            with suppress(Disconnected):
                await self._complete()  # it had been sent before that failed
            if self._response is not None and not self._response.headers_sent:
                await_failure(self._request, self)
            raise
        finally:
            self._over = True

    # See `Writer`.

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        announced = _announced(headers)
        wrong = announced is not None and announced != len(body) and not self._head_only  # for the next one to refuse
        size = announced if self._head_only and announced is not None else len(body)
        headers = headers.copy()
        self._change = change = None if wrong or self._over else self.change(status, headers, size)
        if change is None:
            self._writer.send(status, headers, body)
            self._step_aside()
        else:
            headers.popall("content-length", None)
            self._kept = status, headers, body

    def start(self, status: int, headers: Headers) -> None:
        """See `Writer.start`."""
        self._left = size = _announced(headers)
        headers = headers.copy()
        self._change = change = None if self._over else self.change(status, headers, size)
        if change is not None:
            headers.popall("content-length", None)
        self._writer.start(status, headers)
        if change is None:
            self._step_aside()

    async def write(self, chunk: bytes) -> None:
        """See `Writer.write`."""
        if self._change is None:
            await self._writer.write(chunk)
        elif not self._head_only:
            async with self._order:
                if self._left is not None:
                    self._left -= len(chunk)
                    if self._left < 0:
                        self._refuse("The body is longer than its content-length")
                await self._write(self._change, chunk)

    async def end(self) -> None:
        """See `Writer.end`."""
        change = self._change
        async with self._order:
            if change is not None and not self._head_only:
                if self._left:
                    self._refuse(f"The body ended {self._left} bytes short of its content-length")
                try:
                    last = await change.finish()
                except BaseException:
                    self.abort()  # the response has ended, for who gave it: nobody else does
                    raise
                if last:
                    await self._writer.write(last)
            await self._writer.end()
        self._step_aside()

    def abort(self) -> None:
        """See `Writer.abort`."""
        self._kept = None
        self._writer.abort()
        self._step_aside()

    async def _write(self, change: BodyChange, chunk: bytes) -> None:
        for piece in _pieces(chunk):
            changed = await change.feed(piece)
            if changed:
                await self._writer.write(changed)

    async def _complete(self) -> None:
        """Sends what was sent in one call."""
        kept, self._kept = self._kept, None
        change = self._change
        if kept is None or change is None:
            return
        status, headers, body = kept
        whole = len(body) <= PIECE and not self._head_only
        try:
            if whole:
                body = await change.feed(body) + await change.finish()
                headers["content-length"] = str(len(body))
                self._writer.send(status, headers, body)
            else:
                self._writer.start(status, headers)
        except BaseException:
            if self._response is not None:  # as `Response.send` does: another one may be sent
                self._response.headers_sent = self._response.ended = False
            raise
        if whole:
            self._step_aside()
        else:
            await self.write(body)
            await self.end()

    def _refuse(self, reason: str) -> None:
        self.abort()
        raise ResponseError(reason)


def _announced(headers: Headers) -> int | None:
    """The length that the headers announce, None if they don't, or nothing that can be one."""
    value = headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def _pieces(chunk: bytes) -> Iterator[bytes]:
    if len(chunk) <= PIECE:
        yield chunk
    else:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]
