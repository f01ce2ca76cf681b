"""Who may use the pages and the API: what stands between the mirror and the pages of other sites.

A browser that visits another site can be made to send requests here, with our cookies. So what changes something, and
the WebSocket, is for pages of this origin only (Origin and Sec-Fetch-Site, which no page can forge), or for programs
that are no browser. A foreign page whose own host name has been made to resolve to this server (DNS rebinding) has this
origin, by that name: so the Host must be one that is known to be ours. Nobody can rebind an IP address.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple
from urllib.parse import quote

from reserve_core import HTTPError, Networks, Request
from reserve_core.kit import OwnHosts, credentials, hostname

from .options import Options

COOKIE = "reserve-mirror"

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Caller(NamedTuple):
    """Where a request comes from and by which address it reached us, as far as proxies that are trusted tell."""

    scheme: str
    host: str  # with its port
    remote: str
    prefix: str  # of the path, before the part that we see


class Access:
    """The rules for one mount. `listens` is the hostname that the server listens on."""

    def __init__(self, options: Options, listens: str) -> None:
        self._origins = frozenset(options.allowed_origins)
        self._proxies = None if options.trusted_proxies is None else Networks(options.trusted_proxies)
        self._hosts = OwnHosts(listens, options.allowed_hosts)
        self._token = options.token
        # The cookie proves the token without being it.
        self._cookie = hmac.digest((options.token or "").encode(), b"reserve-mirror", "sha256").hex()

    def caller(self, request: Request) -> Caller:
        """Who sends a request. `X-Forwarded-Prefix` counts only if a trusted proxy sends it."""
        client = request.client if self._proxies is None else request.client_behind(self._proxies)
        if not client.proxied:
            return Caller(client.scheme, client.host, client.address, "")
        prefix = _last(request.headers.getall("x-forwarded-prefix", [])).rstrip("/")
        if not prefix.startswith("/") or prefix.startswith("//"):
            prefix = ""
        return Caller(client.scheme, client.host, client.address, prefix)

    @property
    def allows_origins(self) -> bool:
        """Whether pages of some other origins may use the API."""
        return bool(self._origins)

    def allowed_origin(self, request: Request, caller: Caller) -> str | None:
        """The origin of the page that sends a request, if it's another than ours that may use the API."""
        origins = request.headers.getall("origin", [])
        is_one = len(origins) == 1 and origins[0] in self._origins and not _is_same_origin(request, caller)
        return origins[0] if is_one else None

    def check(self, request: Request, caller: Caller, guarded: bool) -> None:
        """Raises `HTTPError` 403 for a request under a foreign name, and if `guarded` for one of a foreign page."""
        name = hostname(caller.host)
        if not self._hosts.holds(name):
            raise HTTPError(
                403,
                f'The host {name!r} is not one of this mirror\'s: add it to its "allowed-hosts"'
                f" (reserve mirror --allowed-hosts {name})",
            )
        if guarded and not _is_same_origin(request, caller):
            raise HTTPError(403, "Pages of another site may not do this")

    def is_allowed(self, request: Request, by_cookie: bool = True) -> bool:
        """Whether the request has the token, as a bearer (RFC 6750 2.1) or, unless not `by_cookie`, by the cookie."""
        if self._token is None:
            return True
        scheme, token = credentials(request.headers.get("authorization", ""))
        if scheme == "bearer" and self.matches_token(token):
            return True
        return by_cookie and _equal(request.cookies.get(COOKIE, ""), self._cookie)

    def matches_token(self, token: str) -> bool:
        return self._token is not None and _equal(token, self._token)

    def cookie(self, caller: Caller, base: str) -> str:
        """The Set-Cookie that stands for the token, for the mount at `base`."""
        secure = "; Secure" if caller.scheme == "https" else ""
        return f"{COOKIE}={self._cookie}; Path={quote(caller.prefix + base)}/; HttpOnly; SameSite=Lax{secure}"


def _is_same_origin(request: Request, caller: Caller) -> bool:
    headers = request.headers
    if any(site not in ("same-origin", "none") for site in headers.getall("sec-fetch-site", [])):
        return False
    # The schemes are not compared: behind a proxy that ends TLS they differ.
    return all(_is_host_of(origin.lower(), caller.host.lower()) for origin in headers.getall("origin", []))


def _is_host_of(origin: str, host: str) -> bool:
    scheme, _, authority = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and authority != "" and authority.removesuffix(port) == host.removesuffix(port)


def _last(values: list[str]) -> str:
    """The value that the nearest proxy has set."""
    return values[-1].rpartition(",")[2].strip() if values else ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(hashlib.sha256(one.encode()).digest(), hashlib.sha256(other.encode()).digest())
