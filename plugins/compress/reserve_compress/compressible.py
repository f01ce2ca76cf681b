"""Which responses are compressed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reserve_core import Headers

# Text by all its names, and what is as loosely packed. Pictures, videos and archives are compressed by themselves.
_TYPES = re.compile(
    r"text/.+|.+\+(?:json|xml|yaml|text)|message/rfc822"
    r"|application/(?:(?:x-)?(?:javascript|ecmascript|typescript|json|ndjson|yaml|toml|sh|tex|httpd-php)"
    r"|json5|json-seq|jsonl|xml|xml-dtd|wasm|graphql|graphql-response|sql|rtf|postscript|x-www-form-urlencoded"
    r"|n-quads|n-triples|trig|vnd\.apple\.mpegurl|vnd\.ms-fontobject|x-latex|x-perl|x-tar|tar)"
    r"|font/(?:otf|ttf|collection)|image/(?:bmp|x-icon|vnd\.microsoft\.icon)",
    re.IGNORECASE,
)
_NO_TRANSFORM = re.compile(r"(?:^|,)\s*no-transform\s*(?:,|$)", re.IGNORECASE)

# They have no content, a part of one, or none that is here.
_STATUSES = frozenset((204, 205, 206, 304))
# The body has a coding, is a part of one, or is told by what it is made of: other bytes would be wrong.
_BOUND = ("content-encoding", "content-range", "content-digest", "repr-digest", "digest", "content-md5")


def is_compressible(status: int, headers: Headers) -> bool:
    """Whether such a response may be compressed, and is worth it."""
    if status in _STATUSES or not _is_text(headers.get("content-type", "")):
        return False
    if any(name in headers for name in _BOUND):
        return False
    return not _NO_TRANSFORM.search(", ".join(headers.getall("cache-control", ())))  # RFC 9110 7.7


@lru_cache(maxsize=256)
def _is_text(content_type: str) -> bool:
    return _TYPES.fullmatch(content_type.partition(";")[0].strip()) is not None
