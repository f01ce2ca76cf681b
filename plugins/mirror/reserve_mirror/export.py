"""All requests of a mirror in one file: JSON, or HAR."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator

from reserve_core import __version__

from .har import entry_of
from .json_shapes import RequestDetails
from .mirror_response import reply_of
from .request_details import to_json, whole_of, whole_to_json
from .store import Store

_PAGE = 200


async def as_json(store: Store, code: str) -> AsyncIterator[str]:
    """`{"requests": [...]}`, each one whole, oldest first, in pieces."""
    yield '{"requests":['
    separator = "\n"
    async for whole in _wholes(store, code):
        yield separator + await whole_to_json(whole, whole)
        separator = ",\n"
    yield "\n]}\n"


async def as_har(store: Store, code: str, answer: str) -> AsyncIterator[str]:
    """A HAR log in pieces. `answer` is what the mirror answers now, a `MirrorResponse` as JSON."""
    reply = reply_of(answer)
    creator = {"name": "reserve", "version": __version__}
    yield f'{{"log":{{"version":"1.2","creator":{to_json(creator)},"entries":['
    separator = "\n"
    async for whole in _wholes(store, code):
        yield separator + await whole_to_json(entry_of(whole, reply), whole)
        separator = ",\n"
    yield "\n]}}\n"


def file_extension(content_type: str) -> str:
    """The extension of a file with such a content, with its dot."""
    return mimetypes.guess_extension(content_type.partition(";")[0].strip().lower()) or ".bin"


async def _wholes(store: Store, code: str) -> AsyncIterator[RequestDetails]:
    """The requests one by one: together they may be more than the memory holds."""
    after = ""
    while entries := await store.entries(code, after, _PAGE):
        after = entries[-1].id
        for entry in entries:
            content = await store.content(code, entry.id)
            if content is not None:  # else it has been deleted meanwhile
                yield await whole_of(content)
