"""All requests of a mirror in one file: JSON, or HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/)."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from reserve_core import __version__

from .model import RecordedWhole, Whole
from .store import Store
from .whole import to_json, whole_of, whole_to_json

_PAGE = 200


async def as_json(store: Store, code: str) -> AsyncIterator[str]:
    """`{"requests": [...]}`, each one whole, oldest first, in pieces."""
    yield '{"requests":['
    separator = "\n"
    async for whole in _wholes(store, code):
        yield separator + await whole_to_json(whole, whole)
        separator = ",\n"
    yield "\n]}\n"


async def as_har(store: Store, code: str) -> AsyncIterator[str]:
    """A HAR log in pieces. What it can't hold is in members whose names begin with an underscore."""
    creator = {"name": "reserve", "version": __version__}
    yield f'{{"log":{{"version":"1.2","creator":{to_json(creator)},"entries":['
    separator = "\n"
    async for whole in _wholes(store, code):
        yield separator + await whole_to_json(_har_entry(whole), whole)
        separator = ",\n"
    yield "\n]}}\n"


def file_extension(content_type: str) -> str:
    """The extension of a file with such a content, with its dot."""
    return mimetypes.guess_extension(content_type.partition(";")[0].strip().lower()) or ".bin"


async def _wholes(store: Store, code: str) -> AsyncIterator[Whole]:
    """The requests one by one: together they may be more than the memory holds."""
    after = ""
    while entries := await store.entries(code, after, _PAGE):
        after = entries[-1].id
        for entry in entries:
            content = await store.content(code, entry.id)
            if content is not None:  # else it has been deleted meanwhile
                yield await whole_of(content)


def _har_entry(whole: Whole) -> dict[str, Any]:
    recorded = whole.get("response")
    duration = recorded["duration"] if recorded else 0
    return {
        "startedDateTime": whole["time"],
        "time": duration,
        "request": _har_request(whole),
        "response": _har_response(recorded),
        "cache": {},
        "timings": {"send": 0, "wait": duration, "receive": 0},
        "_id": whole["id"],
        "_remote": whole["remote"],
    }


def _har_request(whole: Whole) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": whole["method"],
        "url": whole["url"],
        "httpVersion": f"HTTP/{whole['http_version']}",
        "cookies": [],
        "headers": _har_pairs(whole["headers"]),
        "queryString": _har_pairs(whole["query"]),
        "headersSize": -1,
        "bodySize": whole["size"],
    }
    if whole["size"]:
        request["postData"] = {
            "mimeType": _header(whole["headers"], "content-type"),
            "text": whole["body"],
            "params": [],
            "_encoding": whole["body_encoding"],
            "_sha256": whole["sha256"],
            "_truncated": whole["truncated"],
        }
    return request


def _har_response(recorded: RecordedWhole | None) -> dict[str, Any]:
    """The answer that was tapped; a mirror records no other, and HAR has to have one."""
    if recorded is None:
        headers: list[list[str]] = []
        status, body, size = 0, {"text": ""}, 0
    else:
        headers = recorded["headers"]
        status, size = recorded["status"], recorded["size"]
        body = {"text": recorded["body"]}
        if recorded["body_encoding"] == "base64":
            body["encoding"] = "base64"
    return {
        "status": status,
        "statusText": _phrase(status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _har_pairs(headers),
        "content": {"size": size, "mimeType": _header(headers, "content-type"), **body},
        "redirectURL": _header(headers, "location"),
        "headersSize": -1,
        "bodySize": size,
    }


def _har_pairs(pairs: list[list[str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _header(headers: list[list[str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
