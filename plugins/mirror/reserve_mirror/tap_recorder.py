"""What a tap does to one request: it sees all that is read and all that is written, and changes nothing."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import Any

from reserve_core import Event, Headers, Request, Response

from .json_shapes import TappedResponse
from .mirror_mount import Mount
from .request_record import BROKEN, EMPTY, Body, Broken, Capture, Keeper, capture_of_refused, failure_of, now
from .store import Record, Unavailable

logger = logging.getLogger("reserve")

_WITHOUT_CONTENT = frozenset((204, 304))


class Recorder:
    """Records one request and its answer to the mirror `code`."""

    def __init__(self, mount: Mount, code: str, request: Request, response: Response) -> None:
        self._mount = mount
        self._code = code
        self._request = request
        self._response = response
        self._time = now()
        self._started = perf_counter()
        self._target = request.url
        self._tee: _Tee | None = None
        self._writer = response.writer
        # Of the answer.
        self._status = 0
        self._headers: list[list[str]] = []
        self._sent = Keeper(mount.options.max_body_size)
        self._finished = False

    def begin(self) -> None:
        self._request.wrap_body(self._wrap)
        self._response.writer = self
        task = asyncio.current_task()
        assert task is not None
        # A handler that is cancelled, or takes the connection over, ends no answer.
        task.add_done_callback(lambda _: self._end_without_answer())

    # The writer of the response.

    def inform(self, status: int, headers: Headers) -> None:
        self._writer.inform(status, headers)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self._writer.send(status, headers, body)
        self._begin_answer(status, headers)
        self._add(body)
        self._finish(complete=True)

    def start(self, status: int, headers: Headers) -> None:
        self._writer.start(status, headers)
        self._begin_answer(status, headers)

    async def write(self, chunk: bytes) -> None:
        await self._writer.write(chunk)
        self._add(chunk)

    async def end(self) -> None:
        await self._writer.end()
        self._finish(complete=True)

    def abort(self) -> None:
        self._writer.abort()
        self._finish(complete=False)

    # Our own affairs.

    def _wrap(self, body: Any) -> _Tee:
        self._tee = _Tee(body, Keeper(self._mount.options.max_body_size))
        return self._tee

    def _begin_answer(self, status: int, headers: Headers) -> None:
        self._status = status
        self._headers = [[name, value] for name, value in headers.items()]

    def _add(self, chunk: bytes) -> None:
        if chunk and self._request.method != "HEAD" and self._status not in _WITHOUT_CONTENT:
            self._sent.add(chunk)

    def _end_without_answer(self) -> None:
        if not self._finished and self._response.status == 101:
            self._status = 101
            self._finish(complete=True)
        else:
            self._finish(complete=False)

    def _finish(self, complete: bool) -> None:
        if self._finished:
            return
        self._finished = True
        answer = self._sent.body()
        recorded = TappedResponse(
            status=self._status,
            headers=self._headers,
            size=answer.size,
            sha256=answer.sha256,
            truncated=answer.truncated,
            duration=round((perf_counter() - self._started) * 1000, 3),
            complete=complete,
        )
        tee, mount, request = self._tee, self._mount, self._request
        body = EMPTY if tee is None else tee.body()
        broken = None if tee is None else tee.broken
        failure = None if broken is None else failure_of(broken, body.size, request.body_length)
        record = Capture(
            request, mount.access, self._time, self._target, body, failure, response=recorded, response_body=answer.kept
        )
        mount.run(_store(mount, self._code, record))


async def record_refused(mount: Mount, code: str, event: Event) -> None:
    """Records a request that the server has refused."""
    await _store(mount, code, capture_of_refused(event, mount.access, event.url))


async def _store(mount: Mount, code: str, record: Record) -> None:
    """Stores in a mirror, which is made if it's missed."""
    store = mount.store
    try:
        if await store.capture(code, record) is None:
            await store.create(code, mount.settings)
            await store.capture(code, record)
    except Unavailable:
        pass  # the store tells the log; whoever asked has got an answer
    except Exception:
        logger.exception("The tap to the mirror %s has failed", code)


class _Tee:
    """The body of a request: what is read of it is kept."""

    def __init__(self, body: Any, keeper: Keeper) -> None:
        self._body = body
        self._keeper = keeper
        self._complete = False
        self.broken: Broken | None = None  # why the rest doesn't come

    @property
    def length(self) -> int | None:
        return self._body.length  # type: ignore[no-any-return]

    async def read(self) -> bytes:
        try:
            chunk: bytes = await self._body.read()
        except BROKEN as error:
            self.broken = error
            raise
        if chunk:
            self._keeper.add(chunk)
        else:
            self._complete = True
        return chunk

    def body(self) -> Body:
        """The body, with what has come of it and nobody has read."""
        while not self._complete and self._take():
            pass
        return self._keeper.body(self._complete or self._keeper.size == self._body.length)

    def _take(self) -> bool:
        """Reads a chunk if that needs no waiting."""
        reading = self.read()
        try:
            reading.send(None)
        except StopIteration:
            return True
        except (*BROKEN, RuntimeError):  # it has broken off, or a handler is reading
            return False
        reading.close()
        return False
