"""The response with a file: preconditions, ranges, and how its bytes are sent."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial

from reserve_core import Request, Response

from .conditional import is_conditional, precondition, range_applies
from .ranges import Range, content_range, multipart_heads, parse_ranges
from .representation import Representation

Part = bytes | Range  # of a body: bytes as they are, or a range of the file
SendRange = Callable[[Response, int, int], Awaitable[None]]


def send_from_memory(request: Request, response: Response, file: Representation) -> None:
    """The whole response, of a file whose body is in memory."""
    body = file.body
    assert body is not None
    if not is_conditional(request.headers):
        response.send(body, headers=file.fields)
        return
    parts = _prepare_response(request, response, file)
    if not response.ended:
        response.send(b"".join([part if isinstance(part, bytes) else body[part[0] : part[1]] for part in parts]))


async def send_from_disk(request: Request, response: Response, file: Representation, descriptor: int) -> None:
    """The whole response, of an open file. Raises OSError when that has fewer bytes by now."""
    try:
        if request.method == "HEAD" or (response.status == 200 and is_conditional(request.headers)):
            await send_by_ranges(request, response, file, partial(_send_range, descriptor))
        else:
            await response.send_file(descriptor, 0, file.size, headers=file.fields)
    except EOFError as error:
        raise OSError(f"{file.path} changed while it was being sent: {error}") from error


async def _send_range(descriptor: int, response: Response, start: int, stop: int) -> None:
    await response.write_file(descriptor, start, stop - start)


async def send_by_ranges(request: Request, response: Response, file: Representation, send_range: SendRange) -> None:
    """The whole response, of a file whose bytes from `start` to before `stop` are written by
    `send_range(response, start, stop)`.

    What it raises breaks the response off.
    """
    parts = _prepare_response(request, response, file)
    if response.ended:
        return
    if request.method == "HEAD" or not parts:
        response.send(b"")
        return
    for part in parts:
        if isinstance(part, bytes):
            await response.write(part)
        else:
            await send_range(response, *part)
    await response.end()


def _prepare_response(request: Request, response: Response, file: Representation) -> list[Part]:
    """Sets the status and the headers, and returns what makes the body; sends what has none by its status.

    A status set by an earlier mapping is kept and means the whole file: preconditions and ranges are for a 200
    (RFC 9110 section 13.2.1). Range is defined for GET only (section 14.2).
    """
    headers = request.headers
    if response.status != 200 or not is_conditional(headers):
        return _whole(response, file)
    status = precondition(headers, file.etag, file.modified)
    if status == 304:
        response.send(b"", status, file.brief)
        return []
    if status == 412:
        return _refuse(response, status)
    ranges = None
    if request.method == "GET" and "range" in headers and range_applies(headers, file.etag, file.modified):
        ranges = parse_ranges(", ".join(headers.getall("range")), file.size)
    if ranges is None:
        return _whole(response, file)
    if not ranges:
        response.headers["content-range"] = content_range(None, file.size)
        response.headers["accept-ranges"] = "bytes"
        return _refuse(response, 416)
    return _partial(response, file, ranges)


def _whole(response: Response, file: Representation) -> list[Part]:
    response.replace_headers(file.fields)
    response.headers["content-length"] = str(file.size)
    return [(0, file.size)] if file.size else []


def _partial(response: Response, file: Representation, ranges: list[Range]) -> list[Part]:
    response.status = 206
    response.replace_headers(file.fields)
    if len(ranges) == 1:
        start, stop = ranges[0]
        response.headers["content-range"] = content_range(ranges[0], file.size)
        response.headers["content-length"] = str(stop - start)
        return [ranges[0]]
    boundary = os.urandom(16).hex()
    heads, end = multipart_heads(ranges, file.size, file.content_type, boundary)
    length = sum(len(head) + stop - start for head, (start, stop) in zip(heads, ranges, strict=True)) + len(end)
    response.headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
    response.headers["content-length"] = str(length)
    parts: list[Part] = [part for pair in zip(heads, ranges, strict=True) for part in pair]
    return [*parts, end]


def _refuse(response: Response, status: int) -> list[Part]:
    response.status = status
    response.headers["cache-control"] = "no-store"
    return []
