"""`thread: true`: plain functions that may block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core.errors import ConfigError
from reserve_core.events import Event
from reserve_core.http import Request, Response
from reserve_core.mock import Mock
from tests.kit.waiting import PATIENCE

Mocked = Callable[..., Awaitable[Mock]]


async def test_a_plain_function_may_block_in_a_thread(mocked: Mocked) -> None:
    arrived = threading.Event()

    def waits(request: Request, response: Response, name: str) -> list[Any]:
        response.headers["x-name"] = name
        assert arrived.wait(PATIENCE)
        return [threading.current_thread().name, {"status": 201}]

    def arrives(request: Request, response: Response) -> int:
        arrived.set()
        return 204

    site = await mocked({"match": "^/wait/(.*)", "custom": waits, "thread": True}, {"custom": arrives})
    waited, other = await asyncio.gather(site.request("GET", "/wait/Ada"), site.request("GET", "/"))
    assert (waited.status, waited.headers["x-name"], other.status) == (201, "Ada", 204)
    assert waited.text.startswith("custom-")


async def test_in_a_thread_the_response_is_returned(mocked: Mocked) -> None:
    def sends(request: Request, response: Response) -> None:
        response.send("x")

    site = await mocked({"custom": sends, "thread": True})
    events: list[Event] = []
    site.server.on("error", events.append)
    assert (await site.request("GET", "/")).status == 500
    assert "return the response" in str(events[0].reason)


async def test_threads_are_for_plain_functions(mocked: Mocked, tmp_path: Path) -> None:
    class Instance:
        async def __call__(self, request: Request, response: Response) -> None: ...

    async def later(request: Request, response: Response) -> None: ...

    for function in (later, Instance, Instance()):
        with pytest.raises(ConfigError, match=r'"thread" is for plain functions, and .* is an async one'):
            await mocked({"custom": function, "thread": True})
    (tmp_path / "api.py").write_text("def handler(request, response):\n    return ['first']\n")
    site = await mocked({"custom": "./api.py", "watch": True, "thread": True})
    assert (await site.request("GET", "/")).text == "first"
