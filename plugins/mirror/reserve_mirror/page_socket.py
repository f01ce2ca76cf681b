"""The WebSocket that keeps a page up to date."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext, suppress

from reserve_core import Disconnected, PreparedMessage, WebSocket
from reserve_core.kit import until_one_ends

from .call_context import CallContext
from .follow import follow
from .live_messages import event_text, hello, mount_replaced
from .store import MirrorEvent

# Seconds that a page has to receive a message before its WebSocket is closed.
STALL = 20.0
# A page sends nothing.
MAX_MESSAGE = 1024
# The close code that asks a client to connect again (the IANA registry of RFC 6455 11.7).
SERVICE_RESTART = 1012


async def follow_mirror(call: CallContext) -> None:
    """Accepts the WebSocket and sends the messages of a mirror until either side closes it."""
    after = await call.after()
    await call.state(renew=True)
    # Its origin has been checked, also behind a proxy, where the core knows too little to do so.
    websocket = await call.request.upgrade(origins=("*",), max_message_size=MAX_MESSAGE)
    await until_one_ends(
        _send_all(call, websocket, after), _receive_all(websocket), _close_when_replaced(call, websocket)
    )


async def _send_all(call: CallContext, websocket: WebSocket, after: str) -> None:
    # The page is closed, or takes nothing, or the mirror is no more.
    with suppress(Disconnected, TimeoutError, LookupError):
        async with aclosing(follow(call.mount.store, call.key.stored, after)) as happenings:
            async for happening in happenings:
                message: PreparedMessage | str
                if isinstance(happening, MirrorEvent):
                    text = await event_text(call, happening)
                    message = happening.message if text is happening.text else text  # framed once for all pages
                else:
                    message = hello(call, happening)
                async with asyncio.timeout(STALL) if websocket.full else nullcontext():  # time is kept where it passes
                    await websocket.send(message)


async def _close_when_replaced(call: CallContext, websocket: WebSocket) -> None:
    await mount_replaced(call)
    await websocket.close(SERVICE_RESTART)


async def _receive_all(websocket: WebSocket) -> None:
    async for _ in websocket:
        pass
