"""The event stream of a mirror: the messages of its WebSocket for whoever reads plain HTTP (HTML, 9.2)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from reserve_core import Disconnected, HTTPError

from .call_context import DATA, SAFETY, CallContext
from .follow import follow
from .live_messages import event_text, hello, mount_replaced
from .store import MirrorEvent, MirrorState, parse_id

# Seconds without a message after which a comment is sent: it keeps proxies from closing the connection, and finds out
# that the client has gone.
HEARTBEAT = 15.0
# Milliseconds up to which a client waits before it connects again, so that all those of one server don't come at once.
SPREAD = 2000
# The id before all: what comes while a client is away is sent to it, though it hasn't seen a request yet.
_BEFORE_ALL = "0-0"

_HEADERS = (
    *SAFETY,
    DATA,
    ("content-type", "text/event-stream"),
    ("x-accel-buffering", "no"),  # nginx would keep the messages until it has some
)


async def stream_events(call: CallContext) -> None:
    """Sends the messages of a mirror until it is no more, or either side ends the response."""
    after = await _after(call)
    call.response.replace_headers(_HEADERS)
    if call.request.method == "HEAD":
        await call.state()
        await call.response.end()
        return
    ending = asyncio.create_task(_end(call))
    try:
        with suppress(Disconnected):
            await _send_all(call, after, ending)
            await call.response.end()
    except LookupError:
        raise call.missing() from None
    finally:
        ending.cancel()


async def _after(call: CallContext) -> str:
    """The id after which the stream begins. Raises `HTTPError` 400 and 404, `Unavailable`."""
    last = call.request.headers.get("last-event-id")  # from who connects again, to the address of the first time
    if last is None:
        return await call.after()
    try:
        parse_id(last)
    except ValueError as error:
        raise HTTPError(400, f"Last-Event-ID: {error}") from None
    return last


async def _end(call: CallContext) -> None:
    """Returns when the client is to connect again."""
    works = [asyncio.create_task(work) for work in (mount_replaced(call), call.request.configuration.stopping())]
    try:
        await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for work in works:
            work.cancel()


async def _send_all(call: CallContext, after: str, ending: asyncio.Task[None]) -> None:
    beginning = f"retry: {random.randint(SPREAD // 4, SPREAD)}\n"  # noqa: S311  # no secret
    async with aclosing(follow(call.mount.store, call.key.stored, after, renew=True)) as happenings:
        coming = asyncio.create_task(_next(happenings))
        try:
            while True:
                pause = None if beginning else HEARTBEAT  # the status is known with the first message
                done, _ = await asyncio.wait((coming, ending), timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if ending in done:
                    return
                if not done:
                    await call.response.write(b":\n\n")
                    continue
                happening = coming.result()
                if happening is None:
                    return
                coming = asyncio.create_task(_next(happenings))
                if isinstance(happening, MirrorEvent):
                    after = happening.id or after
                    text = await event_text(call, happening)
                else:
                    text = hello(call, happening)
                await call.response.write(f"{beginning}id: {after or _BEFORE_ALL}\ndata: {text}\n\n".encode())
                beginning = ""
        finally:
            coming.cancel()
            await asyncio.wait((coming,))


async def _next(happenings: AsyncGenerator[MirrorState | MirrorEvent, None]) -> MirrorState | MirrorEvent | None:
    return await anext(happenings, None)
