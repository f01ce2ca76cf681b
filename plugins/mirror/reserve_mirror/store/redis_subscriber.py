"""The events that Redis publishes: a listener for each node that serves a mirror which is watched in this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .event_hub import EventHub
from .interface import Unavailable
from .redis_command import UNREACHABLE
from .redis_connection import TIMEOUT
from .redis_listener import RedisListener
from .redis_router import RedisRouter

if TYPE_CHECKING:
    from reserve_core.kit import RedisAddress


class RedisSubscriber:
    """Feeds a `hub` with the events of the mirrors that are watched."""

    def __init__(self, router: RedisRouter) -> None:
        self.hub = EventHub(self._join, self._leave)
        self._router = router
        self._listeners: dict[RedisAddress | None, RedisListener] = {}
        self._places: dict[str, RedisListener] = {}  # who listens for a mirror

    async def close(self) -> None:
        for listener in list(self._listeners.values()):
            await listener.close()

    async def _join(self, code: str) -> None:
        """Returns when the events of a mirror are sure to come. Raises `Unavailable`."""
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def confirm() -> None:
            if not confirmation.done():
                confirmation.set_result(None)

        self._place(code).subscribe(code, confirm)
        try:
            async with asyncio.timeout(TIMEOUT):
                await confirmation
        except TimeoutError:
            raise Unavailable(UNREACHABLE) from None

    def _leave(self, code: str) -> None:
        self._places.pop(code).unsubscribe(code)

    def _place(self, code: str) -> RedisListener:
        address = self._router.node_of(code).address
        listener = self._listeners.get(address)
        if listener is None:
            listener = self._listeners[address] = RedisListener(self._router.connect, address, self.hub, self)
        self._places[code] = listener
        return listener

    # For the listeners.

    def settle(self) -> None:
        for code, former in list(self._places.items()):
            listener = self._place(code)
            if listener is not former:
                self._move(code, former, listener)
        self._listeners = {address: each for address, each in self._listeners.items() if each.codes or not each.is_idle}

    def _move(self, code: str, former: RedisListener, listener: RedisListener) -> None:
        for confirmed in former.unsubscribe(code):
            listener.subscribe(code, confirmed)
        listener.subscribe(code, lambda: self.hub.lose((code,)))  # what happened meanwhile is in the store only

    async def find(self) -> None:
        await self._router.refresh()
        self.settle()
