"""Request targets and hosts: what a client may send, and the one form in which mappings see it."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from ..errors import HTTPError

# Most targets: nothing to decode, no segment that begins with a dot, no character that needs a look.
_PLAIN = re.compile(
    r"(?:/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_~!$&'()*+,;=:@.-]*)*/?(?:\?[A-Za-z0-9_~!$&'()*+,;=:@./?-]*)?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_AUTHORITY = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::(?P<port>[0-9]{0,5}))?"
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
    path = _decode(path, _KEPT_IN_PATH)
    if _CONTROL.search(path) or _CONTROL.search(query):
        raise HTTPError(400, "The request target has a control character")
    return _without_dot_segments(path) + question + _decode(query, _KEPT_IN_QUERY)


def _decode(text: str, kept: frozenset[int]) -> str:
    if "%" not in text:
        return text
    return _ESCAPES.sub(lambda escapes: _decode_run(unquote_to_bytes(escapes[0]), kept), text)


def _decode_run(data: bytes, kept: frozenset[int]) -> str:
    # surrogateescape marks each byte that isn't UTF-8, so that it can stay encoded.
    return "".join(
        f"%{ord(char) - 0xDC00:02X}"
        if "\udc80" <= char <= "\udcff"
        else f"%{ord(char):02X}"
        if ord(char) in kept
        else char
        for char in data.decode("utf-8", "surrogateescape")
    )


def _without_dot_segments(path: str) -> str:
    if "/." not in path:
        return path
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments[1:]:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


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
    return match is not None and int(match["port"] or 0) < 65536
