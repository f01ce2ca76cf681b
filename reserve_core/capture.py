"""The helper `capture`: a copy of a response's body while it goes out."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .errors import ResponseError
from .failures import is_cancellation

if TYPE_CHECKING:
    import asyncio

    from .decoding import Decoding
    from .http import Headers, Response, Writer


class Sink(Protocol):
    """Where the copy goes: a file, a `BytesIO`, anything with such a `write`. It may be a coroutine function."""

    def write(self, data: bytes, /) -> Any: ...


class CapturedHead(NamedTuple):
    """The head of a response whose body has been copied."""

    status: int
    headers: Headers


def capture(response: Response, sink: Sink) -> asyncio.Future[CapturedHead]:
    """Copies the body of the response to come to `sink`, decoded from gzip, deflate, br and zstd.

    The future gets its result once the response is complete and the sink has all of it. It fails with a ConnectionError
    when the response is cut, a ValueError when the body can't be decoded, an EOFError when its coding ends too early,
    and with what `sink.write` raises. Nothing of that disturbs the response: each chunk goes out first, then it is
    copied. A coroutine function as `sink.write` is awaited before the next chunk goes out. Cancelling the future ends
    the copy.

    Raises `ResponseError` when the response has begun already.
    """
    import asyncio

    if response.headers_sent:
        raise ResponseError("The response has begun already: capture it before a handler answers")
    copier = _Copier(response.writer, sink, asyncio.get_running_loop())
    response.writer = copier
    return copier.captured


class _Copier:
    """The writer in front of the response's own."""

    def __init__(self, writer: Writer, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self.captured: asyncio.Future[CapturedHead] = loop.create_future()
        self._loop = loop
        self._writer = writer
        self._sink = sink
        self._head: CapturedHead | None = None
        self._decoding: Decoding | None = None  # None: the body goes out as it is
        self._empty = True
        self._ended = False
        self._task: asyncio.Task[None] | None = None

    def inform(self, status: int, headers: Headers) -> None:
        self._writer.inform(status, headers)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self._writer.send(status, headers, body)
        self._begin(status, headers)
        self._ended = True
        self._task = self._loop.create_task(self._copy_whole(body))

    def start(self, status: int, headers: Headers) -> None:
        self._writer.start(status, headers)
        self._begin(status, headers)

    async def write(self, chunk: bytes) -> None:
        await self._writer.write(chunk)
        await self._copy(chunk)

    async def end(self) -> None:
        await self._writer.end()
        self._ended = True
        self._complete()

    def abort(self) -> None:
        self._writer.abort()
        if not self._ended:
            self._fail(ConnectionAbortedError("The response was cut before its end"))

    def _begin(self, status: int, headers: Headers) -> None:
        self._head = CapturedHead(status, headers.copy())
        if "content-encoding" in headers:
            from .decoding import Decoding  # with its libraries, only where a body is encoded

            try:
                self._decoding = Decoding(",".join(headers.getall("content-encoding")))
            except ValueError as error:
                self._fail(error)

    async def _copy_whole(self, body: bytes) -> None:
        await self._copy(body)
        self._complete()

    async def _copy(self, data: bytes) -> None:
        if self.captured.done() or not data:
            return
        self._empty = False
        try:
            pieces = (data,) if self._decoding is None else self._decoding.feed(data)
            for number, piece in enumerate(pieces):
                if number:
                    from asyncio import sleep

                    await sleep(0)  # a small body that decodes to a huge one yields to other requests
                if piece:
                    written = self._sink.write(piece)
                    if isawaitable(written):
                        await written
                if self.captured.done():
                    return
        except BaseException as error:
            if is_cancellation(error):
                raise
            self._fail(error)

    def _complete(self) -> None:
        if self.captured.done():
            return
        assert self._head is not None
        if self._empty or self._decoding is None or self._decoding.complete:
            self.captured.set_result(self._head)
        else:
            self._fail(EOFError(f"The body ended in the middle of its content-encoding ({self._decoding.coding})"))

    def _fail(self, error: BaseException) -> None:
        if not self.captured.done():
            self.captured.set_exception(error)
