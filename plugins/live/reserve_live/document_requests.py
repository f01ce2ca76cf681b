"""Which requests are a browser's that goes to a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from reserve_core.functions import accepts_html

if TYPE_CHECKING:
    from reserve_core import Request

_DESTINATIONS: Final = frozenset(("document", "frame", "iframe"))
# What libraries say of themselves that fetch a fragment of a page.
_OF_SCRIPTS: Final = ("hx-request", "turbo-frame", "x-pjax", "x-requested-with", "x-up-version")
# What makes a response another one than the whole document.
_CONDITIONS: Final = ("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since")
_MATCH: Final = cast("re.Match[str]", re.match("", ""))  # which nobody looks at


def asks_for_document(request: Request) -> bool:
    """Whether the response will be shown as a page of its own, not used by a script, saved or continued.

    Browsers say so in Sec-Fetch-Dest. They leave it out at http:// addresses beyond the own machine: there it's what
    they accept.
    """
    headers = request.headers
    if request.method not in ("GET", "HEAD") or "range" in headers:
        return False
    destination = headers.get("sec-fetch-dest")
    if destination is not None:
        return destination in _DESTINATIONS
    return accepts_html(request, request.url, _MATCH) and not any(name in headers for name in _OF_SCRIPTS)


def have_sent_whole(request: Request) -> None:
    """Has later mappings send the document as it is: whole, and not encoded.

    A browser may have kept one that has no script, or another one's; and nothing can be put into what is encoded.
    """
    headers = request.headers
    for name in _CONDITIONS:
        headers.popall(name, None)
    headers["accept-encoding"] = "identity"
