"""Waiting for requests that meet some criteria, and what to say when they don't come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from typing import NamedTuple

from reserve_core import HTTPError
from reserve_core.kit import canonical_url, printable

from .follow import PAGE, follow
from .json_shapes import NearMiss, RequestDetails, RequestSummary
from .request_details import details_of, summary_of, summary_of_event
from .store import MirrorEvent, Store

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

    def body_misses(self, body: bytes) -> list[str]:
        """Why its body isn't like that."""
        text = self.body_contains
        return [] if text is None or text.encode() in body else [f"body doesn't contain {text!r}"]


class Outcome(NamedTuple):
    """The requests that came, and unless they were enough the nearest of those that didn't match, nearest first."""

    requests: list[RequestDetails]
    nearest: list[NearMiss]


async def wait_for_matches(
    store: Store, code: str, criteria: Criteria, *, after: str = "", count: int = 1, timeout: float = 30
) -> Outcome:
    """Waits until `count` requests after the id `after` meet the criteria, up to `timeout` seconds.

    Those that have come already are looked at in any case. Raises `Unavailable` when the store is so at the
    beginning, LookupError when there is no such mirror, or no longer.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    search = _Search(store, code, criteria, count, after)
    if await store.read(code) is None:
        raise LookupError(code)
    while not search.complete and (entries := await store.entries(code, search.after, PAGE)):
        for entry in entries:
            await search.look_at(summary_of(entry))
        await asyncio.sleep(0)  # as in `look_at`
    try:
        async with asyncio.timeout_at(deadline), aclosing(follow(store, code, search.after)) as happenings:
            while not search.complete:
                happening = await anext(happenings)
                if isinstance(happening, MirrorEvent):
                    if happening.type == "expired":
                        raise LookupError(code)
                    if happening.type == "request":
                        await search.look_at(summary_of_event(happening))
    except TimeoutError:
        pass
    return Outcome(search.found, search.nearest)


def nearest_lines(nearest: Iterable[NearMiss]) -> list[str]:
    """A line for each request: what it is, and why it isn't the one. What can't be seen is escaped."""
    return [
        printable(f"{each['request']['method']} {each['request']['path'] or '/'}: {'; '.join(each['missed'])}")
        for each in nearest
    ]


class _Search:
    """Looks at requests until enough of them meet the criteria."""

    def __init__(self, store: Store, code: str, criteria: Criteria, count: int, after: str) -> None:
        self.found: list[RequestDetails] = []
        self.nearest: list[NearMiss] = []
        self.after = after
        self._store = store
        self._code = code
        self._criteria = criteria
        self._count = count

    @property
    def complete(self) -> bool:
        return len(self.found) == self._count

    async def look_at(self, summary: RequestSummary) -> None:
        if self.complete:
            return
        self.after = summary["id"]
        reasons = self._criteria.misses(summary)
        if not reasons:
            stored = await self._store.get(self._code, summary["id"])
            await asyncio.sleep(0)  # a store in memory returns at once: the others have their turn
            reasons = ["it is deleted already"] if stored is None else self._criteria.body_misses(stored.body)
            if stored is not None and not reasons:
                self.found.append(await details_of(stored))
                return
        near_miss = NearMiss(request=summary, missed=reasons)
        # Those with the fewest misses, of them the newest.
        self.nearest = sorted([near_miss, *self.nearest], key=lambda each: len(each["missed"]))[:NEAREST]


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
