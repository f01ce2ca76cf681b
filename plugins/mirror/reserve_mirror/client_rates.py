"""How much one client may ask of a mount, however many mirrors it uses: an IPv4 address, or a /64 network of IPv6.

What it sends is counted in each process, in memory: it's asked for each request. The mirrors that it creates are few,
and are counted by the store, for all processes together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reserve_core.kit import MemoryCounters, Quota, client_network

from .mirror_mount import MirrorMount
from .store import TooMany


@asynccontextmanager
async def sender_counters(rate: Quota) -> AsyncIterator[MemoryCounters]:
    """The senders of all mounts with this rate, for `resources.share`: a reload forgets none."""
    yield MemoryCounters((rate,), asyncio.get_running_loop().time)


async def count_request(mount: MirrorMount, address: str) -> None:
    """Counts a request that a client sends to a mirror. Raises `TooMany`."""
    rate = mount.sender_rate
    if mount.senders is not None and rate is not None:
        verdict = await mount.senders.take(client_network(address))
        if not verdict.passes:
            raise TooMany("Too many requests come from your address: try again later", rate.wait(verdict.debts[0]))


async def count_creation(mount: MirrorMount, address: str) -> None:
    """Counts a mirror that a client wants to create. Raises `TooMany`, `Unavailable`."""
    rate = mount.creation_rate
    verdict = await mount.store.count_creation(client_network(address), rate)
    if not verdict.passes:
        raise TooMany("Too many mirrors are created from your address: try again later", rate.wait(verdict.debts[0]))
