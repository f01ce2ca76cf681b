"""The response to a request that a listener has sent on: what the sender gets with `"respond": "listener"`."""

from __future__ import annotations

import asyncio
import json

from .json_shapes import ListenerResponse
from .mirror_response import RESERVED, ReadyResponse, body_bytes, made_ready
from .store import EventQueue, Store, Unavailable

# Seconds that the sender waits for it.
TIMEOUT = 5.0


async def response_of_listener(store: Store, code: str, request_id: str) -> ReadyResponse | None:
    """What a listener tells of a request, on whichever server of the store it does; None: nothing in time, or nothing
    that can be given as it was.
    """
    try:
        async with asyncio.timeout(TIMEOUT), store.hub.watch(code) as queue:
            while (stored := await store.get(code, request_id)) is not None:
                if stored.forwarded:
                    return _ready(json.loads(stored.forwarded))
                await _told(queue, request_id)
    except (TimeoutError, Unavailable):
        pass
    return None


async def _told(queue: EventQueue, request_id: str) -> None:
    """Waits until a listener may have told of the request."""
    while (event := await queue.next()) is not None:
        if event.type == "forwarded" and json.loads(event.text)["id"] == request_id:
            return


def _ready(forwarded: ListenerResponse) -> ReadyResponse | None:
    is_whole = len(body_bytes(forwarded["body"], forwarded["body_encoding"])) == forwarded["size"]
    if forwarded["status"] < 200 or not is_whole:
        return None
    return made_ready(
        {
            "status": forwarded["status"],
            "headers": [[name, value] for name, value in forwarded["headers"] if name.lower() not in RESERVED],
            "body": forwarded["body"],
            "body_encoding": forwarded["body_encoding"],
            "delay": 0,
        }
    )
