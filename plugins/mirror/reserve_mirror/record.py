"""What is recorded of a request: its summary, and the bytes kept of its body. This runs once per capture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as Dict
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from reserve_core import Disconnected, Event, HTTPError, Request

from .access import Access, Caller
from .model import Failure

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Body(NamedTuple):
    """A body: the bytes kept of it, and what is true of all of it."""

    kept: bytes
    size: int
    sha256: str
    truncated: bool


EMPTY = Body(b"", 0, hashlib.sha256(b"").hexdigest(), False)


# Why the rest of a body doesn't come: its sender has gone, or it is malformed or too slow.
Broken = Disconnected | HTTPError
BROKEN = (Disconnected, HTTPError)


async def read_body(request: Request, limit: int) -> tuple[Body, Broken | None]:
    """The body of a request, of which up to `limit` bytes are kept, and why it isn't whole; None: it is."""
    if request.body_length == 0:
        return EMPTY, None
    keeper = Keeper(limit)
    try:
        async for chunk in request.stream():
            keeper.add(chunk)
    except BROKEN as error:
        return keeper.body(complete=False), error
    return keeper.body(), None


class Keeper:
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

    def body(self, complete: bool = True) -> Body:
        """The body so far; unless it's `complete`, there was more of it that never came by."""
        if not self.size and complete:
            return EMPTY
        kept = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        return Body(kept, self.size, self._hash.hexdigest(), not complete or self.size > len(kept))


def now() -> str:
    """The time, as all times are told: ISO 8601 in UTC, with milliseconds."""
    return f"{datetime.now(UTC).isoformat(timespec='milliseconds')[:-6]}Z"


def iso(milliseconds: int) -> str:
    """A time in milliseconds since the epoch, likewise."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec='milliseconds')[:-6]}Z"


def failure_of(error: Broken, size: int, length: int | None) -> Failure:
    """What is told of a body that has broken off after `size` bytes of `length`; None: it was chunked."""
    status, reason = 0, "The sender closed the connection"
    if isinstance(error, HTTPError):
        status, reason = error.status, error.reason
    of = f"{size} bytes of a chunked body" if length is None else f"{size} of {length} bytes of the body"
    return Failure(status=status, reason=f"{reason}, after {of}")


def summarize(request: Request, caller: Caller, time: str, target: str, body: Body, **more: Any) -> str:
    """The `Summary` of a request as JSON, without the id, which comes before it.

    `target` is the path that follows the code, and the query. `more` are the members that not all have: `response` and
    `failure`; None: it has none.
    """
    path, _, query = target.partition("?")
    raw = request.raw_target
    summary: Dict[str, Any] = {
        "time": time,
        "method": request.method,
        "path": path,
        "url": f"{caller.scheme}://{caller.host}{caller.prefix}{raw}" if raw.startswith("/") else raw,
        "query": parse_qsl(query, keep_blank_values=True) if query else (),
        "headers": (*request.headers.items(),),
        "http_version": request.http_version,
        "remote": caller.remote,
        "size": body.size,
        "sha256": body.sha256,
        "truncated": body.truncated,
        **{name: value for name, value in more.items() if value is not None},
    }
    return _encode(summary)


def summarize_refused(event: Event, access: Access, target: str) -> str:
    """The `Summary` of a request that the server has refused. `target` is what the mirror shows of its target."""
    request = event.request
    assert request is not None
    failure = Failure(status=event.status, reason=event.reason.reason)
    return summarize(request, access.caller(request), now(), target, EMPTY, failure=failure)
