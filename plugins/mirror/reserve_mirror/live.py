"""The WebSocket that keeps a page up to date."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from reserve_core import Disconnected, WebSocket

from .call import Call
from .follow import follow
from .record import now
from .store import Event
from .whole import to_json

# Seconds that a page may take to receive a message before it is given up.
STALL = 20.0
# A page has nothing to say.
MAX_MESSAGE = 1024


async def follow_mirror(call: Call) -> None:
    """Accepts the WebSocket and sends the messages of a mirror until either side has had enough."""
    after = await call.after()
    await call.state(renew=True)
    # Its origin has been checked, also behind a proxy, where the core knows too little to do so.
    websocket = await call.request.upgrade(origins=("*",), max_message_size=MAX_MESSAGE)
    sending = asyncio.create_task(_send_all(call, websocket, after))
    receiving = asyncio.create_task(_receive_all(websocket))
    try:
        await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        receiving.cancel()
        results = await asyncio.gather(sending, receiving, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _send_all(call: Call, websocket: WebSocket, after: str) -> None:
    # The page has gone, or takes nothing, or the mirror is no more.
    with suppress(Disconnected, TimeoutError, LookupError):
        async with aclosing(follow(call.mount.store, call.code, after)) as happenings:
            async for happening in happenings:
                if isinstance(happening, Event):
                    text = happening.text
                else:
                    text = to_json({"type": "hello", "time": now(), "mirror": call.mirror(happening)})
                async with asyncio.timeout(STALL):
                    await websocket.send(text)


async def _receive_all(websocket: WebSocket) -> None:
    async for _ in websocket:
        pass
