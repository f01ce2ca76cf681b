"""What is recorded of a request: its summary, and the bytes kept of its body. This runs once for each request."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from reserve_core import Disconnected, Event, HTTPError, Request

from .access import Access
from .json_shapes import RequestFailure, TappedResponse
from .store import Record

if TYPE_CHECKING:
    from .condition_kinds import Subject

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

# A body up to this size is hashed when somebody wants to know.
_SMALL = 64 * 1024
# What a header field takes in memory besides its bytes, and how much longer it may get as JSON: in ASCII, beyond it.
_FIELD = 160
_ESCAPED = 2
_UNICODE = 6
# Header values of up to this length are encoded once: clients repeat themselves.
_SHORT = 128


class RecordedBody(NamedTuple):
    """A body: the bytes kept of it, and what is true of all of it. `sha256` is "" if `kept` is all and says it."""

    kept: bytes
    size: int
    sha256: str
    truncated: bool


EMPTY = RecordedBody(b"", 0, hashlib.sha256(b"").hexdigest(), False)


# Why the rest of a body doesn't come: its sender has gone, or it is malformed or too slow.
BodyError = Disconnected | HTTPError
BODY_ERRORS = (Disconnected, HTTPError)


async def read_body(request: Request, limit: int) -> tuple[RecordedBody, BodyError | None]:
    """The body of a request, of which up to `limit` bytes are kept, and why it isn't complete; None: it is."""
    recorder = BodyRecorder(limit)
    try:
        async for chunk in request.stream():
            recorder.add(chunk)
    except BODY_ERRORS as error:
        return recorder.body(complete=False), error
    return recorder.body(), None


def body_of(data: bytes, limit: int) -> RecordedBody:
    """A body that is in memory already, likewise."""
    size = len(data)
    if size <= limit and size <= _SMALL:
        return RecordedBody(data, size, "", False) if size else EMPTY
    return RecordedBody(data[:limit], size, hashlib.sha256(data).hexdigest(), size > limit)


class BodyRecorder:
    """Takes the chunks of a body, and keeps up to `limit` bytes of them."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._chunks: list[bytes] = []
        self._hash = hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        room = self._limit - self.size
        if room > 0:
            self._chunks.append(chunk[:room])
        self.size += len(chunk)
        self._hash.update(chunk)

    def body(self, complete: bool = True) -> RecordedBody:
        """The body so far; unless it's `complete`, there was more of it that never came by."""
        if not self.size and complete:
            return EMPTY
        kept = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        return RecordedBody(kept, self.size, self._hash.hexdigest(), not complete or self.size > len(kept))


def now() -> int:
    """The time in milliseconds since the epoch."""
    return int(time.time() * 1000)


def iso(milliseconds: int) -> str:
    """A time as all of the API's: ISO 8601 in UTC, with milliseconds."""
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def failure_of(error: BodyError, size: int, length: int | None) -> RequestFailure:
    """Why a body is not complete: it broke off after `size` bytes of `length`; None: it was chunked."""
    status, reason = 0, "The sender closed the connection"
    if isinstance(error, HTTPError):
        status, reason = error.status, error.reason
    of = f"{size} bytes of a chunked body" if length is None else f"{size} of {length} bytes of the body"
    return RequestFailure(status=status, reason=f"{reason}, after {of}")


class RequestRecord(Record):
    """The record of a request. Its summary is a `RequestSummary`.

    `target` is the path that follows the code, and the query. Only a tap has a `response`, and only
    what was refused or broke off a `failure`.
    """

    __slots__ = (
        *("_body_size", "_failure", "_fields", "_method", "_remote", "_response", "_sha256", "_subject", "_target"),
        *("_time", "_truncated", "_url", "_version"),
    )

    def __init__(
        self,
        request: Request,
        access: Access,
        time: int,
        target: str,
        body: RecordedBody,
        failure: RequestFailure | None = None,
        response: TappedResponse | None = None,
        response_body: bytes = b"",
    ) -> None:
        caller = access.caller(request)
        raw = request.raw_target
        self._time: int = time
        self._method: str = request.method
        self._target: str = target
        self._url: str = f"{caller.scheme}://{caller.host}{caller.prefix}{raw}" if raw.startswith("/") else raw
        self._fields: list[tuple[bytes, bytes]] = request.field_lines
        self._version: str = request.http_version
        self._remote: str = caller.remote
        self._body_size: int = body.size
        self._sha256: str = body.sha256
        self._truncated: bool = body.truncated
        self._failure: RequestFailure | None = failure
        self._response: TappedResponse | None = response
        self._subject: Subject | None = None
        # The path and the query are there twice.
        size = _UNICODE * (len(self._url) + len(target))
        for name, value in self._fields:
            size += _FIELD + len(name) + len(value) * (_ESCAPED if value.isascii() else _UNICODE)
        if response is not None:
            size += sum(_FIELD + len(name) + len(value) * _UNICODE for name, value in response["headers"])
        super().__init__(None, body.kept, response_body, head=size)

    async def obey(self, rules: str) -> int:
        """See `Record`."""
        from .condition_kinds import Subject  # only where there are some
        from .rules import rule_for

        subject = Subject(json.loads(self.summary), self.body)
        former = subject.summary.pop("rule", 0)  # by the rules that the mirror had before
        number = await rule_for(rules, subject)
        if number:
            subject.summary["rule"] = number
        if number != former:
            self._summary = _encode(subject.summary)
        self._subject = subject if number else None
        return number

    def take_subject(self) -> Subject:
        """The request as the rule has seen it that it meets; the record doesn't keep it."""
        subject, self._subject = self._subject, None
        assert subject is not None
        return subject

    def _encode(self) -> str:
        path, _, query = self._target.partition("?")
        pairs = _encode(parse_qsl(query, keep_blank_values=True)) if query else "[]"
        digest = self._sha256 or hashlib.sha256(self.body).hexdigest()
        more = ""
        if self._failure is not None:
            more += f',"failure":{_encode(self._failure)}'
        if self._response is not None:
            more += f',"response":{_encode(self._response)}'
        fields, self._fields, self._response = self._fields, [], None
        return (
            f'{{"time":"{iso(self._time)}","method":{quoted(self._method)},"path":{quoted(path)},"url":{quoted(self._url)},'
            f'"query":{pairs},"headers":[{",".join(_pairs(fields))}],"http_version":{quoted(self._version)},'
            f'"remote":{quoted(self._remote)},"size":{self._body_size},"sha256":"{digest}",'
            f'"truncated":{"true" if self._truncated else "false"}{more}}}'
        )


def refused_record(event: Event, access: Access, target: str) -> RequestRecord:
    """The record of a request that the server has refused. `target` is what the mirror shows of its target."""
    request = event.request
    assert request is not None
    failure = RequestFailure(status=event.status, reason=event.reason.reason)
    return RequestRecord(request, access, now(), target, EMPTY, failure)


def _pairs(fields: Iterable[tuple[bytes, bytes]]) -> list[str]:
    return [_known_pair(name, value) if len(value) <= _SHORT else _pair(name, value) for name, value in fields]


def _pair(name: bytes, value: bytes) -> str:
    # The parser leaves the white space behind a value (RFC 9112 5.1).
    text = value.decode("latin-1").rstrip(" \t")
    return f"[{quoted(name.decode('latin-1'))},{quoted(text)}]"


_known_pair = lru_cache(maxsize=2048)(_pair)
