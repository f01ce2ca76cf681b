"""The ways to the end of a WebSocket (RFC 6455 7)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from reserve_core.errors import Disconnected, HTTPError
from reserve_core.http import websocket_frames
from tests.http.websockets import BINARY, CLOSE, FIN, PING, TEXT, Open, Room, frame, frame_tasks, listen

if TYPE_CHECKING:
    from reserve_core.http.websocket import WebSocket


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"", 1005, ""),
        *(
            (code.to_bytes(2), code, "")
            for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
        ),
        (b"\x03\xe8bye", 1000, "bye"),
        (b"\x03\xe8" + "é".encode() * 61, 1000, "é" * 61),
    ],
)
async def test_a_close_is_answered_with_its_code(opened: Open, payload: bytes, code: int, reason: str) -> None:
    room = await opened(listen)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b"last"), frame(FIN | CLOSE, payload), frame(FIN | TEXT, b"too late"))
    assert await peer.read() == (FIN | CLOSE, payload[:2])
    await peer.wire.closed()
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason, socket.closed) == (code, reason, True)
    assert room.received == ["last"]


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1008, 1011, 1012, 1013, 1014, 3000, 4999])
async def test_a_handler_closes(opened: Open, code: int) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        assert await socket.receive() == "enough"
        assert not socket.closed
        closing = asyncio.create_task(socket.close(code, "bye é"))
        await asyncio.sleep(0)
        assert socket.closed
        with pytest.raises(Disconnected):
            await socket.send("no frame follows a close")
        await socket.close(4000)
        await closing
        assert (socket.closed, socket.close_code, socket.close_reason) == (True, 4444, "agreed")
        with pytest.raises(Disconnected):
            await socket.send("more")
        with pytest.raises(Disconnected):
            await socket.ping()
        with pytest.raises(Disconnected):
            await socket.receive()
        await socket.close()

    room = await opened(talk)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b"enough"))
    assert await peer.read() == (FIN | CLOSE, code.to_bytes(2) + "bye é".encode())
    # What was on its way is dropped, a ping isn't answered (5.5.1).
    await peer.send(frame(FIN | TEXT, b"late"), frame(FIN | PING), frame(FIN | CLOSE, (4444).to_bytes(2) + b"agreed"))
    await peer.wire.closed()
    await room.socket()


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 65536])
async def test_a_handler_can_not_close_with_an_illegal_code(opened: Open, code: int) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        with pytest.raises(ValueError, match=str(code)):
            await socket.close(code)
        with pytest.raises(ValueError, match="123"):
            await socket.close(1000, "é" * 62)
        assert not socket.closed
        await socket.send("still open")

    room = await opened(talk)
    peer = await room.join()
    assert await peer.read() == (FIN | TEXT, b"still open")


async def test_a_client_that_does_not_agree_is_cut(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_frames, "CLOSE_TIMEOUT", 0.05)

    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.close(1001)

    room = await opened(talk, ping_interval=0.01)
    peer = await room.join()
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe9")
    await peer.wire.closed()
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason) == (1006, "")


async def test_a_client_that_reads_nothing_is_cut(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_frames, "CLOSE_TIMEOUT", 0.05)

    async def talk(socket: WebSocket, room: Room) -> None:
        await socket.receive()
        await socket.send(b"x" * 20_000_000)
        with pytest.raises(Disconnected):
            await asyncio.gather(socket.send("never"), socket.close())

    room = await opened(talk)
    peer = await room.join(receive_buffer=4096)
    await peer.send(frame(FIN | TEXT, b"go"))
    assert (await room.socket()).close_code == 1006
    await room.site.until(lambda: room.site.connections == 0)


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_a_client_that_goes_ends_it(opened: Open, way: str) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await listen(socket, room)
        with pytest.raises(Disconnected):
            await socket.send("more")
        with pytest.raises(Disconnected):
            await socket.receive()

    room = await opened(talk)
    peer = await room.join()
    await peer.send(frame(FIN | TEXT, b"last"), frame(FIN | TEXT, b"half a frame")[:-1])
    await room.site.until(lambda: room.received)
    getattr(peer.wire, way)()
    socket = await room.socket()
    assert (socket.close_code, socket.close_reason, socket.closed) == (1006, "", True)
    assert room.received == ["last"]


async def test_messages_before_the_end_are_received_after_it(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await room.site.until(lambda: socket.closed)
        await listen(socket, room)

    room = await opened(talk)
    peer = await room.join()
    # Less than makes the stream stop reading: then it wouldn't see the end.
    messages = [bytes([each]) * 500 for each in range(100)]
    await peer.send(*(frame(FIN | BINARY, message) for message in messages))
    peer.wire.close()
    await room.socket()
    assert room.received == messages


@pytest.mark.parametrize(
    ("error", "code"), [(None, 1000), (ValueError("broken"), 1011), (HTTPError(403, "Too late"), 1011)]
)
async def test_the_end_of_the_handler_is_the_end(opened: Open, error: Exception | None, code: int) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        if error is not None:
            raise error

    room = await opened(talk)
    peer = await room.join()
    first, payload = await peer.read()
    assert (first, payload[:2]) == (FIN | CLOSE, code.to_bytes(2))
    await peer.send(frame(FIN | CLOSE, payload))
    await peer.wire.closed()
    assert [event.reason for event in room.site.named("error")] == [each for each in [error] if each]


async def test_a_server_that_stops_says_so(opened: Open) -> None:
    room = await opened(listen)
    peer = await room.join()
    stopping = asyncio.create_task(room.site.server.close())
    assert await peer.read() == (FIN | CLOSE, b"\x03\xe9")
    await peer.send(frame(FIN | CLOSE, b"\x03\xe9"))
    await peer.wire.closed()
    await stopping
    assert (await room.socket()).close_code == 1001


async def test_no_end_leaves_a_task(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_frames, "CLOSE_TIMEOUT", 0.05)
    room = await opened(listen)
    for last in (b"", frame(FIN | CLOSE), frame(FIN | TEXT, masked=False), frame(FIN | TEXT, b"abc")[:-1]):
        for ends in (lambda wire: wire.close(), lambda wire: wire.reset(), lambda wire: None):
            peer = await room.join()
            await peer.send(last)
            ends(peer.wire)
    for socket in room.sockets:
        await socket.close()
    await room.site.until(lambda: room.left == len(room.sockets) and room.site.connections == 0)
    await room.site.until(lambda: not frame_tasks())


async def test_messages_that_nobody_receives_leave_no_task(opened: Open) -> None:
    async def talk(socket: WebSocket, room: Room) -> None:
        await room.site.until(lambda: socket.closed)

    room = await opened(talk)
    peer = await room.join()
    await peer.send(*(frame(FIN | BINARY, b"x" * 3000) for _ in range(50)))
    assert frame_tasks()
    peer.wire.reset()
    await room.socket()
    await room.site.until(lambda: not frame_tasks())
