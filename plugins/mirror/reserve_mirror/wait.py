"""Waiting for requests that meet some criteria, and what to say when they don't come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from reserve_core.kit import printable

from .condition_kinds import Condition, Subject
from .conditions import RequestConditions
from .follow import follow
from .json_shapes import NearMiss, RequestDetails, RequestSummary
from .record_search import MAX_RECORDS, search_piece
from .request_details import details_of, summary_of, summary_of_event
from .store import MirrorEvent, Store, is_after, parse_id

if TYPE_CHECKING:
    from .signature_verifier import SignatureVerifier

# The nearest misses that are told.
NEAREST = 5


class Outcome(NamedTuple):
    """The requests that came, and unless they were enough the nearest of those that didn't match, nearest first."""

    requests: list[RequestDetails]
    nearest: list[NearMiss]
    looked_back: int | None  # there was time for so many of those that had come already; None: for all of them


async def wait_for_matches(
    store: Store,
    code: str,
    conditions: RequestConditions,
    *,
    verifier: SignatureVerifier | None = None,
    after: str = "",
    count: int = 1,
    timeout: float = 30,
) -> Outcome:
    """Waits until `count` requests after the id `after` are as the conditions say, up to `timeout` seconds; the first
    ones are taken. One that was refused, or is not complete, never is.

    Those that have come already are looked at from the newest back, as far as there is time; a piece of them is looked
    at in any case. So what has just come is found, however many there are. Raises `Unavailable` when the store is so at
    the beginning, LookupError when there is no such mirror, or no longer; ValueError when a condition is about the
    signature, and there is no `verifier`.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    wanted = RequestConditions((_Complete(),)) + conditions.verified_by(verifier)
    state = await store.read(code)
    if state is None:
        raise LookupError(code)
    search = _Search(store, code, wanted, count, after)
    await search.look_back(deadline)
    # What came since may have been looked at: then it is found twice, and taken once.
    if search.looked_back is None and not search.complete:
        await search.follow(max(state.newest, after, key=parse_id), deadline)
    records = [await store.get(code, each) for each in search.found]
    requests = [await details_of(stored, verifier) for stored in records if stored is not None]
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

    def __init__(self, store: Store, code: str, conditions: RequestConditions, count: int, after: str) -> None:
        self.found: list[str] = []
        self.looked_back: int | None = None
        self._store = store
        self._code = code
        self._conditions = conditions
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
            piece = await search_piece(self._store, self._code, self._conditions, cursor, back=True, until=self._after)
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
        verdict = self._conditions.judge(summary)
        if verdict is None:
            stored = await self._store.get(self._code, event.id)
            verdict = stored is not None and await self._conditions.judge_bodies(summary, stored)
        return verdict and event.id not in self.found

    async def nearest(self) -> list[NearMiss]:
        """Those of the newest that aren't like that, with the fewest misses, of these the newest."""
        near: list[NearMiss] = []
        for entry in await self._store.newest(self._code, "", MAX_RECORDS):
            if not is_after(entry.id, self._after):
                break
            summary = summary_of(entry)
            missed = self._conditions.misses(summary)
            if entry.id not in self.found and (missed or self._conditions.of_body):
                near.append(NearMiss(request=summary, missed=missed))
        # Where nothing else is missed, it's the body: these are looked at last, as they are few.
        near = sorted(near, key=lambda each: len(each["missed"]) or 1)[:NEAREST]
        for each in near:
            if not each["missed"]:
                each["missed"] = await self._body_misses(each["request"])
        return [each for each in near if each["missed"]]

    async def _body_misses(self, summary: RequestSummary) -> list[str]:
        stored = await self._store.get(self._code, summary["id"])
        return [] if stored is None else await self._conditions.body_misses(summary, stored.body, explain=True)


class _Complete(Condition):
    """That a request was neither refused nor cut."""

    def miss(self, subject: Subject) -> str:
        return subject.summary["failure"]["reason"] if "failure" in subject.summary else ""

    def __str__(self) -> str:
        return "failure"
