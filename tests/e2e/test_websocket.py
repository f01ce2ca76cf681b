"""WebSockets of a function of one's own, by the installed command and the clients that users have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Start
    from tests.kit.running import Running


pytestmark = pytest.mark.usefixtures("forks")

TALK = """
from pathlib import Path
from reserve_core import HTTPError, broadcast

everybody = set()


async def echo(request, response):
    websocket = await request.upgrade(subprotocols=["chat.v2", "chat.v1"])
    await websocket.send({"subprotocol": websocket.subprotocol})
    async for message in websocket:
        await websocket.send(message)


async def room(request, response):
    websocket = await request.upgrade(origins="https://friend.example")
    everybody.add(websocket)
    try:
        async for value in websocket.json():
            broadcast(everybody, value)
    finally:
        everybody.remove(websocket)
        with Path("left").open("a") as left:
            left.write(f"{websocket.close_code}\\n")


async def once(request, response):
    websocket = await request.upgrade()
    await websocket.send(await websocket.receive())


async def broken(request, response):
    websocket = await request.upgrade()
    raise LookupError(await websocket.receive())


async def door(request, response):
    if request.query.get("key") != "sesame":
        raise HTTPError(403, "Members only")
    websocket = await request.upgrade()
    await websocket.close(4000, "Come back tomorrow")


async def flood(request, response):
    websocket = await request.upgrade()
    while True:
        await websocket.send(b"x" * 65536)
"""
NAMES = ("echo", "room", "once", "broken", "door", "flood")


@pytest.fixture
def running(start: Start, write: Any) -> Iterator[Running]:
    mappings = [{"match": f"/{name}", "custom": f"./talk.py:{name}"} for name in NAMES]
    write({"talk.py": TALK, "reserve.json": {"mappings": mappings}})
    running = start()
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0


@pytest.fixture
def url(running: Running) -> str:
    return running.ready()


@pytest.fixture
async def session(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url) as session:
        yield session


def transport(socket: aiohttp.ClientWebSocketResponse) -> Any:
    assert socket._conn is not None
    return socket._conn.transport


async def closing(socket: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
    """The code and the reason of the close frame that comes next."""
    message = await socket.receive(PATIENCE)
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    return message.data, message.extra or ""


async def test_text_bytes_and_json_go_both_ways(session: aiohttp.ClientSession) -> None:
    async with session.ws_connect("/echo", protocols=["chat.v1", "chat.v2"]) as socket:
        assert socket.protocol == "chat.v2"
        assert await socket.receive_json() == {"subprotocol": "chat.v2"}
        await socket.send_str("Zoë")
        await socket.send_bytes(b"\0\xff")
        assert (await socket.receive_str(), await socket.receive_bytes()) == ("Zoë", b"\0\xff")


async def test_everybody_hears_everybody(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    one, other = await session.ws_connect("/room"), await session.ws_connect("/room")
    for socket in (one, other):
        await socket.send_json({"from": "each"})
    for socket in (one, other):
        assert [await socket.receive_json(timeout=PATIENCE) for _ in range(2)] == [{"from": "each"}] * 2
    await one.close(code=4321)
    await other.send_str("no JSON")
    code, reason = await closing(other)
    assert (code, reason.partition(":")[0]) == (1007, "A message is not valid JSON")
    assert await lines(tmp_path / "left", 2) == ["4321", "1007"]


async def test_a_client_that_vanishes_leaves_nobody_behind(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    socket = await session.ws_connect("/room")
    await socket.send_json([1])
    assert await socket.receive_json(timeout=PATIENCE) == [1]
    transport(socket).abort()
    assert await lines(tmp_path / "left", 1) == ["1006"]


async def lines(path: Path, count: int) -> list[str]:
    """The lines of a file, once there are as many."""
    async with asyncio.timeout(PATIENCE):
        while not path.exists() or path.read_text().count("\n") < count:
            await asyncio.sleep(0.01)
    return path.read_text().splitlines()


async def test_the_end_of_the_function_closes(session: aiohttp.ClientSession, running: Running) -> None:
    async with session.ws_connect("/once") as socket:
        await socket.send_str("only this")
        assert await socket.receive_str() == "only this"
        assert await closing(socket) == (1000, "")
    assert running.errors == ""


async def test_an_exception_closes_and_is_logged(session: aiohttp.ClientSession, running: Running) -> None:
    async with session.ws_connect("/broken") as socket:
        await socket.send_str("the reason why")
        assert await closing(socket) == (1011, "")
    assert running.stop() == 0
    assert "LookupError: the reason why" in running.errors


async def test_a_function_decides_who_comes_in(session: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect("/door")
    assert refused.value.status == 403
    async with session.ws_connect("/door?key=sesame") as socket:
        assert await closing(socket) == (4000, "Come back tomorrow")


async def test_pages_of_other_sites_stay_out(session: aiohttp.ClientSession, url: str) -> None:
    async def status(origin: str) -> int:
        try:
            async with session.ws_connect("/room", origin=origin):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status

    origins = (url.rstrip("/"), "https://friend.example", "https://evil.example", "null")
    assert [await status(origin) for origin in origins] == [101, 101, 403, 403]
    async with session.get("/room") as response:
        assert (response.status, response.headers["Sec-WebSocket-Version"]) == (426, "13")


async def test_a_server_that_stops_says_so(session: aiohttp.ClientSession, running: Running, tmp_path: Path) -> None:
    socket = await session.ws_connect("/room")
    await socket.send_json(["here"])
    assert await socket.receive_json(timeout=PATIENCE) == ["here"]
    running.signal()
    assert await closing(socket) == (1001, "")
    assert await asyncio.to_thread(running.wait) == 0
    assert await lines(tmp_path / "left", 1) == ["1001"]
    assert running.errors == ""


async def test_a_client_that_reads_nothing_costs_little_and_nobody_else(
    session: aiohttp.ClientSession, running: Running
) -> None:
    before = memory(running)
    flooded = await session.ws_connect("/flood")
    transport(flooded).pause_reading()
    for _ in range(20):
        async with session.ws_connect("/once") as socket:
            await socket.send_str("still here")
            assert await socket.receive_str() == "still here"
        await asyncio.sleep(0.02)
    assert memory(running) - before < 20 * 1024
    transport(flooded).abort()
    assert running.stop() == 0
    assert running.errors == ""


def memory(running: Running) -> int:
    """The resident memory of a process in KiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])
