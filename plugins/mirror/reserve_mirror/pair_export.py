"""Requests of a mirror as pairs of files in a ZIP archive: what `replay` responds from. See `docs/exchanges.md`."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reserve_core import Headers

from .json_shapes import RequestSummary
from .mirror_response import ReadyResponse, is_preflight
from .request_details import LOST, PIECE, is_lost, summary_of
from .store import StoredRecord

if TYPE_CHECKING:
    from reserve_replay import RecordedExchange

# Says which records aren't there, a line each: no part of a body is given for all of it.
LEFT_OUT = "left-out.txt"

Pairs = Sequence[Sequence[str]]


async def as_pairs(records: AsyncIterator[StoredRecord], ready: ReadyResponse) -> AsyncIterator[bytes]:
    """A ZIP archive in pieces. The response of a request is the one that was tapped, or else `ready`: the mirror's."""
    from reserve_replay import exchange_files  # with its format, only for who exports

    pipe = _Pipe()
    left_out: list[str] = []
    number = 0
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        async for record in records:
            summary = summary_of(record.entry)
            try:
                exchange = _exchange(summary, record, ready)
            except ValueError as reason:
                left_out.append(f"{summary['method']} {summary['url']} ({summary['id']}): {reason}\n")
                continue
            number += 1
            for name, content in exchange_files(exchange, number).items():
                if len(content) > PIECE:
                    await asyncio.to_thread(archive.writestr, name, content)
                else:
                    archive.writestr(name, content)
            yield pipe.take()
        if left_out:
            archive.writestr(LEFT_OUT, "".join(left_out))
    yield pipe.take()


def _why_not(summary: RequestSummary, record: StoredRecord) -> str:
    """Why a record is no whole exchange; "" when it is one."""
    tapped = summary.get("response")
    if "failure" in summary:
        return summary["failure"]["reason"]
    if is_lost(summary, record.body) or (tapped is not None and is_lost(tapped, record.response_body)):
        return LOST
    if summary["truncated"]:
        return "its body is kept in part only"
    if tapped is None:
        return ""
    if tapped["truncated"]:
        return "the body of its response is kept in part only"
    if not tapped["complete"] or tapped["status"] < 200:
        return "it has no whole response"
    return ""


def _exchange(summary: RequestSummary, record: StoredRecord, ready: ReadyResponse) -> RecordedExchange:
    """The exchange of a record. Raises ValueError for one that isn't whole, or isn't one of HTTP/1.1."""
    from reserve_replay import RecordedExchange, RecordedMessage

    reason = _why_not(summary, record)
    if reason:
        raise ValueError(reason)
    target = urlsplit(summary["url"])._replace(scheme="", netloc="").geturl() or "/"
    first_line = f"{summary['method']} {target} HTTP/{summary['http_version']}"
    tapped = summary.get("response")
    if tapped is None:
        status, fields, body = _of_mirror(summary, ready)
        duration, comment = None, "The response is the one that the mirror had when this was saved"
    else:
        status, fields, body = tapped["status"], tapped["headers"], record.response_body
        duration, comment = tapped["duration"], ""
    return RecordedExchange(
        RecordedMessage(first_line, _lines(summary["headers"]), record.body),
        RecordedMessage(f"HTTP/1.1 {status} {_phrase(status)}".rstrip(), _lines(fields), body),
        summary["time"],
        duration,
        comment,
    )


def _of_mirror(summary: RequestSummary, ready: ReadyResponse) -> tuple[int, Pairs, bytes]:
    if is_preflight(summary["method"], Headers([(name, value) for name, value in summary["headers"]])):
        return 204, (), b""
    return ready.status, list(ready.headers), b"" if summary["method"] == "HEAD" else ready.body


def _lines(pairs: Pairs) -> tuple[str, ...]:
    return tuple(f"{name}: {value}" if value else f"{name}:" for name, value in pairs)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class _Pipe:
    """What an archive is written to: it can't go back in it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        """What has been written since."""
        data = bytes(self._written)
        self._written.clear()
        return data
