"""The response of a rule: what stands in `{{...}}` is taken from the request. Nothing is computed, nothing is run.

| place | what is put in |
|---|---|
| `{{request.method}}`, `{{request.path}}`, `{{request.body}}` | method, path below the mirror's URL, body as text |
| `{{request.header.NAME}}`, `{{request.query.NAME}}` | the first value of this header or parameter |
| `{{request.json.PATH}}` | the first value at this JSON path of the body |
| `{{now}}` | the time: 2026-01-31T12:00:00.000Z |

What the request doesn't have is empty. In a body that is JSON a place within quotes gets text, escaped for it, and any
other place the value as JSON, `null` if there is none: it stays JSON, whatever was sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .condition_kinds import Subject, json_path_of
from .json_shapes import MirrorResponse
from .mirror_response import MAX_BODY, ReadyResponse, can_be_value, made_ready
from .request_record import iso, now

_PLACE = re.compile(r"\{\{\s*(now|request\.[^{}]*?)\s*\}\}")
_IS_JSON = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json\b", re.IGNORECASE)
_PLACES = "request.method, request.path, request.body, request.header.NAME, request.query.NAME, request.json.PATH, now"

_Value = Callable[[Subject], Any]


class ResponseTemplate:
    """A response, ready to be filled in. Raises ValueError for a place that can't be filled."""

    def __init__(self, response: MirrorResponse) -> None:
        self._response = response
        self._headers = [(name, _parts(value)) for name, value in response["headers"]]
        types = [value for name, value in response["headers"] if name.lower() == "content-type"]
        self._is_json = bool(types) and _IS_JSON.match(types[0]) is not None
        self._body = _parts(response["body"]) if response["body_encoding"] == "utf-8" else [response["body"]]
        parts = [*self._body, *(part for _, value in self._headers for part in value)]
        self._ready = made_ready(response) if all(isinstance(part, str) for part in parts) else None

    async def ready(self, subject: Subject) -> ReadyResponse:
        """The response to a request."""
        if self._ready is not None:
            return self._ready
        await subject.decode()
        headers = []
        for name, parts in self._headers:
            value = "".join(part if isinstance(part, str) else _as_header(part(subject)) for part in parts)
            if can_be_value(value):  # one with a line break would begin another header
                headers.append([name, value])
        body = "".join(self._filled(subject))
        return made_ready({**self._response, "headers": headers, "body": body})

    def _filled(self, subject: Subject) -> Iterator[str]:
        within = False  # quotes
        room = MAX_BODY  # for all that is put in: a body is no way to make a much larger one
        for part in self._body:
            if isinstance(part, str):
                yield part
                within ^= len(_QUOTES.findall(part)) % 2 == 1
                continue
            value = part(subject)
            if not self._is_json:
                text = _as_text(value)
            elif within:
                text = json.dumps(_as_text(value)[:room])[1:-1]
            else:
                text = _as_json(value)
                if len(text) > room:
                    text = "null"
            yield text[:room] if not self._is_json else text
            room = max(0, room - len(text))


# A quote that begins or ends a string, if the text before it began outside of one, or within one.
_QUOTES = re.compile(r'(?<!\\)(?:\\\\)*"')


def _parts(text: str) -> list[str | _Value]:
    parts: list[str | _Value] = []
    for n, piece in enumerate(_PLACE.split(text)):
        parts.append(_value(piece) if n % 2 else piece)
    return [part for part in parts if part != ""]


def _value(place: str) -> _Value:
    """What is put in at a place. Raises ValueError."""
    kind, _, name = place.removeprefix("request.").partition(".")
    if place == "now":
        return lambda subject: iso(now())
    if place in _SIMPLE:
        return _SIMPLE[place]
    if name and kind == "header":
        return partial(_header, name.lower())
    if name and kind == "query":
        return lambda subject: next((value for each, value in subject.summary["query"] if each == name), None)
    if name and kind == "json":
        path = json_path_of(name)
        return lambda subject: _json_value(path, subject)
    raise ValueError(f"There is no {{{{{place}}}}}: {_PLACES}")


_SIMPLE: dict[str, _Value] = {
    "request.method": lambda subject: subject.summary["method"],
    "request.path": lambda subject: subject.summary["path"] or "/",
    "request.body": lambda subject: subject.body.decode("utf-8", "replace"),
}


def _header(name: str, subject: Subject) -> str | None:
    # The summary has a char per byte; most senders mean UTF-8.
    values = (value for each, value in subject.summary["headers"] if each.lower() == name)
    return next((value.encode("latin-1").decode("utf-8", "replace") for value in values), None)


def _json_value(path: Any, subject: Subject) -> Any:
    from .bounded_pattern import TooSlow
    from .json_path import TooMuch

    try:
        return next(path.values(subject.document, subject.steps), None)
    except (ValueError, TooMuch, TooSlow):
        return None


def _as_text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _as_json(value: Any) -> str:
    """A value that Python has read of a body: NaN and what is beyond a float, 1e999, are none of JSON (RFC 8259 6)."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return "null"


def _as_header(value: Any) -> str:
    return _as_text(value).encode("utf-8", "replace").decode("latin-1")
