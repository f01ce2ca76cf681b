"""WebSockets over real sockets: flow, keeping alive, what handlers may do, and the clients of others."""

from __future__ import annotations

import asyncio
import os
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tornado.websocket import websocket_connect

from reserve_core import PreparedMessage, broadcast
from reserve_core.errors import ResponseError
from reserve_core.http import websocket_frames
from tests.http.websockets import (
    BINARY,
    CLOSE,
    DEFLATE,
    FIN,
    PING,
    PONG,
    RSV1,
    TEXT,
    Open,
    Peer,
    Room,
    deflated,
    echo,
    frame,
    frame_tasks,
    head,
    inflated,
    listen,
)

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from reserve_core.http.websocket import WebSocket
    from tests.http.conftest import Serve
    from tests.kit.clock import Clock


# Flow.


async def test_a_client_that_reads_nothing_holds_up_its_sender(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        for each in range(1000):
            await socket.send(each.to_bytes(4) * 16384)
            room.received.append(b"")

    room = await opened(talk)
    peer = await room.join(receive_buffer=65536)
    await room.site.until(lambda: room.sockets)
    transport = room.sockets[0]._protocol.stream._transport
    await room.site.until(lambda: room.sockets[0].full)
    for _ in range(100):
        await asyncio.sleep(0)
    assert 65536 < transport.get_write_buffer_size() < 65536 * 3
    assert len(room.received) < 500
    for each in range(1000):
        assert await peer.read() == (FIN | BINARY, each.to_bytes(4) * 16384)
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe8")


async def test_a_cancelled_send_has_sent_nothing(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.send(b"x" * 20_000_000)
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.send(b"y" * 1_000_000), 0.001)
        assert socket._protocol.stream._transport.get_write_buffer_size() < 21_000_000
        room.received.append(b"")
        await socket.send("end")

    room = await opened(talk)
    peer = await room.join(receive_buffer=4096)
    await room.site.until(lambda: room.received)
    assert await peer.read() == (FIN | BINARY, b"x" * 20_000_000)
    assert await peer.read() == (FIN | TEXT, b"end")


async def test_a_handler_that_receives_nothing_holds_up_its_client(opened: Open, clock: Clock) -> None:
    go = asyncio.Event()

    async def talk(socket: WebSocket, room: Room) -> None:
        await go.wait()
        await listen(socket, room)

    room = await opened(talk, ping_interval=10, ping_timeout=10)
    peer = await room.join()
    messages = [each.to_bytes(4) * 16384 for each in range(500)]
    sending = asyncio.create_task(peer.send(*(frame(FIN | BINARY, each) for each in messages)))
    await room.site.until(lambda: room.sockets and room.sockets[0]._protocol.stream.paused)
    for _ in range(5):
        await clock.forward(9)  # time enough to be given up, if it were the client that is silent
    stream = room.sockets[0]._protocol.stream
    assert stream.paused
    assert stream.received < 2_000_000
    assert not sending.done()
    assert not room.sockets[0].closed
    go.set()
    await sending
    await peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
    assert (await room.socket()).close_code == 1000
    assert room.received == messages


async def test_a_burst_of_tiny_frames(opened: Open) -> None:
    room = await opened(echo)
    peer = await room.join()
    sending = asyncio.create_task(peer.send(*(frame(FIN | TEXT, b"%d" % each) for each in range(10_000))))
    for each in range(10_000):
        assert await peer.read() == (FIN | TEXT, b"%d" % each)
    await sending


async def test_a_flood_of_pings_leaves_others_their_turn(opened: Open) -> None:
    room = await opened(listen)
    peer = await room.join()
    pongs = frame(FIN | PONG) * 20_000
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    socket = room.sockets[0]
    task = asyncio.create_task(other())
    socket._protocol.stream.feed(pongs)
    await room.site.until(lambda: not socket._protocol.stream._buffer)
    task.cancel()
    assert turns > 50
    await peer.send(frame(FIN | CLOSE))
    await peer.read()


async def test_pings_that_are_not_read_are_answered_within_bounds(opened: Open) -> None:
    room = await opened(listen)
    peer = await room.join(receive_buffer=4096)
    count = 80_000
    await peer.send(*(frame(FIN | PING, b"%0125d" % each) for each in range(count)))
    await peer.send(frame(FIN | TEXT, b"end"))
    await room.site.until(lambda: room.received)
    transport = room.sockets[0]._protocol.stream._transport
    assert transport.get_write_buffer_size() < 100_000
    pongs: list[bytes] = []
    while not pongs or pongs[-1] != b"%0125d" % (count - 1):
        first, payload = await peer.read()
        assert first == FIN | PONG
        pongs.append(payload)
    assert pongs == sorted(pongs)
    assert len(pongs) < count


# Keeping alive.


async def test_a_silent_client_is_pinged_and_given_up(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_frames, "CLOSE_TIMEOUT", 0.1)
    room = await opened(listen, ping_interval=0.02, ping_timeout=0.02)
    peer = await room.join()
    assert await peer.read() == (FIN | PING, b"")
    assert await peer.read() == (FIN | CLOSE, b"\x03\xf3No pong within 0.02 seconds")
    assert (await room.socket()).close_code == 1011


async def test_a_client_that_reads_slowly_stays(opened: Open, clock: Clock) -> None:
    data = b"x" * 8_000_000

    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.send(data)
        await listen(socket, room)

    room = await opened(talk, ping_interval=10, ping_timeout=10)
    peer = await room.join(receive_buffer=65536)
    for _ in range(5):
        await clock.forward(9)  # time enough to be given up
    assert await peer.read() == (FIN | BINARY, data)
    assert not room.sockets[0].closed


@pytest.mark.parametrize("timeout", [10, None])
async def test_a_client_that_answers_pings_stays(opened: Open, clock: Clock, timeout: float | None) -> None:
    room = await opened(echo, ping_interval=10, ping_timeout=timeout)
    peer = await room.join()
    for _ in range(5):
        assert await clock.hurry(peer.read()) == (FIN | PING, b"")
        if timeout is not None:
            await peer.send(frame(FIN | PONG))
    assert not room.sockets[0].closed


async def test_pings_can_be_left_out(opened: Open) -> None:
    room = await opened(echo, ping_interval=None)
    await room.join()
    assert [task for task in frame_tasks() if "periodic_ping" in repr(task)] == []


async def test_a_handler_pings(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        with pytest.raises(ValueError, match="126"):
            await socket.ping(b"x" * 126)
        await socket.ping(b"there?")
        await listen(socket, room)

    room = await opened(talk)
    peer = await room.join()
    assert await peer.read() == (FIN | PING, b"there?")


# What handlers may do.


async def test_messages_are_text_bytes_or_json(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        with pytest.raises(TypeError, match="object"):
            await socket.send(object())
        with pytest.raises(UnicodeEncodeError):
            await socket.send("\ud800")
        for message in (bytearray(b"a"), memoryview(b"b"), "c", {"name": "Zoë"}, [1, None], None):
            await socket.send(message)

    room = await opened(talk)
    peer = await room.join()
    assert [await peer.read() for _ in range(6)] == [
        (FIN | BINARY, b"a"),
        (FIN | BINARY, b"b"),
        (FIN | TEXT, b"c"),
        (FIN | TEXT, '{"name":"Zoë"}'.encode()),
        (FIN | TEXT, b"[1,null]"),
        (FIN | TEXT, b"null"),
    ]


async def parse(socket: WebSocket, room: Room) -> None:
    async for value in socket.json():
        room.received.append(value)


async def test_json_is_parsed_until_it_is_closed(opened: Open) -> None:
    room = await opened(parse)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b'{"a": [1]}'), frame(FIN | BINARY, b'"b"'), frame(FIN | CLOSE, b"\x03\xe8"))
    await room.socket()
    assert room.received == [{"a": [1]}, "b"]


@pytest.mark.parametrize("message", [b"{", b"", b"NaN", b"[" * 200_000])
async def test_a_message_that_is_no_json_closes(opened: Open, message: bytes) -> None:
    room = await opened(parse)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b"1"), frame(FIN | TEXT, message), frame(FIN | TEXT, b"2"))
    first, payload = await peer.read()
    assert (first, payload[:2]) == (FIN | CLOSE, (1007).to_bytes(2))
    assert payload[2:].startswith(b"A message is not valid JSON: ")
    await peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
    assert (await room.socket()).close_code == 1007
    assert room.received == [1]
    assert room.site.named("error") == []


# Many at once.


async def test_a_broadcast_reaches_those_that_are_open(opened: Open) -> None:
    room = await opened(listen)
    peers = [await room.join(), await room.join({**DEFLATE}), await room.join()]
    await room.site.until(lambda: len(room.sockets) == 3)
    peers[2].wire.reset()
    await room.site.until(lambda: room.left)
    long = "long" * 1000
    for message in ("hello", b"bytes", {"to": "all"}, long):
        broadcast(room.sockets, message)
    for peer in peers[:2]:
        expected = [(FIN | TEXT, b"hello"), (FIN | BINARY, b"bytes"), (FIN | TEXT, b'{"to":"all"}')]
        assert [await peer.read() for _ in expected] == expected
    assert await peers[0].read() == (FIN | TEXT, long.encode())
    first, payload = await peers[1].read()
    assert (first, inflated(payload)) == (FIN | TEXT | RSV1, long.encode())
    with pytest.raises(TypeError):
        broadcast(room.sockets, object())


@pytest.mark.parametrize("way", ["send", "broadcast"])
async def test_what_many_get_is_compressed_once_for_each_window(
    opened: Open, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    windows: list[int] = []
    compressobj = zlib.compressobj

    def counted(*, wbits: int) -> Any:
        windows.append(-wbits)
        return compressobj(wbits=wbits)

    monkeypatch.setattr(zlib, "compressobj", counted)
    room = await opened(listen)
    small = "permessage-deflate; server_max_window_bits=10"
    peers = [await room.join({"Sec-WebSocket-Extensions": each}) for each in (None, *["permessage-deflate", small] * 3)]
    await room.site.until(lambda: len(room.sockets) == 7)
    assert not any(socket.full for socket in room.sockets)
    text = b"long" * 1000
    message = PreparedMessage(text.decode())
    if way == "send":
        for socket in room.sockets:
            await socket.send(message)
    else:
        broadcast(room.sockets, message)
    assert await peers[0].read() == (FIN | TEXT, text)
    for peer, bits in zip(peers[1:], [15, 10] * 3, strict=True):
        first, payload = await peer.read()
        assert (first, inflated(payload, bits)) == (FIN | TEXT | RSV1, text)
    assert windows == [15, 10]


async def test_a_broadcast_gives_up_who_reads_too_slowly(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_frames, "CLOSE_TIMEOUT", 0.2)
    room = await opened(listen)
    deaf = await room.join(receive_buffer=4096)
    await room.site.until(lambda: room.sockets)
    peer = await room.join()
    await room.site.until(lambda: len(room.sockets) == 2)
    transport = room.sockets[0]._protocol.stream._transport
    most = 0
    for each in range(400):
        message = each.to_bytes(4) * 16384
        broadcast(room.sockets, message)
        most = max(most, transport.get_write_buffer_size())
        assert await peer.read() == (FIN | BINARY, message)
    assert websocket_frames.BACKLOG_LIMIT < most < websocket_frames.BACKLOG_LIMIT + 2 * 65536
    await room.site.until(lambda: room.left)  # while the client still reads nothing
    assert (room.sockets[0].close_code, room.sockets[1].close_code) == (1013, None)
    deaf.wire.close()


async def test_one_receives_at_a_time(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        first = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two readers"):
            await socket.receive()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        room.received.append(await socket.receive())

    room = await opened(talk)
    peer = await room.join()
    await room.site.until(lambda: room.sockets)
    await peer.send(frame(FIN | TEXT, b"to the second"))
    await room.socket()
    assert room.received == ["to the second"]


async def test_a_response_excludes_an_upgrade(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.send("answered")
        with pytest.raises(ResponseError):
            await request.upgrade()

    site = await serve(handler)
    wire = await site.connect()
    assert (await wire.ask(head({}))).body == b"answered"


async def test_an_upgrade_excludes_a_response(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        await request.upgrade()
        with pytest.raises(ResponseError):
            response.send("answered")
        with pytest.raises(ResponseError):
            await request.upgrade()

    site = await serve(handler)
    wire = await site.connect()
    peer = Peer(wire, await wire.ask(head({})))
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe8")


# Clients of others.


@pytest.mark.parametrize("compressed", [False, True])
async def test_tornado_as_client(opened: Open, compressed: bool) -> None:
    room = await opened(echo, subprotocols=["chat"])
    client = await websocket_connect(
        room.site.server.url.replace("http", "ws"),
        compression_options={} if compressed else None,
        subprotocols=["chat"],
    )
    assert client.selected_subprotocol == "chat"
    for message in ("é", b"\0\xff", "x" * 100_000, os.urandom(100_000), ""):
        await client.write_message(message, binary=isinstance(message, bytes))
        assert await client.read_message() == message
    client.close(4001, "done")
    assert await client.read_message() is None
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason) == (4001, "done")


@pytest.mark.parametrize("compress", [0, 15, 10])
async def test_aiohttp_as_client(opened: Open, compress: int) -> None:
    room = await opened(echo)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(room.site.server.url, compress=compress) as client,
    ):
        for text in ("é", "x" * 100_000, "abc" * 100_000, ""):
            await client.send_str(text)
            assert await client.receive_str() == text
        await client.send_bytes(b"\xff" * 1_000_000)
        assert await client.receive_bytes() == b"\xff" * 1_000_000
        await client.close(code=4002)
    assert (await room.socket()).close_code == 4002


async def test_many_at_once_get_their_own(opened: Open) -> None:
    room = await opened(echo)

    async def client(number: int) -> None:
        peer = await room.join({**DEFLATE})
        for each in range(20):
            text = b"%d:%d" % (number, each)
            await peer.send(frame(FIN | RSV1 | TEXT, deflated(text)))
            assert await peer.read() == (FIN | TEXT, text)
        await peer.send(frame(FIN | CLOSE, b"\x03\xe8"))
        assert await peer.closing() == (1000, "")

    await asyncio.gather(*(client(number) for number in range(100)))
    await room.site.until(lambda: room.left == 100)
