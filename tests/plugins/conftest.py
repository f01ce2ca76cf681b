"""What the tests of all handlers can use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import Mock, Server, mock, serve
from tests.e2e.conftest import Start, starting
from tests.kit.redis_server import RedisServer
from tests.kit.redis_topologies import TOPOLOGIES, Topology, empty

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]


@pytest.fixture
async def mocked(tmp_path: Path) -> AsyncIterator[Mocked]:
    """`await mocked(mapping, ...)`: a mock of these mappings. They are relative to `tmp_path`, a 404 comes last."""
    async with AsyncExitStack() as stack:

        async def start(*mappings: dict[str, Any]) -> Mock:
            site = await mock({"cwd": str(tmp_path), "mappings": [*mappings, {"status": 404}]})
            return await stack.enter_async_context(site)

        yield start


@pytest.fixture
def start_reserve(command: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the command `reserve` in `tmp_path` on a free port."""
    with starting(command, tmp_path) as start:
        yield start


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """`await served(mapping, ...)`: a running server with these mappings. They are as those of `mocked`."""
    async with AsyncExitStack() as stack:

        async def start(*mappings: dict[str, Any]) -> Server:
            source = {"port": 0, "cwd": str(tmp_path), "mappings": [*mappings, {"status": 404}]}
            server = await serve(source)
            stack.push_async_callback(server.close, force=True)
            return server

        yield start


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Topology]]:
    """`shared_redis("cluster")`: a Redis that is run like this, started when it is first asked for."""
    running: dict[str, Topology] = {}
    with ExitStack() as stack:

        def start(kind: str) -> Topology:
            if kind not in running:
                topology = TOPOLOGIES[kind](tmp_path_factory.mktemp(kind))
                stack.callback(topology.kill)
                topology.start()
                running[kind] = topology
            return running[kind]

        yield start


@pytest.fixture
def redis_topology(shared_redis: Callable[[str], Topology]) -> Callable[[str], Topology]:
    """`redis_topology("cluster")`: an empty Redis that is run like this, and must not be killed."""

    def start(kind: str) -> Topology:
        topology = shared_redis(kind)
        empty(topology)
        return topology

    return start


@pytest.fixture
def redis_server(redis_topology: Callable[[str], Topology]) -> RedisServer:
    """An empty Redis, one process, that must not be killed."""
    server = redis_topology("redis")
    assert isinstance(server, RedisServer)
    return server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """`own_redis("--appendonly", "yes")`: a running Redis that may be killed and started again."""
    with ExitStack() as stack:

        def start(*options: str) -> RedisServer:
            server = RedisServer(tmp_path, *options)
            server.start()
            stack.callback(server.kill)
            return server

        yield start
