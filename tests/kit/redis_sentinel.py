"""A real Redis with a replica, and the sentinels that watch them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.kit.redis_server import AT_ONCE, RedisNode
from tests.kit.waiting import wait_until

# What the sentinels call their master.
NAME = "mirrors"
# Milliseconds without a word from the master until a sentinel calls it down; until a failover is tried again.
_DOWN_AFTER = 500
_FAILOVER_TIMEOUT = 3_000


class Sentinel(RedisNode):
    """A sentinel. It keeps in its `configuration` what it learns."""

    @property
    def configuration(self) -> Path:
        return self.folder / "sentinel.conf"

    def command(self) -> list[str]:
        program, *options = super().command()
        return [program, str(self.configuration), "--sentinel", *options]


class RedisSentinel:
    """A `master`, a `replica` of it, and three sentinels: `url` names these.

    After the master was killed, the replica takes over within 3 s or so.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        def place(name: str) -> Path:
            (folder / name).mkdir()
            return folder / name

        self.master = RedisNode(place("master"), *AT_ONCE, *options)
        self.replica = RedisNode(place("replica"), *AT_ONCE, *options)
        self.sentinels = [Sentinel(place(f"sentinel-{n}")) for n in range(3)]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(sentinel.address for sentinel in self.sentinels)}/{NAME}"

    def start(self) -> None:
        """Starts all, and waits until the sentinels see two data nodes and each other."""
        self.master.start()
        self.replica.start()
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", self.master.port)
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        for n, sentinel in enumerate(self.sentinels):
            sentinel.configuration.write_text(self._settings(n))
            sentinel.launch()
        for sentinel in self.sentinels:
            sentinel.wait()
        wait_until(lambda: all(self._sees_all(sentinel) for sentinel in self.sentinels))

    def kill(self) -> None:
        for node in (*self.sentinels, self.replica, self.master):
            node.kill()

    def masters(self) -> list[RedisNode]:
        """The master, as the first sentinel knows it."""
        with self.sentinels[0].client() as client:
            _, port = client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", NAME)
        return [node for node in (self.master, self.replica) if node.port == int(port)]

    def wait_for_new_master(self) -> None:
        """Waits until the replica has taken the place of the master, which was killed; and changes their names."""
        wait_until(lambda: self.masters() == [self.replica])
        self.master, self.replica = self.replica, self.master

    def bring_back(self) -> None:
        """Starts the old master again, as a replica: Sentinels leave it a master for some seconds before they do."""
        self.replica.start()
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", self.master.port)
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")

    def _settings(self, n: int) -> str:
        lines = [
            f"myid {_identity(n)}",
            f"monitor {NAME} 127.0.0.1 {self.master.port} 2",
            f"down-after-milliseconds {NAME} {_DOWN_AFTER}",
            f"failover-timeout {NAME} {_FAILOVER_TIMEOUT}",
            f"known-replica {NAME} 127.0.0.1 {self.replica.port}",
        ]
        # Of each other they would hear every two seconds only.
        lines += [
            f"known-sentinel {NAME} 127.0.0.1 {other.port} {_identity(m)}"
            for m, other in enumerate(self.sentinels)
            if m != n
        ]
        return "".join(f"sentinel {line}\n" for line in lines)

    def _sees_all(self, sentinel: Sentinel) -> bool:
        with sentinel.client() as client:
            master: dict[str, Any] = client.sentinel_master(NAME)
            replicas: list[dict[str, Any]] = client.sentinel_slaves(NAME)
        others = len(self.sentinels) - 1
        return master["num-other-sentinels"] == others and any(r["master-link-status"] == "ok" for r in replicas)


def _identity(n: int) -> str:
    return f"{n:040x}"
