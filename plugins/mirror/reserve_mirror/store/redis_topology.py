"""Who serves: the master that the Sentinels name, or the nodes of a cluster and their slots.

For a cluster we ask for the slots ourselves, and hand commands to the pipelines of its nodes. redis-py's client has a
pool for each node, sends a command when the one before has its reply, and asks one node after the other for the slots,
so that one that hangs holds up all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Any, NamedTuple

from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.exceptions import (
    AuthenticationError,
    ConnectionError as Unreachable,
    InvalidResponse,
    RedisError,
    ResponseError,
)

from reserve_core.kit import RedisAddress, RedisURL

from .redis_connection import RedisConnector, ask

SLOTS = 16384  # https://redis.io/docs/latest/develop/reference/cluster-spec/
# Seconds that a Sentinel has for a reply; that a node of a cluster has until the next one is asked, too; all of them.
SENTINEL_TIMEOUT = 1.0
STAGGER = 0.3
DISCOVERY_TIMEOUT = 3.0


class SlotRange(NamedTuple):
    """The slots from `start` to `end`, both included, and who serves them."""

    start: int
    end: int
    master: RedisAddress
    replicas: tuple[RedisAddress, ...]


class MasterUnknown(RedisError):
    """The Sentinels look after no master of this name."""


class SentinelTopology:
    """Asks the Sentinels, by redis-py's client, for the master."""

    def __init__(self, url: RedisURL) -> None:
        self._service = url.service
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
            url.addresses,
            sentinel_kwargs={
                **url.sentinel_options,
                "ssl": url.tls,
                "socket_timeout": SENTINEL_TIMEOUT,
                "socket_connect_timeout": SENTINEL_TIMEOUT,
            },
        )

    async def master(self) -> RedisAddress:
        """Where the master is. Raises `RedisError` when no Sentinel knows, `MasterUnknown` when there is no such."""
        try:
            host, port = await self._sentinel.discover_master(self._service)
        except MasterNotFoundError:
            await self._check_name()
            raise
        return RedisAddress(host, port)

    async def _check_name(self) -> None:
        """Raises `MasterUnknown`, or `AuthenticationError` if a Sentinel doesn't tell us."""
        for each in self._sentinel.sentinels:
            try:
                masters = await each.sentinel_masters()
            except AuthenticationError:
                raise
            except (RedisError, OSError):
                continue
            if self._service not in masters:
                raise MasterUnknown(self._service)

    async def close(self) -> None:
        for each in self._sentinel.sentinels:
            await each.aclose()


async def slots_of(opened: AbstractConnection, address: RedisAddress) -> list[SlotRange]:
    """The slots of a cluster, by its node at `address`; none of a server that is no cluster, or keeps them secret.

    Raises `RedisError` or OSError.
    """
    try:
        reply = await ask(opened, "CLUSTER", "SLOTS")
    except ResponseError:
        return []
    try:
        return [
            SlotRange(
                int(start), int(end), _address(master, address), tuple(_address(each, address) for each in others)
            )
            for start, end, master, *others in reply
        ]
    except (TypeError, ValueError, AttributeError, IndexError):
        raise InvalidResponse("The reply to CLUSTER SLOTS has no ranges of slots") from None


def _address(node: list[Any], asked: RedisAddress) -> RedisAddress:
    # Without a host it is the one that was asked.
    host = (node[0] or b"").decode()
    return RedisAddress(asked.host if host in ("", "?") else host, int(node[1]))


async def discover(connector: RedisConnector, addresses: Iterable[RedisAddress]) -> list[SlotRange]:
    """The slots of a cluster, by the first of its nodes that says.

    Raises `RedisError`, OSError or TimeoutError, that of the last one, when none does.
    """
    shuffled = random.sample(list(addresses), len(list(addresses)))
    tasks: set[asyncio.Task[list[SlotRange]]] = set()
    failure: BaseException = Unreachable("none of its nodes is known")
    try:
        while shuffled or tasks:
            if shuffled:
                tasks.add(asyncio.create_task(_ask_for_slots(connector, shuffled.pop())))
            done, tasks = await asyncio.wait(
                tasks, timeout=STAGGER if shuffled else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if error is None:
                    return task.result()
                if not isinstance(failure, AuthenticationError):
                    failure = error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise failure


async def _ask_for_slots(connector: RedisConnector, address: RedisAddress) -> list[SlotRange]:
    opened = await connector.connect(address)
    try:
        found = await slots_of(opened, address)
    finally:
        await opened.disconnect(nowait=True)
    if not found:
        raise Unreachable(f"{address} knows no slots: it's no cluster, or this user may not ask")
    return found
