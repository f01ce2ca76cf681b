"""Ends a request with a status, a short text and headers.

    { "match": "^/private/", "status": 403 }
    { "match": "^/old/(.*)", "status": 301, "headers": { "Location": "/new/$1" } }

The core asks it, too, when a handler redirects to a number.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from reserve_core import hookimpl
from reserve_core.kit import CONTENT_HEADERS

if TYPE_CHECKING:
    from reserve_core import FixedHeaders, LiveConfiguration, Mapping, Prediction, Request, Response

    from .interpolated_headers import HeaderPairs
    from .options import Options

_TEXTS = {
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not found",
    405: b"Method Not Allowed",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    503: b"Service Unavailable",
    508: b"Loop Detected",
}
# These have no content that a content-type could be of (RFC 9110 15.3.5, 15.3.6); in a 304 it would even replace the
# one of the stored response (RFC 9111 3.2).
_WITHOUT_CONTENT = frozenset((204, 205, 304))
_PLAIN: HeaderPairs = (("content-type", "text/plain; charset=utf-8"),)
# These say where to go on (RFC 9110 15.4).
_MOVED = frozenset((301, 302, 303, 307, 308))


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def validate(mapping: Mapping) -> None:
    """Keeps as state what makes the headers of a response from its match."""
    from .interpolated_headers import compile_headers  # a redirect to a status needs none

    options: Options = mapping.options
    status, headers = options.status, options.headers
    mapping.state = compile_headers(headers, () if status in _WITHOUT_CONTENT else _PLAIN)
    mapping.final = True
    mapping.warn_of_groups(headers, "headers")
    if status in _MOVED and "location" not in map(str.lower, headers):
        hint = f'Write "status": {status}, "headers": {{"location": "/new"}}'
        mapping.warn(f'"status": {status} sends clients to another URL, and there is no "location"', hint, "status")


@hookimpl
async def redirect(
    request: Request,
    response: Response,
    mapping: Mapping,
    match: re.Match[str],
    redirect: int,
    configuration: LiveConfiguration,
) -> None:
    headers = response.headers
    if headers:
        for name in CONTENT_HEADERS:  # an earlier mapping may have said them of another content
            headers.popall(name, None)
    if mapping.state is None:  # an internal redirect
        fields = _default_headers(redirect)
    else:
        fields = mapping.state(request, match)
    response.send(_TEXTS.get(redirect, b""), redirect, fields)


@cache
def _default_headers(status: int) -> FixedHeaders:
    from reserve_core import FixedHeaders

    return FixedHeaders(() if status in _WITHOUT_CONTENT else _PLAIN)


@hookimpl
def explain(request: Request, mapping: Mapping, match: re.Match[str], value: int) -> Prediction:
    from http import HTTPStatus

    from reserve_core import Headers, Prediction

    location = Headers(mapping.state(request, match)).get("location")
    names = {status.value: status.phrase for status in HTTPStatus}
    return Prediction.responds(names.get(value, "") if location is None else f"to {location}", value)
