"""The engine that needs nothing: mirrors in the memory of this process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from . import messages
from .errors import Unavailable
from .hub import Event, Hub
from .interface import Captured, Content, Entry, Settings, State, parse_id

# What all mirrors together may keep, in bytes; beyond it the largest one loses its oldest requests.
MAX_SIZE = 256 * 1024 * 1024
MAX_MIRRORS = 10_000
# What a request takes besides its bytes, about.
OVERHEAD = 512
# Seconds between two looks for mirrors that have expired: until then nobody sees them, but they take memory.
SWEEP = 10.0


@dataclass(slots=True)
class _Mirror:
    settings: Settings
    created: int
    expires: float | None
    revision: int = 0
    last: tuple[int, int] = (0, 0)
    size: int = 0
    contents: OrderedDict[str, Content] = field(default_factory=OrderedDict)

    def renew(self, now: float) -> None:
        seconds = self.settings.expiration_time
        self.expires = None if seconds is None else now + seconds

    def new_revision(self) -> str:
        self.revision += 1
        return self.revision_text

    @property
    def revision_text(self) -> str:
        return f"{self.created}.{self.revision}"


class MemoryStore:
    """See `Store` for the methods."""

    def __init__(self, max_size: int = MAX_SIZE) -> None:
        self.hub = Hub()
        self._max_size = max_size
        self._size = 0
        self._mirrors: dict[str, _Mirror] = {}
        self._kept: dict[str, list[Settings]] = {}  # of those who keep a mirror
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
        self._size = 0

    @asynccontextmanager
    async def keep(self, code: str, settings: Settings) -> AsyncIterator[None]:
        keepers = self._kept.setdefault(code, [])
        keepers.append(settings)
        mirror = self._find(code) or self._make(code, settings)
        self._set(mirror, settings._replace(expiration_time=None))
        try:
            yield
        finally:
            keepers.remove(settings)
            if not keepers:
                del self._kept[code]
                found = self._find(code)
                if found is not None:
                    self._set(found, settings)

    @staticmethod
    def _set(mirror: _Mirror, settings: Settings) -> None:
        mirror.settings = settings._replace(answer=mirror.settings.answer)
        mirror.renew(time.time())

    async def create(self, code: str, settings: Settings) -> bool:
        if self._find(code) is not None:
            return False
        if len(self._mirrors) >= MAX_MIRRORS + len(self._kept):
            raise Unavailable("There are too many mirrors: try again when some have expired")
        self._make(code, settings)
        return True

    async def read(self, code: str, renew: bool = False) -> State | None:
        mirror = self._find(code)
        if mirror is None:
            return None
        if renew:
            mirror.renew(time.time())
        expires = None if mirror.expires is None else int(mirror.expires * 1000)
        return State(mirror.settings, mirror.created, expires, len(mirror.contents), mirror.revision_text)

    async def change(self, code: str, answer: str) -> bool:
        mirror = self._find(code)
        if mirror is None:
            return False
        mirror.settings = mirror.settings._replace(answer=answer)
        self.hub.publish(code, messages.updated(answer))
        return True

    async def drop(self, code: str) -> bool:
        if self._find(code) is None:
            return False
        self._forget(code)
        self.hub.publish(code, messages.expired("deleted"))
        return True

    async def capture(self, code: str, summary: str, body: bytes, answer_body: bytes = b"") -> Captured | None:
        mirror = self._find(code)
        if mirror is None:
            return None
        now = time.time()
        mirror.renew(now)
        while len(mirror.contents) >= mirror.settings.max_requests:
            self._take_out(mirror, next(iter(mirror.contents)))
        request_id = self._next_id(mirror, now)
        content = Content(Entry(request_id, summary), body, answer_body)
        mirror.contents[request_id] = content
        size = _size(content)
        mirror.size += size
        self._size += size
        if self.hub.is_watched(code):
            self.hub.publish(code, Event.of_request(request_id, summary))
        while self._size > self._max_size:
            self._shrink()
        return Captured(request_id, mirror.settings.answer)

    async def entries(self, code: str, after: str, limit: int) -> list[Entry]:
        mirror = self._find(code)
        if mirror is None:
            return []
        start = parse_id(after)
        found: list[Entry] = []
        for content in mirror.contents.values():
            if parse_id(content.entry.id) > start:
                found.append(content.entry)
                if len(found) == limit:
                    break
        return found

    async def newest(self, code: str) -> str:
        mirror = self._find(code)
        return "" if mirror is None else next(reversed(mirror.contents), "")

    async def content(self, code: str, request_id: str) -> Content | None:
        mirror = self._find(code)
        return None if mirror is None else mirror.contents.get(request_id)

    async def remove(self, code: str, request_id: str) -> bool:
        mirror = self._find(code)
        if mirror is None or request_id not in mirror.contents:
            return False
        self._delete(code, mirror, request_id)
        return True

    async def clear(self, code: str) -> bool:
        mirror = self._find(code)
        if mirror is None:
            return False
        last = next(reversed(mirror.contents), "")
        mirror.contents.clear()
        self._size -= mirror.size
        mirror.size = 0
        self.hub.publish(code, messages.cleared(last, mirror.new_revision()))
        return True

    def _find(self, code: str) -> _Mirror | None:
        mirror = self._mirrors.get(code)
        if mirror is not None and mirror.expires is not None and mirror.expires <= time.time():
            self._forget(code)
            mirror = None
        if mirror is None and code in self._kept:
            mirror = self._make(code, self._kept[code][-1]._replace(expiration_time=None))
        return mirror

    def _make(self, code: str, settings: Settings) -> _Mirror:
        now = time.time()
        mirror = self._mirrors[code] = _Mirror(settings, int(now * 1000), None)
        mirror.renew(now)
        return mirror

    def _forget(self, code: str) -> None:
        self._size -= self._mirrors.pop(code).size

    @staticmethod
    def _next_id(mirror: _Mirror, now: float) -> str:
        # Ids grow even if the clock goes back.
        milliseconds, sequence = mirror.last
        moment = int(now * 1000)
        mirror.last = (moment, 0) if moment > milliseconds else (milliseconds, sequence + 1)
        return f"{mirror.last[0]}-{mirror.last[1]}"

    def _shrink(self) -> None:
        """Drops a request of the mirror that takes the most memory."""
        code, mirror = max(self._mirrors.items(), key=lambda item: item[1].size)
        self._delete(code, mirror, next(iter(mirror.contents)))

    def _delete(self, code: str, mirror: _Mirror, request_id: str) -> None:
        self._take_out(mirror, request_id)
        self.hub.publish(code, messages.deleted(request_id, mirror.new_revision()))

    def _take_out(self, mirror: _Mirror, request_id: str) -> None:
        size = _size(mirror.contents.pop(request_id))
        mirror.size -= size
        self._size -= size

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            now = time.time()
            for code in [code for code, mirror in self._mirrors.items() if (mirror.expires or now) < now]:
                self._forget(code)


def _size(content: Content) -> int:
    return OVERHEAD + len(content.entry.summary) + len(content.body) + len(content.answer_body)
