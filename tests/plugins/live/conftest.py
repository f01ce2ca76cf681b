"""Sites with live pages, and the page that a browser would have of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import Server
from tests.kit.waiting import PATIENCE

Served = Callable[..., Awaitable[Server]]

TAG = re.compile(rb'<script src="([^"]+)" data-after="(\d+)"( nonce="[^"]+")?( data-waits)? async></script>')
NAVIGATION = {"sec-fetch-dest": "document", "accept": "text/html,*/*;q=0.8"}
LIVE = {"match": "^/", "live": "./dist"}


class Page:
    """An open page: what it is told by the WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def message(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message: dict[str, Any] = await self.socket.receive_json()
            return message


def write(path: Path, text: str) -> None:
    """Writes a file as one change: a file that is opened, and then written to, may be two."""
    made = path.parents[1] / "made"  # beside the folder that is watched
    made.write_text(text)
    made.replace(path)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """The folder that is watched."""
    folder = tmp_path / "dist"
    folder.mkdir()
    return folder


@pytest.fixture
def open_page(client: aiohttp.ClientSession) -> Callable[..., Any]:
    """`async with open_page(server, after) as page`; without `after`, one that has come just now."""

    @asynccontextmanager
    async def open_page(server: Server, after: int | None = None, base: str = "") -> AsyncIterator[Page]:
        if after is None:
            async with client.get(f"{server.url}{base}", headers=NAVIGATION) as response:
                found = TAG.search(await response.read())
            assert found is not None
            after = int(found[2])
        async with client.ws_connect(f"{server.url}{base}.reserve/live?after={after}") as socket:
            yield Page(socket)

    return open_page
