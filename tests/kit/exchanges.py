"""Exchanges of all kinds, each with the bytes that were on the wire."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass, field
from http import HTTPStatus

from reserve_replay import RecordedExchange, RecordedMessage

DATE = "Date: Sat, 31 Jan 2026 12:00:00 GMT"
KINDS = ("text", "binary", "chunked", "partial", "events", "redirect", "trailers", "gzip", "empty", "head")


@dataclass
class WireExchange:
    """An exchange as it was on the wire, and as it is recorded."""

    request: bytes
    response: bytes
    recorded: RecordedExchange = field(repr=False)

    @property
    def is_head(self) -> bool:
        return self.request.startswith(b"HEAD ")


def wire_exchanges(count: int, seed: int = 1) -> list[WireExchange]:
    """So many, of each kind in turn; no two of them have the same URL."""
    rng = random.Random(seed)
    return [_exchange(rng, number, KINDS[number % len(KINDS)]) for number in range(count)]


def _exchange(rng: random.Random, number: int, kind: str) -> WireExchange:
    method = "HEAD" if kind == "head" else rng.choice(("GET", "POST", "PUT"))
    asked = b"" if method != "POST" else rng.randbytes(rng.randrange(2000))
    lines = [f"Host: api.example.com:{number}", "Accept:*/*", "X-Tab: a\tb  c ", "X-Empty:"]
    if kind == "partial":
        lines.append("Range: bytes=3-7")
    if kind == "empty":
        lines.append('If-None-Match: "1"')
    if asked:
        lines.append(f"Content-Length: {len(asked)}")
    first = f"{method} /{kind}/{number}%20x?b=2&a={number} HTTP/1.1"
    request = RecordedMessage(first, tuple(lines), asked)
    response = _response(rng, kind)
    wire = _head(first, lines) + asked
    framed = response.body
    if response.chunks:
        framed, start = b"", 0
        for size in response.chunks:
            framed += b"%x\r\n%b\r\n" % (size, response.body[start : start + size])
            start += size
        framed += b"0\r\n" + "".join(f"{line}\r\n" for line in response.trailer_lines).encode() + b"\r\n"
    answer = _head(response.first_line, response.field_lines) + framed
    return WireExchange(wire, answer, RecordedExchange(request, response, "2026-01-31T12:00:00.000Z", 12.5))


def _head(first: str, lines: tuple[str, ...] | list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in (first, *lines, "")).encode("latin-1")


def _response(rng: random.Random, kind: str) -> RecordedMessage:
    lines = [DATE, "Server: other/1.0", "X-Same: 1", "x-same: 2", "X-Latin: caf\xe9"]
    status, body = 200, b""
    chunks: tuple[int, ...] = ()
    trailers: tuple[str, ...] = ()
    text = json.dumps({"n": [rng.random() for _ in range(rng.randrange(1, 50))], "crlf": "a\r\n\r\nb"}).encode()
    match kind:
        case "text":
            body, lines = text + b"\r\n\n", [*lines, "Content-Type: application/json"]
        case "binary":
            body = bytes(range(256)) + rng.randbytes(rng.randrange(100_000))
        case "gzip":
            body, lines = gzip.compress(text, mtime=0), [*lines, "Content-Encoding: gzip"]
        case "partial":
            status, body, lines = 206, b"34567", [*lines, "Content-Range: bytes 3-7/10"]
        case "redirect":
            status, lines = rng.choice((301, 302, 303, 307, 308)), [*lines, "Location: /elsewhere?x=1#f"]
        case "empty":
            status = rng.choice((204, 304))
        case "head":
            lines.append("Content-Length: 12345")
        case "events":
            events = [f"id: {n}\ndata: {rng.random()}\n\n".encode() for n in range(rng.randrange(1, 20))]
            body, chunks, lines = b"".join(events), tuple(map(len, events)), [*lines, "Content-Type: text/event-stream"]
        case "chunked" | "trailers":
            pieces = [rng.randbytes(rng.randrange(1, 20_000)) for _ in range(rng.randrange(1, 9))]
            body, chunks = b"".join(pieces), tuple(map(len, pieces))
            trailers = ("X-Sum: 1", "x-Sum: 2") if kind == "trailers" else ()
    if chunks:
        lines.append("transfer-encoding: chunked")
    elif status not in (204, 304) and kind != "head":
        lines.append(f"content-length: {len(body)}")
    return RecordedMessage(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", tuple(lines), body, chunks, trailers)
