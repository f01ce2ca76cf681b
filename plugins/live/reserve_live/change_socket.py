"""The WebSocket that tells a page what has changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from reserve_core import Disconnected, HTTPError
from reserve_core.kit import until_one_ends

if TYPE_CHECKING:
    from reserve_core import LiveConfiguration, Request, WebSocket

    from .site_changes import SiteChanges

# A page sends nothing.
MAX_MESSAGE: Final = 1024
# The close code that asks a client to connect again (the IANA registry of RFC 6455 11.7).
SERVICE_RESTART: Final = 1012


async def tell_changes(request: Request, changes: SiteChanges, configuration: LiveConfiguration) -> None:
    """Accepts the WebSocket of a page, which knows of no change after `after`, and tells it of those that come.

    A message says which `files` have changed (null: anything) up to which `time`, and which `problem` the configuration
    has. When the mappings are replaced, the page is asked to connect again, and misses nothing by that.

    Raises `HTTPError` 400, and what `Request.upgrade` raises.
    """
    after = request.query.get("after", "")
    if not (after.isascii() and after.isdecimal() and len(after) < 20):
        raise HTTPError(400, f"after is a time in microseconds, not {after!r}")
    websocket = await request.upgrade(max_message_size=MAX_MESSAGE)
    await until_one_ends(
        _send_all(websocket, changes, int(after)),
        _receive_all(websocket),
        _close_when_replaced(websocket, request, configuration),
    )


async def _send_all(websocket: WebSocket, changes: SiteChanges, after: int) -> None:
    problem = None  # that the page knows of
    with suppress(Disconnected):
        while True:
            news, until = changes.news, changes.now()
            files = await changes.after(after)
            if files is None or files or problem != changes.problem:
                problem = changes.problem
                named = None if files is None else sorted(files)
                await websocket.send({"time": until, "files": named, "problem": problem})
                after = until
            await news.wait()


async def _receive_all(websocket: WebSocket) -> None:
    async for _ in websocket:
        pass


async def _close_when_replaced(websocket: WebSocket, request: Request, configuration: LiveConfiguration) -> None:
    await configuration.replaced(request)
    await websocket.close(SERVICE_RESTART)
