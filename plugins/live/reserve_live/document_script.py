"""The script in the body of a document, which comes in pieces and may be encoded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from reserve_core.kit import Decoding

from .script_place import is_wide, script_place

if TYPE_CHECKING:
    from reserve_core import Headers

# Bytes that a piece of an encoded body may decode to: beyond it, it isn't the page of anybody.
LARGEST: Final = 64 * 1024 * 1024
# They are about a document without the script: a browser that has them would be told that its copy is good.
_OF_ORIGINAL: Final = ("accept-ranges", "content-digest", "digest", "etag", "last-modified", "repr-digest")


class DocumentScript:
    """Puts `tag` into a document whose Content-Encoding is `coding`, and decodes that: a `BodyChange`.

    Raises ValueError for a coding that isn't known; so do `feed` and `finish` for a body that is damaged.
    """

    def __init__(self, tag: bytes, coding: str) -> None:
        self._tag = tag
        self._decoding = Decoding(coding)
        self._beginning: bytes | None = b""  # until it shows where the script goes

    def describe(self, headers: Headers) -> None:
        """Makes the headers of the document those of the document with the script."""
        for name in ("content-encoding", *_OF_ORIGINAL):
            headers.popall(name, None)

    async def feed(self, piece: bytes) -> bytes:
        """See `BodyChange.feed`."""
        decoded, size = [], 0
        for each in self._decoding.feed(piece):
            decoded.append(each)
            size += len(each)
            if size > LARGEST:
                raise ValueError(f"The body has more than {LARGEST >> 20} MiB in 64 kB: that is no page")
            await asyncio.sleep(0)  # others have their turn
        return self._placed(b"".join(decoded), complete=False)

    async def finish(self) -> bytes:
        """See `BodyChange.finish`."""
        if not self._decoding.complete:
            raise ValueError(f"The body ends before its content-encoding does ({self._decoding.coding})")
        return self._placed(b"", complete=True)

    def _placed(self, data: bytes, complete: bool) -> bytes:
        """What of the document is to go out now."""
        if self._beginning is None:
            return data
        beginning = self._beginning + data
        place = script_place(beginning, complete)
        if place is None:
            self._beginning = beginning
            return b""
        self._beginning = None
        return beginning if is_wide(beginning) else beginning[:place] + self._tag + beginning[place:]
