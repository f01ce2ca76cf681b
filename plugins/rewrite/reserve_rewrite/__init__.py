"""Redirects inside the server: the mappings start again with another URL.

    { "match": "^/books/(\\d+)(\\?.*)?$", "rewrite": "/catalogue/$1$2" }

Clients notice nothing. An imported nginx configuration has its `rewrite`, `try_files` and `error_page` so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from reserve_core import ConfigError, hookimpl, interpolate

if TYPE_CHECKING:
    from reserve_core import Mapping, Prediction, Request, Response

    from .options import Options

__all__ = ["from_outside", "to_https"]


def from_outside(request: Request, url: str, match: re.Match[str]) -> bool:
    """For `if-match`: whether the URL is the client's own, and not one that a mapping has redirected to."""
    return not request.rewritten


def to_https(request: Request, response: Response) -> list[Any] | int:
    """For `custom`: the same URL of the same host, with https."""
    if not request.hostname:
        return 400
    return [None, {"status": 301, "headers": {"location": f"https://{request.hostname}{request.raw_url}"}}]


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what a mapping needs is imported where there is one

    return Options


@hookimpl
async def validate(mapping: Mapping) -> None:
    options: Options = mapping.options
    if not options.rewrite.startswith(("/", "$")):
        raise ConfigError(f'"rewrite": "{options.rewrite}" is no URL of this server', 'Write "/path" or "/path$1"')
    mapping.final = True


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, match: re.Match[str]) -> str:
    options: Options = mapping.options
    if options.response_status is not None:
        response.status = options.response_status
    return _url(request, options, match)


@hookimpl
def explain(request: Request, mapping: Mapping, match: re.Match[str]) -> Prediction:
    from reserve_core import Prediction

    return Prediction.redirects(_url(request, mapping.options, match))


def _url(request: Request, options: Options, match: re.Match[str]) -> str:
    """The URL to go on with. Groups are what the client has sent, so that nothing is encoded twice."""
    url = str(interpolate(cast("re.Match[str]", request.raw_match(match)), options.rewrite))
    return url if url.startswith("/") else f"/{url}"
