"""What a server that a request was sent on to has responded with, as its listener tells the mirror."""

from __future__ import annotations

import json
from typing import Any

from reserve_core.kit import is_token

from .json_shapes import ListenerResponse
from .mirror_response import MAX_HEADERS, body_bytes, can_be_value

# Bytes that are kept of its body, and characters of all of it as JSON.
MAX_BODY = 64 * 1024
MAX_SIZE = 256 * 1024
MAX_URL = 2048


def dump(value: Any) -> str:
    """A `ListenerResponse` as JSON. Raises ValueError, saying what is wrong."""
    if not isinstance(value, dict) or value.keys() != ListenerResponse.__required_keys__:
        raise ValueError(f"It is an object with {', '.join(sorted(ListenerResponse.__required_keys__))}")
    to, status, headers = value["to"], value["status"], value["headers"]
    if not isinstance(to, str) or len(to) > MAX_URL:
        raise ValueError(f"to is a URL of up to {MAX_URL} characters")
    if type(status) is not int or not 100 <= status <= 599:
        raise ValueError(f"status is a number from 100 to 599, not {status!r}")
    if not isinstance(headers, list) or len(headers) > MAX_HEADERS or not all(map(_is_header, headers)):
        raise ValueError(f"headers are up to {MAX_HEADERS} pairs of a name and a value, [[name, value], ...]")
    if type(value["size"]) is not int or value["size"] < 0:
        raise ValueError("size is the number of bytes of the body")
    if not isinstance(value["duration"], int | float) or not 0 <= value["duration"] < 1e9:
        raise ValueError("duration is a number of milliseconds")
    if len(body_bytes(value["body"], value["body_encoding"])) > MAX_BODY:
        raise ValueError(f"body has up to {MAX_BODY} bytes; size says how many it had")
    text = json.dumps(value, separators=(",", ":"))
    if len(text) > MAX_SIZE:
        raise ValueError(f"It has up to {MAX_SIZE} characters, not {len(text)}")
    return text


def _is_header(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    name, value = pair
    return isinstance(name, str) and isinstance(value, str) and is_token(name) and can_be_value(value)
