"""What only the store in Redis has to do: live with a Redis that can't be reached, forgets, refuses, and comes back."""

from __future__ import annotations

import asyncio
import html
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import hiredis
import pytest

from reserve_core import ConfigError
from reserve_mirror.store import MirrorSettings, Record, Unavailable, redis_command, redis_pipeline, redis_router
from reserve_mirror.store.redis_command import NOT_STORED, UNREACHABLE
from reserve_mirror.store.redis_connection import RedisConnection
from reserve_mirror.store.redis_store import RedisStore
from tests.kit.waiting import PATIENCE, until, wait_until

if TYPE_CHECKING:
    from tests.kit.redis_server import RedisServer
    from tests.plugins.mirror.conftest import Serve, Site

SETTINGS = MirrorSettings(max_requests=100_000, expiration_time=60, response='{"status":200}')
SUMMARY = '{"path":"/"}'
# What is written is the kernel's before it is acknowledged: a killed Redis has lost nothing of it.
DURABLE = ("--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0")

Own = Callable[..., "RedisServer"]
Open = Callable[["RedisServer"], Awaitable[RedisStore]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """`await opened(server)`: a started store of that Redis."""
    async with AsyncExitStack() as stack:

        async def start(server: RedisServer) -> RedisStore:
            store = RedisStore(server.url)
            stack.push_async_callback(store.close)
            await store.start()
            return store

        yield start


@pytest.fixture
def store_kind() -> str:
    """Sites are on Redis."""
    return "redis"


async def available(store: RedisStore) -> None:
    """Waits until the store can be used."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await store.read("orders")
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


@asynccontextmanager
async def stand_in(reply: bytes, held: asyncio.Event | None = None) -> AsyncIterator[RedisStore]:
    """A started store of what takes itself for a Redis: scripts on `orders` get that reply, "" cuts the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Is content with all other commands."""
        commands = hiredis.Reader()
        while data := await reader.read(65536):
            commands.feed(data)
            while command := commands.gets():
                if command[0] == b"EVALSHA" and b"reserve:{orders}" in command:
                    if held is not None:
                        await held.wait()
                    writer.write(reply)
                    if not reply:
                        writer.close()
                elif command[0] == b"CLUSTER":
                    writer.write(b"-ERR This instance has cluster support disabled\r\n")
                else:
                    writer.write(b"+OK\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        store = RedisStore(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await store.start()
        yield store
        await store.close()


async def test_keys_have_a_place_of_their_own_and_expire_together(redis_server: RedisServer, opened: Open) -> None:
    store = await opened(redis_server)
    await store.create("orders", SETTINGS)
    await store.add("orders", Record(SUMMARY, b"body", b"response"))
    with redis_server.client() as client:
        assert sorted(client.keys("*")) == [b"reserve:{orders}", b"reserve:{orders}:b", b"reserve:{orders}:s"]
        assert [client.type(key) for key in sorted(client.keys("*"))] == [b"hash", b"hash", b"stream"]
        assert all(59_000 < client.pttl(key) <= 60_000 for key in client.keys("*"))
    await store.drop("orders")
    with redis_server.client() as client:
        assert client.keys("*") == []


async def test_trimming_leaves_no_body_behind(redis_server: RedisServer, opened: Open) -> None:
    store = await opened(redis_server)
    await store.create("orders", SETTINGS._replace(max_requests=3))
    made = []
    for _ in range(10):
        record = Record(SUMMARY, b"body", b"response")
        record.set_trace(lambda: b"[]", 2)
        recorded = await store.add("orders", record)
        assert recorded is not None
        made.append(recorded.id.encode())
    with redis_server.client() as client:
        assert [entry for entry, _ in client.xrange("reserve:{orders}:s")] == made[-3:]
        kept = [entry + part for entry in made[-3:] for part in (b"", b":r", b":t")]
        assert sorted(client.hkeys("reserve:{orders}:b")) == sorted(kept)


async def test_two_processes_share_what_one_records(redis_server: RedisServer, opened: Open) -> None:
    one, two = await opened(redis_server), await opened(redis_server)
    await one.create("orders", SETTINGS)
    async with two.hub.watch("orders") as queue:
        recorded = await one.add("orders", Record(SUMMARY, b"body"))
        assert recorded is not None
        async with asyncio.timeout(PATIENCE):
            event = await queue.next()
    assert event is not None
    assert event.id == recorded.id
    content = await two.get("orders", recorded.id)
    assert content is not None
    assert content.body == b"body"


async def test_records_of_one_turn_share_a_round_trip(
    redis_server: RedisServer, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(redis_server)
    await store.create("orders", SETTINGS)
    sent: list[int] = []
    send = RedisConnection.send

    def counted(self: RedisConnection, commands: list[bytes]) -> None:
        sent.append(len(commands))
        send(self, commands)

    monkeypatch.setattr(RedisConnection, "send", counted)
    await asyncio.gather(*(store.add("orders", Record(SUMMARY)) for _ in range(1000)))
    assert sent == [1000]


async def test_flushed_scripts_are_loaded_again(redis_server: RedisServer, opened: Open) -> None:
    store = await opened(redis_server)
    await store.create("orders", SETTINGS)
    with redis_server.client() as client:
        client.script_flush()
    results = await asyncio.gather(*(store.add("orders", Record(SUMMARY)) for _ in range(10)))
    assert len({result.id for result in results if result is not None}) == 10
    state = await store.read("orders")
    assert state is not None
    assert state.requests == 10


async def test_without_appendonly_there_is_a_warning(
    own_redis: Own, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    await opened(own_redis("--appendonly", "no"))
    (warning,) = messages(caplog, logging.WARNING)
    assert "forgets everything" in warning
    assert "CONFIG SET appendonly yes" in warning


async def test_with_appendonly_there_is_none(own_redis: Own, opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    await opened(own_redis(*DURABLE))
    assert messages(caplog, logging.WARNING) == []


async def test_a_redis_that_is_not_there_yet_is_no_error(
    own_redis: Own, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis(*DURABLE)
    server.kill()
    store = await opened(server)
    with pytest.raises(Unavailable, match="Redis can't be reached"):
        await store.create("orders", SETTINGS)
    (error,) = messages(caplog, logging.ERROR)
    assert error.startswith(f"Redis at {server.url} can't be reached: ")
    server.start()
    await available(store)
    assert await store.create("orders", SETTINGS)
    assert messages(caplog, logging.WARNING) == [f"Redis at {server.url} is back"]


async def test_a_wrong_password_stops_the_start(own_redis: Own, opened: Open) -> None:
    server = own_redis()
    with server.client() as client:
        client.config_set("requirepass", "secret")
    for wrong in (server.url, server.url.replace("unix://", "unix://:letmein@")):
        server.url = wrong
        with pytest.raises(ConfigError) as error:
            await opened(server)
        assert "letmein" not in str(error.value)
        assert str(server.socket) in str(error.value)
    server.url = f"unix://:secret@{server.socket}"
    store = await opened(server)
    assert await store.create("orders", SETTINGS)


async def test_a_database_of_its_own(redis_server: RedisServer) -> None:
    store = RedisStore(f"{redis_server.url}?db=3")
    await store.start()
    assert await store.create("orders", SETTINGS)
    with redis_server.client() as client:
        assert client.dbsize() == 0
    await store.close()


async def test_a_redis_that_is_full_refuses_and_says_why(
    own_redis: Own, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis(*DURABLE)
    store = await opened(server)
    await store.create("orders", SETTINGS)
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
        for _ in range(3):
            with pytest.raises(Unavailable, match=NOT_STORED):
                await store.add("orders", Record(SUMMARY, b"x" * 100_000))
        client.config_set("maxmemory", "0")
    assert await store.add("orders", Record(SUMMARY, b"x")) is not None
    (error,) = messages(caplog, logging.ERROR)
    assert error.endswith("refuses: command not allowed when used memory > 'maxmemory'")


async def test_a_redis_that_hangs_is_given_up(
    own_redis: Own, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_pipeline, "TIMEOUT", 0.5)
    server = own_redis(*DURABLE)
    store = await opened(server)
    await store.create("orders", SETTINGS)
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        results = await asyncio.gather(
            *(store.add("orders", Record(SUMMARY)) for _ in range(10)), return_exceptions=True
        )
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert [type(result) for result in results] == [Unavailable] * 10
    assert "can't be reached: no reply within 0.5 seconds\n" in messages(caplog, logging.ERROR)[0]
    await available(store)
    assert await store.add("orders", Record(SUMMARY)) is not None


@pytest.mark.parametrize(("scheme", "limit"), [("redis", "CONNECT_TIMEOUT"), ("redis+cluster", "DISCOVERY_TIMEOUT")])
async def test_a_redis_that_says_nothing_to_a_new_connection_is_told_with_the_time_it_had(
    scheme: str, limit: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_router, limit, 0.25)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = RedisStore(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}")
        try:
            await store.start()
        finally:
            await store.close()
    assert "can't be reached: no reply within 0.25 seconds\n" in messages(caplog, logging.ERROR)[0]


async def test_a_connection_that_is_lost_while_nobody_needs_it_is_no_news(
    redis_server: RedisServer, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(redis_server)
    await store.create("orders", SETTINGS)
    first = store._router._first._connection
    with redis_server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    await until(lambda: store._router._first._connection is not first)
    assert await store.add("orders", Record(SUMMARY)) is not None
    assert messages(caplog, logging.ERROR) == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING Redis is loading"),
        (b"?\r\n", "Protocol error"),
        (b"", "Redis has closed the connection"),
    ],
    ids=["loading", "malformed", "closed"],
)
async def test_a_redis_that_gives_no_proper_reply_is_away(
    reply: bytes, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_command, "RETRY_TIME", 0.2)
    async with stand_in(reply) as store:
        results = await asyncio.gather(
            *(store.add("orders", Record(SUMMARY)) for _ in range(10)), return_exceptions=True
        )
    assert [str(result) for result in results] == [UNREACHABLE] * 10
    (error,) = [message for message in messages(caplog, logging.ERROR) if "can't be reached" in message]
    assert why in error


async def test_what_waits_behind_a_round_trip_that_fails_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_pipeline, "MAX_BATCHES", 1)
    held = asyncio.Event()
    async with stand_in(b"", held) as store, asyncio.timeout(PATIENCE):
        first = asyncio.create_task(store.add("orders", Record(SUMMARY)))
        await until(lambda: store._router._first._sent)
        second = asyncio.create_task(store.add("orders", Record(SUMMARY)))
        await until(lambda: store._router._first._waiting and not store._router._first._turn)
        held.set()
        for each in (first, second):
            with pytest.raises(Unavailable, match="Redis can't be reached"):
                await each


async def test_what_waits_for_redis_is_bounded(redis_server: RedisServer, opened: Open, monkeypatch: Any) -> None:
    monkeypatch.setattr(redis_pipeline, "MAX_WAITING", 100_000)
    store = await opened(redis_server)
    await store.create("orders", SETTINGS)
    results = await asyncio.gather(
        *(store.add("orders", Record(SUMMARY, b"x" * 10_000)) for _ in range(100)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert 80 <= len(refused) <= 95
    assert "too slow" in str(refused[0])
    state = await store.read("orders")
    assert state is not None
    assert state.requests == 100 - len(refused)


async def test_kept_mirrors_are_there_in_a_redis_that_has_forgotten(redis_server: RedisServer, opened: Open) -> None:
    store = await opened(redis_server)
    async with store.keep("orders", SETTINGS):
        with redis_server.client() as client:
            client.flushall()
        assert await store.add("orders", Record(SUMMARY)) is not None


async def test_watchers_look_again_after_redis_was_away(own_redis: Own, opened: Open) -> None:
    server = own_redis(*DURABLE)
    store = await opened(server)
    await store.create("orders", SETTINGS)
    async with store.hub.watch("orders") as queue:
        server.kill()
        server.start()
        async with asyncio.timeout(PATIENCE):
            assert await queue.next() is None
        await available(store)
        recorded = await store.add("orders", Record(SUMMARY))
        assert recorded is not None
        async with asyncio.timeout(PATIENCE):
            event = await queue.next()
        assert event is not None
        assert event.id == recorded.id


async def test_every_acknowledged_record_survives_a_kill(own_redis: Own, opened: Open) -> None:
    server = own_redis(*DURABLE)
    store = await opened(server)
    await store.create("orders", SETTINGS)
    acknowledged: list[str] = []
    refused = 0
    running = True

    async def work() -> None:
        nonlocal refused
        while running:
            try:
                recorded = await store.add("orders", Record(SUMMARY, b"body"))
            except Unavailable:
                refused += 1
                await asyncio.sleep(0.01)
            else:
                assert recorded is not None
                acknowledged.append(recorded.id)

    workers = [asyncio.create_task(work()) for _ in range(32)]
    for _ in range(3):
        before = len(acknowledged)
        async with asyncio.timeout(PATIENCE):
            while len(acknowledged) < before + 1000:
                await asyncio.sleep(0.01)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await available(store)
    running = False
    await asyncio.gather(*workers)
    kept = {entry.id for entry in await store.entries("orders", "", 1_000_000)}
    assert len(set(acknowledged)) == len(acknowledged) > 3000
    assert set(acknowledged) <= kept
    assert refused


def wait_for_redis(site: Site) -> None:
    wait_until(lambda: site.get("/api/mirrors/orders").status == 200)


def test_without_redis_there_is_503_and_then_all_is_well_again(own_redis: Own, serve: Serve) -> None:
    server = own_redis(*DURABLE)
    site = serve(redis_url=server.url)
    site.record("/before")
    server.kill()
    response = site.ask("POST", "/r/orders/lost", b"x", [("Origin", "http://app.example")])
    assert response.status == 503
    assert response.headers["retry-after"] == "1"
    assert response.headers["access-control-allow-origin"] == "http://app.example"
    for path in ("/v/orders", "/api/mirrors/orders", "/api/mirrors/orders/requests.json", "/ws/orders"):
        response = site.get(path)
        assert response.status == 503, path
        assert "Redis can't be reached" in html.unescape(response.text)
    assert site.get("/").status == 200
    server.start()
    wait_for_redis(site)
    site.record("/after")
    assert [request["path"] for request in site.requests()] == ["/before", "/after"]


async def test_pages_recover_by_themselves_with_no_loss_and_no_doubles(own_redis: Own, serve: Serve) -> None:
    server = own_redis(*DURABLE)
    site = serve(redis_url=server.url, max_requests=100_000)
    acknowledged: list[str] = []
    stop = threading.Event()

    def send() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            if site.ask("POST", f"/r/orders/{n}").status == 200:
                acknowledged.append(f"/{n}")

    sending = asyncio.create_task(asyncio.to_thread(send))
    async with site.follow() as follower:
        seen: list[str] = []

        async def take(count: int) -> None:
            while len(seen) < count:
                message = await follower.next()
                assert message is not None
                if message["type"] == "request":
                    seen.append(message["request"]["path"])

        await take(200)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.start)
        await take(len(acknowledged) + 200)
        stop.set()
        await sending
        while set(acknowledged) - set(seen):
            await take(len(seen) + 1)
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, key=lambda path: int(path[1:]))


async def test_a_page_of_one_server_shows_what_another_one_records(redis_server: RedisServer, serve: Serve) -> None:
    one, two = serve(), serve()
    async with two.follow() as follower:
        await follower.message("hello")
        one.ask("POST", "/r/orders/x")
        assert (await follower.message("request"))["request"]["path"] == "/x"
        one.ask_json("PATCH", "/api/mirrors/orders", {"response": {"status": 418}})
        assert (await follower.message("updated"))["response"]["status"] == 418
    assert two.ask("POST", "/r/orders").status == 418
