"""Searching the records of a mirror where they are, in bounded pieces: whoever searches asks for the next one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .conditions import RequestConditions, is_word, split_word
from .json_shapes import RequestSummary
from .request_details import PIECE, plain_bodies, summary_of
from .store import RecordEntry, Store, StoredRecord, is_after

if TYPE_CHECKING:
    from .signature_verifier import SignatureVerifier

# What is looked at in one piece, in records and in bytes of bodies; one body more may be.
MAX_RECORDS = 1000
MAX_BYTES = 8 * 1024 * 1024
# What is read at once of that: then the event loop has its turn.
_PAGE = 200
_GROUP_BYTES = 1024 * 1024


_ANY = RequestConditions()


class RecordTest(Protocol):
    """Says which records are looked for."""

    def can_match(self, summary: str) -> bool:
        """Whether a summary that is still JSON can be one's: most are no more looked at than that."""

    def judge(self, summary: RequestSummary) -> bool | None:
        """Whether it is one by its summary; None: its bodies decide, see `judge_bodies`."""

    async def judge_bodies(self, summary: RequestSummary, stored: StoredRecord) -> bool: ...


class SearchPiece(NamedTuple):
    """What was found in a piece of a mirror, in the order of the search."""

    found: list[RecordEntry]
    last: str  # the id of the last record that was looked at, where the search goes on; "" when there was none
    looked_at: int  # records
    complete: bool  # nothing is left to look at


async def search_piece(
    store: Store,
    code: str,
    test: RecordTest,
    cursor: str = "",
    *,
    limit: int = MAX_RECORDS,
    back: bool,
    until: str = "",
) -> SearchPiece:
    """Looks for up to `limit` records: from the newest before `cursor` back to the one with the id `until`, which isn't
    looked at; unless `back`, from the oldest after `cursor` on. Raises `Unavailable`.
    """
    read = store.newest if back else store.entries
    found: list[RecordEntry] = []
    looked_at = size = 0
    while True:
        page = await read(code, cursor, _PAGE)
        if until:
            page = [entry for entry in page if is_after(entry.id, until)]
        for group in _groups(page, test):
            await asyncio.sleep(0)  # a store in memory returns at once: the others have their turn
            await asyncio.gather(*(_decide(store, code, test, each) for each in group if each.matches is None))
            for each in group:
                cursor = each.entry.id
                looked_at += 1
                size += each.size
                if each.matches:
                    found.append(each.entry)
                    if len(found) == limit:
                        return SearchPiece(found, cursor, looked_at, False)
            if looked_at >= MAX_RECORDS or size >= MAX_BYTES:
                return SearchPiece(found, cursor, looked_at, False)
        if len(page) < _PAGE:
            return SearchPiece(found, cursor, looked_at, True)


class SearchQuery:
    """What people look for: every word must be found in the method, path, query, headers, status, or in a body.

    A word `method:post`, `path:`, `query:`, `header:`, `body:`, `from:` or `status:` is looked for there only. Upper
    and lower case are the same. A word like `header.x-event:paid`, `query.page:2`, `json.order.id:5`, `path:/orders/*`,
    `signature:invalid`, or `path:` and `body:` with a regular expression behind a `~`, is one of the words of
    `RequestConditions`. Raises ValueError for one that can't be. What is found meets the `conditions`, too.
    """

    def __init__(
        self, text: str, conditions: RequestConditions = _ANY, verifier: SignatureVerifier | None = None
    ) -> None:
        words = [(word, *_condition(word)) for word in text.split()]
        conditions += RequestConditions.of_texts((name, value) for _, name, value in words if name)
        self._conditions = conditions.verified_by(verifier)
        self._words = [_parse_word(word.lower()) for word, name, _ in words if not name]
        # What a summary has as JSON if it has the words; the others may be in a body.
        self._parts = [part for place, text in self._words if place in _FIELDS for part in _json_parts(text)]

    def can_match(self, summary: str) -> bool:
        if not self._conditions.can_match(summary):
            return False
        if not self._parts or "\\u" in summary:  # of what isn't ASCII, upper and lower case have different escapes
            return True
        lower = summary.lower()
        return all(part in lower for part in self._parts)

    def judge(self, summary: RequestSummary) -> bool | None:
        texts = self._unfound(summary)
        if texts is None or self._conditions.judge(summary) is False:
            return False
        if not texts and not self._conditions.of_body:
            return True
        return None if _size(summary) or self._conditions.of_body else False

    async def judge_bodies(self, summary: RequestSummary, stored: StoredRecord) -> bool:
        if not await self._conditions.judge_bodies(summary, stored):
            return False
        texts = self._unfound(summary) or []
        if not texts:
            return True
        bodies = await plain_bodies(summary, stored)
        if sum(map(len, bodies)) <= PIECE:
            return _contain(bodies, texts)
        return await asyncio.to_thread(_contain, bodies, texts)

    def _unfound(self, summary: RequestSummary) -> list[str] | None:
        """The texts that the bodies must have for the summary to be one; None: it isn't one."""
        texts = []
        searched = ""
        for place, text in self._words:
            if place == "body":
                texts.append(text)
            elif place:
                if text not in _FIELDS[place](summary).lower():
                    return None
            else:
                searched = searched or "\n".join(_FIELDS[name](summary) for name in _ANYWHERE).lower()
                if text not in searched:
                    texts.append(text)
        return texts


@dataclass(slots=True)
class _Look:
    """A look at a record: whether it is one, if that is known, and the bytes of its bodies if they have to decide."""

    entry: RecordEntry
    summary: RequestSummary | None = None
    matches: bool | None = False
    size: int = 0


def _groups(page: list[RecordEntry], test: RecordTest) -> Iterator[list[_Look]]:
    """The records of a page, as many together as have bodies to look at together."""
    group: list[_Look] = []
    size = 0
    for entry in page:
        look = _Look(entry)
        group.append(look)
        if not test.can_match(entry.summary):
            continue
        look.summary = summary_of(entry)
        look.matches = test.judge(look.summary)
        if look.matches is None:
            look.size = _size(look.summary)
            size += look.size
        if size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


async def _decide(store: Store, code: str, test: RecordTest, look: _Look) -> None:
    stored = await store.get(code, look.entry.id)
    # None: it was deleted meanwhile.
    look.matches = stored is not None and look.summary is not None and await test.judge_bodies(look.summary, stored)


def _size(summary: RequestSummary) -> int:
    """The bytes of its bodies, at most."""
    return summary["size"] + (summary["response"]["size"] if "response" in summary else 0)


def _condition(word: str) -> tuple[str, str]:
    """The name and the text of a word that is one of the conditions; "" and "" of one that is looked for as it is."""
    name, colon, text = split_word(word, ":")
    is_pattern = text.startswith("~") and name in ("path", "body")
    is_beginning = text.endswith("/*") and name == "path"
    is_signature = name == "signature" and text in ("valid", "invalid")
    if colon and (is_pattern or is_beginning or is_signature or ("." in name and is_word(name))):
        return name, text
    return "", ""


def _parse_word(word: str) -> tuple[str, str]:
    """The place where a word is looked for, "" for anywhere, and what is looked for there."""
    place, colon, text = word.partition(":")
    return (place, text) if colon and (place == "body" or place in _FIELDS) else ("", word)


def _json_parts(text: str) -> list[str]:
    """The parts of a text that stand in JSON as they are: names and values are apart there."""
    return re.findall("[a-z0-9/_.-]+", text)


def _pairs(pairs: Sequence[Sequence[str]], between: str) -> str:
    return "\n".join(f"{name}{between}{value}" for name, value in pairs)


def _headers(summary: RequestSummary) -> str:
    pairs = [*summary["headers"], *(summary["response"]["headers"] if "response" in summary else ())]
    text = _pairs(pairs, ": ")
    # The summary has a char per byte; most senders mean UTF-8.
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


def _status(summary: RequestSummary) -> str:
    ending = summary.get("response") or summary.get("failure")
    return str(ending["status"]) if ending else ""


_FIELDS = {
    "method": lambda summary: summary["method"],
    "path": lambda summary: summary["path"],
    "query": lambda summary: _pairs(summary["query"], "="),
    "header": _headers,
    "from": lambda summary: summary["remote"],
    "status": _status,
}
_ANYWHERE = ("method", "path", "query", "header", "status")


def _contain(bodies: list[bytes], texts: list[str]) -> bool:
    """Whether each of the texts, in lower case, is in a body."""
    missing = set(texts)
    # A piece reaches into the next one by as many bytes as the longest text can have.
    overlap = 4 * max(map(len, missing), default=0)
    for body in bodies:
        for start in range(0, len(body), PIECE):
            piece = body[start : start + PIECE + overlap].decode("utf-8", "ignore").lower()
            missing = {text for text in missing if text not in piece}
            if not missing:
                return True
    return not missing
