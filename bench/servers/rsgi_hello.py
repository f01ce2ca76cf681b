"""The same on granian's own interface."""

from typing import Any


async def app(scope: Any, protocol: Any) -> None:
    protocol.response_str(200, [("content-type", "text/plain")], "hello")
