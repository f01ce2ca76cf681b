"""Headers of a response that name the upstream server, made to name this one: the client knows no other.

As nginx's `proxy_redirect` and Apache's `ProxyPassReverse` do, and `autoRewrite` and `cookieDomainRewrite` of the
proxies of Vite and webpack. What would work all the same stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .forwarded_headers import Pairs
from .upstream_url import Origin, parse_origin

_REFERENCE = re.compile(r"(?:(https?):)?//([^/?#\\]*)(/[^?#]*)?(.*)|(/[^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_REFRESH = re.compile(r"([^;,]*[;,]\s*url\s*=\s*[\"']?)([^\"']*)(.*)", re.IGNORECASE | re.DOTALL)
# What browsers take for a path that begins with a host (RFC 3986 4.2; URL Standard: backslashes, and no controls).
_LIKE_A_HOST = re.compile(r"/[\x00-\x20]*[/\\]")
_PORT = re.compile(r":[0-9]*$")


@dataclass(frozen=True, slots=True)
class AutoRewriter:
    """What is found at the path `there` of the server `origin` and below, this server has at `here`.

    Neither path ends with a slash. `host` is the Host that the client has sent, `told` the one that the upstream server
    was sent.
    """

    origin: Origin
    there: str
    here: str
    host: str
    told: str

    def rewritten(self, pairs: Pairs) -> Pairs:
        """The headers as the client needs them."""
        return [(name, value if (way := _method(name)) is None else way(self, value)) for name, value in pairs]

    def url(self, value: str) -> str:
        """A reference to the upstream server as one to this server (RFC 9110 10.2.2)."""
        match = _REFERENCE.fullmatch(value)
        if match is None:  # relative to the URL that was asked for: it leads the same way from here
            return value
        scheme, authority, path, rest, absolute_path, its_rest = match.groups()
        if authority is None:
            local = self._local(absolute_path)
            return value if local == absolute_path else _rooted(local + its_rest)
        path = path or "/"
        try:
            origin = parse_origin(scheme or self.origin.scheme, authority)
            if origin == self.origin:
                found = self._path(path)
                return value if found is None else _rooted(found + rest)
            if origin == parse_origin(self.origin.scheme, self.told):
                return _rooted(self._local(path) + rest)
        except ValueError:
            return value
        if (
            authority.lower() == self.host.lower()
        ):  # it knows by which name the client asks, but not where it is mounted
            return value[: match.end(2)] + self._local(path) + rest
        return value

    def refresh(self, value: str) -> str:
        """The same for the URL in a Refresh header."""
        match = _REFRESH.fullmatch(value)
        return value if match is None else f"{match[1]}{self.url(match[2])}{match[3]}"

    def cookie(self, value: str) -> str:
        """A cookie that comes back to where this server has the upstream server (RFC 6265 5.1.3, 5.1.4)."""
        ours = _PORT.sub("", self.host).lower()
        pair, *attributes = value.split(";")
        kept = [pair]
        for attribute in attributes:
            name, _, text = attribute.partition("=")
            key, text = name.strip().lower(), text.strip()
            if key == "domain" and text and not _is_of(ours, text.lower().removeprefix(".")):
                continue  # a browser takes no cookie for a domain that the server it asked isn't in
            if key == "path" and text.startswith("/") and not _is_within(self.here, text.rstrip("/")):
                found = self._path(text)
                if found is not None and ";" not in found:
                    attribute = f"{name}={found}"
            kept.append(attribute)
        return ";".join(kept)

    def _path(self, path: str) -> str | None:
        """Where this server has a path of the upstream server, None if it hasn't."""
        return (self.here + path[len(self.there) :]) or "/" if _is_within(path, self.there) else None

    def _local(self, path: str) -> str:
        """The same for a server that may know where it is mounted: a path that is there already stays."""
        if len(self.here) > len(self.there) and _is_within(path, self.here):
            return path
        found = self._path(path)
        return path if found is None else found


def _rooted(reference: str) -> str:
    """A reference that begins with a path, so that it can't be taken for one to another host."""
    return f"/.{reference}" if _LIKE_A_HOST.match(reference) else reference


def _is_within(path: str, folder: str) -> bool:
    return path.startswith(folder) and path[len(folder) : len(folder) + 1] in ("", "/")


def _is_of(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


# Each of `NAMING`.
_METHODS = {
    "location": AutoRewriter.url,
    "content-location": AutoRewriter.url,
    "refresh": AutoRewriter.refresh,
    "set-cookie": AutoRewriter.cookie,
}


@lru_cache(maxsize=256)
def _method(name: str) -> Callable[[AutoRewriter, str], str] | None:
    return _METHODS.get(name.lower())
