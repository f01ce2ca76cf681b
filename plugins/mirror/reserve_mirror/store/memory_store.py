"""The store that needs nothing else: mirrors in the memory of this process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from itertools import islice

from reserve_core.kit import MemoryCounters, Quota, Verdict, take

from .event_hub import EventHub
from .interface import (
    ForwardedRecord,
    KeptMirror,
    MirrorSettings,
    MirrorState,
    Receipt,
    Record,
    RecordEntry,
    StoredRecord,
    Unavailable,
    beyond_rate,
    is_after,
)
from .mirror_event import MirrorEvent
from .records_in_order import RecordsInOrder

# What all mirrors together may keep, in bytes; beyond it one than which no other is twice as large loses its oldest
# requests.
MAX_SIZE = 256 * 1024 * 1024
# Beyond so many, and beyond so many characters that their responses have together, the mirror that nobody has used for
# the longest time makes room for a new one.
MAX_MIRRORS = 10_000
MAX_RESPONSES = 64 * 1024 * 1024
# Seconds between two searches for mirrors that have expired: until then nobody sees them, but they take memory.
SWEEP = 10.0


class _MirrorInMemory:
    """A mirror with the records that it keeps."""

    __slots__ = (
        *("code", "counted", "created", "debt", "dropped", "expires", "last", "met", "rank", "received", "records"),
        *("revision", "sequence", "settings", "size"),
    )

    def __init__(self, code: str, settings: MirrorSettings, now: float) -> None:
        self.code: str = code
        self.settings: MirrorSettings = settings
        self.created: int = int(now * 1000)
        self.expires: float | None = None
        self.revision: int = 0
        self.last: int = 0  # the two numbers of the newest id
        self.sequence: int = 0
        self.dropped: int = 0
        self.received: int = 0
        self.size: int = 0
        self.rank: int = 0  # the bits of its size
        self.debt: int = 0  # what was owed to its rate at the time `counted`, in microseconds
        self.counted: int = 0
        self.met: dict[int, int] = {}  # by the number of a rule: how many requests have met it
        self.records: RecordsInOrder = RecordsInOrder()
        self.renew(now)

    def renew(self, now: float) -> None:
        seconds = self.settings.expiration_time
        self.expires = None if seconds is None else now + seconds

    def count(self, rate: Quota, now: float) -> None:
        """Counts a request. Raises `TooMany`."""
        moment = int(now * 1_000_000)
        verdict = take((rate,), (self.debt,), max(moment - self.counted, 0))
        if not verdict.passes:
            raise beyond_rate(rate.wait(verdict.debts[0]))
        self.debt = verdict.debts[0]
        self.counted = moment

    def new_revision(self) -> str:
        self.revision += 1
        return self.revision_text

    @property
    def revision_text(self) -> str:
        return f"{self.created}.{self.revision}"

    def next_id(self, now: float) -> str:
        # Ids grow even if the clock goes back.
        moment = int(now * 1000)
        if moment > self.last:
            self.last = moment
            self.sequence = 0
        else:
            self.sequence += 1
        return f"{self.last}-{self.sequence}"

    def entries(self, ids: Iterator[str], limit: int) -> list[RecordEntry]:
        """The entries of the first `limit` of these ids."""
        records = self.records
        return [RecordEntry(each, records[each].summary) for each in islice(ids, limit)]


def _length(settings: MirrorSettings) -> int:
    """The characters of what a mirror responds with."""
    return len(settings.response) + len(settings.rules)


class MemoryStore:
    """See `Store` for the methods."""

    def __init__(self, max_size: int = MAX_SIZE) -> None:
        self.hub = EventHub()
        self._max_size = max_size
        self._size = 0
        self._mirrors: OrderedDict[str, _MirrorInMemory] = OrderedDict()  # the one used last comes last
        self._responses = 0  # the characters of their responses
        self._ranks: dict[int, dict[str, _MirrorInMemory]] = {}  # those that keep something, by the bits of their sizes
        self._kept: dict[str, list[MirrorSettings]] = {}  # of those who keep a mirror
        # The clients that create mirrors, by the rate that they are held to.
        self._creators: dict[Quota, MemoryCounters] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        self._mirrors.clear()
        self._ranks.clear()
        self._size = self._responses = 0

    def keep(self, code: str, settings: MirrorSettings) -> AbstractAsyncContextManager[None]:
        return KeptMirror(self, code, settings)

    async def begin_keeping(self, code: str, settings: MirrorSettings) -> None:
        self._kept.setdefault(code, []).append(settings)
        mirror = self._find(code) or self._make(code, settings)
        self._set(mirror, settings._replace(expiration_time=None))

    def end_keeping(self, code: str, settings: MirrorSettings) -> None:
        keepers = self._kept[code]
        keepers.remove(settings)
        if not keepers:
            del self._kept[code]
            found = self._find(code)
            if found is not None:
                self._set(found, settings)

    def _set(self, mirror: _MirrorInMemory, settings: MirrorSettings) -> None:
        mirror.settings = settings._replace(response=mirror.settings.response, rules=mirror.settings.rules)
        self._use(mirror, time.time())

    async def create(self, code: str, settings: MirrorSettings) -> bool:
        if self._find(code) is not None:
            return False
        self._make_room(_length(settings))
        self._make(code, settings)
        return True

    async def count_creation(self, client: str, rate: Quota) -> Verdict:
        creators = self._creators.get(rate)
        if creators is None:
            creators = self._creators[rate] = MemoryCounters((rate,), time.monotonic)
        return await creators.take(client)

    async def read(self, code: str, renew: bool = False) -> MirrorState | None:
        mirror = self._find(code)
        if mirror is None:
            return None
        if renew:
            self._use(mirror, time.time())
        expires = None if mirror.expires is None else int(mirror.expires * 1000)
        records = mirror.records
        return MirrorState(
            settings=mirror.settings,
            created=mirror.created,
            expires_at=expires,
            requests=len(records),
            newest=records.newest,
            revision=mirror.revision_text,
            dropped=mirror.dropped,
            received=mirror.received,
        )

    async def change(
        self, code: str, response: str | None, rules: str | None = None, max_requests: int | None = None
    ) -> bool:
        mirror = self._find(code)
        if mirror is None:
            return False
        old = mirror.settings
        new = old._replace(
            response=old.response if response is None else response,
            rules=old.rules if rules is None else rules,
            max_requests=max_requests or old.max_requests,
        )
        gained = _length(new) - _length(old)
        if gained > 0:
            self._make_room(gained, changed=code)
        self._responses += gained
        mirror.settings = new
        if rules is not None:
            mirror.met.clear()
        self.hub.publish(code, MirrorEvent.updated(new.response, new.rules, new.max_requests))
        excess = len(mirror.records) - new.max_requests
        if excess > 0:
            mirror.dropped += excess
            self._clear(mirror, next(islice(mirror.records.after(""), excess - 1, None)))
        return True

    async def drop(self, code: str) -> bool:
        mirror = self._find(code)
        if mirror is None:
            return False
        self._forget(mirror)
        self.hub.publish(code, MirrorEvent.expired("deleted"))
        return True

    async def add(self, code: str, record: Record) -> Receipt | None:
        now = time.time()
        mirror = self._find(code, now)
        if mirror is None:
            return None
        settings = mirror.settings
        judged, rule = "", 0
        while settings.rules != judged:
            judged = settings.rules
            rule = await record.obey(judged)
            mirror = self._find(code)  # it may have changed meanwhile
            if mirror is None:
                return None
            settings = mirror.settings
        if settings.rate is not None:
            mirror.count(settings.rate, now)
        self._use(mirror, now)
        records = mirror.records
        gained = record.size
        while len(records) >= settings.max_requests:
            gained -= records.pop(records.oldest).size
            mirror.dropped += 1
        request_id = mirror.next_id(now)
        records.append(request_id, record)
        mirror.received += 1
        self._resize(mirror, gained)
        if self.hub.is_watched(code):
            self.hub.publish(code, MirrorEvent.request(request_id, record.summary))
        if settings.max_size is not None and mirror.size > settings.max_size:
            self._trim(mirror, settings.max_size)
        while self._size > self._max_size:
            self._shrink()
        if not rule:
            return Receipt(request_id, settings.response)
        met = mirror.met[rule] = mirror.met.get(rule, 0) + 1
        return Receipt(request_id, settings.response, settings.rules, rule, met)

    async def entries(self, code: str, after: str, limit: int) -> list[RecordEntry]:
        mirror = self._find(code)
        return [] if mirror is None else mirror.entries(mirror.records.after(after), limit)

    async def newest(self, code: str, before: str, limit: int) -> list[RecordEntry]:
        mirror = self._find(code)
        return [] if mirror is None else mirror.entries(mirror.records.before(before), limit)

    async def get(self, code: str, request_id: str) -> StoredRecord | None:
        mirror = self._find(code)
        record = None if mirror is None else mirror.records.get(request_id)
        if record is None:
            return None
        forwarded = record.forwarded if isinstance(record, ForwardedRecord) else b""
        entry = RecordEntry(request_id, record.summary)
        return StoredRecord(entry, record.body, record.response_body, record.trace, forwarded)

    async def forward(self, code: str, request_id: str, forwarded: bytes) -> bool:
        mirror = self._find(code)
        record = None if mirror is None else mirror.records.get(request_id)
        if mirror is None or record is None:
            return False
        new = ForwardedRecord(record, forwarded)
        mirror.records.replace(request_id, new)
        self._resize(mirror, new.size - record.size)
        self.hub.publish(code, MirrorEvent.forwarded(request_id))
        return True

    async def remove(self, code: str, request_id: str) -> bool:
        mirror = self._find(code)
        if mirror is None or mirror.records.get(request_id) is None:
            return False
        self._delete(mirror, request_id)
        return True

    async def clear(self, code: str, last: str = "") -> bool:
        mirror = self._find(code)
        if mirror is None:
            return False
        self._clear(mirror, last or mirror.records.newest)
        return True

    def _clear(self, mirror: _MirrorInMemory, last: str) -> None:
        """Deletes the records up to and with the id `last`."""
        records, size = mirror.records, 0
        while len(records) and not is_after(records.oldest, last):
            size += records.pop(records.oldest).size
        self._resize(mirror, -size)
        self.hub.publish(mirror.code, MirrorEvent.cleared(last, mirror.new_revision(), len(records)))

    def _find(self, code: str, now: float | None = None) -> _MirrorInMemory | None:
        mirror = self._mirrors.get(code)
        if mirror is not None and mirror.expires is not None and mirror.expires <= (now or time.time()):
            self._forget(mirror)
            mirror = None
        if mirror is None and code in self._kept:
            mirror = self._make(code, self._kept[code][-1]._replace(expiration_time=None))
        return mirror

    def _make(self, code: str, settings: MirrorSettings) -> _MirrorInMemory:
        mirror = self._mirrors[code] = _MirrorInMemory(code, settings, time.time())
        self._responses += _length(settings)
        return mirror

    def _use(self, mirror: _MirrorInMemory, now: float) -> None:
        mirror.renew(now)
        self._mirrors.move_to_end(mirror.code)

    def _make_room(self, response: int, changed: str = "") -> None:
        """Forgets the mirrors that nobody has used for the longest time, until there is room for a new one, or for more
        characters of the response of the one that is `changed`.

        Those that are kept, and those that somebody looks at, stay. Raises `Unavailable` when there are no others.
        """
        mirrors, most = self._mirrors, MAX_MIRRORS + len(self._kept) - (0 if changed else 1)
        spared = 0
        while len(mirrors) > most or self._responses + response > MAX_RESPONSES:
            if spared == len(mirrors):
                raise Unavailable("There are too many mirrors: try again when some have expired")
            code = next(iter(mirrors))
            if code == changed or code in self._kept or self.hub.is_watched(code):
                mirrors.move_to_end(code)
                spared += 1
            else:
                self._forget(mirrors[code])

    def _forget(self, mirror: _MirrorInMemory) -> None:
        self._resize(mirror, -mirror.size)
        self._responses -= _length(mirror.settings)
        del self._mirrors[mirror.code]

    def _resize(self, mirror: _MirrorInMemory, gained: int) -> None:
        """A mirror takes so many bytes more."""
        self._size += gained
        mirror.size += gained
        rank = mirror.size.bit_length()
        if rank == mirror.rank:
            return
        if mirror.rank:
            peers = self._ranks[mirror.rank]
            del peers[mirror.code]
            if not peers:
                del self._ranks[mirror.rank]
        if rank:
            self._ranks.setdefault(rank, {})[mirror.code] = mirror
        mirror.rank = rank

    def _trim(self, mirror: _MirrorInMemory, max_size: int) -> None:
        """Drops the oldest records until the others take `max_size` bytes."""
        records, last, excess = mirror.records, "", mirror.size - max_size
        dropped = 0
        while dropped < excess:
            last = records.oldest
            dropped += records.pop(last).size
            mirror.dropped += 1
        self._resize(mirror, -dropped)
        self.hub.publish(mirror.code, MirrorEvent.cleared(last, mirror.new_revision(), len(mirror.records)))

    def _shrink(self) -> None:
        """Drops a request of a mirror that takes much memory: of many, the largest need not be looked for."""
        largest = self._ranks[max(self._ranks)]
        mirror = next(iter(largest.values()))
        mirror.dropped += 1
        self._delete(mirror, mirror.records.oldest)

    def _delete(self, mirror: _MirrorInMemory, request_id: str) -> None:
        self._resize(mirror, -mirror.records.pop(request_id).size)
        self.hub.publish(mirror.code, MirrorEvent.deleted(request_id, mirror.new_revision()))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            now = time.time()
            for mirror in [mirror for mirror in self._mirrors.values() if (mirror.expires or now) < now]:
                self._forget(mirror)
