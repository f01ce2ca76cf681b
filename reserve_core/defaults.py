"""What a response says where its handler doesn't: in which charset its text is, and that nobody may keep it."""

from __future__ import annotations

import re
from functools import lru_cache

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
NO_STORE = "no-store"

# What a cache may keep for as long as it likes, unless the response says for how long (RFC 9110 15.1, RFC 9111 4.2.2).
# Browsers keep a 301, 308 or 410 for good.
CACHEABLE = frozenset((200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501))

# The types of which a charset is the business: text, and JavaScript by all its names (RFC 9239). JSON is UTF-8 and has
# no such parameter (RFC 8259 11), XML says itself what it is in (RFC 7303 3).
_OF_TEXT = re.compile(r"text/|application/(?:x-)?(?:java|ecma)script\s*(?:;|$)", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=", re.IGNORECASE)


@lru_cache(maxsize=256)
def with_charset(content_type: str, charset: str = "utf-8") -> str:
    """`content_type` with the parameter `charset`, if it is one of text and has none (RFC 9110 8.3.2)."""
    if not _OF_TEXT.match(content_type) or _CHARSET.search(content_type):
        return content_type
    return f"{content_type.rstrip('; ')}; charset={charset}"
