"""What the tests of all handlers can use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from reserve_core import Mock, mock

Mocked = Callable[..., Awaitable[Mock]]


@pytest.fixture
async def mocked(tmp_path: Path) -> AsyncIterator[Mocked]:
    """`await mocked(mapping, ...)`: a mock of these mappings. They are relative to `tmp_path`, a 404 comes last."""
    async with AsyncExitStack() as stack:

        async def start(*mappings: dict[str, Any]) -> Mock:
            site = await mock({"cwd": str(tmp_path), "mappings": [*mappings, {"status": 404}]})
            return await stack.enter_async_context(site)

        yield start
