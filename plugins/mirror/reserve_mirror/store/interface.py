"""What a store does. `tests/plugins/mirror/test_store.py` holds both of them to it."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from reserve_core.kit import Quota, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from .event_hub import EventHub

# What a request takes in memory besides its bytes, about.
OVERHEAD = 512

_ID = re.compile(r"([0-9]{1,15})-([0-9]{1,15})", re.ASCII)


class Unavailable(Exception):
    """The store can't do it now: Redis can't be reached, or something is full. The message is for the client.

    Its response has the `status`, and asks to try again after `retry_after` seconds.
    """

    def __init__(self, message: str, status: int = 503, retry_after: int = 1) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def outcome(self) -> str:
        """What has become of the request, in a word for metrics."""
        return "limited" if self.status == 429 else "store-unavailable"


class TooMany(Unavailable):
    """More than a limit allows."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, 429, retry_after)  # RFC 6585 4


class MirrorSettings(NamedTuple):
    """What a mirror is made with."""

    max_requests: int
    expiration_time: int | None  # seconds; None: it never expires
    response: str  # a `MirrorResponse` as JSON
    max_size: int | None = None  # bytes that it keeps, about; None: any
    rate: Quota | None = None  # of requests; None: any
    rules: str = ""  # as JSON; "": there are none


class MirrorState(NamedTuple):
    """A mirror as it is now. Times are milliseconds since the epoch."""

    settings: MirrorSettings
    created: int
    expires_at: int | None
    requests: int  # how many it keeps
    newest: str  # the id of the newest of them, "" when there is none
    revision: str
    received: int  # how many have come to it since it was made
    dropped: int = 0  # how many it has dropped, as newer ones came


class Receipt(NamedTuple):
    """That a record is stored: its id, and what its sender gets: the response of a rule, or else the mirror's own."""

    id: str
    response: str  # of the mirror, a `MirrorResponse` as JSON
    rules: str = ""  # as JSON, when the request meets one
    rule: int = 0  # the number of that one, from 1 on; 0: it meets none
    met: int = 0  # how many have met it, this one included, since there are these rules


class RecordEntry(NamedTuple):
    """A record in a list: `summary` is a JSON object without the id."""

    id: str
    summary: str

    @property
    def text(self) -> str:
        """The `RequestSummary` as JSON."""
        return f'{{"id":"{self.id}",{self.summary[1:]}'


class Record:
    """A request for a store to keep: its summary and the bytes kept of its body; if it was tapped those of the
    response's, and its trace, too.

    The summary is a JSON object with at least one member, without the id. It's encoded once, when somebody asks for it:
    most of what a busy mirror keeps in memory is dropped before anybody has seen it. So is the trace.
    """

    __slots__ = ("_encode_trace", "_summary", "_trace", "body", "response_body", "size")

    def __init__(self, summary: str | None, body: bytes = b"", response_body: bytes = b"", *, head: int = 0) -> None:
        """With None as `summary` a subclass encodes it later, to `head` characters at most."""
        self._summary: str | None = summary
        self.body: bytes = body
        self.response_body: bytes = response_body
        self._trace: bytes = b""
        self._encode_trace: Callable[[], bytes] | None = None
        # What it takes in memory, about, in bytes.
        self.size: int = OVERHEAD + (head if summary is None else len(summary)) + len(body) + len(response_body)

    @property
    def summary(self) -> str:
        """The summary, encoded."""
        summary = self._summary
        if summary is None:
            summary = self._summary = self._encode()
        return summary

    def set_trace(self, encode: Callable[[], bytes], size: int) -> None:
        """Gives the record a trace, a list of `TraceStep` as JSON, which takes `size` bytes, about."""
        self._encode_trace = encode
        self.size += size

    async def obey(self, rules: str) -> int:
        """Finds the rule that the request meets, writes its number to the summary and returns it; 0: it meets none.

        Only a mirror with rules asks. What gets no response of a mirror meets none.
        """
        return 0

    @property
    def trace(self) -> bytes:
        """The trace, encoded; b"" without one."""
        encode = self._encode_trace
        if encode is not None:
            self._trace = encode()
            self._encode_trace = None
        return self._trace

    def _encode(self) -> str:
        """The summary; what it was made of is needed no more."""
        raise NotImplementedError


class ForwardedRecord(Record):
    """A record of a request that was sent on, with what came of it: a `ListenerResponse` as JSON."""

    __slots__ = ("forwarded",)

    def __init__(self, record: Record, forwarded: bytes) -> None:
        super().__init__(record.summary, record.body, record.response_body)
        before = len(record.forwarded) if isinstance(record, ForwardedRecord) else 0
        self.size = record.size - before + len(forwarded)
        self._trace = record.trace
        self.forwarded: bytes = forwarded


class StoredRecord(NamedTuple):
    """A record with the bytes kept of its body, and if it was tapped those of the response's, and its trace."""

    entry: RecordEntry
    body: bytes
    response_body: bytes
    trace: bytes = b""
    forwarded: bytes = b""  # a `ListenerResponse` as JSON


class Store(Protocol):
    """Mirrors by their code. Every method raises `Unavailable` when the store can't be reached.

    Each change is told to whoever watches the mirror at the `hub`, also when another process makes it. A new record and
    a `read` with `renew` put the expiry off to the full time. Ids grow within a mirror; `after` and `before` are an id
    or "". A list takes as long as it has records, wherever in the mirror they are.
    """

    hub: EventHub

    async def start(self) -> None:
        """Makes the store ready. One that can't be reached is no error yet.

        Raises `ConfigError` when it refuses who we are.
        """

    async def close(self) -> None: ...

    def keep(self, code: str, settings: MirrorSettings) -> AbstractAsyncContextManager[None]:
        """As long as it is entered the mirror always exists: it's made if there is none, and doesn't expire.

        The settings of who came last hold. Afterwards it is a mirror like any other in memory; in a Redis, where other
        processes may keep it as well, it stays until it is deleted.
        """

    async def create(self, code: str, settings: MirrorSettings) -> bool:
        """Makes a mirror; False when the code is taken."""

    async def count_creation(self, client: str, rate: Quota) -> Verdict:
        """Counts a mirror that a client wants to create, with those that it has created by any process of the store."""

    async def read(self, code: str, renew: bool = False) -> MirrorState | None:
        """The mirror, None when there is none."""

    async def change(
        self, code: str, response: str | None, rules: str | None = None, max_requests: int | None = None
    ) -> bool:
        """Sets the mirror's response, a `MirrorResponse` as JSON, its rules, and how many requests it keeps; None
        leaves them as they are. New rules are counted anew, requests beyond the number are dropped. False when there is
        no such mirror.
        """

    async def drop(self, code: str) -> bool:
        """Deletes the mirror and all it has; False when there is none."""

    async def add(self, code: str, record: Record) -> Receipt | None:
        """Stores a record, and drops the oldest beyond the mirror's `max_requests` and `max_size`; None when there is
        no mirror. Raises `TooMany` beyond its `rate`: then nothing changes.

        What goes because of its size is told as `cleared`: a record that is larger than all may go itself.
        """

    async def entries(self, code: str, after: str, limit: int) -> list[RecordEntry]:
        """The oldest records after `after`, up to `limit`."""

    async def newest(self, code: str, before: str, limit: int) -> list[RecordEntry]:
        """The newest records before `before`, up to `limit`, newest first."""

    async def get(self, code: str, request_id: str) -> StoredRecord | None:
        """A record with its bodies, None when there is none."""

    async def forward(self, code: str, request_id: str, forwarded: bytes) -> bool:
        """Keeps with a record what came of it where it was sent on, a `ListenerResponse` as JSON; False when there is
        no such record.
        """

    async def remove(self, code: str, request_id: str) -> bool:
        """Deletes one record; False when there is none."""

    async def clear(self, code: str, last: str = "") -> bool:
        """Deletes all records up to and with the id `last`, or all; False when there is no such mirror."""


class GroupTurn(NamedTuple):
    """A listener of a group that asks for its next request. `done`: the id of the one before, "" if there is none.
    `begin`: the id after which the group starts if there is no such group yet, "now" for what comes from then on.
    """

    group: str
    listener: str
    done: str = ""
    begin: str = "now"


class GroupClaim(NamedTuple):
    """What a listener of a group has in hand now, None when there is nothing to do."""

    entry: RecordEntry | None
    retry_after: float | None  # seconds until a listener may have lost what it has in hand; None: none has any
    lost: int  # how many the mirror has dropped since the last time that somebody looked


class TooManyGroups(Exception):
    """There is no room for another group of listeners."""


class MirrorKeeper(Protocol):
    """A store with a mirror that is kept, by as many as have begun to."""

    async def begin_keeping(self, code: str, settings: MirrorSettings) -> None: ...

    def end_keeping(self, code: str, settings: MirrorSettings) -> None: ...


class KeptMirror:
    """What `Store.keep` enters. (A generator that awaits can't be compiled.)"""

    def __init__(self, store: MirrorKeeper, code: str, settings: MirrorSettings) -> None:
        self._store = store
        self._code = code
        self._settings = settings

    async def __aenter__(self) -> None:
        await self._store.begin_keeping(self._code, self._settings)

    async def __aexit__(self, *_: object) -> None:
        self._store.end_keeping(self._code, self._settings)


def beyond_rate(retry_after: int) -> TooMany:
    """What `Store.add` raises when a mirror gets more requests than its `rate`."""
    return TooMany("More requests come to this mirror than it takes: try again later", retry_after)


def parse_id(text: str) -> tuple[int, int]:
    """An id as two numbers, to compare; "" is before all ids. Raises ValueError for what is no id."""
    if not text:
        return (-1, 0)
    match = _ID.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not the id of a request")
    return int(match[1]), int(match[2])


def is_after(text: str, other: str) -> bool:
    """Whether the request of this id came after the other."""
    return parse_id(text) > parse_id(other)
