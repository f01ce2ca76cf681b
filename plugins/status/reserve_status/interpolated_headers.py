"""Headers with what a match captured put in, so that no capture can say more than the configuration lets it.

In a header that holds a URL captures are what the client sent: `/new/$1` is the URL that was asked for. In any other
header they are decoded, and what can't stand in one (controls, what isn't ASCII) is percent-encoded.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from reserve_core import ConfigError, FixedHeaders, interpolate
from reserve_core.kit import with_charset

if TYPE_CHECKING:
    from reserve_core import Request
    from reserve_core.kit import RawMatch

HeaderPairs = Sequence[tuple[str, str]]
Match = re.Match[str]
HeadersOf = Callable[["Request", Match], HeaderPairs | FixedHeaders]

_OF_URL = frozenset(("location", "content-location", "refresh", "link"))

# What stays as it is: in a URL its delimiters (RFC 3986 2.2) and what is encoded already; where it is a header's whole
# value, what clients send besides; in any other header what is printable.
_URL_SAFE = "%/?:@!$&'()*+,;="
_WHOLE_URL_SAFE = _URL_SAFE + "[]^`{|}"
_TEXT_SAFE = string.punctuation + " "

# A host with a capture right behind it, which is meant as the path: "https://example.com$1".
_HOST_BEFORE_CAPTURE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^/?#$]*[^/?#$.:@-](?=\$\w)", re.IGNORECASE)


def compile_headers(headers: Mapping[str, Any], defaults: HeaderPairs) -> HeadersOf:
    """What makes the headers of a response: `headers`, and those of `defaults` that aren't among them.

    Raises `ConfigError` for a value that a header can't have.
    """
    pairs = [
        (name, str(value))
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    for name, value in pairs:
        _check(name, value)
    pairs = [(name, with_charset(value) if name.lower() == "content-type" else value) for name, value in pairs]
    own = {name.lower() for name in headers}
    pairs += [(name, value) for name, value in defaults if name not in own]
    if not any("$" in value for _, value in pairs):
        fixed = FixedHeaders(pairs)
        return lambda request, match: fixed
    return lambda request, match: [
        (name, _put_in(request, match, name, value) if "$" in value else value) for name, value in pairs
    ]


def _check(name: str, value: str) -> None:
    if name.lower() in ("content-length", "transfer-encoding"):
        raise ConfigError(f'"{name}" can\'t be set', "The server frames the response; leave the header out")
    if re.search(r"[\r\n\0]", value):
        raise ConfigError(f'The value of "{name}" has a line break or a NUL', "A header is one line (RFC 9110 5.5)")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError as error:
        wrong = value[error.start : error.end]
        raise ConfigError(f'"{wrong}" in the value of "{name}" can\'t stand in a header', "Percent-encode it") from None


def _put_in(request: Request, match: Match, name: str, value: str) -> str:
    key = name.lower()
    if key not in _OF_URL:
        return _interpolate(match, value, _TEXT_SAFE)
    raw = request.raw_match(match)
    return _location(raw, value) if key == "location" else _interpolate(raw, value, _URL_SAFE)


def _location(match: Match | RawMatch, template: str) -> str:
    """The URL of a redirect: a capture may be its path, but doesn't choose the host unless the template begins so."""
    url = _interpolate(match, template, _WHOLE_URL_SAFE)
    host = _HOST_BEFORE_CAPTURE.match(template)
    if host is not None:
        path = url[host.end() :]
        return url if path[:1] in ("", "/", "?") else f"{host[0]}/{path}"
    if url.startswith("//") and not template.startswith("//"):
        return f"/{url.lstrip('/')}"  # "//evil.example/" would be another host's root (RFC 3986 4.2)
    return url


def _interpolate(match: Match | RawMatch, template: str, safe: str) -> str:
    return str(interpolate(cast("Match", _Encoded(match, safe)), template))


class _Encoded:
    """A match whose groups are percent-encoded, as far as interpolation asks for them."""

    def __init__(self, match: Match | RawMatch, safe: str) -> None:
        self._match = match
        self._safe = safe

    def __getitem__(self, group: int | str) -> str:
        return quote(self._match[group] or "", self._safe, errors="surrogatepass")

    def group(self, *groups: int | str) -> tuple[str, ...]:
        return tuple(self[group] for group in groups)
