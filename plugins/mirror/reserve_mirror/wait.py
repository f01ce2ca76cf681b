"""Waiting for requests that meet some criteria, and what to say when they don't come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import aclosing
from typing import NamedTuple

from reserve_core import HTTPError
from reserve_core.kit import canonical_url, printable

from .follow import follow
from .json_shapes import NearMiss, RequestDetails, RequestSummary
from .record_search import MAX_RECORDS, search_piece
from .request_details import details_of, summary_of, summary_of_event
from .store import MirrorEvent, Store, StoredRecord, is_after, parse_id

# The nearest misses that are told.
NEAREST = 5


class Criteria(NamedTuple):
    """What a request must be like; what is None may be anything. Headers: an empty value asks for any.

    One that was refused, or is not complete, is never like that.
    """

    method: str | None
    path: str | None
    headers: tuple[tuple[str, str], ...]
    body_contains: str | None

    @classmethod
    def of(
        cls,
        method: str | None = None,
        path: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        body_contains: str | None = None,
    ) -> Criteria:
        """Criteria as people write them. Raises ValueError for a path that no request can have."""
        return cls(method and method.upper(), None if path is None else _canonical(path), headers, body_contains)

    def misses(self, summary: RequestSummary) -> list[str]:
        """Why a request isn't like that, its body aside; empty when it is."""
        return [
            *([summary["failure"]["reason"]] if "failure" in summary else []),
            *self._miss("method", summary["method"], self.method),
            *self._miss("path", summary["path"] or "/", self.path),
            *(miss for name, value in self.headers for miss in _header_miss(summary, name, value)),
        ]

    @staticmethod
    def _miss(what: str, value: str, wanted: str | None) -> Iterable[str]:
        if wanted is not None and value != wanted:
            yield f"{what} is {value}, not {wanted}"

    def can_match(self, summary: str) -> bool:
        wanted = [self.method, None if self.path == "/" else self.path, *(value for _, value in self.headers)]
        return all(json.dumps(text) in summary for text in wanted if text)

    def judge(self, summary: RequestSummary) -> bool | None:
        if self.misses(summary):
            return False
        return True if self.body_contains is None else None

    async def judge_bodies(self, summary: RequestSummary, stored: StoredRecord) -> bool:
        return self.body_contains is None or self.body_contains.encode() in stored.body


class Outcome(NamedTuple):
    """The requests that came, and unless they were enough the nearest of those that didn't match, nearest first."""

    requests: list[RequestDetails]
    nearest: list[NearMiss]
    looked_back: int | None  # there was time for so many of those that had come already; None: for all of them


async def wait_for_matches(
    store: Store, code: str, criteria: Criteria, *, after: str = "", count: int = 1, timeout: float = 30
) -> Outcome:
    """Waits until `count` requests after the id `after` meet the criteria, up to `timeout` seconds; the first ones are
    taken.

    Those that have come already are looked at from the newest back, as far as there is time; a piece of them is looked
    at in any case. So what has just come is found, however many there are. Raises `Unavailable` when the store is so at
    the beginning, LookupError when there is no such mirror, or no longer.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    state = await store.read(code)
    if state is None:
        raise LookupError(code)
    search = _Search(store, code, criteria, count, after)
    await search.look_back(deadline)
    # What came since may have been looked at: then it is found twice, and taken once.
    if search.looked_back is None and not search.complete:
        await search.follow(max(state.newest, after, key=parse_id), deadline)
    requests = [
        await details_of(stored) for each in search.found if (stored := await store.get(code, each)) is not None
    ]
    return Outcome(requests, [] if len(requests) == count else await search.nearest(), search.looked_back)


def nearest_lines(nearest: Iterable[NearMiss]) -> list[str]:
    """A line for each request: what it is, and why it isn't the one. What can't be seen is escaped."""
    return [
        printable(f"{each['request']['method']} {each['request']['path'] or '/'}: {'; '.join(each['missed'])}")
        for each in nearest
    ]


class _Search:
    """Looks for `count` records after the id `after`: `found` has the ids of the first ones that are known, in order.

    `looked_back` says how many of those that had come already were looked at; None: all.
    """

    def __init__(self, store: Store, code: str, criteria: Criteria, count: int, after: str) -> None:
        self.found: list[str] = []
        self.looked_back: int | None = None
        self._store = store
        self._code = code
        self._criteria = criteria
        self._count = count
        self._after = after

    @property
    def complete(self) -> bool:
        return len(self.found) == self._count

    async def look_back(self, deadline: float) -> None:
        """Looks at what has come already, up to the deadline, a time of the loop."""
        loop = asyncio.get_running_loop()
        cursor, looked_at = "", 0
        while True:
            piece = await search_piece(self._store, self._code, self._criteria, cursor, back=True, until=self._after)
            cursor, looked_at = piece.last, looked_at + piece.looked_at
            self.found = [*(entry.id for entry in reversed(piece.found)), *self.found][: self._count]
            if piece.complete:
                return
            if loop.time() >= deadline:
                self.looked_back = looked_at
                return

    async def follow(self, after: str, deadline: float) -> None:
        """Looks at what comes after the id `after`, until there is enough or the deadline."""
        try:
            async with asyncio.timeout_at(deadline), aclosing(follow(self._store, self._code, after)) as happenings:
                while not self.complete:
                    happening = await anext(happenings)
                    if isinstance(happening, MirrorEvent):
                        if happening.type == "expired":
                            raise LookupError(self._code)
                        if happening.type == "request" and await self._is_one(happening):
                            self.found.append(happening.id)
        except TimeoutError:
            pass

    async def _is_one(self, event: MirrorEvent) -> bool:
        summary = summary_of_event(event)
        verdict = self._criteria.judge(summary)
        if verdict is None:
            stored = await self._store.get(self._code, event.id)
            verdict = stored is not None and await self._criteria.judge_bodies(summary, stored)
        return verdict and event.id not in self.found

    async def nearest(self) -> list[NearMiss]:
        """Those of the newest that aren't like that, with the fewest misses, of these the newest."""
        near: list[NearMiss] = []
        for entry in await self._store.newest(self._code, "", MAX_RECORDS):
            if not is_after(entry.id, self._after):
                break
            summary = summary_of(entry)
            missed = self._criteria.misses(summary)
            if not missed and self._criteria.body_contains is not None:
                missed = [f"body doesn't contain {self._criteria.body_contains!r}"]
            if missed and entry.id not in self.found:
                near.append(NearMiss(request=summary, missed=missed))
        return sorted(near, key=lambda each: len(each["missed"]))[:NEAREST]


def _canonical(path: str) -> str:
    """A path below a mirror as its requests have it, the slash at its beginning included."""
    if "?" in path:
        raise ValueError(f"The path {path!r} has a query, which isn't compared: leave it out")
    try:
        return canonical_url(path if path.startswith("/") else f"/{path}")
    except HTTPError as error:
        raise ValueError(f"{path!r} can't be the path of a request: {error.reason}") from None


def _header_miss(summary: RequestSummary, name: str, wanted: str) -> Iterable[str]:
    values = [value for key, value in summary["headers"] if key.lower() == name.lower()]
    if not values:
        yield f"there is no header {name}"
    elif wanted and wanted not in values:
        yield f"header {name} is {', '.join(values)}, not {wanted}"
