"""What the tests of compression share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from reserve_core.kit import Decoding


def decoded(coding: str, body: bytes) -> bytes:
    """A whole body without its coding. Raises ValueError for one that is cut, or something else."""
    decoding = Decoding(coding)
    content = b"".join(decoding.feed(body))
    if not decoding.complete:
        raise ValueError("the body is cut")
    return content


@pytest.fixture
async def raw() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that shows what was sent: it decodes nothing, and accepts no coding by itself."""
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["accept-encoding"]) as session:
        yield session
