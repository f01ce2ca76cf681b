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
from .mirror_response import ReadyResponse, is_preflight
from .request_details import body_as_text

Pairs = Iterable[list[str] | tuple[str, str]]


def har_entry(details: RequestDetails, ready: ReadyResponse) -> dict[str, Any]:
    """The entry of a request. Its response is the one that was tapped, or else `ready`: the mirror's."""
    tapped = details.get("response")
    duration = tapped["duration"] if tapped else 0
    entry: dict[str, Any] = {
        "startedDateTime": details["time"],
        "time": duration,
        "request": _request(details),
        "response": _mirror_response(details, ready) if tapped is None else _tapped_response(tapped),
        "cache": {},
        "timings": {"send": 0, "wait": duration, "receive": 0},
        "_id": details["id"],
        "_remote": details["remote"],
    }
    if "trace" in details:
        entry["_trace"] = details["trace"]
    if details["notes"]:
        entry["comment"] = " ".join(details["notes"])
    return entry


def _request(details: RequestDetails) -> dict[str, Any]:
    headers = details["headers"]
    request: dict[str, Any] = {
        "method": details["method"],
        "url": details["url"],
        "httpVersion": f"HTTP/{details['http_version']}" if details["http_version"] else "",
        "cookies": [cookie for value in _values(headers, "cookie") for cookie in _cookies(value)],
        "headers": _pairs(headers),
        "queryString": _pairs(details["query"]),
        "headersSize": -1,
        "bodySize": details["size"],
        "_path": details["path"],
    }
    if details["size"]:
        request["postData"] = {
            "mimeType": _value(headers, "content-type"),
            "params": [
                *_pairs(details["form"]),
                *(
                    {"name": file["name"], "fileName": file["filename"], "contentType": file["type"]}
                    for file in details["files"]
                ),
            ],
            "text": details["body"],
            "_encoding": details["body_encoding"],
            "_sha256": details["sha256"],
            "_truncated": details["truncated"],
        }
    return request


def _tapped_response(tapped: TappedResponseDetails) -> dict[str, Any]:
    body, encoding = tapped["body"], tapped["body_encoding"]
    response = _response(tapped["status"], tapped["headers"], tapped["size"], body, encoding)
    return {**response, "_truncated": tapped["truncated"] or not tapped["complete"]}


def _mirror_response(details: RequestDetails, ready: ReadyResponse) -> dict[str, Any]:
    """The response of a mirror. What it answered isn't kept with the request, and may have been changed since."""
    if "failure" in details:
        response = _response(details["failure"]["status"], (), 0, "", "utf-8")
        return {**response, "comment": details["failure"]["reason"]}
    if is_preflight(details["method"], Headers([(name, value) for name, value in details["headers"]])):
        return _response(204, (), 0, "", "utf-8")
    body = b"" if details["method"] == "HEAD" else ready.body
    response = _response(ready.status, ready.headers, len(body), *body_as_text(body))
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
