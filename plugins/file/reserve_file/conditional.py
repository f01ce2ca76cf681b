"""Conditional requests (RFC 9110 section 13): pure functions of the headers and the validators."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_tz

from reserve_core import Headers

# RFC 9110 section 8.8.3
_ENTITY_TAG = re.compile(r'(W/)?("[^\x00-\x20"\x7f]*")')


def is_conditional(headers: Headers) -> bool:
    """Whether any header may make the response another one than a 200 with the whole body."""
    return (
        "if-none-match" in headers
        or "if-modified-since" in headers
        or "range" in headers
        or "if-match" in headers
        or "if-unmodified-since" in headers
    )


def precondition(headers: Headers, etag: str | None, modified: int | None) -> int:
    """What the preconditions of a GET or HEAD say, in the order of RFC 9110 section 13.2.2: 200, 304 or 412.

    `etag` is the current strong entity tag, `modified` the time of Last-Modified in seconds; None: not known.
    """
    if "if-match" in headers:
        if not _any_tag(headers.getall("if-match"), etag, weak=False):
            return 412
    elif (date := _date(headers, "if-unmodified-since")) is not None and modified is not None and modified > date:
        return 412
    if "if-none-match" in headers:
        if _any_tag(headers.getall("if-none-match"), etag, weak=True):
            return 304
    elif (date := _date(headers, "if-modified-since")) is not None and modified is not None and modified <= date:
        return 304
    return 200


def range_applies(headers: Headers, etag: str | None, modified: int | None) -> bool:
    """Whether If-Range, if there is one, lets the Range header stand (RFC 9110 section 13.1.5)."""
    if "if-range" not in headers:
        return True
    values = list(headers.getall("if-range"))
    if len(values) != 1:
        return False
    value = values[0].strip()
    if value.startswith('"'):
        return value == etag
    date = parse_date(value)
    return date is not None and date == modified


def parse_date(value: str) -> int | None:
    """An HTTP-date (RFC 9110 section 5.6.7) in seconds since the epoch; None when it is none."""
    try:
        parsed = parsedate_tz(value)
        return None if parsed is None else int(datetime(*parsed[:6], tzinfo=UTC).timestamp()) - (parsed[9] or 0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _date(headers: Headers, name: str) -> int | None:
    """The date in a header that may be there once; a repeated one doesn't count."""
    if name not in headers:
        return None
    values = list(headers.getall(name))
    return parse_date(values[0]) if len(values) == 1 else None


def _any_tag(values: Iterable[str], etag: str | None, *, weak: bool) -> bool:
    """Whether a list of entity tags names the current representation (RFC 9110 section 8.8.3.2)."""
    for value in values:
        if value.strip() == "*":
            return True
        if etag is None:
            continue
        for prefix, tag in _ENTITY_TAG.findall(value):
            if tag == etag and (weak or not prefix):
                return True
    return False
