"""A server: what it asks of the system for its sockets, how it starts and how it stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from tornado.websocket import websocket_connect

from reserve_core import Mapping, Request, Resources, Response, Server, check, hookimpl, serve
from tests.kit.client import ask
from tests.kit.waiting import PATIENCE, settled, until


async def test_the_system_takes_little_of_what_a_client_does_not_read() -> None:
    written = 0

    async def endless(request: Any, response: Any) -> None:
        nonlocal written
        while True:
            await response.write(bytes(1 << 16))
            written += 1 << 16

    async with await serve({"mappings": [{"custom": endless}]}, port=0) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", server.port))
            await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await settled(lambda: written)
            assert 0 < written < 1 << 20
        await server.close(force=True)


async def test_it_tells_what_is_open() -> None:
    async def echoes(request: Any, response: Any) -> None:
        websocket = await request.upgrade()
        await websocket.send("open")
        async for message in websocket:
            await websocket.send(message)

    async with await serve({"mappings": [{"custom": echoes}]}, port=0) as server:
        assert (server.connections, server.upgraded) == (0, [])
        client = await websocket_connect(f"ws://127.0.0.1:{server.port}/room")
        assert await client.read_message() == "open"
        assert server.connections == 1
        assert [request.path for request in server.upgraded] == ["/room"]
        assert server.working == 1
        client.close()
        await until(lambda: (server.connections, server.upgraded) == (0, []))


# Its start and its end.


class Life:
    """A handler whose lifespan begins when it is let, and says what is open."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.let.set()
        self.begun: list[str] = []
        self.open: list[str] = []

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"life": {"type": "string"}}}

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        self.begun.append(mapping.value)
        await self.let.wait()
        if mapping.value == "fails":
            raise LookupError("nothing there")
        self.open.append(mapping.value)
        yield
        self.open.remove(mapping.value)

    @hookimpl
    async def redirect(self, response: Response, mapping: Mapping) -> None:
        response.send(mapping.value)


@pytest.fixture
def life() -> Life:
    return Life()


def of(life: Life, *values: str, **settings: Any) -> dict[str, Any]:
    return {"handlers": {"life": life}, "mappings": [{"life": value} for value in values], **settings}


async def test_a_start_that_fails_closes_what_was_opened(life: Life) -> None:
    server = Server(await check(of(life, "a", "b", "fails", port=0)))
    events: list[str] = []
    server.on("*", lambda event: events.append(event.name))
    with pytest.raises(LookupError):
        await server.start()
    assert (life.begun, life.open, events) == (["a", "b", "fails"], [], ["created", "closed"])
    with pytest.raises(RuntimeError, match="starts once"):
        await server.start()
    await server.close()


async def test_a_start_without_its_port_closes_what_was_opened(life: Life) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="is in use already"):
        await serve(of(life, "a"), port=other.getsockname()[1])
    assert (life.begun, life.open) == (["a"], [])


@pytest.mark.parametrize("how", ["cancelled", "closed", "closed by force"])
async def test_a_start_that_hangs_can_be_ended(life: Life, how: str) -> None:
    life.let.clear()
    server = Server(await check(of(life, "a", "b", port=0)))
    starting = asyncio.create_task(server.start())
    await until(lambda: life.begun == ["a"])
    if how == "cancelled":
        starting.cancel()
    else:
        await server.close(force=how == "closed by force")
    await asyncio.wait([starting])
    assert starting.cancelled() if how == "cancelled" else isinstance(starting.exception(), RuntimeError)
    assert (life.begun, life.open) == (["a"], [])
    await server.close()


async def test_a_stop_ends_a_reload(life: Life) -> None:
    async with await serve(of(life, "a"), port=0) as server:
        life.let.clear()
        changes = [
            asyncio.create_task(server.reload(of(life, "b"))),
            asyncio.create_task(server.configuration.set_mappings([{"life": "c"}])),
        ]
        await until(lambda: life.begun == ["a", "b"])
        await server.close()
        for change in changes:
            with pytest.raises(RuntimeError, match="isn't running"):
                await change
    assert (life.begun, life.open) == (["a", "b"], [])


async def test_only_a_running_server_reloads(life: Life) -> None:
    server = Server(await check(of(life, "a", port=0)))
    with pytest.raises(RuntimeError, match="isn't running"):
        await server.reload(of(life, "b"))
    async with server:
        pass
    with pytest.raises(RuntimeError, match="isn't running"):
        await server.reload(of(life, "b"))
    assert (life.begun, life.open) == (["a"], [])


async def test_it_closes_once_for_all_who_ask(life: Life) -> None:
    events: list[str] = []
    server = await serve(of(life, "a"), port=0)
    server.on("closed", lambda event: events.append(f"closed, open: {life.open}"))
    await asyncio.gather(*(server.close(force=force) for force in (False, True, False)))
    await server.close()
    assert events == ["closed, open: []"]


async def test_it_closes_when_who_asks_is_cancelled(life: Life) -> None:
    go_on, at_work = asyncio.Event(), asyncio.Event()

    async def waits(request: Any, response: Any) -> None:
        at_work.set()
        await go_on.wait()
        response.send("done")

    settings = of(life, "a")
    settings["mappings"].insert(0, {"match": "/wait", "custom": waits})
    server = await serve(settings, port=0)
    request = asyncio.create_task(asyncio.to_thread(ask, f"{server.url}wait"))
    await at_work.wait()
    closing = asyncio.create_task(server.close(timeout=PATIENCE))
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    assert life.open == ["a"]
    go_on.set()
    assert (await request).text == "done"
    await server.close(timeout=PATIENCE)
    assert life.open == []


async def test_a_second_stop_cuts_what_the_first_one_waits_for(life: Life) -> None:
    at_work = asyncio.Event()

    async def waits(request: Any, response: Any) -> None:
        at_work.set()
        await asyncio.Event().wait()

    limits = {"shutdown-timeout": 2 * PATIENCE}
    server = await serve({"mappings": [{"custom": waits}], "limits": limits}, port=0)
    request = asyncio.create_task(asyncio.to_thread(ask, server.url))
    await at_work.wait()
    first = asyncio.create_task(server.close())
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await server.close(force=True)
        await first
    with pytest.raises(ConnectionError):  # the connection is cut
        await request


async def test_it_drains_before_it_listens_no_more(life: Life) -> None:
    server = await serve({"mappings": [{"status": 204}], "limits": {"drain-time": 0.2}}, port=0)
    assert not server.configuration.draining
    closing = asyncio.create_task(server.close())
    await asyncio.sleep(0)
    assert (server.configuration.draining, server.closing) == (True, False)
    await closing
    assert server.closing
    with pytest.raises(ConnectionError):
        await asyncio.to_thread(ask, server.url)


async def test_it_serves_while_it_drains_which_a_second_stop_ends(life: Life) -> None:
    async def tells(request: Any, response: Any) -> None:
        response.send(str(request.configuration.draining))

    settings = {"mappings": [{"custom": tells}], "limits": {"drain-time": 2 * PATIENCE}}
    server = await serve(settings, port=0)
    assert (await asyncio.to_thread(ask, server.url)).text == "False"
    first = asyncio.create_task(server.close())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="isn't running"):
        await server.reload(settings)
    assert (await asyncio.to_thread(ask, server.url)).text == "True"
    async with asyncio.timeout(PATIENCE):
        await server.close(force=True)
        await first


async def test_who_never_listened_has_nothing_to_drain(life: Life) -> None:
    server = Server(await check({"mappings": [{"status": 204}], "limits": {"drain-time": 2 * PATIENCE}}))
    await server.start(listen=False)
    async with asyncio.timeout(PATIENCE):
        await server.close()


async def test_a_handler_may_stop_the_server(life: Life) -> None:
    async def stops(request: Any, response: Any) -> None:
        response.send("bye")
        await server.close(timeout=0)

    server = await serve({"mappings": [{"custom": stops}]}, port=0)
    assert (await asyncio.to_thread(ask, server.url)).text == "bye"
    await server.close()


async def test_it_waits_for_requests_that_come_by_no_connection(life: Life) -> None:
    go_on = asyncio.Event()

    async def waits(request: Any, response: Any) -> None:
        await go_on.wait()
        response.send(life.open)

    settings = of(life, "a")
    settings["mappings"].insert(0, {"custom": waits})
    async with await serve(settings, port=0) as server:
        request = asyncio.create_task(server.configuration.dispatch(Request("GET", "/")))
        await asyncio.sleep(0)
        closing = asyncio.create_task(server.close(timeout=PATIENCE))
        await asyncio.sleep(0.05)
        go_on.set()
        assert (await request).json() == ["a"]
        await closing
