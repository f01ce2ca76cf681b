"""The helper `capture`: the copy of a body, what it is decoded from, and that it never disturbs the answer."""

from __future__ import annotations

import asyncio
import gzip
import io
import zlib
from contextlib import nullcontext
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
from multidict import CIMultiDict

from reserve_core.capture import CapturedHead, capture
from reserve_core.decoding import INPUT, PIECE
from reserve_core.errors import Disconnected, ResponseError
from reserve_core.http import Response
from tests.kit.codings import CODINGS, zstd_of_window

Headers = CIMultiDict[str]


class RecordingWriter:
    """Takes an answer as a connection does. `refuses`: the statuses it raises for, `gone`: nobody receives."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.body = b""
        self.refuses: set[int] = set()
        self.gone = False

    def inform(self, status: int, headers: Headers) -> None:
        self.calls.append(f"inform {status}")

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        if status in self.refuses:
            raise ResponseError("refused")
        self.calls.append(f"send {status}")
        self.body += body

    def start(self, status: int, headers: Headers) -> None:
        self.calls.append(f"start {status}")

    async def write(self, chunk: bytes) -> None:
        if self.gone:
            raise Disconnected("gone")
        self.calls.append("write")
        self.body += chunk

    async def end(self) -> None:
        self.calls.append("end")

    def abort(self) -> None:
        self.calls.append("abort")


@pytest.fixture
def writer() -> RecordingWriter:
    return RecordingWriter()


@pytest.fixture
def response(writer: RecordingWriter) -> Response:
    return Response(writer)


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


TEXT = b"".join(b"line %d of a text that compresses well\n" % number for number in range(20_000))


async def test_a_whole_answer(response: Response, writer: RecordingWriter) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.send("hello", 201, {"X-A": "1"})
    assert writer.calls == ["send 201"]
    result = await captured
    assert result.status == 201
    assert result.headers["x-a"] == "1"
    assert sink.getvalue() == b"hello"


async def test_a_streamed_answer(response: Response, writer: RecordingWriter) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.status = 203
    await response.write("a")
    assert sink.getvalue() == b"a"
    await response.write("b")
    assert not captured.done()
    await response.end("c")
    assert (await captured).status == 203
    assert sink.getvalue() == b"abc"
    assert writer.calls == ["start 203", "write", "write", "write", "end"]


async def test_the_head_is_that_of_the_answer(response: Response) -> None:
    captured = capture(response, io.BytesIO())
    response.send("hello")
    response.status = 500
    response.headers["x-late"] = "1"
    sent = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    assert await captured == CapturedHead(200, CIMultiDict(sent))


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("step", [1, 1000, 10_000_000])
async def test_the_copy_is_decoded_and_the_answer_is_not(
    response: Response, writer: RecordingWriter, coding: str, step: int
) -> None:
    text = TEXT if step > 1 else TEXT[:2000]
    coded = CODINGS[coding](text)
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.headers["Content-Encoding"] = coding.upper()
    for start in range(0, len(coded), step):
        await response.write(coded[start : start + step])
    await response.end()
    assert (await captured).headers["content-encoding"] == coding.upper()
    assert sink.getvalue() == text
    assert writer.body == coded


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_whole_coded_answer(response: Response, coding: str) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.send(CODINGS[coding](TEXT), headers={"content-encoding": coding})
    await captured
    assert sink.getvalue() == TEXT


async def test_bare_deflate(response: Response) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.send(raw_deflate(TEXT), headers={"content-encoding": "deflate"})
    await captured
    assert sink.getvalue() == TEXT


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_several_members(response: Response, coding: str) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.send(b"".join(map(CODINGS[coding], (b"one ", b"", b"two"))), headers={"content-encoding": coding})
    await captured
    assert sink.getvalue() == b"one two"


@pytest.mark.parametrize(
    "headers",
    [
        [("content-encoding", "deflate, identity, gzip , br")],
        [("content-encoding", "deflate"), ("content-encoding", "gzip,br")],
    ],
    ids=["one field", "two fields"],
)
async def test_several_codings(response: Response, headers: list[tuple[str, str]]) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.send(brotli.compress(gzip.compress(zlib.compress(TEXT))), headers=headers)
    await captured
    assert sink.getvalue() == TEXT


@pytest.mark.parametrize("coding", CODINGS)
async def test_no_body_is_empty_whatever_its_coding(response: Response, coding: str) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    response.send(b"", 304, {"content-encoding": coding})
    assert (await captured).status == 304
    assert sink.getvalue() == b""


class Pieces:
    """A sink that remembers the largest piece it got, and what else ran meanwhile."""

    def __init__(self) -> None:
        self.size = 0
        self.largest = 0
        self.writes = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self.largest = max(self.largest, len(data))
        self.writes += 1


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_bomb_comes_in_pieces_and_lets_others_run(response: Response, coding: str) -> None:
    size = 64 * 1024 * 1024
    sink = Pieces()
    captured = capture(response, sink)
    response.send(CODINGS[coding](bytes(size)), headers={"content-encoding": coding})
    turns = 0
    while not captured.done():
        await asyncio.sleep(0)
        turns += 1
    assert sink.size == size
    assert sink.largest <= 2 * PIECE
    assert turns > 5


@pytest.mark.parametrize("codings", ["gzip", "zstd", "zstd, gzip"])
async def test_members_without_content_let_others_run(response: Response, codings: str) -> None:
    body = CODINGS[codings[:4]](b"") * 50_000
    size = len(body)
    if "," in codings:
        body = gzip.compress(body)
    sink = Pieces()
    captured = capture(response, sink)
    response.send(body, headers={"content-encoding": codings})
    turns = 0
    while not captured.done():
        await asyncio.sleep(0)
        turns += 1
    assert (await captured).status == 200
    assert sink.writes == 0
    assert turns > size / INPUT


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_body_that_is_not_what_it_says(response: Response, writer: RecordingWriter, coding: str) -> None:
    captured = capture(response, io.BytesIO())
    response.headers["content-encoding"] = coding
    await response.write(b"this is plain text")
    await response.write(b", all of it")
    await response.end()
    with pytest.raises(ValueError, match=rf"not what its content-encoding says \({coding}\)"):
        await captured
    assert writer.body == b"this is plain text, all of it"
    assert writer.calls[-1] == "end"


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_body_whose_coding_ends_too_early(response: Response, coding: str) -> None:
    captured = capture(response, io.BytesIO())
    response.send(CODINGS[coding](TEXT)[:-5], headers={"content-encoding": coding})
    with pytest.raises(EOFError, match=rf"in the middle of its content-encoding \({coding}\)"):
        await captured


@pytest.mark.parametrize(("log", "error"), [(23, None), (24, ValueError)], ids=["8 MB", "16 MB"])
async def test_the_memory_for_a_window_of_zstd_has_a_limit(
    response: Response, log: int, error: type[ValueError] | None
) -> None:
    """RFC 9659 3: who decodes must have 8 MB for it, and need not have more."""
    sink = Pieces()
    captured = capture(response, sink)
    response.headers["content-encoding"] = "zstd"
    await response.write(zstd_of_window(bytes(100), log))
    await response.end()
    with pytest.raises(error, match="not what its content-encoding says") if error else nullcontext():
        await captured
    assert sink.size == (0 if error else 100)


async def test_an_unknown_coding(response: Response, writer: RecordingWriter) -> None:
    captured = capture(response, io.BytesIO())
    response.send(b"x", headers={"content-encoding": "compress"})
    with pytest.raises(ValueError, match="content coding 'compress' is unknown: known are gzip"):
        await captured
    assert writer.body == b"x"


async def test_a_sink_that_fails_ends_the_copy_and_not_the_answer(response: Response, writer: RecordingWriter) -> None:
    class Full:
        calls = 0

        def write(self, data: bytes) -> None:
            self.calls += 1
            raise OSError("no space left")

    sink = Full()
    captured = capture(response, sink)
    await response.write("a")
    await response.write("b")
    await response.end()
    assert writer.body == b"ab"
    assert sink.calls == 1
    with pytest.raises(OSError, match="no space left"):
        await captured


async def test_a_sink_may_be_awaited(response: Response, writer: RecordingWriter) -> None:
    events: list[Any] = []
    free = asyncio.Event()

    class Slow:
        async def write(self, data: bytes) -> None:
            events.append(("begin", data, writer.body))
            await free.wait()
            events.append(("end", data))

    captured = capture(response, Slow())
    writing = asyncio.create_task(response.write("a"))
    while not events:
        await asyncio.sleep(0)
    assert events == [("begin", b"a", b"a")]  # the client has it already
    assert not writing.done()  # but the next chunk waits for the sink
    free.set()
    await writing
    await response.end()
    await captured
    assert events[1] == ("end", b"a")


async def test_a_slow_sink_does_not_hold_up_a_whole_answer(response: Response, writer: RecordingWriter) -> None:
    free = asyncio.Event()

    class Slow:
        async def write(self, data: bytes) -> None:
            await free.wait()

    captured = capture(response, Slow())
    response.send("hello")
    assert writer.calls == ["send 200"]
    await asyncio.sleep(0)
    assert not captured.done()
    free.set()
    assert (await captured).status == 200


async def test_an_answer_that_is_cut(response: Response, writer: RecordingWriter) -> None:
    captured = capture(response, io.BytesIO())
    await response.write("a")
    response.abort()
    assert writer.calls[-1] == "abort"
    with pytest.raises(ConnectionError, match="cut before its end"):
        await captured


async def test_an_answer_that_never_comes(response: Response) -> None:
    captured = capture(response, io.BytesIO())
    response.abort()
    with pytest.raises(ConnectionError):
        await captured


async def test_a_client_that_goes(response: Response, writer: RecordingWriter) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    await response.write("a")
    writer.gone = True
    with pytest.raises(Disconnected):
        await response.write("b")
    response.abort()  # as the dispatcher does then
    with pytest.raises(ConnectionError):
        await captured
    assert sink.getvalue() == b"a"


async def test_an_answer_that_the_writer_refuses_leaves_room_for_another(
    response: Response, writer: RecordingWriter
) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    writer.refuses = {200}
    with pytest.raises(ResponseError):
        response.send("wrong")
    response.send("sorry", 500)
    assert (await captured).status == 500
    assert sink.getvalue() == b"sorry"


async def test_an_answer_that_the_writer_refuses_is_none(response: Response, writer: RecordingWriter) -> None:
    captured = capture(response, io.BytesIO())
    writer.refuses = {200}
    with pytest.raises(ResponseError):
        response.send("wrong", headers={"content-encoding": "unknown"})
    assert not captured.done()
    response.abort()
    with pytest.raises(ConnectionError):
        await captured


async def test_an_abort_after_the_end_changes_nothing(response: Response) -> None:
    captured = capture(response, io.BytesIO())
    response.send("hello")
    response.abort()
    assert (await captured).status == 200


async def test_cancelling_ends_the_copy(response: Response, writer: RecordingWriter) -> None:
    sink = io.BytesIO()
    captured = capture(response, sink)
    await response.write("a")
    captured.cancel()
    await response.write("b")
    await response.end()
    assert sink.getvalue() == b"a"
    assert writer.body == b"ab"


async def test_two_captures_of_one_answer(response: Response) -> None:
    sinks = [io.BytesIO(), io.BytesIO()]
    captures = [capture(response, sink) for sink in sinks]
    response.send("hello")
    await asyncio.gather(*captures)
    assert [sink.getvalue() for sink in sinks] == [b"hello", b"hello"]


async def test_an_answer_that_has_begun_cannot_be_captured(response: Response) -> None:
    await response.write("a")
    with pytest.raises(ResponseError, match="capture it before a handler answers"):
        capture(response, io.BytesIO())
