"""Request targets and hosts: what a client may send, the one form in which mappings see it, and the way back.

Mappings match the canonical URL, so that no rule is passed by another spelling; what is handed on is what was sent, so
that a signature over a URL holds (RFC 3986 2.2, RFC 9110 7.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote, unquote_to_bytes

from ..errors import HTTPError

# Most targets: nothing to decode, no segment that begins with a dot, no character that needs a look.
_PLAIN = re.compile(
    r"(?:/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_~!$&'()*+,;=:@.-]*)*/?(?:\?[A-Za-z0-9_~!$&'()*+,;=:@./?-]*)?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENCODED_DOT = re.compile("%2e", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
# What no target can hold as it is (RFC 9112 3.2), and the backslash, which some servers take for a slash.
_UNSENDABLE = re.compile(r"""[^!"$-\[\]-~]+""")
# What stays when a canonical URL is encoded: its delimiters, and the escapes it has kept.
_NOT_DECODED = "/?%:@!$&'()*+,;=~-._[]"
_AUTHORITY = re.compile(
    # No label is empty, but for the root behind a last dot (RFC 1034 3.1).
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|(?!\.|[^:]*\.\.)(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::(?P<port>[0-9]{0,5}))?"
)

# Decoding these would change what the URL means: a path separator, the delimiters of query and fragment, the escape
# itself; in a query also the delimiters of its parameters.
_KEPT_IN_PATH = frozenset(b"/?#%")
_KEPT_IN_QUERY = _KEPT_IN_PATH | frozenset(b"&=+;") | frozenset(range(0x20)) | {0x7F}


@lru_cache(maxsize=1024)
def canonical_url(target: str) -> str:
    """The canonical form of an origin-form target (RFC 9112 3.2.1): what mappings match.

    Percent-decoded as UTF-8 but for the characters whose decoding changes the meaning, without dot segments
    (RFC 3986 5.2.4). What isn't UTF-8 stays encoded. Applied to its own result it changes nothing.
    Raises `HTTPError` 400 for a target that is malformed or has control characters in its path.
    """
    if not target.startswith("/"):
        raise HTTPError(400, "The request target must begin with a slash")
    if _PLAIN.fullmatch(target):
        return target
    if "#" in target:
        raise HTTPError(400, "The request target has a fragment")
    if _BAD_PERCENT.search(target):
        raise HTTPError(400, "The request target has a malformed percent-encoding")
    path, question, query = target.partition("?")
    path = _decode(_without_dot_segments(path), _KEPT_IN_PATH)
    if _CONTROL.search(path) or _CONTROL.search(query):
        raise HTTPError(400, "The request target has a control character")
    return path + question + _decode(query, _KEPT_IN_QUERY)


def _decode(text: str, kept: frozenset[int]) -> str:
    if "%" not in text:
        return text
    return _ESCAPES.sub(lambda escapes: "".join(_characters(escapes[0], kept)), text)


def _characters(escapes: str, kept: frozenset[int]) -> Iterator[str]:
    """What each character becomes that a run of escapes stands for: itself, or an escape."""
    # surrogateescape marks each byte that isn't UTF-8, so that it can stay encoded.
    for char in unquote_to_bytes(escapes).decode("utf-8", "surrogateescape"):
        if 0xDC80 <= ord(char) <= 0xDCFF:
            yield f"%{ord(char) - 0xDC00:02X}"
        elif ord(char) in kept:
            yield f"%{ord(char):02X}"
        else:
            yield char


def _without_dot_segments(path: str) -> str:
    if "/." not in path and "/%2" not in path:
        return path
    segments = path.split("/")
    kept: list[str] = []
    last = ""
    for segment in segments[1:]:
        last = _ENCODED_DOT.sub(".", segment)
        if last == "..":
            if kept:
                kept.pop()
        elif last != ".":
            kept.append(segment)
    if last in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


@lru_cache(maxsize=1024)
def raw_url(url: str, source: str) -> str:
    """The canonical `url` as it was sent: the spelling of `source`, which it was made from, without dot segments.

    If `url` was made from something else it is encoded as a whole.
    """
    origin = _ORIGIN.match(source)
    if origin is not None:  # absolute-form
        source = source[origin.end() :]
        source = source if source.startswith("/") else f"/{source}"
    path, question, query = source.partition("?")
    raw = sendable(f"{_without_dot_segments(path)}{question}{query}")
    return raw if _is_canonical_of(url, raw) else quote(url, _NOT_DECODED, errors="replace")


def sendable(target: str) -> str:
    """`target` with what none can hold percent-encoded: a handler may write anything."""
    return _UNSENDABLE.sub(lambda found: quote(found[0], "", errors="replace"), target)


def _is_canonical_of(url: str, raw: str) -> bool:
    try:
        return canonical_url(raw) == url
    except HTTPError:
        return False


class RawMatch:
    """A match of a canonical URL whose groups are what was sent: `$1` of `/api/a%2Bb` is `a%2Bb`, not `a+b`.

    `string` is the URL as it was sent; positions are those in it.
    """

    __slots__ = ("_match", "_offsets", "string")

    def __init__(self, match: re.Match[str], raw: str) -> None:
        """`raw`: what the canonical URL that was matched was made from, as `raw_url` gives it."""
        canonical = match.string
        self._match = match
        self.string: str = canonical
        self._offsets: Sequence[int] | None = None
        if raw != canonical and _is_canonical_of(canonical, raw):
            self.string, self._offsets = raw, _offsets(raw)

    def at(self, position: int) -> int:
        """Where the character stands that is at `position` in the canonical URL."""
        return position if self._offsets is None else self._offsets[position]

    def span(self, group: int | str = 0) -> tuple[int, int]:
        """Where a group begins and ends, (-1, -1) if it took no part. Raises IndexError for one that doesn't exist."""
        start, end = self._match.span(group)
        return (start, end) if start < 0 else (self.at(start), self.at(end))

    def __getitem__(self, group: int | str) -> str | None:
        start, end = self.span(group)
        return None if start < 0 else self.string[start:end]

    def group(self, *groups: int | str) -> tuple[str | None, ...]:
        """Several groups at once, None for each that took no part."""
        return tuple(self[group] for group in groups)


@lru_cache(maxsize=256)
def _offsets(raw: str) -> Sequence[int]:
    """For each character of the canonical form of `raw`, and its end, where it stands in `raw`."""
    offsets: list[int] = []
    mark = raw.find("?") if "?" in raw else len(raw)
    end = 0
    for escapes in _ESCAPES.finditer(raw):
        start = escapes.start()
        offsets.extend(range(end, start))
        for char in _characters(escapes[0], _KEPT_IN_PATH if start < mark else _KEPT_IN_QUERY):
            offsets.extend(range(start, start + len(char)))
            start += 3 * len(char.encode()) if len(char) == 1 else 3
        end = escapes.end()
    offsets.extend(range(end, len(raw) + 1))
    return tuple(offsets)


def origin_form(target: str, host: str, scheme: str) -> str:
    """The target in origin-form, whichever form the client chose (RFC 9112 3.2).

    An absolute-form must name the authority of the Host header. Raises `HTTPError` 400 for any other form.
    """
    if target.startswith("/"):
        return target
    name, separator, rest = target.partition("://")
    if separator and name.lower() in ("http", "https"):
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        if name.lower() != scheme or _normal(authority, scheme) != _normal(host, scheme):
            raise HTTPError(400, "The request target names another server than the Host header")
        path = rest[len(authority) :]
        return path if path.startswith("/") else "/" + path
    raise HTTPError(400, "The request target must be a path or this server's absolute URL")


def _normal(authority: str, scheme: str) -> tuple[str, str]:
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not match["host"]:
        raise HTTPError(400, "The request target has an invalid authority")
    return match["host"].lower(), match["port"] or ("443" if scheme == "https" else "80")


@lru_cache(maxsize=1024)
def is_host(value: bytes) -> bool:
    """Whether `value` is a valid Host header value (RFC 9110 7.2); it may be empty."""
    match = _AUTHORITY.fullmatch(value.decode("latin-1"))
    if match is None or int(match["port"] or 0) > 65535:
        return False
    return not match["host"].startswith("[") or _is_ipv6(match["host"][1:-1])


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
