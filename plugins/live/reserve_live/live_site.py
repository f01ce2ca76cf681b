"""What a mapping does: its own addresses, and the responses that pass."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from reserve_core import ConfigError, FixedHeaders, HTTPError
from reserve_core.kit import OwnHosts, first_time, hostname, printable

from .change_socket import tell_changes
from .document_requests import asks_for_document, have_sent_whole
from .live_writers import DocumentWriter, ErrorWriter, FreshWriter
from .page_policy import permission

if TYPE_CHECKING:
    from reserve_core import Configuration, Headers, LiveConfiguration, Mapping, Request, Response

    from .options import Options
    from .site_changes import SiteChanges

logger: Final = logging.getLogger("reserve")

_SCRIPT: Final = ".reserve/live.js"
_SOCKET: Final = ".reserve/live"
# What keeps pages from being live is told once; of more reasons than this, no more is told.
_MOST_REASONS: Final = 100


@dataclass(frozen=True, slots=True)
class SitePlan:
    """A mapping that is checked and not open: `base` is the path below which its pages find their script."""

    base: str
    folders: tuple[Path, ...]
    configuration_files: frozenset[Path]
    delay: float  # seconds
    hosts: OwnHosts

    def is_own(self, path: str) -> bool:
        """Whether the mapping itself responds at a path."""
        return path in (self.base + _SCRIPT, self.base + _SOCKET)


def plan(mapping: Mapping, configuration: Configuration) -> SitePlan:
    """Checks a mapping. Raises `ConfigError` where its pages couldn't reach their script."""
    options: Options = mapping.options
    for each in options.folders:
        if not (mapping.cwd / each).is_dir():
            mapping.warn(f"{each} is no folder", "Until there is one, no change is seen in it", "live")
    folders = tuple(mapping.cwd / each for each in options.folders)
    return SitePlan(
        _base(mapping),
        folders,
        configuration.files,
        options.delay,
        OwnHosts(configuration.hostname, options.allowed_hosts),
    )


def _base(mapping: Mapping) -> str:
    for base in ("/", f"{(mapping.base or '').removesuffix('/')}/"):
        if (mapping.search(base + _SCRIPT) is None) == mapping.invert:
            return base
    raise ConfigError(
        f'Pages find their script at /{_SCRIPT}, which "match" leaves out',
        'Match all, "^/", or a folder, "^/docs/"',
    )


class LiveSite:
    """A mapping at work."""

    def __init__(self, plan: SitePlan, changes: SiteChanges) -> None:
        self._plan = plan
        self._changes = changes
        self._script = plan.base + _SCRIPT
        self._socket = plan.base + _SOCKET
        self._told: set[str] = set()

    async def respond(self, request: Request, response: Response, configuration: LiveConfiguration) -> None:
        """Responds at the mapping's own addresses. Elsewhere has the response changed while it is sent."""
        path = request.path
        if path == self._script:
            _send_script(request, response)
        elif path == self._socket:
            await self._tell_changes(request, configuration)
        elif not request.internal and first_time(request, self):
            if asks_for_document(request):
                have_sent_whole(request)
                ErrorWriter(request, response, self)
                document = DocumentWriter(request, response, self)
                await document.around(configuration.dispatch_rest(request, response))
            else:
                FreshWriter(response)

    def now(self) -> int:
        """The time after which changes are told to a document that is made from now on."""
        return self._changes.now()

    def tag(self, request: Request, headers: Headers, since: int, waits: bool = False) -> bytes | None:
        """The element of the script, for a document with these headers that knows of no change after `since`.

        `waits` is for a page that stands for one which can't be had yet. None, and a line in the log, where the page
        can't be live.
        """
        client = request.client
        permitted = permission(headers.getall("content-security-policy", ()), client.scheme, client.host)
        reason = permitted.reason or self._refusal(request)
        if reason:
            self.tell(request, reason)
            return None
        attributes = f' nonce="{permitted.nonce}"' if permitted.nonce else ""
        if waits:
            attributes += " data-waits"
        return f'<script src="{quote(self._script)}" data-after="{since}"{attributes} async></script>'.encode()

    def tell(self, request: Request, reason: str) -> None:
        """Tells in the log why a page isn't live: once for each reason."""
        if reason not in self._told and len(self._told) < _MOST_REASONS:
            self._told.add(reason)
            logger.warning("%s is not live: %s", printable(request.path), reason)

    def _refusal(self, request: Request) -> str:
        """Why a page at the host of this request couldn't open the WebSocket; "" if it can."""
        name = hostname(request.client.host)
        if self._plan.hosts.holds(name):
            return ""
        return f'the host {name!r} is not one of this server\'s: add it to "allowed-hosts"'

    async def _tell_changes(self, request: Request, configuration: LiveConfiguration) -> None:
        refusal = self._refusal(request)
        if refusal:
            raise HTTPError(403, f"{refusal[0].upper()}{refusal[1:]}")
        await tell_changes(request, self._changes, configuration)


def _send_script(request: Request, response: Response) -> None:
    script = (Path(__file__).parent / "live.js").read_bytes()
    etag = f'"{hashlib.sha256(script).hexdigest()[:32]}"'
    headers = {
        "content-type": "text/javascript; charset=utf-8",
        "cache-control": "no-cache",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "etag": etag,
    }
    if request.headers.get("if-none-match") == etag:
        response.send(b"", 304, FixedHeaders(headers))
    else:
        response.send(script, 200, FixedHeaders(headers))
