"""What is recorded of a request: its summary, and the bytes kept of its body. This runs once per capture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping as Dict
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from reserve_core import Request

from .access import Caller
from .model import Recorded

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Body(NamedTuple):
    """A body: the bytes kept of it, and what is true of all of it."""

    kept: bytes
    size: int
    sha256: str
    truncated: bool


EMPTY = Body(b"", 0, hashlib.sha256(b"").hexdigest(), False)


async def read_body(chunks: AsyncIterator[bytes], limit: int) -> Body:
    """Reads a body to its end and keeps up to `limit` bytes. Raises what reading raises."""
    keeper = Keeper(limit)
    async for chunk in chunks:
        keeper.add(chunk)
    return keeper.body()


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


def summarize(
    request: Request, caller: Caller, time: str, target: str, body: Body, answer: Recorded | None = None
) -> str:
    """The `Summary` of a request as JSON, without the id, which comes before it.

    `target` is the path that follows the code, and the query. `answer` is what a tap recorded.
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
    }
    return _encode(summary if answer is None else {**summary, "response": answer})
