"""From a mapping's value to the URL of one request: what the author wrote stays, captures are what the client sent.

A URL says what each of its characters is: its first `?` begins the query, any other delimiter that is data is
percent-encoded. A capture keeps that meaning where it lands and can't say more: no other authority, no other query than
the author's, no path above the author's. What it could say more with is encoded, all else stays as it was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final, NamedTuple
from urllib.parse import quote

from reserve_core import HTTPError
from reserve_core.kit import RawMatch, split_template

Match = re.Match[str]
SentMatch = Match | RawMatch  # of a URL as it was sent
Group = int | str


class _Allowed:
    """Characters that can stand as they are, as the inside of a regular expression's brackets; so can `%` with two
    digits. Much of what is sent has no other ones: that is seen at once."""

    def __init__(self, characters: str) -> None:
        self._all = re.compile(f"[{characters}]*")
        self._others = re.compile(f"(?:[^{characters}%]|%(?![0-9A-Fa-f]{{2}}))+")

    def encode(self, text: str) -> str:
        return text if self._all.fullmatch(text) is not None else self._others.sub(_quoted, text)


def _quoted(run: Match) -> str:
    return quote(run[0], "", errors="replace")


# What can stand of what an author may write (RFC 3986 3.3, 3.4), in a path and in a query.
_IN_PATH: Final = _Allowed(r"A-Za-z0-9\-._~!$&'()*+,;=:@/")
_IN_QUERY: Final = _Allowed(r"A-Za-z0-9\-._~!$&'()*+,;=:@/?")
# What a capture can say in a path, in a query, and in a query as a part of one parameter. A URL that was sent has
# little else: delimiters that mean nothing where they come from, half of an escape.
_CAPTURED_IN_PATH: Final = _Allowed(r"""!"$&->@-\[\]-~""")
_CAPTURED_IN_QUERY: Final = _Allowed(r"""!"$&-\[\]-~""")
_CAPTURED_IN_PARAMETER: Final = _Allowed(r"""!"$'-*,-:<>@-\[\]-~""")

# A dot segment, also one for a server that decodes slashes, takes backslashes for them, or cuts off path parameters.
_CLIMBS: Final = re.compile(r"(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\;]|%2f|%5c|%3b|$)", re.IGNORECASE)

# Templates with a NUL for each capture. A literal authority ends as a host or a port does, also right before a capture.
_LITERAL = re.compile(r"(https?)://([^/?#\\\0]*[\w\]])(?![^/?#\0])(.*)", re.IGNORECASE | re.DOTALL)
_CAPTURED = re.compile(r"(?:(?:https?|\0)://([^/?#\\]*)|\0)(.*)", re.IGNORECASE | re.DOTALL)

_ABSOLUTE: Final = re.compile(r"(https?)://([^/?#\\]*)(.*)", re.IGNORECASE | re.DOTALL)
_ENDS_AUTHORITY: Final = re.compile(r"[/?#\\@]")
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


class _Pieces(NamedTuple):
    """A path or a query: the author's literals, and a capture between each two of them."""

    literals: tuple[str, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class URLTemplate:
    """A mapping's value, compiled.

    If the author wrote the authority, `origin` is set, and a capture right behind it is part of the path
    (`http://localhost:3000$1`). Otherwise captures choose the origin, and the last one of those may go on with
    the path (`$1://$2`).

    A capture in the path that holds the client's query gives it to the URL, unless the author wrote one.
    """

    origin: Origin | None
    _head: str  # what captures make of scheme and authority: literals, and a NUL for each capture
    _head_groups: tuple[Group, ...]
    _goes_on: bool  # whether the last capture of the head is also the first of the path
    _path: _Pieces
    _query: _Pieces | None
    _whole: str  # the target that all requests have, "" if they have their own

    @classmethod
    def parse(cls, value: str) -> URLTemplate:
        """Raises ValueError, with the mistake, for what can't become an http(s) URL."""
        literals, groups = split_template(value)
        skeleton = "\0".join(literal.replace("\0", "") for literal in literals)
        if "#" in skeleton:
            raise ValueError("a fragment is never sent to a server")
        if match := _LITERAL.fullmatch(skeleton):
            scheme, authority, rest = match.groups()
            return cls(parse_origin(scheme, authority), "", (), False, *_pieces(rest, groups))
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
        return cls(None, head, tuple(groups[:size]), goes_on, *_pieces("\0" * goes_on + rest, groups[first:]))

    def resolve(self, match: Match, raw: SentMatch) -> tuple[Origin, str]:
        """The origin and the request target for a match and for what was sent. Raises `HTTPError` 400 when there is
        none."""
        if self.origin is not None:
            return self.origin, self._whole or self._target(raw, None)
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
        start = None
        if self._goes_on:
            start = _span(match, self._head_groups[-1])[1] - len(rest)
            if isinstance(raw, RawMatch):
                start = raw.at(start)
        return origin, self._target(raw, start)

    def corresponding_paths(self, raw: SentMatch) -> tuple[str, str] | None:
        """Which path of the upstream server is found at which one of this server, as a match shows it, each without a
        slash at its end. None when captures choose the host, or the rest of the path isn't the same on both."""
        literals, groups = self._path
        if self.origin is None or not groups or literals[-1]:
            return None
        begin, end = _span(raw, groups[-1])
        path = raw.string.partition("?")[0]
        rest = path[begin:end]
        target = self._target(raw, None).partition("?")[0]
        if begin + len(rest) != len(path) or not target.endswith(rest):
            return None
        here, there = path[:begin], target[: len(target) - len(rest)]
        if here.endswith("/") != there.endswith("/"):
            return None
        return there.removesuffix("/"), here.removesuffix("/")

    def _target(self, raw: SentMatch, start: int | None) -> str:
        """Path and query. Of a first capture that began in the head, what is behind `start` is left."""
        url = raw.string
        mark = url.find("?")
        literals, groups = self._path
        path = literals[0]
        query: str | None = None
        for index in range(len(groups)):
            begin, end = _span(raw, groups[index])
            if start is not None:
                begin, start = start, None
            if self._query is None and begin <= mark < end:
                path += _CAPTURED_IN_PATH.encode(url[begin:mark])
                query = _CAPTURED_IN_QUERY.encode(url[mark + 1 : end]) if query is None else query
            elif query is not None and mark < begin:
                query += _CAPTURED_IN_QUERY.encode(url[begin:end])
            else:
                path += _CAPTURED_IN_PATH.encode(url[begin:end])
            path += literals[index + 1]
        if (".." in path or "%2e" in path or "%2E" in path) and _CLIMBS.search(path):
            raise HTTPError(400, "The URL climbs above its folder")
        if self._query is not None:
            literals, groups = self._query
            query = literals[0]
            for index in range(len(groups)):
                begin, end = _span(raw, groups[index])
                from_query = -1 < mark < begin
                allowed = _CAPTURED_IN_QUERY if from_query else _CAPTURED_IN_PARAMETER
                query += allowed.encode(url[begin:end]) + literals[index + 1]
        target = path if path.startswith("/") else f"/{path}"
        return target if query is None else f"{target}?{query}"


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
    target = _IN_PATH.encode(path) + question + _IN_QUERY.encode(query)
    return parse_origin(match[1], match[2]), target if target.startswith("/") else f"/{target}"


def _pieces(skeleton: str, groups: list[Group]) -> tuple[_Pieces, _Pieces | None, str]:
    """Path and query, taken apart, and both as a whole if they are the same for all requests."""
    path, question, query = skeleton.partition("?")
    if _CLIMBS.search(path):
        raise ValueError("its path has a '..'")
    count = path.count("\0")
    paths = _Pieces(tuple([_IN_PATH.encode(text) for text in path.split("\0")]), tuple(groups[:count]))
    queries = _Pieces(tuple([_IN_QUERY.encode(text) for text in query.split("\0")]), tuple(groups[count:]))
    whole = ""
    if not groups:
        path = paths.literals[0]
        whole = (path if path.startswith("/") else f"/{path}") + question + queries.literals[0]
    return paths, queries if question else None, whole


def _span(match: SentMatch, group: Group) -> tuple[int, int]:
    try:
        start, end = match.span(group)
    except IndexError:
        return 0, 0
    return (start, end) if start >= 0 else (0, 0)


def _text(match: Match, group: Group) -> str:
    start, end = _span(match, group)
    return match.string[start:end]
