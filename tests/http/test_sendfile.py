"""Parts of files on their way to a client: sent by the kernel where nothing stands between, else read and written."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reserve_core import capture
from reserve_core.errors import Disconnected, ResponseError
from reserve_core.http import FixedHeaders, Request, Response, sendfile
from reserve_core.http.flow import UNSENT
from reserve_core.memory_response import MemoryResponse
from tests.http.conftest import Serve, Site
from tests.http.handlers import GET, HEAD, OLD, OLD_KEPT, cut, get
from tests.kit.waiting import PATIENCE, settled, until
from tests.kit.wire import Wire

MB = 1024 * 1024
PIECES = 64 * 1024  # bytes sent before others have their turn, where that is tested
SIZE = 8 * MB  # more than the kernel takes for a client that doesn't read
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

Part = tuple[int, int] | bytes
kernels = os.sendfile


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(1).randbytes(SIZE)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> Path:
    """A file that stays as it is."""
    path = tmp_path_factory.mktemp("sendfile") / "large"
    path.write_bytes(content)
    return path


@pytest.fixture
def changing(tmp_path: Path, content: bytes) -> Path:
    """A file like it that may be changed."""
    path = tmp_path / "large"
    path.write_bytes(content)
    return path


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes that each call of `os.sendfile` was asked to send."""
    asked: list[int] = []

    def counted(out: int, file: int, offset: int, count: int) -> int:
        asked.append(count)
        return kernels(out, file, offset, count)

    monkeypatch.setattr(os, "sendfile", counted)
    return asked


@pytest.fixture(autouse=True)
def all_descriptors_are_closed() -> Iterator[None]:
    yield
    assert [name for each in _descriptors() if (name := _target(each)).endswith("/large")] == []


def _descriptors() -> list[Path]:
    folder = Path("/dev/fd")
    return list(folder.iterdir()) if folder.is_dir() else []


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # that of the folder itself
        return ""


class FromFile:
    """A handler whose response consists of parts of a file, each from a position to before another, and of bytes.

    `errors` is what it has failed with.
    """

    def __init__(self, path: Path, *parts: Part, length: bool = True) -> None:
        self.path = path
        self.parts = parts or ((0, SIZE),)
        self.length = length
        self.errors: list[BaseException] = []

    async def __call__(self, request: Request, response: Response) -> None:
        if request.url == "/chunks":
            for _ in range(SIZE // 65536):
                await response.write(bytes(65536))
            await response.end()
            return
        if request.url != "/":
            response.send("hello")
            return
        file = os.open(self.path, os.O_RDONLY)
        try:
            if self.length:
                size = sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in self.parts)
                response.headers["content-length"] = str(size)
            for part in self.parts:
                if isinstance(part, bytes):
                    await response.write(part)
                else:
                    await response.write_file(file, part[0], part[1] - part[0])
            await response.end()
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            os.close(file)


async def _begun(site: Site, request: bytes = GET) -> Wire:
    """A client that has asked for a file, which has taken nothing yet, and for which the kernel takes no more."""
    wire = await site.connect(receive_buffer=4096)
    await wire.send(request)
    await site.until(lambda: any(each.write_paused for each in site.server._http.connections))
    return wire


async def test_a_file_is_sent_by_the_kernel(serve: Serve, large: Path, content: bytes, sends: list[int]) -> None:
    site = await serve(FromFile(large))
    wire = await site.connect()
    assert (await wire.ask(get("/first"))).body == b"hello"
    (connection,) = site.server._http.connections
    limits = connection.transport.get_write_buffer_limits()
    response = await wire.ask(GET)
    assert (response.status, response.body == content) == (200, True)
    assert max(sends) == MB  # then others have their turn
    assert connection.transport.get_write_buffer_limits() == limits
    assert (await wire.ask(LAST)).body == b"hello"
    await wire.closed()


async def test_what_is_pipelined_behind_it_follows(serve: Serve, large: Path, content: bytes, sends: list[int]) -> None:
    wire = await (await serve(FromFile(large))).connect()
    await wire.send(get("/first") + GET + get("/second") + GET + LAST)
    responses = await wire.responses()
    assert [len(response.body) for response in responses] == [5, SIZE, 5, SIZE, 5]
    assert responses[1].body == responses[3].body == content
    assert sends


@pytest.mark.parametrize("size", [UNSENT, UNSENT - 1, MB, MB + 1])
async def test_a_part_of_it(serve: Serve, large: Path, content: bytes, sends: list[int], size: int) -> None:
    site = await serve(FromFile(large, (1234, 1234 + size)))
    wire = await site.connect()
    assert (await wire.ask(GET)).body == content[1234 : 1234 + size]
    assert sum(sends) >= size
    assert (await wire.ask(LAST)).body == b"hello"


async def test_parts_and_bytes_keep_their_order(serve: Serve, large: Path, content: bytes, sends: list[int]) -> None:
    parts: list[Part] = [b"<", (5 * MB, 7 * MB), b"=" * 300_000, (0, 3 * MB), (10, 20), (MB, 4 * MB), b">"]
    site = await serve(FromFile(large, *parts))
    expected = b"".join(part if isinstance(part, bytes) else content[part[0] : part[1]] for part in parts)
    wire = await site.connect()
    for _ in range(2):
        assert (await wire.ask(GET)).body == expected
    assert sends


async def test_a_little_is_sent_in_one_piece_with_its_head(serve: Serve, large: Path, content: bytes) -> None:
    site = await serve(FromFile(large, (0, 1000)))
    wire = await site.connect()
    await wire.send(GET)
    assert (await wire.read_some()).endswith(b"\r\n\r\n" + content[:1000])


async def test_to_head_only_the_head_goes_out(serve: Serve, large: Path, sends: list[int]) -> None:
    wire = await (await serve(FromFile(large))).connect()
    assert (await wire.ask(HEAD, head=True)).headers["content-length"] == str(SIZE)
    assert (await wire.ask(LAST)).body == b"hello"
    assert sends == []


@pytest.mark.parametrize("request_", [OLD, OLD_KEPT, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")])
async def test_connections_end_and_go_on_as_ever(
    serve: Serve, large: Path, content: bytes, sends: list[int], request_: bytes
) -> None:
    wire = await (await serve(FromFile(large))).connect()
    response = await wire.ask(request_)
    assert response.body == content
    assert sends
    if request_ is OLD_KEPT:
        assert response.headers["connection"] == "keep-alive"
        assert (await wire.ask(LAST)).body == b"hello"
    await wire.closed()


# A file as the whole response.


@pytest.mark.parametrize(
    "headers", [None, {"x-a": "1"}, FixedHeaders([("x-a", "1")]), FixedHeaders([("vary", "a")] * 2)]
)
@pytest.mark.parametrize("status", [None, 404])
async def test_it_may_be_the_whole_response(
    serve: Serve, large: Path, content: bytes, headers: Any, status: int | None, sends: list[int]
) -> None:
    async def handler(request: Request, response: Response) -> None:
        with large.open("rb") as file:
            await response.send_file(file.fileno(), 100, SIZE - 100, status, headers)
            assert (response.ended, list(response.headers.getall("x-a", []))) == (True, expected)

    expected = ["1"] if headers is not None and "x-a" in dict(headers) else []
    site = await serve(handler)
    wire = await site.connect()
    for _ in range(2):
        received = await wire.ask(GET)
        assert (received.status, received.body == content[100:]) == (status or 200, True)
        assert (received.headers.getall("x-a", []), received.headers["cache-control"]) == (expected, "no-store")
    assert sends
    assert (await wire.ask(HEAD, head=True)).headers["content-length"] == str(SIZE - 100)
    assert (await wire.ask(OLD_KEPT)).headers["connection"] == "keep-alive"
    assert (await wire.ask(OLD)).body == content[100:]
    await wire.closed()


async def test_a_second_response_is_refused(serve: Serve, large: Path) -> None:
    async def handler(request: Request, response: Response) -> None:
        with large.open("rb") as file:
            await response.send_file(file.fileno(), 0, 10)
            with pytest.raises(ResponseError):
                await response.send_file(file.fileno(), 0, 10)
        told.append(True)

    told: list[bool] = []
    site = await serve(handler)
    assert len((await (await site.connect()).ask(GET)).body) == 10
    await until(lambda: told)


async def test_in_memory_it_may_be_the_whole_response(large: Path, content: bytes) -> None:
    memory = MemoryResponse("GET")
    with large.open("rb") as file:
        await memory.response.send_file(file.fileno(), 0, SIZE, headers=FixedHeaders([("x-a", "1")]))
    assert (memory.body == content, memory.headers["content-length"], memory.headers["x-a"]) == (True, str(SIZE), "1")


# Where the kernel doesn't send.


@pytest.mark.parametrize("request_", [GET, OLD])
async def test_without_a_length_it_is_written(
    serve: Serve, large: Path, content: bytes, sends: list[int], request_: bytes
) -> None:
    wire = await (await serve(FromFile(large, length=False))).connect()
    response = await wire.ask(request_)
    assert (response.body == content, response.chunked) == (True, request_ is GET)
    assert sends == []


async def test_over_https_it_is_written(
    serve: Serve,
    large: Path,
    content: bytes,
    sends: list[int],
    certificate: dict[str, str],
    trusting: ssl.SSLContext,
) -> None:
    site = await serve(FromFile(large), certificate=certificate)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port, ssl=trusting)
        writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        data = await reader.read()
        writer.close()
    assert data.partition(b"\r\n\r\n")[2] == content
    assert sends == []


async def test_a_wrapped_response_is_written(serve: Serve, large: Path, content: bytes, sends: list[int]) -> None:
    from_file, captured = FromFile(large), bytearray()

    class Sink:
        async def write(self, chunk: bytes) -> None:
            captured.extend(chunk)

        async def close(self) -> None:
            pass

    async def handler(request: Request, response: Response) -> None:
        done = capture(response, Sink())
        await from_file(request, response)
        await done

    received = await (await (await serve(handler)).connect()).ask(GET)
    assert received.body == content
    assert captured == content
    assert sends == []


async def test_a_response_in_memory_is_written(large: Path, content: bytes, sends: list[int]) -> None:
    memory = MemoryResponse("GET")
    await FromFile(large, (1, SIZE), b".")(Request("GET", "/"), memory.response)
    assert memory.body == content[1:] + b"."
    assert sends == []


@pytest.mark.parametrize("sent", [0, 1])
async def test_what_the_kernel_cannot_send_is_written(
    serve: Serve, large: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    calls: list[int] = []

    def unable(out: int, file: int, offset: int, count: int) -> int:
        calls.append(count)
        if len(calls) > sent:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return kernels(out, file, offset, count)

    monkeypatch.setattr(os, "sendfile", unable)
    wire = await (await serve(FromFile(large))).connect()
    assert (await wire.ask(GET)).body == content
    assert (await wire.ask(LAST)).body == b"hello"
    assert len(calls) == sent + 1


async def test_where_there_is_no_such_function_it_is_written(
    serve: Serve, large: Path, content: bytes, sends: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendfile, "_CAN_SEND", False)
    assert (await (await (await serve(FromFile(large))).connect()).ask(GET)).body == content
    assert sends == []


# Clients that take their time, and files that change.


async def test_the_kernel_may_take_a_little_at_a_time(
    serve: Serve, large: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a client that is far away; on macOS, too, what was sent is told, or that there is no room."""
    calls = 0

    def little(out: int, file: int, offset: int, count: int) -> int:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return kernels(out, file, offset, min(count, 100_001))

    monkeypatch.setattr(os, "sendfile", little)
    wire = await (await serve(FromFile(large))).connect()
    assert (await wire.ask(GET)).body == content
    assert (await wire.ask(LAST)).body == b"hello"
    assert calls > 50


async def test_a_slow_client_gets_all_of_it(serve: Serve, large: Path, content: bytes, sends: list[int]) -> None:
    site = await serve(FromFile(large))
    wire = await _begun(site, GET + LAST)
    calls = await settled(lambda: len(sends))
    assert sum(sends) < SIZE + MB  # nothing spins
    await asyncio.sleep(0.1)
    assert len(sends) == calls
    responses = await wire.responses()
    assert [response.body for response in responses] == [content, b"hello"]


async def test_a_client_that_takes_nothing_is_cut(serve: Serve, large: Path, sends: list[int]) -> None:
    handler = FromFile(large)
    site = await serve(handler, write_timeout=5)
    wire = await _begun(site)
    await settled(lambda: len(sends))
    site.pass_time(4.9)
    assert site.connections == 1
    site.pass_time(5)
    await site.until(lambda: not site.connections and handler.errors)
    await cut(wire)
    assert (await (await site.connect()).ask(LAST)).body == b"hello"


async def test_a_client_that_takes_a_little_is_not(serve: Serve, large: Path, content: bytes) -> None:
    """Though it is long before the kernel asks for more."""
    site = await serve(FromFile(large), write_timeout=60)
    wire = await _begun(site)
    (connection,) = site.server._http.connections
    waiting = connection.transport.get_write_buffer_size()
    site.pass_time(1)
    got = bytearray()
    for _ in range(5):
        site.pass_time(58)
        before = len(got)
        while len(got) < before + 200_000:
            got += await wire.read_some()
    assert connection.transport.get_write_buffer_size() == waiting
    whole = got.index(b"\r\n\r\n") + 4 + SIZE
    while len(got) < whole:
        got += await wire.read_some()
    assert got.endswith(content)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_goes_away_ends_it(serve: Serve, large: Path, sends: list[int], how: str) -> None:
    handler = FromFile(large)
    site = await serve(handler)
    wire = await _begun(site)
    calls = await settled(lambda: len(sends))
    getattr(wire, how)()
    await site.until(lambda: not site.connections and handler.errors)
    assert len(sends) <= calls + 1
    assert isinstance(handler.errors[0], asyncio.CancelledError | Disconnected)


async def test_a_broken_connection_is_found_while_sending(
    serve: Serve, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = FromFile(large)
    site = await serve(handler)

    def broken(out: int, file: int, offset: int, count: int) -> int:
        wire.reset()
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(os, "sendfile", broken)
    wire = await site.connect()
    await wire.send(GET)
    await site.until(lambda: not site.connections and handler.errors)
    assert isinstance(handler.errors[0], asyncio.CancelledError | Disconnected)


async def test_a_file_that_is_cut_short_cuts_the_response(serve: Serve, changing: Path, sends: list[int]) -> None:
    handler = FromFile(changing)
    site = await serve(handler)
    wire = await _begun(site)
    await settled(lambda: len(sends))
    os.truncate(changing, 7 * MB)
    await cut(wire)
    await site.until(lambda: handler.errors)
    assert isinstance(handler.errors[0], EOFError)
    assert str(7 * MB) in str(handler.errors[0])
    assert len(sends) < 50
    await site.until(lambda: not site.connections)


async def test_a_file_that_is_too_short_from_the_start(serve: Serve, changing: Path) -> None:
    handler = FromFile(changing)
    site = await serve(handler)
    os.truncate(changing, 0)
    wire = await site.connect()
    await wire.send(GET)
    await cut(wire)
    assert isinstance(handler.errors[0], EOFError)


async def test_as_long_as_nothing_is_out_that_is_an_error(serve: Serve, changing: Path) -> None:
    os.truncate(changing, 0)
    response = await (await (await serve(FromFile(changing, length=False))).connect()).ask(GET)
    assert (response.status, response.closes) == (500, True)


async def test_of_a_file_that_grows_the_announced_length_is_sent(serve: Serve, changing: Path, content: bytes) -> None:
    site = await serve(FromFile(changing))
    wire = await _begun(site, GET + LAST)
    with changing.open("ab") as file:
        file.write(b"more" * MB)
    assert [response.body for response in await wire.responses()] == [content, b"hello"]


async def test_more_than_was_announced_is_refused(serve: Serve, large: Path) -> None:
    async def handler(request: Request, response: Response) -> None:
        with large.open("rb") as file:
            response.headers["content-length"] = "100000"
            try:
                await response.write_file(file.fileno(), 0, 100_001)
            except ResponseError as error:
                errors.append(error)
                raise

    errors: list[ResponseError] = []
    wire = await (await serve(handler)).connect()
    await wire.send(GET)
    await cut(wire)
    assert "longer than its content-length" in str(errors[0])


async def test_behind_the_end_nothing_is_sent(serve: Serve, large: Path) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.send("hello")
        with large.open("rb") as file, pytest.raises(ResponseError):
            await response.write_file(file.fileno(), 0, MB)
        told.append(True)

    told: list[bool] = []
    site = await serve(handler)
    assert (await (await site.connect()).ask(GET)).body == b"hello"
    await until(lambda: told)


# Together with others.


async def test_others_have_their_turn(
    serve: Serve, large: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendfile, "PIECE", PIECES)
    order: list[str] = []

    def noted(out: int, file: int, offset: int, count: int) -> int:
        order.append("piece")
        if order.count("piece") % 10 == 5:
            other.sock.send(get("/other"))  # it is here when the loop looks at its sockets again
        return kernels(out, file, offset, count)

    monkeypatch.setattr(os, "sendfile", noted)
    site = await serve(FromFile(large))
    site.server.on("incoming", lambda event: order.append(event.url))
    one, other = await site.connect(), await site.connect()
    assert (await one.ask(GET)).body == content
    for _ in range(order.count("/other")):
        assert (await other.response()).body == b"hello"
    pieces = [order[:index].count("piece") for index, what in enumerate(order) if what == "/other"]
    assert len(pieces) >= SIZE // PIECES // 10
    assert all(count % 10 in range(5, 9) for count in pieces), order


async def test_many_at_once(serve: Serve, large: Path, content: bytes) -> None:
    site = await serve(FromFile(large, (0, 2 * MB)))
    before = len(_descriptors())

    async def take(index: int) -> bool:
        wire = await site.connect(receive_buffer=None if index % 2 else 4096)
        try:
            return (await wire.ask(GET)).body == content[: 2 * MB] and (await wire.ask(LAST)).body == b"hello"
        finally:
            wire.close()

    assert all(await asyncio.gather(*map(take, range(40))))
    await site.until(lambda: not site.connections)
    assert len(_descriptors()) <= before


async def test_a_stop_lets_it_end(serve: Serve, large: Path, content: bytes) -> None:
    site = await serve(FromFile(large))
    wire = await _begun(site)
    closing = asyncio.create_task(site.server.close(timeout=PATIENCE))
    assert (await wire.response()).body == content
    await site.after_a_while(closing)


async def test_a_stop_cuts_it_in_the_end(serve: Serve, large: Path) -> None:
    handler = FromFile(large)
    site = await serve(handler)
    wire = await _begun(site)
    await site.server.close(timeout=0)
    assert isinstance(handler.errors[0], asyncio.CancelledError)
    await cut(wire)


async def test_the_kernel_takes_what_it_likes_only_of_a_file(
    serve: Serve, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(socket, "TCP_NOTSENT_LOWAT"):
        pytest.skip("there is no such limit here")

    def limit() -> int:
        (connection,) = site.server._http.connections
        sock = connection.transport.get_extra_info("socket")
        return int(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT))

    seen: list[int] = []

    def noted(out: int, file: int, offset: int, count: int) -> int:
        seen.append(limit())
        return kernels(out, file, offset, count)

    monkeypatch.setattr(os, "sendfile", noted)
    site = await serve(FromFile(large))
    wire = await site.connect(receive_buffer=4096)
    assert (await wire.ask(get("/before"))).body == b"hello"
    assert limit() == UNSENT
    monkeypatch.setattr(sendfile, "PATIENCE", -1)  # each client is slow
    assert len((await wire.ask(GET)).body) == SIZE
    assert (seen[0], seen[-1], limit()) == (0, UNSENT, UNSENT)
    seen.clear()
    monkeypatch.setattr(sendfile, "PATIENCE", 1000)
    assert len((await wire.ask(GET)).body) == SIZE
    assert set(seen) == {limit()} == {0}
    await wire.send(get("/chunks"))
    await site.until(lambda: limit() == UNSENT)  # what is copied is not to pile up again
    assert (await wire.response()).body == bytes(SIZE)


# Slow disks.


def _not_in_memory(file: int, buffers: Any, offset: int, flags: int = 0) -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


async def test_what_is_not_in_memory_is_read_in_a_thread_first(
    serve: Serve, large: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, sends: list[int]
) -> None:
    read: list[tuple[int, int]] = []  # from, to before

    def noted(file: int, size: int, offset: int) -> bytes:
        if threading.current_thread() is not threading.main_thread():
            read.append((offset, min(offset + size, SIZE)))
        return pread(file, size, offset)

    pread = os.pread
    monkeypatch.setattr(os, "preadv", _not_in_memory)
    monkeypatch.setattr(os, "pread", noted)
    assert (await (await (await serve(FromFile(large))).connect()).ask(GET)).body == content
    reached = 0
    for start, stop in sorted(read):
        assert start <= reached
        reached = max(reached, stop)
    assert reached == SIZE
    assert sends
    read.clear()
    assert (await (await (await serve(FromFile(large, length=False))).connect()).ask(GET)).body == content
    assert sum(stop - start for start, stop in read) == SIZE


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="there is no telling the system to forget a file")
async def test_whether_it_is_in_memory_is_asked(changing: Path) -> None:
    file = os.open(changing, os.O_RDONLY)
    try:
        os.fsync(file)
        if not sendfile._in_memory(file, 0, SIZE):
            pytest.skip("this file system can't say")
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        if sendfile._in_memory(file, 0, SIZE):
            pytest.skip("this file system doesn't forget")
        sendfile._read(file, 0, MB)
        assert sendfile._in_memory(file, 0, MB)
    finally:
        os.close(file)


async def test_a_client_that_goes_away_while_it_is_read(
    serve: Serve, large: Path, monkeypatch: pytest.MonkeyPatch, sends: list[int]
) -> None:
    reading, goes_on = threading.Event(), threading.Event()

    def hanging(file: int, size: int, offset: int) -> bytes:
        reading.set()
        goes_on.wait(PATIENCE)
        return b""

    monkeypatch.setattr(os, "preadv", _not_in_memory)
    monkeypatch.setattr(os, "pread", hanging)
    handler = FromFile(large)
    site = await serve(handler)
    wire = await site.connect()
    await wire.send(GET)
    await site.until(reading.is_set)
    assert (await (await site.connect()).ask(get("/other"))).body == b"hello"
    wire.close()
    await site.until(lambda: handler.errors)
    goes_on.set()
    assert isinstance(handler.errors[0], asyncio.CancelledError)
    assert sends == []
