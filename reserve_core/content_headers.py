"""The header fields that tell of a response's content."""

from __future__ import annotations

# What a response with other content, or with none, doesn't say any more (RFC 9110 8, 14.4, RFC 6266). Validators aren't
# among them, as a 304 has those of what the client keeps.
CONTENT_HEADERS = (
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "content-disposition",
)
