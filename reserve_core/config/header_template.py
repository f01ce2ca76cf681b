"""Headers with what a match captured put in, so that no capture can say more than the configuration lets it."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from ..errors import ConfigError
from .interpolate import Match, interpolate, split_template

if TYPE_CHECKING:
    from ..http import Request
    from ..http.target import RawMatch

_OF_URL = frozenset(("location", "content-location", "refresh", "link"))

# What stays as it is: in a URL its delimiters (RFC 3986 2.2) and what is encoded already; where it is a header's whole
# value, what clients send besides; in any other header what is printable.
_URL_SAFE = "%/?:@!$&'()*+,;="
_WHOLE_URL_SAFE = _URL_SAFE + "[]^`{|}"
_TEXT_SAFE = string.punctuation + " "

# A host with a capture right behind it, which is meant as the path: "https://example.com$1".
_HOST_BEFORE_CAPTURE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//[^/?#$]*[^/?#$.:@-](?=\$\w)", re.IGNORECASE)


class HeaderTemplate:
    """A header of a response or a request as a configuration has it, with groups of the match in its value ($1, $name).

    In a header that holds a URL groups are what the client sent: `/new/$1` is the URL that was asked for. In any other
    one they are decoded, and what can't stand in it (controls, what isn't ASCII) is percent-encoded. `fixed` is the
    value where it is the same for all requests. Raises `ConfigError` for a value that a header can't have, and for
    headers that frame the message.
    """

    __slots__ = ("_text", "fixed", "name")

    def __init__(self, name: str, value: str) -> None:
        _check(name, value)
        literals, groups = split_template(value)
        self.name: str = name
        self.fixed: str | None = None if groups else literals[0]
        self._text = value

    def value(self, request: Request, match: Match) -> str:
        """The value for a request that is at the mapping of the `match`."""
        if self.fixed is not None:
            return self.fixed
        key = self.name.lower()
        if key not in _OF_URL:
            return self._filled_in(match, _TEXT_SAFE)
        raw = request.raw_match(match)
        return self._location(raw) if key == "location" else self._filled_in(raw, _URL_SAFE)

    def _location(self, match: Match | RawMatch) -> str:
        """The URL of a redirect: a group may be its path, but doesn't choose the host unless the template begins so."""
        url = self._filled_in(match, _WHOLE_URL_SAFE)
        host = _HOST_BEFORE_CAPTURE.match(self._text)
        if host is not None:
            path = url[host.end() :]
            return url if path[:1] in ("", "/", "?") else f"{host[0]}/{path}"
        if url.startswith("//") and not self._text.startswith("//"):
            return f"/{url.lstrip('/')}"  # "//evil.example/" would be another host's root (RFC 3986 4.2)
        return url

    def _filled_in(self, match: Match | RawMatch, safe: str) -> str:
        return str(interpolate(cast("Match", _Encoded(match, safe)), self._text))


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


class _Encoded:
    """A match whose groups are percent-encoded, as far as interpolation asks for them."""

    def __init__(self, match: Match | RawMatch, safe: str) -> None:
        self._match = match
        self._safe = safe

    def __getitem__(self, group: int | str) -> str:
        return quote(self._match[group] or "", self._safe, errors="surrogatepass")

    def group(self, *groups: int | str) -> tuple[str, ...]:
        return tuple(self[group] for group in groups)
