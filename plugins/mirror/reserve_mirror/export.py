"""All requests of a mirror in one file: JSON, or HAR."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator

from reserve_core import __version__

from .har import har_entry
from .json_shapes import RequestDetails
from .mirror_response import ready_response
from .request_details import details_of, details_to_json, to_json
from .store import Store

_PAGE = 200


async def as_json(store: Store, code: str) -> AsyncIterator[str]:
    """`{"requests": [...]}`, each with its body, oldest first, in pieces."""
    yield '{"requests":['
    separator = "\n"
    async for details in _all_details(store, code):
        yield separator + await details_to_json(details, details)
        separator = ",\n"
    yield "\n]}\n"


async def as_har(store: Store, code: str, response: str) -> AsyncIterator[str]:
    """A HAR log in pieces. `response` is the mirror's of today, a `MirrorResponse` as JSON."""
    ready = ready_response(response)
    creator = {"name": "reserve", "version": __version__}
    yield f'{{"log":{{"version":"1.2","creator":{to_json(creator)},"entries":['
    separator = "\n"
    async for details in _all_details(store, code):
        yield separator + await details_to_json(har_entry(details, ready), details)
        separator = ",\n"
    yield "\n]}}\n"


def file_extension(content_type: str) -> str:
    """The extension of a file with such a content, with its dot."""
    return mimetypes.guess_extension(content_type.partition(";")[0].strip().lower()) or ".bin"


async def _all_details(store: Store, code: str) -> AsyncIterator[RequestDetails]:
    """The requests one by one: together they may be more than the memory holds."""
    after = ""
    while entries := await store.entries(code, after, _PAGE):
        after = entries[-1].id
        for entry in entries:
            stored = await store.get(code, entry.id)
            if stored is not None:  # else it was deleted meanwhile
                yield await details_of(stored)
