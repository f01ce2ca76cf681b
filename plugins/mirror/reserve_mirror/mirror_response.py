"""The response of a mirror to the requests that it records: its default, its changes, and how it is sent."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from reserve_core import FixedHeaders, Headers
from reserve_core.kit import is_token, with_charset

from .json_shapes import MirrorResponse

MAX_BODY = 256 * 1024
MAX_HEADERS = 100
MAX_DELAY = 30

DEFAULT: MirrorResponse = {"status": 200, "headers": [], "body": "OK", "body_encoding": "utf-8", "delay": 0}

_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Those that frame the response are the server's. The others keep a response that is a page from running in the
# mirror's own origin, where it could read what others have sent.
RESERVED = frozenset(
    (
        *("connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"),
        *("content-security-policy", "service-worker-allowed", "x-content-type-options"),
    )
)
_SAFETY = (("content-security-policy", "default-src 'none'; sandbox"), ("x-content-type-options", "nosniff"))
# Unless the response says otherwise. One that a cache keeps would keep the next request from being recorded.
_DEFAULTS = (("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store"))
_WITHOUT_CONTENT = frozenset((204, 205, 304))


@dataclass(frozen=True, slots=True)
class ReadyResponse:
    """The response as it is sent. `names` are those of its own headers, in lower case."""

    status: int
    headers: FixedHeaders
    body: bytes
    delay: float
    names: frozenset[str]


@lru_cache(maxsize=32)
def ready_response(text: str) -> ReadyResponse:
    """A `MirrorResponse`, given as JSON, ready to be sent."""
    return made_ready(json.loads(text))


def made_ready(response: MirrorResponse) -> ReadyResponse:
    """A response, ready to be sent."""
    is_text = response["body_encoding"] == "utf-8"
    own = tuple(
        (name, with_charset(value) if is_text and name.lower() == "content-type" else value)
        for name, value in response["headers"]
    )
    names = frozenset(name.lower() for name, _ in own)
    status = response["status"]
    bare = status in _WITHOUT_CONTENT
    defaults = tuple(
        (name, value) for name, value in _DEFAULTS if name not in names and not (bare and name == "content-type")
    )
    body = b"" if bare else body_bytes(response["body"], response["body_encoding"])
    return ReadyResponse(status, FixedHeaders((*own, *defaults, *_SAFETY)), body, response["delay"], names)


def is_preflight(method: str, headers: Headers) -> bool:
    """Whether a request is a preflight of CORS, which any mirror answers with 204."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def can_be_value(text: str) -> bool:
    """Whether a text can be the value of a header: one line, a char per byte."""
    return _VALUE.fullmatch(text) is not None


def header_pairs(headers: Any) -> list[list[str]]:
    """Headers as a list of pairs. They may be given as an object, too, with a list for several of one name.

    Raises ValueError for what is neither.
    """
    if isinstance(headers, dict):
        values = ((name, value if isinstance(value, list) else [value]) for name, value in headers.items())
        headers = [[name, each] for name, several in values for each in several]
        wrong = next((pair for pair in headers if not isinstance(pair[1], str)), None)
        if wrong is not None:
            raise ValueError(f"The value of the header {wrong[0]} is text, not {wrong[1]!r}")
    if not isinstance(headers, list) or not all(_is_pair(pair) for pair in headers):
        raise ValueError('The headers are a list of pairs, [["name", "value"], ...], or an object')
    return [[name, value] for name, value in headers]


def body_bytes(body: Any, encoding: Any) -> bytes:
    """The bytes of a body that JSON holds. Raises ValueError when it isn't in its encoding."""
    if encoding not in ("utf-8", "base64"):
        raise ValueError(f"The body_encoding is utf-8 or base64, not {encoding!r}")
    if not isinstance(body, str):
        raise ValueError("The body is text; bytes are given as base64, with body_encoding base64")
    try:
        return base64.b64decode(body, validate=True) if encoding == "base64" else body.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(f"The body is not {encoding}: {error}") from error


def dump(response: MirrorResponse) -> str:
    """A response as JSON."""
    return json.dumps(response, separators=(",", ":"))


def change(response: MirrorResponse, changes: Any) -> MirrorResponse:
    """`response` with what a client gives in `changes`. Raises ValueError, saying what is wrong."""
    if not isinstance(changes, dict):
        raise ValueError("A response is an object: status, headers, body, body_encoding, delay")
    unknown = next((name for name in changes if name not in DEFAULT), None)
    if unknown is not None:
        raise ValueError(f"A response has no {unknown!r}: it has {', '.join(DEFAULT)}")
    if "body" in changes:
        changes = {"body_encoding": "utf-8", **changes}
    changed: dict[str, Any] = {**response, **changes}
    _check_status(changed["status"])
    changed["headers"] = _headers(changed["headers"])
    _check_body(changed["body"], changed["body_encoding"])
    _check_delay(changed["delay"])
    return cast("MirrorResponse", changed)


def _check_status(status: Any) -> None:
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise ValueError(f"The status is a number from 200 to 599, not {status!r}")


def _headers(given: Any) -> list[list[str]]:
    """The headers of a response as pairs. Raises ValueError."""
    headers = header_pairs(given)
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"A response has up to {MAX_HEADERS} headers, not {len(headers)}")
    for name, value in headers:
        if not is_token(name):
            raise ValueError(f"{name!r} is no name of a header (RFC 9110 5.1)")
        if name.lower() in RESERVED:
            raise ValueError(f"The header {name} is the server's own: leave it out")
        if not can_be_value(value):
            raise ValueError(f"The value of {name} is not one line of Latin-1 (RFC 9110 5.5)")
    return headers


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(each, str) for each in pair)


def _check_body(body: Any, encoding: Any) -> None:
    if len(body_bytes(body, encoding)) > MAX_BODY:
        raise ValueError(f"The body has up to {MAX_BODY} bytes")


def _check_delay(delay: Any) -> None:
    if not isinstance(delay, int | float) or isinstance(delay, bool) or not 0 <= delay <= MAX_DELAY:
        raise ValueError(f"The delay is a number of seconds, up to {MAX_DELAY}")
