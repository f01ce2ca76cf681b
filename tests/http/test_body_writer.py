"""The writer that changes bodies, as a plugin of one's own uses it: here it makes text upper case."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import Event, Headers, Request, Response
from reserve_core.http.body_writer import PIECE
from reserve_core.kit import BodyWriter, HeadWriter
from tests.http.conftest import Serve, Site
from tests.kit.waiting import settled, until
from tests.kit.wire import Wire

Respond = Callable[[Request, Response], Awaitable[None]]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
TEXT = {"content-type": "text/plain; charset=utf-8"}


class Shout:
    """Makes a body upper case, and gives way to others each time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def feed(self, piece: bytes) -> bytes:
        self.sizes.append(len(piece))
        await asyncio.sleep(0)
        return b"" if piece == b"hush" else piece.upper()

    async def finish(self) -> bytes:
        return b"!"


class ShoutingWriter(BodyWriter):
    """Changes text, and marks all that it sees."""

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__(request, response)
        self.seen: list[int | None] = []
        self.shout = Shout()

    def change(self, status: int, headers: Headers, size: int | None) -> Shout | None:
        """See `BodyWriter.change`."""
        self.seen.append(size)
        headers["x-seen"] = "yes"
        return self.shout if headers.get("content-type", "").startswith("text/") else None


class Shouting:
    """A handler that has `respond` give the response through a `ShoutingWriter`; the last one is its `writer`."""

    def __init__(self, respond: Respond, front: Callable[[Response], object] = lambda response: None) -> None:
        self.writer: ShoutingWriter
        self._respond = respond
        self._front = front

    async def __call__(self, request: Request, response: Response) -> None:
        self.writer = ShoutingWriter(request, response)
        self._front(response)
        await self.writer.around(self._respond(request, response))


async def connected(serve: Serve, handler: Any) -> tuple[Site, Wire]:
    site = await serve(handler)
    return site, await site.connect()


async def test_what_is_sent_in_one_call_has_its_length(serve: Serve) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.send("hello")

    handler = Shouting(respond)
    _, wire = await connected(serve, handler)
    for _ in range(2):
        response = await wire.ask(GET)
        assert (response.body, response.headers["content-length"]) == (b"HELLO!", "6")
    assert handler.writer.seen == [5]


async def test_a_stream_is_changed_as_it_comes(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def respond(request: Request, response: Response) -> None:
        response.headers.update(TEXT)
        response.trailers["x-sum"] = "1"
        await response.write(b"")
        for chunk in (b"one", b"hush", b"two"):
            await response.write(chunk)
            await go_on.wait()
        await response.end(b"three")

    _, wire = await connected(serve, Shouting(respond))
    await wire.send(GET)
    received = b""
    while not received.endswith(b"3\r\nONE\r\n"):
        received += await wire.read_some()
    go_on.set()
    while not received.endswith(b"\r\n\r\n"):
        received += await wire.read_some()
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-length" not in head
    assert body == b"3\r\nONE\r\n3\r\nTWO\r\n5\r\nTHREE\r\n1\r\n!\r\n0\r\nx-sum: 1\r\n\r\n"


async def test_a_large_body_is_changed_in_pieces(serve: Serve) -> None:
    body = os.urandom(20).hex().encode() * 10_000  # 400 kB

    async def respond(request: Request, response: Response) -> None:
        if request.method == "POST":
            await response.write(body)
            await response.end()
        else:
            response.send(body, headers=TEXT)

    handler = Shouting(respond)
    _, wire = await connected(serve, handler)
    response = await wire.ask(GET)
    assert response.body == body.upper() + b"!"
    assert response.chunked
    assert max(handler.writer.shout.sizes) == PIECE


async def test_a_file_is_read_for_it_or_goes_past_it(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the head out of what isn't changed, nothing stands between the file and the socket."""
    sent: list[int] = []
    send = os.sendfile

    def counting(*arguments: int) -> int:
        sent.append(send(*arguments))
        return sent[-1]

    monkeypatch.setattr(os, "sendfile", counting)
    content = b"abc " * 50_000
    (tmp_path / "file").write_bytes(content)

    async def respond(request: Request, response: Response) -> None:
        with (tmp_path / "file").open("rb") as file:
            headers = TEXT if request.path == "/" else {"content-type": "video/mp4"}
            await response.send_file(file.fileno(), 0, len(content), headers=headers)

    _, wire = await connected(serve, Shouting(respond, Marks))
    assert (await wire.ask(GET)).body == content.upper() + b"!"
    assert not sent
    response = await wire.ask(GET.replace(b"/ ", b"/film "))
    assert (response.body, response.headers["x-seen"], response.headers["x-mark"]) == (content, "yes", "yes")
    assert sent


class Marks(HeadWriter):
    """In front of the other: it steps aside first."""

    def change(self, status: int, headers: Headers) -> None:
        """See `HeadWriter.change`."""
        headers["x-mark"] = "yes"


class Stays:
    """A writer that passes all on, and never steps aside."""

    def __init__(self, response: Response) -> None:
        writer = response.writer
        self.inform, self.send, self.start = writer.inform, writer.send, writer.start
        self.write, self.end, self.abort = writer.write, writer.end, writer.abort
        response.writer = self


async def test_a_writer_in_front_may_stay_there(serve: Serve) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.headers["content-type"] = "text/plain" if request.path == "/" else "video/mp4"
        await response.write(b"hel")
        await response.end(b"lo")

    _, wire = await connected(serve, Shouting(respond, Stays))
    assert (await wire.ask(GET)).body == b"HELLO!"
    assert (await wire.ask(GET.replace(b"/ ", b"/film "))).body == b"hello"


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_head_says_what_the_response_to_get_would(serve: Serve, streamed: bool) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.headers.update({**TEXT, "content-length": "5"})
        if streamed:
            await response.write(b"hello")
            await response.end()
        else:
            response.send(b"" if request.method == "HEAD" else b"hello")

    handler = Shouting(respond)
    _, wire = await connected(serve, handler)
    response = await wire.ask(GET.replace(b"GET", b"HEAD"), head=True)
    assert handler.writer.seen == [5]
    assert (response.status, response.headers["x-seen"]) == (200, "yes")
    assert "content-length" not in response.headers
    assert (await wire.ask(GET)).body == b"HELLO!"


@pytest.mark.parametrize("failure", [ValueError("on purpose"), None])
async def test_what_was_sent_before_a_failure_arrives(serve: Serve, failure: Exception | None) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.send("hello")
        if failure is not None:
            raise failure

    site, wire = await connected(serve, Shouting(respond))
    assert (await wire.ask(GET)).body == b"HELLO!"
    assert [event.reason for event in site.named("error")] == ([] if failure is None else [failure])


async def test_the_response_to_a_failure_is_changed_too(serve: Serve) -> None:
    """By each of them, in the order that any response goes through them."""

    async def respond(request: Request, response: Response) -> None:
        raise ValueError("on purpose")

    site, wire = await connected(serve, Shouting(Shouting(respond)))
    response = await wire.ask(GET)
    assert (response.status, response.body) == (500, b"INTERNAL SERVER ERROR!!")
    assert response.headers["content-length"] == str(len(response.body))
    assert len(site.named("error")) == 1


@pytest.mark.parametrize("where", ["feed", "finish"])
async def test_a_change_that_fails_is_an_error_and_no_cut_response(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    async def fail(*arguments: object) -> bytes:
        raise ValueError("on purpose")

    async def respond(request: Request, response: Response) -> None:
        response.send("hello")

    monkeypatch.setattr(Shout, where, fail)
    site, wire = await connected(serve, Shouting(respond))
    for _ in range(2):
        response = await wire.ask(GET)
        assert (response.status, response.closes) == (500, False)
    assert [str(event.reason) for event in site.named("error")] == ["on purpose"] * 2


async def test_what_can_not_be_sent_is_an_error(serve: Serve) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.send("hello", headers={"x-broken": "a\nb"})

    site, wire = await connected(serve, Shouting(respond))
    response = await wire.ask(GET)
    assert (response.status, response.closes) == (500, False)
    assert len(site.named("error")) == 1


@pytest.mark.parametrize(
    ("announced", "chunks", "message"),
    [(3, [b"hello"], "longer than"), (9, [b"hel", b"lo"], "4 bytes short"), (6, [], "6 bytes short")],
)
async def test_a_wrong_length_is_no_clean_end(serve: Serve, announced: int, chunks: list[bytes], message: str) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.headers.update({**TEXT, "content-length": str(announced)})
        await response.write(b"")
        await asyncio.sleep(0)
        for chunk in chunks:
            await response.write(chunk)
        await response.end()

    site, wire = await connected(serve, Shouting(respond))
    with pytest.raises((EOFError, ConnectionError)):
        await wire.ask(GET)
    await until(lambda: site.named("error"))
    assert message in str(site.named("error")[0].reason)


async def test_one_call_with_a_wrong_length_is_refused(serve: Serve) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.send("hello", headers={"content-length": "3"})

    site, wire = await connected(serve, Shouting(respond))
    assert (await wire.ask(GET)).status == 500
    assert "content-length says 3" in str(site.named("error")[0].reason)


async def test_what_several_tasks_write_stays_in_order(serve: Serve) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.headers.update(TEXT)
        await response.write(b"0")
        async with asyncio.TaskGroup() as group:
            for number in range(1, 9):
                group.create_task(response.write(str(number) * (PIECE + 1)))
        await response.end()

    _, wire = await connected(serve, Shouting(respond))
    body = (await wire.ask(GET)).body.decode()
    assert body == "0" + "".join(str(number) * (PIECE + 1) for number in range(1, 9)) + "!"


async def test_back_pressure_reaches_who_writes(serve: Serve) -> None:
    written = 0

    async def respond(request: Request, response: Response) -> None:
        nonlocal written
        response.headers.update(TEXT)
        while True:
            await response.write(b"x" * PIECE)
            written += PIECE

    site = await serve(Shouting(respond))
    wire = await site.connect(receive_buffer=65536)
    await wire.send(GET)
    assert await settled(lambda: written) < 64 * 1024 * 1024
    wire.close()
    await until(lambda: site.named("aborted"))


async def test_an_aborted_response_is_cut(serve: Serve) -> None:
    async def respond(request: Request, response: Response) -> None:
        response.headers.update(TEXT)
        await response.write(b"hello")
        await asyncio.sleep(0)
        response.abort()

    _, wire = await connected(serve, Shouting(respond))
    with pytest.raises((EOFError, ConnectionError)):
        await wire.ask(GET)


async def test_a_client_that_goes_ends_it(serve: Serve) -> None:
    ended: list[Event] = []

    async def respond(request: Request, response: Response) -> None:
        response.headers.update(TEXT)
        await response.write(b"hello")
        await asyncio.Event().wait()

    site, wire = await connected(serve, Shouting(respond))
    site.server.on("aborted", ended.append)
    await wire.send(GET)
    await wire.read_some()
    wire.close()
    await until(lambda: ended)
