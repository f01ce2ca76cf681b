"""What somebody wants of a request that is sent again to be other than it came."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from reserve_core import HTTPError
from reserve_core.kit import canonical_url, is_token

from ..mirror_response import body_bytes, can_be_value, header_pairs
from ..sending.outgoing_request import SentRequest
from .targets import origin_of

CHANGES = ("method", "path", "headers", "body", "body_encoding")

# Headers that say who the client is. Another server than the one they are for could use them.
CREDENTIALS = frozenset(("authorization", "cookie"))

_PATH = re.compile(r"(?:[/?][^\s#]*)?")
_SAFE = "".join(map(chr, range(0x21, 0x7F)))


def changed(request: SentRequest, body: bytes, wanted: dict[str, Any]) -> tuple[SentRequest, bytes]:
    """The request and its body, changed as the members `CHANGES` of `wanted` say. Raises ValueError, saying what is
    wrong.
    """
    method = wanted.get("method", request["method"])
    if not isinstance(method, str):
        raise ValueError("The method is text")
    url, path = request["url"], request["path"]
    if "path" in wanted:
        url, path = at_path(wanted["path"])
    headers = request["headers"]
    if "headers" in wanted:
        headers = header_pairs(wanted["headers"])
    if "body" in wanted or "body_encoding" in wanted:
        body = body_bytes(wanted.get("body", ""), wanted.get("body_encoding", "utf-8"))
    outcome = SentRequest(method=method, url=url, path=path, headers=headers)
    check(outcome)
    return outcome, body


def check(request: SentRequest) -> None:
    """Raises ValueError for what can't be sent, saying what is wrong."""
    if not is_token(request["method"]):
        raise ValueError(f"{request['method']!r} is no method (RFC 9110 9.1)")
    for name, value in request["headers"]:
        if not is_token(name) or not can_be_value(value):
            raise ValueError(f"{name!r}: {value!r} is no header (RFC 9110 5.1)")


def without_credentials(request: SentRequest) -> SentRequest:
    """The request without what says who its client is."""
    kept = [pair for pair in request["headers"] if pair[0].lower() not in CREDENTIALS]
    return SentRequest(method=request["method"], url=request["url"], path=request["path"], headers=kept)


def is_for_origin(request: SentRequest, origin: str) -> bool:
    """Whether a request was sent to this origin."""
    try:
        return origin_of(urlsplit(request["url"])) == origin
    except ValueError:  # its Host has a port that is none
        return False


def at_path(text: Any) -> tuple[str, str]:
    """A URL that ends with a path and a query, and the canonical path. Raises ValueError, saying what is wrong."""
    if not isinstance(text, str) or not _PATH.fullmatch(text):
        raise ValueError(f"{text!r} is no path: it is empty, or begins with / or ?, and has no spaces and no #")
    target = quote(text, safe=_SAFE)
    path = target.partition("?")[0]
    try:
        return f"http://-{target}", canonical_url(path) if path else ""
    except HTTPError as error:
        raise ValueError(f"path: {error.reason}") from None
