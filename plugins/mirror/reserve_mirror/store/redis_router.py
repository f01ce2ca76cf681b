"""Which node of Redis serves a mirror: the only one, the master of the moment, or that of its slot in a cluster."""

from __future__ import annotations

import asyncio
import logging
from binascii import crc_hqx
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from reserve_core.kit import RedisAddress, RedisURL

from .redis_command import Command
from .redis_connection import CONNECT_TIMEOUT, Argument, RedisConnector, within
from .redis_pipeline import RedisPipeline
from .redis_scripts import MirrorScript
from .redis_topology import DISCOVERY_TIMEOUT, SLOTS, SentinelTopology, SlotRange, discover, slots_of

logger = logging.getLogger("reserve")

# Seconds between two looks at the slots for which there is no other reason than a redirect.
REDIRECT_PAUSE = 1.0

OnConnect = Callable[[AbstractConnection], Awaitable[None]]


class RedisRouter:
    """Sends commands to the nodes of a Redis. `on_connect` may send some of its own on each new connection.

    What is stored is acknowledged when so many `replicas` have it.
    """

    def __init__(self, url: RedisURL, on_connect: OnConnect, replicas: int = 0) -> None:
        self.replicas = replicas
        self.place = url.place
        self._url = url
        self._connector = RedisConnector(url)
        self._sentinels = SentinelTopology(url) if url.topology == "sentinel" else None
        self._on_connect = on_connect
        self._is_cluster = url.topology == "cluster"
        # Serves everything until the slots are known. A cluster's has no address: it finds them out, no more.
        self._first = RedisPipeline(self, url.addresses[0] if url.topology == "server" else None)
        self._nodes: dict[RedisAddress, RedisPipeline] = {}  # of a cluster
        self._slots: list[RedisPipeline] | None = None  # None: they aren't known
        self._known: set[RedisAddress] = set(url.addresses)  # all nodes that can be asked for the slots
        self._retired: list[RedisPipeline] = []  # they serve no more, and may still get replies
        self._master: RedisAddress | None = None  # as the Sentinels say
        self._refreshing: asyncio.Task[None] | None = None
        self._refresh_at = 0.0

    def node_of(self, code: str) -> RedisPipeline:
        """The node that serves a mirror, as far as it's known."""
        slots = self._slots
        # The slot of a key is that of what stands in its braces.
        return self._first if slots is None else slots[crc_hqx(code.encode(), 0) % SLOTS]

    def run(self, script: MirrorScript, code: str, *arguments: Argument) -> asyncio.Future[Any]:
        """Runs a script on a mirror: see `RedisPipeline.run`."""
        return self.node_of(code).run(script, code, *arguments)

    def call(self, code: str, *arguments: Argument, large: bool = False) -> asyncio.Future[Any]:
        """Sends a command about a mirror: see `RedisPipeline.call`."""
        return self.node_of(code).call(code, *arguments, large=large)

    async def connect(self, address: RedisAddress | None = None) -> AbstractConnection:
        """A connection apart from the pipelines', to the node at `address`; None: to any that serves.

        Raises `RedisError`, OSError or TimeoutError.
        """
        if address is None:
            address = self._first.address
            if self._sentinels is not None:
                address = await self._sentinels.master()
            elif self._is_cluster:
                if self._slots is None:
                    await self._find_slots()
                address = next(iter(self._nodes))
        assert address is not None
        return await self._connector.connect(address)

    async def close(self) -> None:
        """Fails all commands that wait, and closes the connections."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        for node in {self._first, *self._nodes.values(), *self._retired}:
            await node.close()
        if self._sentinels is not None:
            await self._sentinels.close()

    # For the nodes.

    async def open(self, node: RedisPipeline) -> AbstractConnection | None:
        """A new connection for a node, ready to use; None: the node serves nothing, as is known now.

        Raises `RedisError`, OSError or TimeoutError.
        """
        address = node.address
        if self._sentinels is not None:
            address = self._master = await self._sentinels.master()
        if address is None:
            await self._find_slots()
            return None
        return await within(CONNECT_TIMEOUT, self._open(address))

    async def _open(self, address: RedisAddress) -> AbstractConnection:
        opened = await self._connector.connect(address)
        try:
            if self._url.topology == "server" and not self._is_cluster:
                slots = await slots_of(opened, address)
                if slots:
                    self._take(slots)
            await self._on_connect(opened)
        except BaseException:
            await opened.disconnect(nowait=True)
            raise
        return opened

    def redirect(self, command: Command, error: str, node: RedisPipeline) -> None:
        """Follows a MOVED or ASK of a node. The command was not carried out."""
        kind, slot, place = error.split(" ")[:3]
        host, _, port = place.rpartition(":")
        address = RedisAddress(host or (node.address or self._url.addresses[0]).host, int(port))
        target = self._nodes.get(address)
        if target is None:
            target = self._nodes[address] = RedisPipeline(self, address)
        command.asking = kind == "ASK"
        if not command.asking:
            self._is_cluster = True
            if self._slots is None:
                self._slots = [self._first] * SLOTS
            self._slots[int(slot)] = target
            if asyncio.get_running_loop().time() >= self._refresh_at:
                self.look_again()
        target.submit(command)

    def look_again(self) -> None:
        """Begins to find out who serves, if that can change."""
        if self._refreshing is None and (self._is_cluster or self._sentinels is not None):
            self._refreshing = asyncio.create_task(self._refresh())

    async def refresh(self) -> None:
        """Finds out who serves, if that can change and anybody says."""
        self.look_again()
        if self._refreshing is not None:
            await asyncio.shield(self._refreshing)

    async def _refresh(self) -> None:
        try:
            if self._sentinels is None:
                await self._find_slots()
            elif self._master is not None and await self._sentinels.master() != self._master:
                self._first.give_up()
        except (RedisError, OSError, TimeoutError):
            pass  # who waits for it learns so from the node that it asks
        finally:
            self._refresh_at = asyncio.get_running_loop().time() + REDIRECT_PAUSE
            self._refreshing = None

    async def _find_slots(self) -> None:
        addresses = self._known | set(self._url.addresses)
        self._take(await within(DISCOVERY_TIMEOUT, discover(self._connector, addresses)))

    def _take(self, ranges: list[SlotRange]) -> None:
        """Has the masters of these slots serve them, and nobody else."""
        former = self._nodes
        if self._first.address is not None:
            former.setdefault(self._first.address, self._first)
        nodes: dict[RedisAddress, RedisPipeline] = {}
        # Who is asked for a slot that nobody serves says so.
        slots = [former.get(ranges[0].master) or RedisPipeline(self, ranges[0].master)] * SLOTS
        nodes[ranges[0].master] = slots[0]
        for start, end, master, _ in ranges:
            if master not in nodes:
                nodes[master] = former.get(master) or RedisPipeline(self, master)
            slots[start : end + 1] = [nodes[master]] * (end + 1 - start)
        self._is_cluster = True
        self._nodes, self._slots = nodes, slots
        self._known = {address for each in ranges for address in (each.master, *each.replicas)}
        serving = set(nodes.values())
        retiring = [node for node in {self._first, *former.values()} if node not in serving]
        self._retired = [node for node in self._retired if not node.is_idle] + retiring
        for node in retiring:
            node.retire()
