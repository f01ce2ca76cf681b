"""What asks the mirror of another process: the command `reserve wait`, and tests."""

from __future__ import annotations

import json
import re
from typing import Any

from .codes import CODE

# Seconds by which a response may come later than the waiting ends.
MARGIN = 10

# Where requests are sent, its page, or its place in the API.
MIRROR_URL = re.compile(
    rf"(?P<base>https?://[^?#]+?)/(?P<kind>r|v|api/mirrors)/(?P<code>{CODE})(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.ASCII,
)


def rest_of_page(match: re.Match[str]) -> str:
    """The path that a `MIRROR_URL` has behind the code of a page, or of the API, where it means nothing.

    A query isn't told: it is what a browser has there, the token, say.
    """
    return "" if match["kind"] == "r" else (match["path"] or "").removesuffix("/")


def ask(url: str, query: list[tuple[str, str]], token: str | None, timeout: float) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of a mirror's response, after up to `timeout` seconds and a margin.

    Raises OSError, which says why, when there is none.
    """
    from urllib.parse import urlencode

    return _open(f"{url}?{urlencode(query)}", "GET", None, token, timeout)


def send(url: str, changes: Any, token: str | None) -> tuple[int, dict[str, Any]]:
    """Changes a mirror; the status and the JSON of the response. Raises as `ask`."""
    return _open(url, "PATCH", json.dumps(changes).encode(), token, 0)


def _open(url: str, method: str, body: bytes | None, token: str | None, timeout: float) -> tuple[int, dict[str, Any]]:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, body, method=method)  # noqa: S310  # the pattern of the URL knows HTTP only
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        try:
            response = urlopen(request, timeout=timeout + MARGIN)  # noqa: S310
        except HTTPError as error:
            response = error
        with response:
            value = json.load(response)
        if not isinstance(value, dict):
            raise ValueError("All responses of a mirror are objects")
        return response.status, value
    except (OSError, ValueError, HTTPException) as error:
        raise OSError(
            f"There is no mirror at {url.partition('?')[0].removesuffix('/wait')}: {_reason(url, error)}"
        ) from error


def _reason(url: str, error: Exception) -> str:
    """Why what came is no response of a mirror."""
    from .sending.http_exchange import reason_of

    if isinstance(error, ValueError):
        return "what responds there is another server" + (", or speaks https" if url.startswith("http:") else "")
    cause = getattr(error, "reason", error)  # urllib has one around those of the connection
    return reason_of(cause) if isinstance(cause, OSError) else "what came is no response of HTTP/1.1"
