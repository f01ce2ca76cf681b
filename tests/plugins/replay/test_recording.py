"""`"missing": "record"`: what the mappings behind it respond is written, and nobody notices."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from reserve_core import Disconnected, HTTPError, Mock, Request, Response, Server, mock
from reserve_replay import read_exchanges
from tests.kit.exchanges import WireExchange, wire_exchanges
from tests.kit.upstream import Backend, Peer, serving

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]

RECORD = {"replay": "./api", "missing": "record"}


@pytest.fixture
def api(tmp_path: Path) -> Path:
    return tmp_path / "api"


def names(api: Path) -> list[str]:
    return sorted(path.name for path in api.iterdir()) if api.exists() else []


def recorded(api: Path) -> list[tuple[bytes, bytes]]:
    return [(each.request_bytes(), each.response_bytes()) for each in read_exchanges(api).exchanges]


async def test_what_the_next_mapping_responds_is_written_once(api: Path, mocked: Mocked) -> None:
    count = 0

    def counting(request: Request, response: Response) -> list[Any]:
        nonlocal count
        count += 1
        return [f"{count}", {"status": 201, "headers": {"X-A": "1"}}]

    site = await mocked(RECORD, {"custom": counting})
    for _ in range(3):
        response = await site.request("POST", "/a?x=1", headers={"Host": "a"}, body=b"sent")
        assert (response.status, response.text, response.headers["x-a"]) == (201, "1", "1")
    assert names(api) == [".gitattributes", "0001-POST-a.request.http", "0001-POST-a.response.http"]
    assert recorded(api) == [
        (
            b"POST /a?x=1 HTTP/1.1\r\nHost: a\r\ncontent-length: 4\r\n\r\nsent",
            b"HTTP/1.1 201 Created\r\nX-A: 1\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 1\r\n\r\n1",
        )
    ]
    again = await mocked(RECORD, {"custom": counting})
    assert (await again.request("POST", "/a?x=1")).text == "1"
    assert (await again.request("POST", "/b")).text == "2"
    assert names(api)[-1] == "0002-POST-b.response.http"


class Replies:
    """An upstream server that responds with the exchanges, by their target."""

    def __init__(self, exchanges: list[WireExchange]) -> None:
        self._by_target = {each.request.split(b" ")[1].decode(): each.response for each in exchanges}
        self.asked = 0

    async def __call__(self, peer: Peer) -> None:
        while True:
            message = await peer.message()
            self.asked += 1
            await peer.send(self._by_target[message.target])


@pytest.fixture
def exchanges() -> list[WireExchange]:
    return wire_exchanges(60, seed=3)


@pytest.fixture
def replies(exchanges: list[WireExchange]) -> Replies:
    return Replies(exchanges)


@pytest.fixture
async def backend(replies: Replies) -> AsyncIterator[Backend]:
    async with serving(replies) as backend:
        yield backend


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


async def ask_all(server: Server, exchanges: list[WireExchange]) -> list[Any]:
    """What a client sees: all but how a body was cut into chunks."""
    async with connected(server) as peer:
        messages = [await peer.ask(each.request, bodiless=each.is_head) for each in exchanges]
    return [
        (each.first_line, sorted(each.headers.items()), each.body, list(each.trailers.items())) for each in messages
    ]


async def test_what_another_server_responds_is_replayed_the_same(
    api: Path, served: Served, exchanges: list[WireExchange], replies: Replies, backend: Backend
) -> None:
    url = {"match": "^/(.*)", "url": f"{backend.url}/$1"}
    without = await ask_all(await served(url), exchanges)
    first = await ask_all(await served(RECORD, url), exchanges)
    assert first == without
    assert len(read_exchanges(api).exchanges) == len(exchanges)
    assert replies.asked == 2 * len(exchanges)
    await backend.stop()
    assert await ask_all(await served({"replay": "./api"}), exchanges) == without


async def test_bodies_that_are_streamed_are_kept_whole(api: Path, served: Served) -> None:
    """Of the request, too, however late it comes: the handler reads it, and it's copied on the way."""

    async def echo(request: Request, response: Response) -> None:
        async for chunk in request.stream():
            await response.write(chunk)
        response.trailers = {"x-sum": "1"}
        await response.end()

    server = await served(RECORD, {"custom": echo})
    for head in (b"Content-Length: 6", b"Transfer-Encoding: chunked"):
        pieces = [b"one", b"two"] if b"Length" in head else [b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n"]
        async with connected(server) as peer:
            await peer.send(b"POST /%d HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % (len(head), head))
            await peer.send(pieces[0])
            sent = await peer.head()
            assert sent.headers["transfer-encoding"] == "chunked"
            await peer.send(pieces[1])
            rest = await peer.exactly(len(b"3\r\none\r\n3\r\ntwo\r\n0\r\nx-sum: 1\r\n\r\n"))
            assert rest.replace(b"\r\n", b" ") == b"3 one 3 two 0 x-sum: 1  "
    assert [(each.request.body, each.response.body) for each in read_exchanges(api).exchanges] == [(b"onetwo",) * 2] * 2
    assert [each.response.chunks for each in read_exchanges(api).exchanges] == [(3, 3)] * 2
    (asked,) = await ask_all(server, [wire_exchange(b"POST /17 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")])
    assert asked[2:] == (b"onetwo", [("x-sum", "1")])


def wire_exchange(request: bytes) -> WireExchange:
    return WireExchange(request, b"", wire_exchanges(1)[0].recorded)


async def test_of_the_same_requests_at_once_one_is_kept(api: Path, served: Served) -> None:
    both = asyncio.Barrier(2)
    count = 0

    async def slow(request: Request, response: Response) -> None:
        nonlocal count
        count += 1
        mine = str(count)
        await both.wait()
        response.send(mine)

    server = await served(RECORD, {"custom": slow})
    request = wire_exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    found = await asyncio.gather(*(ask_all(server, [request]) for _ in range(2)))
    assert {each[2] for (each,) in found} == {b"1", b"2"}
    (kept,) = read_exchanges(api).exchanges
    assert [each[2] for each in await ask_all(server, [request] * 2)] == [kept.response.body] * 2


async def fails(request: Request, response: Response) -> None:
    raise ValueError("on purpose")


async def refuses(request: Request, response: Response) -> None:
    raise HTTPError(503, "not now")


async def breaks_off(request: Request, response: Response) -> None:
    await response.write(b"half")
    raise Disconnected("gone")


async def reads_nothing(request: Request, response: Response) -> None:
    response.send("read nothing")


async def sends_much(request: Request, response: Response) -> None:
    for _ in range(3):
        await response.write(b"x" * 400)
    await response.end()


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (fails, ""),
        (refuses, ""),
        (lambda request, response: 418, ""),
        (breaks_off, ""),
        (sends_much, "GET / is not recorded: a body has more than 1000 bytes, the limit max-body"),
    ],
)
async def test_what_is_no_whole_response_of_a_mapping_is_not_kept(
    api: Path, handler: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"cwd": str(api.parent), "limits": {"max-body": 1000}, "mappings": [RECORD, {"custom": handler}]}
    async with await mock(settings) as site:
        await site.request("GET", "/")
    assert names(api) == []
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [told][: bool(told)]


async def test_a_body_that_nobody_reads_is_left_out(api: Path, served: Served) -> None:
    server = await served(RECORD, {"custom": reads_nothing})
    async with connected(server) as peer:
        message = await peer.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
        assert message.body == b"read nothing"
    (exchange,) = read_exchanges(api).exchanges
    assert (exchange.request.body, exchange.comment) == (b"", "its body was not read to its end")
    assert exchange.response.body == b"read nothing"


async def test_a_head_says_the_length_that_it_said(api: Path, mocked: Mocked) -> None:
    site = await mocked(RECORD, {"custom": ["body"]})
    await site.request("HEAD", "/")
    ((_, response),) = recorded(api)
    assert response.endswith(b"content-length: 4\r\n\r\n")


async def test_a_name_that_another_process_takes_meanwhile_is_left_to_it(api: Path, mocked: Mocked) -> None:
    def handler(request: Request, response: Response) -> list[Any]:
        if request.path == "/b":
            (api / "0002-GET-b.response.http").write_bytes(b"of another process")
        return ["x"]

    site = await mocked(RECORD, {"custom": handler})
    await site.request("GET", "/a")
    await site.request("GET", "/b")
    assert [name for name in names(api) if "request" in name] == ["0001-GET-a.request.http", "0003-GET-b.request.http"]
    assert (api / "0002-GET-b.response.http").read_bytes() == b"of another process"


async def test_what_another_process_records_is_found(api: Path, mocked: Mocked) -> None:
    one, other = [await mocked(RECORD, {"custom": [name]}) for name in ("one", "other")]
    assert [(await site.request("GET", "/")).text for site in (one, other)] == ["one", "one"]
    assert [(await site.request("GET", "/b")).text for site in (other, one)] == ["other", "other"]
    assert len(read_exchanges(api).exchanges) == 2


async def test_a_server_that_is_down_is_asked_again(api: Path, served: Served, backend: Backend) -> None:
    url = {"match": "^/(.*)", "url": f"{backend.url}/$1"}
    await backend.stop()
    server = await served(RECORD, url)
    assert [each[0] for each in await ask_all(server, [wire_exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")])] == [
        "HTTP/1.1 502 Bad Gateway"
    ]
    assert names(api) == []


async def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, mocked: Mocked, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    site = await mocked({"replay": "./file/api", "missing": "record"}, {"custom": ["x"]})
    assert (await site.request("GET", "/a")).text == "x"
    (message,) = caplog.messages
    assert message.startswith("GET /a is not recorded: [Errno 20] Not a directory")


async def test_a_folder_that_was_deleted_is_recorded_anew(api: Path, mocked: Mocked) -> None:
    count = iter("12")
    site = await mocked(RECORD, {"custom": lambda request, response: [next(count)]})
    assert [(await site.request("GET", "/a")).text for _ in range(2)] == ["1", "1"]
    shutil.rmtree(api)
    assert [(await site.request("GET", "/a")).text for _ in range(2)] == ["2", "2"]
    assert names(api) == [".gitattributes", "0001-GET-a.request.http", "0001-GET-a.response.http"]


async def test_what_a_mapping_behind_redirects_to_is_recorded_as_it_was_asked(api: Path, mocked: Mocked) -> None:
    site = await mocked(
        RECORD, {"match": "^/old/(.*)", "rewrite": "/new/$1"}, {"match": "^/new/(.*)", "custom": ["it"]}
    )
    assert (await site.request("GET", "/old/a")).text == "it"
    assert [each.target for each in read_exchanges(api).exchanges] == ["/old/a"]


async def test_git_leaves_the_files_as_they_are(api: Path, mocked: Mocked) -> None:
    site = await mocked(RECORD, {"custom": [b"a\r\nb"]})
    await site.request("GET", "/")
    assert (api / ".gitattributes").read_text() == "*.http -text\n"
