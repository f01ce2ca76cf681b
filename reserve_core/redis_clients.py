"""A client of Redis that the mappings of a server share: one pool of connections for all who name the same URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .redis_url import RedisURL

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool, Redis, RedisCluster
    from redis.asyncio.connection import AbstractConnection
    from redis.asyncio.retry import Retry

# Connections of one client; who finds all of them at work waits for one.
MAX_CONNECTIONS = 32
# Seconds to connect, to get a reply, and to wait for a connection.
TIMEOUT = 5.0
# Seconds that a Sentinel has for a reply: there are others.
SENTINEL_TIMEOUT = 1.0


def redis_client(url: str) -> Redis | RedisCluster:
    """A client of the Redis at `url`, an async context manager: `await resources.share(redis_client, url)`.

    It connects with its first command; each is given once to a server, and to a cluster until it's carried out. It
    raises `redis.RedisError` or OSError where there is no reply. Replies are bytes. `url` is one that `RedisURL` knows:
    of a server, a cluster, or Sentinels. Raises `ConfigError` for any other: `validate` may call it to find out, as
    nothing is open yet.
    """
    address = RedisURL.parse(url)
    # Who has no Redis needn't wait for its library.
    from redis.asyncio import Redis, RedisCluster
    from redis.asyncio.cluster import ClusterNode

    options = {**address.connection_options, "socket_connect_timeout": TIMEOUT, "socket_timeout": TIMEOUT}
    if address.topology == "cluster":
        nodes = [ClusterNode(each.host, each.port) for each in address.addresses]
        return RedisCluster(startup_nodes=nodes, ssl=address.tls, **options)
    pool = _sentinel_pool(address, options) if address.topology == "sentinel" else _pool(address, options)
    return Redis.from_pool(pool)


def _pool(address: RedisURL, options: dict[str, Any]) -> ConnectionPool:
    """Connections to one server."""
    from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection, UnixDomainSocketConnection

    (place,) = address.addresses
    kind: type[AbstractConnection] = SSLConnection if address.tls else Connection
    where: dict[str, Any] = {"host": place.host, "port": place.port}
    if not place.port:
        kind, where = UnixDomainSocketConnection, {"path": place.host}
    return BlockingConnectionPool(
        max_connections=MAX_CONNECTIONS, timeout=TIMEOUT, connection_class=kind, retry=_once(), **where, **options
    )


def _sentinel_pool(address: RedisURL, options: dict[str, Any]) -> ConnectionPool:
    """Connections to the master, each to whoever the Sentinels say that is."""
    from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

    timeouts = {"socket_timeout": SENTINEL_TIMEOUT, "socket_connect_timeout": SENTINEL_TIMEOUT}
    asking = {**address.sentinel_options, "ssl": address.tls, **timeouts}
    sentinel = Sentinel(address.addresses, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]

    class Pool(SentinelConnectionPool):
        async def disconnect(self, inuse_connections: bool = True) -> None:
            await super().disconnect(inuse_connections)
            for each in sentinel.sentinels:
                await each.aclose()

    pool: ConnectionPool = Pool(  # type: ignore[no-untyped-call]
        address.service, sentinel, retry=_once(), ssl=address.tls, **options
    )
    return pool


def _once() -> Retry:
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Retry(NoBackoff(), 0)
