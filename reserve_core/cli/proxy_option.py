"""The values of `--proxy`, PATH=URL, and the mappings they mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import HTTPError
from .server_urls import is_loopback

if TYPE_CHECKING:
    from urllib.parse import SplitResult

EXAMPLE = "/api=http://localhost:3000"

_SPECIAL = re.compile(r"[.()^$\[\]|\\?+*{}]")


class ProxyOption(NamedTuple):
    """One `--proxy`: requests for `path` and below are forwarded to another server.

    `path` has no slash at its end: "" means everything. `url` is where it is found there: what follows `path` is put
    behind it. `local` tells that this server is on the same machine.
    """

    path: str
    url: str
    local: bool

    @classmethod
    def parse(cls, value: str) -> ProxyOption:
        """Raises ValueError, with the mend, for what isn't PATH=URL.

        A URL without a path gets the whole path of a request; with one, even "/", it takes the place of PATH.
        """
        path, equals, url = value.partition("=")
        if not equals:
            raise ValueError(f"{value!r} is not PATH=URL: write {EXAMPLE}")
        if not path.startswith("/"):
            raise ValueError(f"the path {path!r} doesn't begin with a slash: write {f'/{path}={url}'!r}")
        path = _canonical(path)
        parts = _split(url, path)
        host = parts.hostname or ""
        path = path.rstrip("/")
        there = (parts.path or path).rstrip("/")
        return cls(path, f"{parts.scheme}://{parts.netloc}{there}", is_loopback(host))

    @property
    def mapping(self) -> dict[str, Any]:
        """To a server on the same machine the Host header is the client's.

        What such a server makes of it (origin checks, redirects) holds for the page that asks. Another machine may
        serve several hosts: it gets the one in the URL.
        """
        path = _SPECIAL.sub(r"\\\g<0>", self.path)
        match = f"^{path}(|[/?].*)$" if path else "^(/.*)$"
        mapping: dict[str, Any] = {"match": match, "url": self.url.replace("$", "$$") + "$1"}
        return {**mapping, "preserve-host": True} if self.local else mapping


def _canonical(path: str) -> str:
    """The path as mappings see it."""
    if "?" in path or "#" in path:
        raise ValueError(f"the path {path!r} has a query or a fragment: name a path and nothing else")
    from ..http.target import canonical_url

    try:
        return canonical_url(path)
    except HTTPError as error:
        raise ValueError(f"the path {path!r} can't be that of a request: {error.reason}") from error


def _split(url: str, path: str) -> SplitResult:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from error
    if "://" not in url:
        raise ValueError(f"{url!r} doesn't begin with http:// or https://: write {_with_scheme(url, path)!r}")
    if parts.scheme not in ("http", "https"):
        raise ValueError(
            f"{url!r} doesn't begin with http:// or https://: write http:// for a server of WebSockets, too"
            if parts.scheme in ("ws", "wss")
            else f"{parts.scheme}:// can't be forwarded to: write http:// or https://"
        )
    if not host or port == 0:
        raise ValueError(f"{url!r} names no host: write {EXAMPLE}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{url!r} has a user name, a query or a fragment: write scheme, host, port and path only")
    return parts


def _with_scheme(url: str, path: str) -> str:
    """What was meant by `3000`, `:3000` or `localhost:3000`."""
    port = url.removeprefix(":")
    return f"{path}=http://{f'localhost:{port}' if port.isdecimal() else url or 'localhost:3000'}"
