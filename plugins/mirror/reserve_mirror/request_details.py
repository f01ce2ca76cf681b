"""A recorded request in detail: its body as text, decoded, and taken apart."""

from __future__ import annotations

import asyncio
import base64
import json
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from reserve_core import Form, FormFile, Request

from .json_shapes import (
    BodyEncoding,
    DecodedBody,
    RequestDetails,
    RequestSummary,
    TappedResponse,
    TappedResponseDetails,
    UploadedFile,
)
from .store import MirrorEvent, RecordEntry, StoredRecord

if TYPE_CHECKING:
    from .signature_verifier import SignatureVerifier
    from .signatures import SignedRequest

# Bytes of a decoded body that are given; the exact bytes are given in full.
MAX_DECODED = 1024 * 1024

LOST = "The body is lost: the memory of Redis was full, and it has dropped it."

# What is turned into text at once. More is, in a thread, in pieces of this size: none of them holds the interpreter's
# lock for long. It is a multiple of 3, for base64.
PIECE = 48 * 1024

_utf8 = getincrementaldecoder("utf-8")
_IDENTITY = frozenset(("", "identity"))


def summary_of(entry: RecordEntry) -> RequestSummary:
    """The summary that an entry holds."""
    return cast("RequestSummary", json.loads(entry.text))


def summary_of_event(event: MirrorEvent) -> RequestSummary:
    """The summary that an event of a request tells."""
    return cast("RequestSummary", json.loads(event.text)["request"])


def is_lost(part: RequestSummary | TappedResponse, body: bytes) -> bool:
    """Whether the body that was kept of a request, or of a tapped response, isn't there any more."""
    return bool(part["size"]) and not body and not part["truncated"]


async def details_of(stored: StoredRecord, verifier: SignatureVerifier | None = None) -> RequestDetails:
    """The whole request, with what the verifier says of its signature."""
    summary = summary_of(stored.entry)
    body, encoding = await _body_as_text(stored.body)
    plain = await _decode(summary["headers"], stored.body)
    form, form_note = await _form(summary, stored.body, plain)
    failure = f"{summary['failure']['reason']}." if "failure" in summary else ""
    lost = is_lost(summary, stored.body)
    details = cast("RequestDetails", {**summary})
    details["truncated"] = summary["truncated"] or lost
    details["body"] = body
    details["body_encoding"] = encoding
    details["lost"] = lost
    details["decoded"] = await _decoded(plain)
    details["form"] = [[name, value] for name, value in form.fields.items()]
    details["files"] = [
        UploadedFile(name=file.name, filename=file.filename, type=file.content_type, size=len(file.body))
        for file in form.files
    ]
    details["notes"] = [note for note in (failure, LOST if lost else "", plain.note, form_note) if note]
    if verifier is not None:
        details["signature"] = await verifier.verdict(signed_request(summary, stored.body, plain.data))
    if "response" in summary:
        tapped = summary["response"]
        body, encoding = await _body_as_text(stored.response_body)
        plain = await _decode(tapped["headers"], stored.response_body)
        lost = is_lost(tapped, stored.response_body)
        response = details["response"] = TappedResponseDetails(
            **tapped,
            body=body,
            body_encoding=encoding,
            lost=lost,
            decoded=await _decoded(plain),
            notes=[note for note in (LOST if lost else "", plain.note) if note],
        )
        response["truncated"] = tapped["truncated"] or lost
    if stored.trace:
        details["trace"] = json.loads(stored.trace)
    if stored.forwarded:
        details["forwarded"] = json.loads(stored.forwarded)
    return details


async def plain_body(message: RequestSummary | TappedResponse, body: bytes) -> bytes:
    """The body of a request, or of a tapped response, without its content coding as far as it can be decoded."""
    plain = await _decode(message["headers"], body)
    return body if plain.data is None else plain.data


def signed_request(summary: RequestSummary, body: bytes, plain: bytes | None = None) -> SignedRequest:
    """A request for its signature to be verified; `plain` is its body without its content coding, if it has one."""
    from .signatures import SignedRequest

    incomplete = LOST if is_lost(summary, body) else _cut(summary, body, _PlainBody(None))
    if incomplete:
        incomplete = f"{incomplete[0].upper()}{incomplete[1:].removesuffix('.')}."
    received = datetime.fromisoformat(summary["time"]).timestamp()
    return SignedRequest(summary["headers"], body, received, plain, incomplete)


async def plain_bodies(summary: RequestSummary, stored: StoredRecord) -> list[bytes]:
    """The plain bodies of a request and of its response."""
    bodies = [await plain_body(summary, stored.body)]
    if "response" in summary:
        bodies.append(await plain_body(summary["response"], stored.response_body))
    return bodies


async def files_of(stored: StoredRecord) -> list[FormFile]:
    """The files of a multipart body, as far as they can be read."""
    summary = summary_of(stored.entry)
    form, _ = await _form(summary, stored.body, await _decode(summary["headers"], stored.body))
    return form.files


async def _form(summary: RequestSummary, body: bytes, plain: _PlainBody) -> tuple[Form, str]:
    """The form in a body, and why not all of it is there: a sentence, "" when it is."""
    if plain.note or not body:
        return Form(), ""
    cut = _cut(summary, body, plain)
    content = body if plain.data is None else plain.data
    types = [("content-type", value) for name, value in summary["headers"] if name.lower() == "content-type"]
    is_urlencoded = bool(types) and types[0][1].lower().startswith("application/x-www-form-urlencoded")
    if cut and is_urlencoded:
        content = content.rpartition(b"&")[0]  # nothing says whether the last field is complete
    form = await Request("POST", "/", types, content, max_body=len(content)).form(partial=True)
    reason = form.error.reason if form.error is not None else cut if is_urlencoded else ""
    if not reason:
        return form, ""
    if cut and reason != cut:
        reason = f"{reason}: {cut}"
    what = "Not all of the form is shown" if form.fields or form.files else "The form can't be shown"
    return form, f"{what}: {reason[0].lower()}{reason[1:]}."


def _cut(summary: RequestSummary, body: bytes, plain: _PlainBody) -> str:
    """Why not all of a body is there; "" when it is."""
    if "failure" in summary:
        return summary["failure"]["reason"].removesuffix(".")
    if len(body) < summary["size"]:
        return f"only the first {len(body)} of {summary['size']} bytes of the body are kept"
    if summary["truncated"]:
        return "nobody has read the rest of the body"
    return f"only the first {len(plain.data or b'')} bytes of the body are decoded" if plain.truncated else ""


def body_as_text(body: bytes) -> tuple[str, BodyEncoding]:
    """A body as JSON can hold it, to the byte."""
    decoder = _utf8()
    try:
        return "".join(map(decoder.decode, _pieces(body))) + decoder.decode(b"", True), "utf-8"
    except UnicodeDecodeError:
        return "".join(base64.b64encode(piece).decode() for piece in _pieces(body)), "base64"


async def _body_as_text(body: bytes) -> tuple[str, BodyEncoding]:
    return body_as_text(body) if len(body) <= PIECE else await asyncio.to_thread(body_as_text, body)


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + PIECE] for start in range(0, len(data), PIECE))


class _PlainBody(NamedTuple):
    """A body without its content coding."""

    data: bytes | None  # None: it has no coding, or isn't what it says
    truncated: bool = False
    note: str = ""  # why it isn't decoded, a sentence


async def _decode(headers: Sequence[Sequence[str]], body: bytes) -> _PlainBody:
    coding = _coding(headers)
    if coding in _IDENTITY or not body:
        return _PlainBody(None)
    from reserve_core.kit import Decoding  # with its libraries, only where a body is encoded

    data = bytearray()
    try:
        decoding = Decoding(coding)
        for piece in decoding.feed(body):
            data += piece[: MAX_DECODED - len(data)]
            if len(data) == MAX_DECODED:
                return _PlainBody(bytes(data), truncated=True)
            await asyncio.sleep(0)  # a bomb lets the others have their turn
    except ValueError:
        if not data:
            name = coding.encode("latin-1").decode("utf-8", "replace")  # a char per byte; most senders mean UTF-8
            return _PlainBody(None, note=f"The body could not be decoded as {name}; it is shown as it came.")
        return _PlainBody(bytes(data), truncated=True)
    return _PlainBody(bytes(data), truncated=not decoding.complete)


async def _decoded(plain: _PlainBody) -> DecodedBody | None:
    if plain.data is None:
        return None
    text, encoding = await _body_as_text(plain.data)
    return DecodedBody(body=text, body_encoding=encoding, truncated=plain.truncated)


def _coding(headers: Sequence[Sequence[str]]) -> str:
    return ", ".join(value for name, value in headers if name.lower() == "content-encoding").strip().lower()


def to_json(value: Any) -> str:
    """Compact JSON, in ASCII."""
    return json.dumps(value, separators=(",", ":"))


async def details_to_json(value: Any, *requests: RequestDetails) -> str:
    """The same of a value that holds whole requests, however large they are, without holding up the event loop."""
    size = sum(_length(details) + _length(details.get("response")) for details in requests)
    return to_json(value) if size <= PIECE else await asyncio.to_thread(_to_json, value)


def _length(part: RequestDetails | TappedResponseDetails | None) -> int:
    if part is None:
        return 0
    decoded = part["decoded"]
    return len(part["body"]) + (len(decoded["body"]) if decoded else 0)


def _to_json(value: Any) -> str:
    if isinstance(value, str) and len(value) > PIECE:
        pieces = (value[start : start + PIECE] for start in range(0, len(value), PIECE))
        return f'"{"".join(json.dumps(piece)[1:-1] for piece in pieces)}"'
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{_to_json(each)}' for name, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_to_json, value))}]"
    return to_json(value)
