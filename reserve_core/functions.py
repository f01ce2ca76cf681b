"""Functions for configurations: `--cors` and `--spa` write mappings with them, and so can anyone.

{ "custom": "reserve_core.functions:cors" }
{ "if-match": "reserve_core.functions:accepts_html", "file": "./dist/index.html" }
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .http import Request, Response

__all__ = ["accepts_html", "cors"]

_PAGES = ("text/html", "application/xhtml+xml")
_REFUSED = re.compile(r"q=0(?:\.0*)?")


def cors(request: Request, response: Response) -> list[Any] | None:
    """Lets the pages of every origin read the later mappings' responses, and answers their preflights (Fetch 3.2).

    Without cookies and the like: browsers take `*` for requests that carry none. A response that has these headers
    itself keeps its own.
    """
    headers = response.headers
    headers["access-control-allow-origin"] = "*"
    headers["access-control-expose-headers"] = "*"
    method = request.headers.get("access-control-request-method")
    if request.method != "OPTIONS" or method is None:
        return None
    # What is asked for is named: a "*" would not stand for Authorization.
    allowed = {"access-control-allow-methods": method}
    names = request.headers.get("access-control-request-headers")
    if names:
        allowed["access-control-allow-headers"] = names
    return [None, {"status": 204, "headers": allowed}]


def accepts_html(request: Request, url: str, match: re.Match[str]) -> bool:
    """Whether a page is asked for: Accept names it (RFC 9110 12.5.1), as it does when a browser goes to a URL.

    Scripts, pictures and `fetch` take anything (`*/*`): to them a page in place of what is missing is no help.
    """
    return any(
        _is_page(element) for value in request.headers.getall("accept", ()) for element in value.lower().split(",")
    )


def _is_page(element: str) -> bool:
    kind, *parameters = (part.strip() for part in element.split(";"))
    return kind in _PAGES and not any(_REFUSED.fullmatch(parameter) for parameter in parameters)
