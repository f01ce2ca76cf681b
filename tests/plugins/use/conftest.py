"""A real server with applications in it, and a real client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from reserve_core import Event, Server, serve as serve_configuration
from tests.kit.client import ReceivedResponse
from tests.kit.waiting import PATIENCE


class Site:
    """A running server: `get`, `post` and `connect` are the client's, `errors` what handlers have raised."""

    def __init__(self, server: Server, client: aiohttp.ClientSession) -> None:
        self.server = server
        self.client = client
        self.errors: list[Any] = []
        server.on("error", self._note)

    def _note(self, event: Event) -> None:
        self.errors.append(event.reason)

    async def ask(self, method: str, path: str = "/", **options: Any) -> ReceivedResponse:
        async with self.client.request(method, self.server.url.rstrip("/") + path, **options) as response:
            return ReceivedResponse(response.status, CIMultiDict(response.headers), await response.read())

    async def get(self, path: str = "/", **headers: str) -> ReceivedResponse:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, data: Any, **headers: str) -> ReceivedResponse:
        return await self.ask("POST", path, data=data, headers=headers)


Serve = Callable[..., Awaitable[Site]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve({"use": app}, ...)` serves these mappings; each may lack its "match". Other settings are keyword
    arguments."""
    async with AsyncExitStack() as stack:

        async def start(*mappings: dict[str, Any], **settings: Any) -> Site:
            configuration = {"mappings": list(mappings), **settings}
            server = await stack.enter_async_context(await serve_configuration(configuration, port=0))
            client = await stack.enter_async_context(
                aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(PATIENCE))
            )
            return Site(server, client)

        yield start
