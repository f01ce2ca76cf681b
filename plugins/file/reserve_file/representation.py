"""What is served under a name: the metadata of one file, ready to be sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate

from reserve_core import FixedHeaders

from .safe_open import Identity


@dataclass(slots=True)
class Representation:
    """A file or its compressed sibling.

    `fields` are the headers of a 200, but for its length, `brief` those of a 304. `modified` is the time of
    Last-Modified (seconds), `written` the exact time of the last change (ns). `body` is the content of a small local
    file, `identity` what a local file is recognised by; `root` is the folder it must not leave. `is_index`: it is the
    page of its folder.
    """

    path: str
    root: str
    size: int
    content_type: str
    etag: str | None
    modified: int | None
    written: int | None
    fields: FixedHeaders
    brief: FixedHeaders
    body: bytes | None = None
    identity: Identity | None = None
    is_index: bool = False
    fresh_until: float = 0.0  # monotonic seconds


def represent(
    *,
    path: str,
    root: str,
    size: int,
    written: int | None,
    tag: str,
    content_type: str,
    cache_control: str,
    coding: str | None = None,
    body: bytes | None = None,
    identity: Identity | None = None,
    is_index: bool = False,
) -> Representation:
    """Builds the headers. `tag` makes the entity tag; there is none, nor a date, when `written` isn't known.

    A Last-Modified in the future is no valid one (RFC 9110 section 8.8.2.1): it's now instead.
    """
    etag = modified = None
    brief = [("cache-control", cache_control), ("vary", "accept-encoding")]
    if written is not None:
        etag = f'"{tag}-{coding}"' if coding else f'"{tag}"'
        modified = min(written // 1_000_000_000, int(time.time()))
        brief += [("etag", etag), ("last-modified", formatdate(modified, usegmt=True))]
    fields = [("content-type", content_type), ("accept-ranges", "bytes"), *brief]
    if coding:
        fields.append(("content-encoding", coding))
    return Representation(
        path=path,
        root=root,
        size=size,
        content_type=content_type,
        etag=etag,
        modified=modified,
        written=written,
        fields=FixedHeaders(fields),
        brief=FixedHeaders(brief),
        body=body,
        identity=identity,
        is_index=is_index,
    )
