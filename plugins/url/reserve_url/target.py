"""From a mapping's value to the URL of one request: what the author wrote stays, what the client sent is encoded.

The canonical URL that a mapping matched says what each of its characters is: its first `?` begins the query, any other
delimiter that was data is still percent-encoded. A capture keeps that meaning where it lands and can't say more: no
other authority, no other query than the author's, no path above the author's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import quote

from reserve_core import HTTPError
from reserve_core.config.interpolate import split_template

Match = re.Match[str]
Group = int | str

# What can't stand as it is (RFC 3986 3.3, 3.4) in a path, in a query, and in a query as a part of one parameter.
_NOT_IN_PATH = re.compile(r"(?:[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]|%(?![0-9A-Fa-f]{2}))+")
_NOT_IN_QUERY = re.compile(r"(?:[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]|%(?![0-9A-Fa-f]{2}))+")
_NOT_IN_PARAMETER = re.compile(r"(?:[^A-Za-z0-9\-._~!$'()*,:@/%]|%(?![0-9A-Fa-f]{2}))+")

# A dot segment, also one for a server that decodes slashes, takes backslashes for them, or cuts off path parameters.
_CLIMBS = re.compile(r"(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\;]|%2f|%5c|%3b|$)", re.IGNORECASE)

# Templates with a NUL for each capture. A literal authority ends as a host or a port does, also right before a capture.
_LITERAL = re.compile(r"(https?)://([^/?#\\\0]*[\w\]])(?![^/?#\0])(.*)", re.IGNORECASE | re.DOTALL)
_CAPTURED = re.compile(r"(?:(?:https?|\0)://([^/?#\\]*)|\0)(.*)", re.IGNORECASE | re.DOTALL)

_ABSOLUTE = re.compile(r"(https?)://([^/?#\\]*)(.*)", re.IGNORECASE | re.DOTALL)
_ENDS_AUTHORITY = re.compile(r"[/?#\\@]")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A server to connect to. `host` is ASCII, without brackets; `authority` is what a Host header says."""

    scheme: str
    host: str
    port: int
    authority: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class _Capture(NamedTuple):
    group: Group
    carries_query: bool  # only captures and the end follow: the client's query may come along


@dataclass(frozen=True, slots=True)
class Template:
    """A mapping's value, compiled.

    If the author wrote the authority, `origin` is set, and a capture right behind it is part of the path
    (`http://localhost:3000$1`). Otherwise captures choose the origin, and the last one of those may go on with
    the path (`$1://$2`).
    """

    origin: Origin | None
    _head: str  # what captures make of scheme and authority: literals, and a NUL for each capture
    _head_groups: tuple[Group, ...]
    _goes_on: bool  # whether the last capture of the head is also the first of the tail
    _tail: tuple[str | _Capture, ...]  # path and query

    @classmethod
    def parse(cls, value: str) -> Template:
        """Raises ValueError, with the mistake, for what can't become an http(s) URL."""
        literals, groups = split_template(value.replace("\0", ""))
        skeleton = "\0".join(literals)
        if "#" in skeleton:
            raise ValueError("a fragment is never sent to a server")
        if match := _LITERAL.fullmatch(skeleton):
            scheme, authority, rest = match.groups()
            return cls(parse_origin(scheme, authority), "", (), False, tuple(_pieces(rest, groups)))
        match = _CAPTURED.fullmatch(skeleton)
        if match is None:
            raise ValueError("it must begin with http:// or https://, or with a capture that does")
        authority, rest = match.groups()
        head = skeleton[: len(skeleton) - len(rest)]
        if authority == "" or "\0" not in head:
            raise ValueError(f"{authority!r} is not a host, or a host and a port")
        size = head.count("\0")
        goes_on = head.endswith("\0")
        first = size - 1 if goes_on else size
        return cls(None, head, tuple(groups[:size]), goes_on, tuple(_pieces("\0" * goes_on + rest, groups[first:])))

    def resolve(self, match: Match) -> tuple[Origin, str]:
        """The origin and the request target for a match. Raises `HTTPError` 400 when there is none."""
        if self.origin is not None:
            return self.origin, self._target(match, None)
        values = [_text(match, group) for group in self._head_groups]
        if any(_ENDS_AUTHORITY.search(value) for value in values[: len(values) - self._goes_on]):
            raise HTTPError(400, "The URL holds more than a host where a host is expected")
        literals = self._head.split("\0")
        text = literals[0] + "".join(value + literal for value, literal in zip(values, literals[1:], strict=True))
        absolute = _ABSOLUTE.fullmatch(text)
        if absolute is None:
            raise HTTPError(400, "The URL holds no http(s) URL to go to")
        scheme, authority, rest = absolute.groups()
        try:
            origin = parse_origin(scheme, authority)
        except ValueError as error:
            raise HTTPError(400, f"The URL can't be forwarded: {error}") from error
        return origin, self._target(match, len(rest))

    def _target(self, match: Match, rest: int | None) -> str:
        """Path and query. Of a first capture that began in the head, `rest` characters are left."""
        url = match.string
        mark = url.find("?")
        target = ""
        in_query = False
        for piece in self._tail:
            if isinstance(piece, str):
                target += piece
                in_query = in_query or "?" in piece
                continue
            start, end = _span(match, piece.group)
            if rest is not None:
                if self._goes_on:
                    start = end - rest
                rest = None
            if in_query:
                target += _encode(_NOT_IN_QUERY if -1 < mark < start else _NOT_IN_PARAMETER, url[start:end])
            elif piece.carries_query and start <= mark < end:
                path, query = url[start:mark], url[mark + 1 : end]
                target += f"{_encode(_NOT_IN_PATH, path)}?{_encode(_NOT_IN_QUERY, query)}"
                in_query = True
            else:
                target += _encode(_NOT_IN_PATH, url[start:end])
        if (".." in target or "%2e" in target or "%2E" in target) and _CLIMBS.search(target.partition("?")[0]):
            raise HTTPError(400, "The URL climbs above its folder")
        return target if target.startswith("/") else f"/{target}"


@lru_cache(maxsize=1024)
def parse_origin(scheme: str, authority: str) -> Origin:
    """Raises ValueError for what is no host with or without a port (RFC 3986 3.2); user information is refused."""
    if "@" in authority:
        raise ValueError("it has a user name or a password")
    if not authority.isascii():
        try:
            authority = authority.encode("idna").decode()
        except UnicodeError as error:
            raise ValueError(f"{authority!r} is not a host") from error
    scheme = scheme.lower()
    match = _AUTHORITY.fullmatch(authority)
    port = int((match and match[2]) or _DEFAULT_PORTS[scheme])
    if match is None or not 0 < port < 65536:
        raise ValueError(f"{authority!r} is not a host, or a host and a port")
    host = name = match[1].lower()
    if name.startswith("["):
        host = str(IPv6Address(name[1:-1]))
        name = f"[{host}]"
    return Origin(scheme, host, port, name if port == _DEFAULT_PORTS[scheme] else f"{name}:{port}")


def parse_url(url: str) -> tuple[Origin, str]:
    """The origin and the request target of an absolute URL, encoded where it has to be. Raises ValueError."""
    match = _ABSOLUTE.fullmatch(url)
    if match is None:
        raise ValueError(f"{url!r} is not an absolute http(s) URL")
    path, question, query = match[3].partition("#")[0].partition("?")
    target = _encode(_NOT_IN_PATH, path) + question + _encode(_NOT_IN_QUERY, query)
    return parse_origin(match[1], match[2]), target if target.startswith("/") else f"/{target}"


def _pieces(skeleton: str, groups: list[Group]) -> Iterator[str | _Capture]:
    """Path and query, taken apart."""
    path, question, query = skeleton.partition("?")
    if _CLIMBS.search(path):
        raise ValueError("its path has a '..'")
    literals = [_encode(_NOT_IN_PATH, literal) for literal in path.split("\0")]
    if question:
        first, *others = (_encode(_NOT_IN_QUERY, literal) for literal in query.split("\0"))
        literals[-1] += f"?{first}"
        literals += others
    if literals[0]:
        yield literals[0]
    for index, (group, literal) in enumerate(zip(groups, literals[1:], strict=True), 1):
        yield _Capture(group, not any(literals[index:]))
        if literal:
            yield literal


def _encode(unsafe: re.Pattern[str], text: str) -> str:
    return unsafe.sub(lambda run: quote(run[0], "", errors="replace"), text)


def _span(match: Match, group: Group) -> tuple[int, int]:
    try:
        start, end = match.span(group)
    except IndexError:
        return 0, 0
    return (start, end) if start >= 0 else (0, 0)


def _text(match: Match, group: Group) -> str:
    start, end = _span(match, group)
    return match.string[start:end]
