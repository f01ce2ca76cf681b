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


def ask(url: str, query: list[tuple[str, str]], token: str | None, timeout: float) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of a mirror's response, after up to `timeout` seconds and a margin.

    Raises OSError or ValueError when there is none.
    """
    from urllib.parse import urlencode

    return _open(f"{url}?{urlencode(query)}", "GET", None, token, timeout)


def send(url: str, changes: Any, token: str | None) -> tuple[int, dict[str, Any]]:
    """Changes a mirror; the status and the JSON of the response. Raises as `ask`."""
    return _open(url, "PATCH", json.dumps(changes).encode(), token, 0)


def _open(url: str, method: str, body: bytes | None, token: str | None, timeout: float) -> tuple[int, dict[str, Any]]:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, body, method=method)  # noqa: S310  # the pattern of the URL knows HTTP only
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=timeout + MARGIN) as response:  # noqa: S310
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
