"""The requests and events of a mirror from a request on, each once, also when the store or the reader falls behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from .store import EventQueue, MirrorEvent, MirrorState, Store, Unavailable, is_after

# Requests read at once, and the seconds between two attempts to reach a store that is unavailable.
PAGE = 200
PAUSE = 0.5
# Seconds after its time at which a mirror is sure to have expired, by any clock.
GRACE = 0.05


async def follow(
    store: Store, code: str, after: str, renew: bool = False
) -> AsyncGenerator[MirrorState | MirrorEvent, None]:
    """Follows a mirror: its state, each request after the id `after`, and then its events as they come.

    The state comes again when some events were lost, which it and the requests after it make up for, and when the
    mirror has outlived its time. It ends with the event `expired`. Raises `Unavailable` when the store is so at the
    beginning, LookupError when there is no mirror; later it waits until the store is back. `renew`: this is a visit.
    """
    async with store.hub.watch(code) as queue:
        state = await store.read(code, renew)
        if state is None:
            raise LookupError(code)
        created = state.created
        while True:
            with _look_again(queue, state):
                yield state
                try:
                    while entries := await store.entries(code, after, PAGE):
                        for entry in entries:
                            after = entry.id
                            yield MirrorEvent.request(entry.id, entry.summary)
                        if len(entries) < PAGE:
                            break
                    while event := await queue.next():
                        if event.type != "request":
                            yield event
                            if event.type == "expired":
                                return
                        elif is_after(event.id, after):
                            after = event.id
                            yield event
                except Unavailable:
                    pass
            state = await _read_again(store, code)
            if state is None or state.created != created:
                yield MirrorEvent.expired("time")
                return


@contextmanager
def _look_again(queue: EventQueue, state: MirrorState) -> Iterator[None]:
    """Has the watcher look at the store again once the mirror may have expired."""
    if state.expires_at is None:
        yield
        return
    seconds = max(state.expires_at / 1000 - time.time(), 0) + GRACE
    timer = asyncio.get_running_loop().call_later(seconds, queue.lose)
    try:
        yield
    finally:
        timer.cancel()


async def _read_again(store: Store, code: str) -> MirrorState | None:
    while True:
        try:
            return await store.read(code)
        except Unavailable:
            await asyncio.sleep(PAUSE)
