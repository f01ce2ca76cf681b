"""What the tests of all handlers can use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from reserve_core import Mock, mock
from tests.kit.redis_server import RedisServer

Mocked = Callable[..., Awaitable[Mock]]


@pytest.fixture
async def mocked(tmp_path: Path) -> AsyncIterator[Mocked]:
    """`await mocked(mapping, ...)`: a mock of these mappings. They are relative to `tmp_path`, a 404 comes last."""
    async with AsyncExitStack() as stack:

        async def start(*mappings: dict[str, Any]) -> Mock:
            site = await mock({"cwd": str(tmp_path), "mappings": [*mappings, {"status": 404}]})
            return await stack.enter_async_context(site)

        yield start


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "no")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """An empty Redis that must not be killed."""
    with shared_redis.client() as client:
        client.flushall()
    return shared_redis


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
