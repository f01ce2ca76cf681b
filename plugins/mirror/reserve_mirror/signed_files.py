"""Requests out of files, whose signatures are to be verified: a mirror's exports, HAR, or what goes over the wire."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from .signatures import SignedRequest

_HEAD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: HTTP/\d(?:\.\d)?)?[ \t]*\r?\n(.*?\n)??\r?\n", re.DOTALL)


class FiledRequest(NamedTuple):
    """A request of a file, and what it is called."""

    name: str
    request: SignedRequest


def requests_in(data: bytes) -> list[FiledRequest]:
    """The requests of a file. Raises ValueError, with what is wrong as the end of a sentence."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        try:
            value = json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"is not valid JSON: {error}") from error
        try:
            found = list(_of_json(value))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"has no request of the form of the mirror's exports, or of HAR: {error!r}") from error
        if not found:
            raise ValueError("has no request in it")
        return found
    return [_of_wire(data)]


def _of_json(value: Any) -> Iterator[FiledRequest]:
    if isinstance(value, list):
        for each in value:
            yield from _of_json(each)
    elif "requests" in value:
        yield from _of_json(value["requests"])
    elif "log" in value:
        for entry in value["log"]["entries"]:
            yield _of_har(entry)
    elif "request" in value and "startedDateTime" in value:
        yield _of_har(value)
    else:
        yield _of_record(value)


def _of_record(record: dict[str, Any]) -> FiledRequest:
    """A request as the mirror's API has it: a `RequestDetails`."""
    body = _bytes(record["body"], record["body_encoding"])
    decoded = record.get("decoded")
    plain = _bytes(decoded["body"], decoded["body_encoding"]) if decoded and not decoded["truncated"] else None
    incomplete = _incomplete(body, record["size"], record["truncated"] or "failure" in record)
    name = f"{record['time']} {record['method']} {record['path'] or '/'}"
    return FiledRequest(name, SignedRequest(_pairs(record["headers"]), body, _time(record["time"]), plain, incomplete))


def _of_har(entry: dict[str, Any]) -> FiledRequest:
    request = entry["request"]
    posted = request.get("postData") or {}
    body = _bytes(posted.get("text") or "", posted.get("_encoding") or posted.get("encoding") or "utf-8")
    time = entry["startedDateTime"]
    headers = [(header["name"], header["value"]) for header in request["headers"]]
    incomplete = _incomplete(body, request.get("bodySize", -1), posted.get("_truncated", False))
    name = f"{time} {request['method']} {request['url']}"
    return FiledRequest(name, SignedRequest(headers, body, _time(time), None, incomplete))


def _of_wire(data: bytes) -> FiledRequest:
    """A request as HTTP/1.1 has it. What follows a body of the length that its headers say is no part of it."""
    match = _HEAD.match(data)
    if match is None:
        raise ValueError(
            "is no request: neither a mirror's export, nor HAR, nor lines that begin with POST /path HTTP/1.1"
        )
    headers = []
    for line in (match[3] or b"").decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError(f"has a line among its headers that is none: {line!r}")
        headers.append((name, value.strip(" \t")))
    body = data[match.end() :]
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    length = int(lengths[0]) if lengths and re.fullmatch("[0-9]{1,15}", lengths[0]) else len(body)
    name = f"{match[1].decode()} {match[2].decode('latin-1')}"
    incomplete = _incomplete(body[:length], length, len(body) < length)
    return FiledRequest(name, SignedRequest(headers, body[:length], None, None, incomplete))


def _incomplete(body: bytes, size: int, truncated: bool) -> str:
    if not truncated:
        return ""
    return (
        f"The file has only {len(body)} of the {size} bytes of the body." if size > len(body) else "The body was cut."
    )


def _bytes(text: str, encoding: str) -> bytes:
    return base64.b64decode(text) if encoding == "base64" else text.encode("utf-8", "surrogatepass")


def _pairs(headers: list[list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers]


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
