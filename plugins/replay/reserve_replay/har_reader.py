"""Reads a HAR 1.2: the log of a browser, of a proxy, or of a mirror (http://www.softwareishard.com/blog/har-12-spec/).

What browsers write isn't what was sent: a body is without its content coding, which the headers still name; HTTP/2 has
headers of its own; what came from the cache may be a 304 with a body.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from reserve_core import Problem
from reserve_core.kit import Decoding

from .recorded_exchange import MessageError, RecordedExchange, RecordedMessage, field_lines

T = TypeVar("T")
Pairs = list[tuple[str, str]]
Attached = Callable[[str], bytes | None]

_MEND = "Record it anew, or take the entry out"


class _NotReplayable(Exception):
    """Why an entry can't be replayed. It is no mistake: browsers write such entries."""


def read_har(
    data: bytes, place: str, attached: Attached, problems: list[Problem], left_out: list[str]
) -> Iterator[RecordedExchange]:
    """The exchanges of a HAR.

    `attached` gives the content of a file beside it. What is wrong is added to `problems`, and to `left_out` which
    entries can't be replayed, with the reason.
    """
    try:
        entries = _member(_member(json.loads(data.decode("utf-8-sig")), "log", dict), "entries", list)
    except json.JSONDecodeError as error:
        problems.append(Problem(f"{place}:{error.lineno}: {error.msg}", "A HAR is JSON: record it anew"))
        return
    except (MessageError, UnicodeDecodeError, RecursionError) as error:
        problems.append(Problem(f"{place} is no HAR: {error}", 'It has to be {"log": {"entries": [...]}}'))
        return
    for number, entry in enumerate(entries, 1):
        where = f"{place}, entry {number}"
        try:
            yield _exchange(entry, where, attached)
        except _NotReplayable as reason:
            left_out.append(f"{number} ({reason})")
        except ValueError as error:  # a MessageError, or what else isn't as it has to be
            problems.append(Problem(f"{where}: {error}", getattr(error, "mend", _MEND)))


def _member(value: Any, name: str, kind: type[T]) -> T:
    """A member of a JSON object. Raises `MessageError` if it's missing, or of another type."""
    member = value.get(name) if isinstance(value, dict) else None
    if not isinstance(member, kind):
        what = {dict: "object", list: "list", str: "text", int: "number"}[kind]
        raise MessageError(f"there is no {what} {name!r}", _MEND)
    return member


def _exchange(entry: Any, place: str, attached: Attached) -> RecordedExchange:
    request, response = _member(entry, "request", dict), _member(entry, "response", dict)
    url, status = urlsplit(_member(request, "url", str)), _member(response, "status", int)
    if url.scheme not in ("http", "https"):
        raise _NotReplayable(f"{url.scheme}: is no address of HTTP")
    if status == 101 or "_webSocketMessages" in entry:
        raise _NotReplayable("a WebSocket")
    if status <= 0:
        raise _NotReplayable("no response came")
    time, duration, comment = (entry.get(name) for name in ("startedDateTime", "time", "comment"))
    return RecordedExchange(
        _request(request, url.netloc, url._replace(scheme="", netloc="", fragment="").geturl() or "/"),
        _response(response, status, attached),
        time if isinstance(time, str) else "",
        float(duration) if isinstance(duration, int | float) and duration > 0 else None,
        comment if isinstance(comment, str) else "",
        place,
    )


def _request(request: dict[str, Any], host: str, target: str) -> RecordedMessage:
    headers = _headers(request)
    if not any(name.lower() == "host" for name, _ in headers):
        headers.insert(0, ("Host", host))
    body = b""
    post = request.get("postData")
    if isinstance(post, dict) and _whole(post):
        text = post.get("text")
        if isinstance(text, str) and text:
            body = _bytes(text, post.get("_encoding"))
        elif isinstance(post.get("params"), list):
            body = urlencode([(_member(each, "name", str), each.get("value", "")) for each in post["params"]]).encode()
    return RecordedMessage(f"{_member(request, 'method', str)} {target} HTTP/1.1", field_lines(headers), body)


def _response(response: dict[str, Any], status: int, attached: Attached) -> RecordedMessage:
    headers, content = _headers(response), response.get("content")
    content = content if isinstance(content, dict) else {}
    body = _body(content, status, attached) if _whole(response) else b""
    coding = ", ".join(value for name, value in headers if name.lower() == "content-encoding")
    if coding and body and not (content.get("encoding") == "base64" and _is_encoded(body, coding)):
        headers = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
    if status == 304 and body:
        status = 200  # the browser had it in its cache
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return RecordedMessage(f"HTTP/1.1 {status} {phrase}".rstrip(), field_lines(headers), body)


def _headers(message: dict[str, Any]) -> Pairs:
    """Header fields as HTTP/1.1 has them. A browser may have joined those of one name with line ends."""
    pairs: Pairs = []
    for each in _member(message, "headers", list):
        name, values = _member(each, "name", str), _member(each, "value", str)
        if not name.startswith(":"):  # of HTTP/2, which says the request line so
            pairs += [(name, _by_bytes(value.strip(" \t"))) for value in values.split("\n")]
    return pairs


def _by_bytes(value: str) -> str:
    """A value with a char per byte: most write it so, others as the text that UTF-8 says."""
    return value if all(char <= "\xff" for char in value) else value.encode().decode("latin-1")


def _whole(content: dict[str, Any]) -> bool:
    """True. Raises `_NotReplayable` for the body of a mirror's record that it didn't keep to its end."""
    if content.get("_truncated"):
        raise _NotReplayable("its body was kept in part only")
    return True


def _body(content: dict[str, Any], status: int, attached: Attached) -> bytes:
    text, file = content.get("text"), content.get("_file")
    if isinstance(text, str):
        return _bytes(text, content.get("encoding"))
    if isinstance(file, str):  # as Playwright attaches bodies
        body = attached(file)
        if body is None:
            raise _NotReplayable(f"the file of its body is missing: {file}")
        return body
    if content.get("size") and 200 <= status < 300 and status not in (204, 205):
        raise _NotReplayable("its body isn't there: save the HAR with content")
    return b""


def _bytes(text: str, encoding: object) -> bytes:
    if encoding != "base64":
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise MessageError("its body is no base64", _MEND) from None


def _is_encoded(body: bytes, coding: str) -> bool:
    """Whether a body still has its content coding: a mirror writes what was sent, browsers what they have read."""
    try:
        decoding = Decoding(coding)
        for _ in decoding.feed(body):
            pass
    except ValueError:
        return False
    return decoding.complete
