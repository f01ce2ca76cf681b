"""What a tap does to one request: it sees all that is read and all that is written, and changes nothing."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from time import perf_counter
from typing import Any

from reserve_core import Event, Headers, Request, Response
from reserve_core.kit import Trace

from .json_shapes import TappedResponse
from .mirror_mount import MirrorMount
from .request_record import (
    BODY_ERRORS,
    EMPTY,
    BodyError,
    BodyRecorder,
    RecordedBody,
    RequestRecord,
    failure_of,
    now,
    refused_record,
)
from .store import Record, Unavailable
from .tap_trace import SIZE, encode

logger = logging.getLogger("reserve")

_WITHOUT_CONTENT = frozenset((204, 304))


class TapRecorder:
    """Records one request and its response to the mirror `code`."""

    def __init__(self, mount: MirrorMount, code: str, request: Request, response: Response) -> None:
        self._mount = mount
        self._code = code
        self._request = request
        self._response = response
        self._time = now()
        self._started = perf_counter()
        self._target = request.url
        self._tee: _BodyTee | None = None
        self._writer = response.writer
        self._trace = None if mount.tracer is None else mount.tracer.of(request)
        # The response.
        self._status = 0
        self._headers: list[list[str]] = []
        self._response_body = BodyRecorder(mount.options.max_body_size)
        self._finished = False

    def begin(self) -> None:
        self._request.wrap_body(self._wrap)
        self._response.writer = self
        task = asyncio.current_task()
        assert task is not None
        # A handler that is cancelled, or takes the connection over, ends no response.
        task.add_done_callback(lambda _: self._end_without_response())

    # The writer of the response.

    def inform(self, status: int, headers: Headers) -> None:
        self._writer.inform(status, headers)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self._writer.send(status, headers, body)
        self._begin_response(status, headers)
        self._add(body)
        self._finish(complete=True)

    def start(self, status: int, headers: Headers) -> None:
        self._writer.start(status, headers)
        self._begin_response(status, headers)

    async def write(self, chunk: bytes) -> None:
        await self._writer.write(chunk)
        self._add(chunk)

    async def end(self) -> None:
        await self._writer.end()
        self._finish(complete=True)

    def abort(self) -> None:
        self._writer.abort()
        self._finish(complete=False)

    # What the handler doesn't see.

    def _wrap(self, body: Any) -> _BodyTee:
        self._tee = _BodyTee(body, BodyRecorder(self._mount.options.max_body_size))
        return self._tee

    def _begin_response(self, status: int, headers: Headers) -> None:
        self._status = status
        self._headers = [[name, value] for name, value in headers.items()]

    def _add(self, chunk: bytes) -> None:
        if chunk and self._request.method != "HEAD" and self._status not in _WITHOUT_CONTENT:
            self._response_body.add(chunk)

    def _end_without_response(self) -> None:
        if not self._finished and self._response.status == 101:
            self._status = 101
            self._finish(complete=True)
        else:
            self._finish(complete=False)

    def _finish(self, complete: bool) -> None:
        if self._finished:
            return
        self._finished = True
        sent = self._response_body.body()
        tapped = TappedResponse(
            status=self._status,
            headers=self._headers,
            size=sent.size,
            sha256=sent.sha256,
            truncated=sent.truncated,
            duration=round((perf_counter() - self._started) * 1000, 3),
            complete=complete,
        )
        tee, mount, request = self._tee, self._mount, self._request
        body = EMPTY if tee is None else tee.body()
        error = None if tee is None else tee.error
        failure = None if error is None else failure_of(error, body.size, request.body_length)
        record = RequestRecord(
            request,
            mount.access,
            self._time,
            self._target,
            body,
            failure,
            response=tapped,
            response_body=sent.kept,
        )
        trace = self._trace
        if trace is not None:
            trace.responded(self._status)
        mount.run(_store(mount, self._code, record, trace))


async def tap_refused(mount: MirrorMount, code: str, event: Event) -> None:
    """Records a request that the server has refused."""
    await _store(mount, code, refused_record(event, mount.access, event.url))


async def _store(mount: MirrorMount, code: str, record: Record, trace: Trace | None = None) -> None:
    """Stores in a mirror, which is made if there is none.

    It's a task: most handlers have returned when it begins, and what they returned is in the trace.
    """
    store = mount.store
    if trace is not None:
        trace.detach()
        record.set_trace(partial(encode, trace), SIZE)
    try:
        if await store.add(code, record) is None:
            await store.create(code, mount.settings)
            await store.add(code, record)
    except Unavailable:
        pass  # the store has logged it; the client has its response
    except Exception:
        logger.exception("The tap to the mirror %s has failed", code)


class _BodyTee:
    """The body of a request: what is read of it is kept."""

    def __init__(self, body: Any, recorder: BodyRecorder) -> None:
        self._body = body
        self._recorder = recorder
        self._complete = False
        self.error: BodyError | None = None  # why the rest doesn't come

    @property
    def length(self) -> int | None:
        return self._body.length  # type: ignore[no-any-return]

    async def read(self) -> bytes:
        try:
            chunk: bytes = await self._body.read()
        except BODY_ERRORS as error:
            self.error = error
            raise
        if chunk:
            self._recorder.add(chunk)
        else:
            self._complete = True
        return chunk

    def body(self) -> RecordedBody:
        """The body, with what has come of it and nobody has read."""
        while not self._complete and self._take():
            pass
        return self._recorder.body(self._complete or self._recorder.size == self._body.length)

    def _take(self) -> bool:
        """Reads a chunk if that needs no waiting."""
        reading = self.read()
        try:
            reading.send(None)
        except StopIteration:
            return True
        except (*BODY_ERRORS, RuntimeError):  # it broke off, or a handler is reading
            return False
        reading.close()
        return False
