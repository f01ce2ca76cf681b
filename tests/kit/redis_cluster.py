"""A real Redis Cluster: each node a process of its own on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from tests.kit.ports import lasting_port
from tests.kit.redis_server import AT_ONCE, RedisNode
from tests.kit.waiting import wait_until

SLOTS = 16_384

# Milliseconds without a word from a node until others call it failed. Where no replica could take over, a busy machine
# shall not make it look so.
FAILOVER_TIMEOUT = 1_000
STEADY_TIMEOUT = 60_000


class ClusterNode(RedisNode):
    """A node of a cluster, which calls it `id`."""

    id = ""

    def listening(self) -> list[str]:
        return [*super().listening(), "--cluster-port", str(self.bus)]

    def _take_port(self) -> None:
        super()._take_port()
        self.bus = lasting_port()

    def ask(self, *command: str | bytes | int) -> Any:
        with self.client() as client:
            return client.execute_command(*command)

    def state(self) -> dict[str, str]:
        """CLUSTER INFO."""
        information: dict[str, str] = self.ask("CLUSTER INFO")
        return information

    @property
    def is_master(self) -> bool:
        return bool(self.ask("ROLE")[0] == b"master")


class RedisCluster:
    """So many masters, and `replicas` of each: `url` names all nodes.

    `nodes` are first those that begin as masters, in the order of their slots, then their replicas in the same order.
    With replicas a master that is killed has a successor within 3 s or so; without, its slots are gone until it is
    started again.
    """

    def __init__(self, folder: Path, *options: str, masters: int = 3, replicas: int = 0) -> None:
        timeout = FAILOVER_TIMEOUT if replicas else STEADY_TIMEOUT
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(timeout), *AT_ONCE, *options)
        self.folder = folder
        self.nodes: list[ClusterNode] = []
        for n in range(masters * (1 + replicas)):
            place = folder / f"node-{n}"
            place.mkdir()
            self.nodes.append(ClusterNode(place, *options))
        self._firsts = self.nodes[:masters]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(node.address for node in self.nodes)}"

    def start(self) -> None:
        """Starts all nodes, and waits until each of them knows that the cluster is whole."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait()
            node.id = node.ask("CLUSTER MYID").decode()
        count = len(self._firsts)
        for n, node in enumerate(self._firsts):
            node.ask("CLUSTER SET-CONFIG-EPOCH", n + 1)
            node.ask("CLUSTER ADDSLOTSRANGE", n * SLOTS // count, (n + 1) * SLOTS // count - 1)
        # Each meets each: word of mouth would take seconds.
        for one, other in combinations(self.nodes, 2):
            one.ask("CLUSTER MEET", "127.0.0.1", other.port, other.bus)
        wait_until(lambda: all(self._knows_all(node) for node in self.nodes))
        for node in self.nodes[count:]:
            node.ask("CLUSTER REPLICATE", self._first_master(node).id)
        self.wait_until_whole()

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    def wait_until_whole(self) -> None:
        """Waits until each node that runs sees all slots served, and each replica has what its master has."""
        running = [node for node in self.nodes if node.process is not None]
        wait_until(lambda: all(node.state()["cluster_state"] == "ok" and _has_its_data(node) for node in running))

    def replica_of(self, master: ClusterNode) -> ClusterNode:
        """The first replica of one of the masters that it began with."""
        return next(node for node in self.nodes[len(self._firsts) :] if self._first_master(node) is master)

    def client(self) -> redis.RedisCluster:
        """A client of our own, to look and to meddle."""
        return redis.RedisCluster(host="127.0.0.1", port=next(n.port for n in self.nodes if n.process is not None))

    def masters(self) -> list[ClusterNode]:
        """Those that run and are masters now."""
        return [node for node in self.nodes if node.process is not None and node.is_master]

    def master_of(self, key: str) -> ClusterNode:
        """The node that serves a key, by what one that runs says."""
        slot = key_slot(key.encode())
        witness = next(node for node in self.nodes if node.process is not None)
        identity = next(id_ for start, end, (_, _, id_, *_), *_ in witness.ask("CLUSTER SLOTS") if start <= slot <= end)
        return next(node for node in self.nodes if node.id == identity.decode())

    @contextmanager
    def migrating(self, key: str, *moved: str) -> Iterator[ClusterNode]:
        """Meanwhile the slot of `key` is on its way to the node that it gives: of the slot's keys only those in `moved`
        are there already. Then the others, and the slot is its own.

        The old node says ASK for a key that it hasn't, TRYAGAIN to a command with keys on both sides, and in the end
        MOVED.
        """
        slot = key_slot(key.encode())
        source = self.master_of(key)
        target = next(node for node in self.masters() if node is not source)
        target.ask("CLUSTER SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER SETSLOT", slot, "MIGRATING", target.id)
        _migrate(source, target, *moved)
        yield target
        while keys := source.ask("CLUSTER GETKEYSINSLOT", slot, 100):
            _migrate(source, target, *keys)
        for node in (target, source, *(node for node in self.masters() if node is not target and node is not source)):
            node.ask("CLUSTER SETSLOT", slot, "NODE", target.id)

    def _first_master(self, replica: ClusterNode) -> ClusterNode:
        return self._firsts[self.nodes.index(replica) % len(self._firsts)]

    def _knows_all(self, node: ClusterNode) -> bool:
        state = node.state()
        return (
            state["cluster_state"] == "ok"
            and int(state["cluster_known_nodes"]) == len(self.nodes)
            and int(state["cluster_slots_assigned"]) == SLOTS
        )


def _has_its_data(node: ClusterNode) -> bool:
    with node.client() as client:
        told = client.info("replication")
    return bool(told.get("master_link_status", "up") == "up")  # a master has none


def _migrate(source: ClusterNode, target: ClusterNode, *keys: str | bytes) -> None:
    if keys:
        source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
