"""Redis as it is run: each way by its name, for tests that must hold on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tests.kit.redis_cluster import RedisCluster
from tests.kit.redis_failover import RedisBehindOneAddress
from tests.kit.redis_sentinel import RedisSentinel
from tests.kit.redis_server import RedisOverTls, RedisServer

# It forgets nothing when it is killed; that the disk has it as well no test needs.
_DURABLE = ("--appendonly", "yes", "--appendfsync", "no")


class Topology(Protocol):
    """One Redis or many: `url` is what is configured, `masters()` are those that have the data."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def masters(self) -> Sequence[RedisServer]: ...


def _speaking(protocol: int, folder: Path) -> RedisServer:
    server = RedisServer(folder, *_DURABLE)
    server.url += f"?protocol={protocol}"
    return server


def least_rights() -> list[str]:
    """ACL SETUSER with the user `mirror`, as the documentation has it."""
    text = (Path(__file__).parents[2] / "docs/redis.md").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("ACL SETUSER mirror ")]
    return line.split(" ")


class RedisWithLeastRights(RedisServer):
    """A Redis that we use as the user of the documentation."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder, *options)
        self.url = f"unix://mirror:SECRET@{self.socket}"

    def start(self) -> None:
        super().start()
        with self.client() as client:
            client.execute_command(*least_rights())


TOPOLOGIES: dict[str, Callable[[Path], Topology]] = {
    "redis": lambda folder: RedisServer(folder, *_DURABLE),
    "resp2": lambda folder: _speaking(2, folder),
    "resp3": lambda folder: _speaking(3, folder),
    "tls": lambda folder: RedisOverTls(folder, *_DURABLE),
    "least-rights": lambda folder: RedisWithLeastRights(folder, *_DURABLE),
    "one-address": lambda folder: RedisBehindOneAddress(folder, *_DURABLE),
    "cluster": lambda folder: RedisCluster(folder, *_DURABLE),
    "sentinel": lambda folder: RedisSentinel(folder, *_DURABLE),
}


def empty(topology: Topology) -> None:
    """Deletes all that is in it."""
    for node in topology.masters():
        with node.client() as client:
            client.flushall()
