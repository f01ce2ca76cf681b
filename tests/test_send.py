"""The helper `send`: what goes out for data of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from multidict import CIMultiDict

from reserve_core.errors import Disconnected, ResponseError
from reserve_core.http import Response
from reserve_core.send import send

Headers = CIMultiDict[str]


class RecordingWriter:
    """Records an answer. `patience`: the chunks that its client takes before it goes away."""

    def __init__(self, patience: int = 1000) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.headers: Headers = CIMultiDict()
        self.patience = patience

    def inform(self, status: int, headers: Headers) -> None:
        self.calls.append(("inform", status))

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self.headers = CIMultiDict(headers)
        self.calls.append(("send", status, body))

    def start(self, status: int, headers: Headers) -> None:
        self.headers = CIMultiDict(headers)
        self.calls.append(("start", status))

    async def write(self, chunk: bytes) -> None:
        if not self.patience:
            raise Disconnected("gone")
        self.patience -= 1
        self.calls.append(("write", chunk))

    async def end(self) -> None:
        self.calls.append(("end",))

    def abort(self) -> None:
        self.calls.append(("abort",))


class Chunks:
    """An async iterator that knows whether it was closed."""

    def __init__(self, *chunks: bytes | str | Exception) -> None:
        self.chunks = list(chunks)
        self.closed = False

    def __aiter__(self) -> Chunks:
        return self

    async def __anext__(self) -> bytes | str:
        if not self.chunks:
            raise StopAsyncIteration
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def writer() -> RecordingWriter:
    return RecordingWriter()


@pytest.fixture
def response(writer: RecordingWriter) -> Response:
    return Response(writer)


@pytest.mark.parametrize(
    ("data", "body", "content_type"),
    [
        ("h€", "h€".encode(), "text/plain; charset=utf-8"),
        ("", b"", "text/plain; charset=utf-8"),
        (b"\xff", b"\xff", None),
        (bytearray(b"x"), b"x", None),
        (None, b"", None),
        ({"a": [1, None]}, b'{"a":[1,null]}', "application/json"),
        ([1, 2], b"[1,2]", "application/json"),
        (42, b"42", "application/json"),
        (True, b"true", "application/json"),
    ],
)
async def test_data_goes_out_as_its_type_says(
    response: Response, writer: RecordingWriter, data: object, body: bytes, content_type: str | None
) -> None:
    await send(response, data)
    assert writer.calls == [("send", 200, body)]
    assert writer.headers.get("content-type") == content_type
    assert response.ended


async def test_status_and_headers(response: Response, writer: RecordingWriter) -> None:
    response.headers["x-kept"] = "1"
    response.headers["x-replaced"] = "old"
    await send(response, "hello", 201, {"X-Replaced": "new", "Content-Type": "text/html"})
    assert writer.calls == [("send", 201, b"hello")]
    assert list(writer.headers.items()) == [
        ("x-kept", "1"),
        ("X-Replaced", "new"),
        ("content-type", "text/html; charset=utf-8"),
    ]


async def test_a_status_set_before_stays(response: Response, writer: RecordingWriter) -> None:
    response.status = 404
    await send(response, "no")
    assert writer.calls == [("send", 404, b"no")]


@pytest.mark.parametrize(
    ("data", "error"),
    [(object(), TypeError), ({"ratio": float("nan")}, ValueError), ([-float("inf")], ValueError)],
    ids=["object", "nan", "inf"],
)
async def test_what_cannot_be_sent_is_refused(response: Response, data: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await send(response, data)
    assert not response.headers_sent


async def test_an_async_iterator_is_streamed(response: Response, writer: RecordingWriter) -> None:
    chunks = Chunks("a€", b"", b"b")
    await send(response, chunks, 201, {"x-a": "1"})
    assert writer.calls == [("start", 201), ("write", "a€".encode()), ("write", b"b"), ("end",)]
    assert dict(writer.headers) == {"x-a": "1", "content-type": "application/octet-stream"}
    assert chunks.closed


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [("text/event-stream", "text/event-stream; charset=utf-8"), ("image/png", "image/png")],
)
async def test_a_stream_keeps_its_content_type(
    response: Response, writer: RecordingWriter, content_type: str, sent: str
) -> None:
    await send(response, Chunks(), headers=[("Content-Type", content_type)])
    assert writer.headers.getall("content-type") == [sent]


async def test_the_head_of_a_stream_goes_out_before_its_first_chunk(
    response: Response, writer: RecordingWriter
) -> None:
    calls: list[int] = []

    async def generator() -> AsyncIterator[bytes]:
        calls.append(len(writer.calls))
        yield b"x"

    await send(response, generator())
    assert calls == [1]


async def test_an_iterable_that_makes_generators_has_them_closed(response: Response) -> None:
    closed = []

    class Endless:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
            finally:
                closed.append(True)

    response.writer = RecordingWriter(patience=3)
    with pytest.raises(Disconnected):
        await send(response, Endless())
    assert closed == [True]


async def test_a_stream_is_closed_when_the_client_goes(response: Response) -> None:
    response.writer = RecordingWriter(patience=1)
    chunks = Chunks(b"1", b"2", b"3")
    with pytest.raises(Disconnected):
        await send(response, chunks)
    assert chunks.closed
    assert chunks.chunks == [b"3"]
    assert not response.ended


async def test_a_stream_that_fails_does_not_end_the_answer(response: Response, writer: RecordingWriter) -> None:
    chunks = Chunks(b"1", OSError("disk"))
    with pytest.raises(OSError, match="disk"):
        await send(response, chunks)
    assert ("end",) not in writer.calls
    assert chunks.closed


async def test_no_stream_into_an_answer_that_has_begun(response: Response) -> None:
    await response.write("begun")
    chunks = Chunks(b"1")
    with pytest.raises(ResponseError, match="has begun"):
        await send(response, chunks)
    assert chunks.closed
    with pytest.raises(ResponseError):
        await send(response, "text")


async def test_no_body_says_what_would_follow(response: Response, writer: RecordingWriter) -> None:
    await send(response, "h€", 200, {"x-a": "1"}, no_body=True)
    assert writer.calls == [("send", 200, b"")]
    assert dict(writer.headers) == {
        "x-a": "1",
        "content-type": "text/plain; charset=utf-8",
        "content-length": "4",
        "cache-control": "no-store",
    }


async def test_no_body_of_a_stream(response: Response, writer: RecordingWriter) -> None:
    chunks = Chunks(b"1")
    await send(response, chunks, 203, no_body=True)
    assert writer.calls == [("start", 203), ("end",)]
    assert "content-length" not in writer.headers
    assert chunks.closed
    assert chunks.chunks == [b"1"]
