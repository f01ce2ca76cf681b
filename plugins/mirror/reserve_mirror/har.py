"""A request as an entry of a HAR log (http://www.softwareishard.com/blog/har-12-spec/).

What HAR can't hold is in members whose names begin with an underscore. A form is there twice, as browsers write it: its
`params`, and its exact `text`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from reserve_core import Headers

from .json_shapes import BodyEncoding, RequestDetails, TappedResponseDetails
from .mirror_response import Reply, is_preflight
from .request_details import as_text

Pairs = Iterable[list[str] | tuple[str, str]]


def entry_of(whole: RequestDetails, reply: Reply) -> dict[str, Any]:
    """The entry of a request. Its response is what a tap has recorded, or else `reply`: what the mirror answers."""
    recorded = whole.get("response")
    duration = recorded["duration"] if recorded else 0
    entry = {
        "startedDateTime": whole["time"],
        "time": duration,
        "request": _request(whole),
        "response": _answered(whole, reply) if recorded is None else _recorded(recorded),
        "cache": {},
        "timings": {"send": 0, "wait": duration, "receive": 0},
        "_id": whole["id"],
        "_remote": whole["remote"],
    }
    if whole["notes"]:
        entry["comment"] = " ".join(whole["notes"])
    return entry


def _request(whole: RequestDetails) -> dict[str, Any]:
    headers = whole["headers"]
    request: dict[str, Any] = {
        "method": whole["method"],
        "url": whole["url"],
        "httpVersion": f"HTTP/{whole['http_version']}" if whole["http_version"] else "",
        "cookies": [cookie for value in _values(headers, "cookie") for cookie in _cookies(value)],
        "headers": _pairs(headers),
        "queryString": _pairs(whole["query"]),
        "headersSize": -1,
        "bodySize": whole["size"],
    }
    if whole["size"]:
        request["postData"] = {
            "mimeType": _value(headers, "content-type"),
            "params": [
                *_pairs(whole["form"]),
                *(
                    {"name": file["name"], "fileName": file["filename"], "contentType": file["type"]}
                    for file in whole["files"]
                ),
            ],
            "text": whole["body"],
            "_encoding": whole["body_encoding"],
            "_sha256": whole["sha256"],
            "_truncated": whole["truncated"],
        }
    return request


def _recorded(recorded: TappedResponseDetails) -> dict[str, Any]:
    body, encoding = recorded["body"], recorded["body_encoding"]
    return _response(recorded["status"], recorded["headers"], recorded["size"], body, encoding)


def _answered(whole: RequestDetails, reply: Reply) -> dict[str, Any]:
    """The response of a mirror. What it answered isn't kept with the request, and may have been changed since."""
    if "failure" in whole:
        response = _response(whole["failure"]["status"], (), 0, "", "utf-8")
        return {**response, "comment": whole["failure"]["reason"]}
    if is_preflight(whole["method"], Headers([(name, value) for name, value in whole["headers"]])):
        return _response(204, (), 0, "", "utf-8")
    body = b"" if whole["method"] == "HEAD" else reply.body
    response = _response(reply.status, reply.headers, len(body), *as_text(body))
    return {**response, "comment": "What the mirror answered when this was exported"}


def _response(status: int, headers: Pairs, size: int, body: str, encoding: BodyEncoding) -> dict[str, Any]:
    content = {"size": size, "mimeType": _value(headers, "content-type"), "text": body}
    if encoding == "base64":
        content["encoding"] = "base64"
    return {
        "status": status,
        "statusText": _phrase(status),
        "httpVersion": "HTTP/1.1",
        "cookies": [cookie for value in _values(headers, "set-cookie") for cookie in _set_cookie(value)],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": _value(headers, "location"),
        "headersSize": -1,
        "bodySize": size,
    }


def _cookies(value: str) -> Iterable[dict[str, Any]]:
    """The cookies of a Cookie header (RFC 6265 4.2.1), each as often as it's there."""
    for pair in value.split(";"):
        name, equals, text = pair.partition("=")
        if equals and name.strip():
            yield {"name": name.strip(), "value": text.strip()}


def _set_cookie(value: str) -> Iterable[dict[str, Any]]:
    """The cookie of a Set-Cookie header (RFC 6265 5.2), if there is one."""
    first, *attributes = value.split(";")
    for cookie in _cookies(first):
        cookie |= {"httpOnly": False, "secure": False}
        for attribute in attributes:
            name, _, text = (part.strip() for part in attribute.partition("="))
            match name.lower():
                case "path" | "domain":
                    cookie[name.lower()] = text
                case "secure":
                    cookie["secure"] = True
                case "httponly":
                    cookie["httpOnly"] = True
                case "expires":
                    cookie |= _expires(text)
        yield cookie


def _expires(text: str) -> dict[str, str]:
    try:
        return {"expires": parsedate_to_datetime(text).astimezone(UTC).isoformat()}
    except (ValueError, OverflowError):  # no date
        return {}


def _pairs(pairs: Pairs) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _values(headers: Pairs, wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]


def _value(headers: Pairs, wanted: str) -> str:
    return next(iter(_values(headers, wanted)), "")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
