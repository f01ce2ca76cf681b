"""Requests of a mirror in one file: JSON, or HAR. `pair_export` has a third format."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from reserve_core import __version__

from .har import har_entry
from .mirror_response import ReadyResponse
from .record_search import RecordTest, search_piece
from .request_details import details_of, details_to_json, to_json
from .store import Store, StoredRecord

if TYPE_CHECKING:
    from .signature_verifier import SignatureVerifier

_PAGE = 200

Records = AsyncIterator[StoredRecord]


async def as_json(records: Records, verifier: SignatureVerifier | None) -> AsyncIterator[str]:
    """`{"requests": [...]}`, each with its body, in pieces."""
    yield '{"requests":['
    separator = "\n"
    async for record in records:
        details = await details_of(record, verifier)
        yield separator + await details_to_json(details, details)
        separator = ",\n"
    yield "\n]}\n"


async def as_har(records: Records, ready: ReadyResponse) -> AsyncIterator[str]:
    """A HAR log in pieces. `ready` is the mirror's response of today."""
    creator = {"name": "reserve", "version": __version__}
    yield f'{{"log":{{"version":"1.2","creator":{to_json(creator)},"entries":['
    separator = "\n"
    async for record in records:
        details = await details_of(record)
        yield separator + await details_to_json(har_entry(details, ready), details)
        separator = ",\n"
    yield "\n]}}\n"


def file_extension(content_type: str) -> str:
    """The extension of a file with such a content, with its dot."""
    return mimetypes.guess_extension(content_type.partition(";")[0].strip().lower()) or ".bin"


async def all_records(store: Store, code: str) -> Records:
    """All requests of a mirror, oldest first, one by one: together they may be more than the memory holds."""
    after = ""
    while entries := await store.entries(code, after, _PAGE):
        after = entries[-1].id
        async for record in records_of(store, code, [entry.id for entry in entries]):
            yield record


async def records_of(store: Store, code: str, ids: Iterable[str]) -> Records:
    """The requests with these ids; those that were deleted meanwhile are missing."""
    for each in ids:
        stored = await store.get(code, each)
        if stored is not None:
            yield stored


async def records_found(store: Store, code: str, test: RecordTest) -> Records:
    """Those that a search finds, oldest first."""
    after, complete = "", False
    while not complete:
        piece = await search_piece(store, code, test, after, back=False)
        after, complete = piece.last, piece.complete
        async for record in records_of(store, code, [entry.id for entry in piece.found]):
            yield record
