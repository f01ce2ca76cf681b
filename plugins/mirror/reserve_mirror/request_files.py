"""Requests out of files, to verify or to send again: a mirror's exports, HAR, or what goes over the wire."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from reserve_core import HTTPError
from reserve_core.kit import canonical_url

from .sending.outgoing_request import SentRequest
from .signatures import SignedRequest

_HEAD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: HTTP/\d(?:\.\d)?)?[ \t]*\r?\n(.*?\n)??\r?\n", re.DOTALL)

# What a file of `docs/exchanges.md` has in front of the request.
_REMARKS = re.compile(rb"\A(?:#.*\n)+")
# How a ZIP begins, as requests.zip.
_ARCHIVE = b"PK\x03\x04"


class FiledRequest(NamedTuple):
    """A request of a file, what it is called, and what is sent of it besides its body."""

    name: str
    request: SignedRequest
    sent: SentRequest


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
            missing = f", without {error}" if isinstance(error, KeyError) else ""
            raise ValueError(f"has no request of the form of the mirror's exports, or of HAR{missing}") from error
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
    path = record["path"]
    url = record.get("url") or f"http://-{path}"
    sent = SentRequest(method=record["method"], url=url, path=path, headers=record["headers"])
    signed = SignedRequest(_pairs(record["headers"]), body, _time(record["time"]), plain, incomplete)
    return FiledRequest(name, signed, sent)


def _of_har(entry: dict[str, Any]) -> FiledRequest:
    request = entry["request"]
    posted = request.get("postData") or {}
    body = _bytes(posted.get("text") or "", posted.get("_encoding") or posted.get("encoding") or "utf-8")
    time = entry["startedDateTime"]
    headers = [
        (header["name"], header["value"]) for header in request["headers"] if not header["name"].startswith(":")
    ]  # those of HTTP/2 and 3 that are the first line are no headers
    incomplete = _incomplete(body, request.get("bodySize", -1), posted.get("_truncated", False))
    name = f"{time} {request['method']} {request['url']}"
    sent = _sent(request["method"], request["url"], headers, request.get("_path"))
    return FiledRequest(name, SignedRequest(headers, body, _time(time), None, incomplete), sent)


def _of_wire(data: bytes) -> FiledRequest:
    """A request as HTTP/1.1 has it. What follows a body of the length that its headers say is no part of it."""
    data = _REMARKS.sub(b"", data)
    match = _HEAD.match(data)
    if match is None and data.startswith(_ARCHIVE):
        raise ValueError(
            "is an archive: unpack it, and name one of its files .request.http, or save JSON or HAR instead"
        )
    if match is None:
        what = "no request" if data.strip() else "empty"
        raise ValueError(
            f"is {what}: neither a mirror's export, nor HAR, nor lines that begin with POST /path HTTP/1.1"
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
    sent = _sent(match[1].decode(), f"http://-{match[2].decode('latin-1')}", headers)
    return FiledRequest(name, SignedRequest(headers, body[:length], None, None, incomplete), sent)


def _sent(method: str, url: str, headers: list[tuple[str, str]], path: str | None = None) -> SentRequest:
    """Without a `path`, that of the URL is the request's, all of it."""
    url = url.partition("#")[0]
    if path is None:
        target = url.partition("://")[2].partition("/")[1:]
        path = _canonical("".join(target).partition("?")[0])
    return SentRequest(method=method, url=url, path=path, headers=[[name, value] for name, value in headers])


def _canonical(path: str) -> str:
    try:
        return canonical_url(path) if path else ""
    except HTTPError as error:
        raise ValueError(f"has a path that is none: {error.reason}") from None


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
