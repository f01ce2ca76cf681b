"""The WebSocket that keeps a page up to date."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext, suppress

from reserve_core import Disconnected, Mapping, PreparedMessage, WebSocket

from .call_context import CallContext
from .follow import follow
from .mirror_mount import MirrorMount
from .prefixes import MIRROR
from .request_details import summary_of_event, to_json
from .request_record import iso, now
from .store import MirrorEvent, Unavailable

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
    works = (_send_all(call, websocket, after), _receive_all(websocket), _follow_reloads(call, websocket))
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _send_all(call: CallContext, websocket: WebSocket, after: str) -> None:
    # The page is closed, or takes nothing, or the mirror is no more.
    with suppress(Disconnected, TimeoutError, LookupError):
        async with aclosing(follow(call.mount.store, call.key.stored, after)) as happenings:
            async for happening in happenings:
                message: PreparedMessage | str
                if isinstance(happening, MirrorEvent):
                    message = await _message(call, happening)
                else:
                    message = to_json({"type": "hello", "time": iso(now()), "mirror": call.mirror(happening)})
                async with asyncio.timeout(STALL) if websocket.full else nullcontext():  # time is kept where it passes
                    await websocket.send(message)


async def _message(call: CallContext, event: MirrorEvent) -> PreparedMessage | str:
    """An event as a message; where signatures are verified, with what is found."""
    verifier = call.mount.verifier
    if verifier is None or event.type != "request":
        return event.message
    try:
        summary = await verifier.text(call.mount.store, call.key.stored, to_json(summary_of_event(event)))
    except Unavailable:
        return event.message
    return f'{{"type":"request","request":{summary}}}'


async def _follow_reloads(call: CallContext, websocket: WebSocket) -> None:
    """Follows the mount from one table of mappings to the next. If it is gone, or has other options, the page is told
    to connect again: what it may do is decided anew."""
    configuration = call.request.configuration
    while True:
        await configuration.replaced(call.request)
        mapping = _same_mount(call)
        if mapping is None:
            await websocket.close(SERVICE_RESTART)
            return
        configuration.move(call.request, mapping)
        call.mount = mapping.state


def _same_mount(call: CallContext) -> Mapping | None:
    """The mapping that has taken the place of the call's."""
    former, mount = call.request.mapping, call.mount
    if former is None:
        return None
    for mapping in call.request.configuration.mappings:
        if mapping.handler.prefix == MIRROR and mapping.pattern == former.pattern:
            state: MirrorMount = mapping.state
            if state.options == mount.options and state.store is mount.store:
                return mapping
    return None


async def _receive_all(websocket: WebSocket) -> None:
    async for _ in websocket:
        pass
