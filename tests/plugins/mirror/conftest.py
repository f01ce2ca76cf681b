"""Both stores of mirrors, and sites with a mirror in each of them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.websocket import WebSocketClientConnection, websocket_connect

from reserve_core.testing import TestServer
from reserve_mirror.store import Store
from reserve_mirror.store.memory_store import MemoryStore
from reserve_mirror.store.redis_store import RedisStore
from tests.kit import client
from tests.kit.client import ReceivedResponse
from tests.kit.redis_topologies import Topology
from tests.kit.waiting import PATIENCE


@pytest.fixture(params=["memory", "redis"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """The kind of a store: tests with it, or with what builds on it, run with both."""
    return str(request.param)


@pytest.fixture
def topology(
    store_kind: str, redis_topology: Callable[[str], Topology], monkeypatch: pytest.MonkeyPatch
) -> Topology | None:
    """The Redis of the store, None for memory."""
    # Its URL names who is trusted: to read all that the system trusts, at each connection, takes as long as a test.
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    return None if store_kind == "memory" else redis_topology(store_kind)


@pytest.fixture
def redis_url(topology: Topology | None) -> str | None:
    """The `redis-url` that selects the store, None for memory."""
    return None if topology is None else topology.url


OpenStore = Callable[[], Awaitable[Store]]


@pytest.fixture
async def open_store(redis_url: str | None) -> AsyncIterator[OpenStore]:
    """Opens a store of this kind; more than one share what they hold, as two processes with one Redis do."""
    async with AsyncExitStack() as stack:

        async def start() -> Store:
            store: Store = MemoryStore() if redis_url is None else RedisStore(redis_url)
            await store.start()
            stack.push_async_callback(store.close)
            return store

        yield start


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


Age = Callable[[Store, float], None]


@pytest.fixture
def age(topology: Topology | None) -> Age:
    """`age(store, seconds)`: the mirrors of a store expire as much sooner, as if that time had passed."""

    def age(store: Store, seconds: float) -> None:
        if topology is None:
            assert isinstance(store, MemoryStore)
            for mirror in store._mirrors.values():
                if mirror.expires is not None:
                    mirror.expires -= seconds
            return
        for node in topology.masters():
            with node.client() as client:
                for key in client.scan_iter():
                    if (left := client.pttl(key)) >= 0:
                        client.pexpire(key, int(left - seconds * 1000))

    return age


Pairs = Iterable[tuple[str, str]]


class Site:
    """A server with a mirror at `base`, and a client of it that follows no redirects."""

    def __init__(self, server: TestServer, base: str) -> None:
        self.server = server
        self.base = base
        self.url = server.url.rstrip("/") + base

    @property
    def store(self) -> Store:
        """What the mirror keeps its requests in."""
        store: Store = self.server.server.configuration.mappings[0].state.store
        return store

    def ask(self, method: str, path: str, body: bytes | Iterable[bytes] = b"", headers: Pairs = ()) -> ReceivedResponse:
        """Sends a request below the base. `body` in pieces is sent chunked; headers go out as they are given."""
        return client.ask(f"http://127.0.0.1:{self.server.port}{self.base}{path}", method, body, headers)

    def get(self, path: str, *headers: tuple[str, str]) -> ReceivedResponse:
        return self.ask("GET", path, headers=headers)

    def ask_json(self, method: str, path: str, value: Any) -> ReceivedResponse:
        return self.ask(method, path, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def record(self, path: str = "", body: bytes = b"", method: str = "POST", headers: Pairs = ()) -> str:
        """Sends a request to the mirror `orders`, and returns the id under which it is kept."""
        assert self.ask(method, f"/r/orders{path}", body, headers).status == 200
        return str(self.requests()[-1]["id"])

    def requests(self, code: str = "orders") -> list[dict[str, Any]]:
        """The summaries of what a mirror has recorded."""
        response = self.get(f"/api/mirrors/{code}/requests?limit=1000")
        assert response.status == 200, response.text
        found: list[dict[str, Any]] = response.json()["requests"]
        return found

    def whole(self, request_id: str, code: str = "orders") -> dict[str, Any]:
        response = self.get(f"/api/mirrors/{code}/requests/{request_id}")
        assert response.status == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    @asynccontextmanager
    async def follow(self, path: str = "/ws/orders", *headers: tuple[str, str]) -> AsyncIterator[Follower]:
        """Opens the WebSocket of a mirror. Raises `HTTPClientError` when it's refused."""
        url = f"ws{self.url.removeprefix('http')}{path}"
        follower = Follower(await websocket_connect(HTTPRequest(url, headers=HTTPHeaders(dict(headers)))))
        try:
            yield follower
        finally:
            await follower.close()


class Follower:
    """The page's end of a WebSocket."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.closed = False

    async def next(self) -> dict[str, Any] | None:
        """The next message, None when it's closed."""
        async with asyncio.timeout(PATIENCE):
            text = await self.connection.read_message()
        self.closed = text is None
        return None if text is None else json.loads(text)

    async def close(self) -> None:
        """Closes it, and waits until it is."""
        self.connection.close()
        while not self.closed:
            await self.next()

    async def message(self, kind: str) -> dict[str, Any]:
        """The next message, which must be of this type."""
        message = await self.next()
        assert message is not None
        assert message["type"] == kind, message
        return message


Serve = Callable[..., Site]


@pytest.fixture
def serve(reserve_server: Callable[[dict[str, Any]], TestServer], redis_url: str | None) -> Serve:
    """Serves a mirror with these options: `site = serve(max_requests=3)`; `base` is where it is mounted."""

    def start(base: str = "", before: Iterable[dict[str, Any]] = (), **options: Any) -> Site:
        mapping = {
            "match": f"^{base}(/.*)?$",
            "mirror": "$1",
            "redis-url": redis_url,
            "codes": ["orders"],
            "max-requests": 1000,
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        return Site(reserve_server({"mappings": [*before, mapping, {"status": 404}]}), base)

    return start


@pytest.fixture
def site(serve: Serve) -> Site:
    """A mirror mounted at /mirror, which has the code `orders`."""
    return serve("/mirror")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine counts."""
    for name in ("REDIS_URL", "REDIS_MAX_CONNECTIONS", "EXPIRATION_TIME", "MAX_REQUESTS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"RM_{name}", raising=False)
    for name in ("RESERVE_MIRROR_ALLOWED_HOSTS", "RESERVE_MIRROR_TOKEN"):
        monkeypatch.delenv(name, raising=False)
