"""A client of Redis that the mappings of a server share: one pool of connections for all who name the same URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ConfigError

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Connections of one client; who finds all of them at work waits for one.
MAX_CONNECTIONS = 32
# Seconds to connect, to get a reply, and to wait for a connection.
TIMEOUT = 5.0


def redis_client(url: str) -> Redis:
    """A client of the Redis at `url`, an async context manager: `await resources.share(redis_client, url)`.

    It connects with its first command; each is given once, and raises `redis.RedisError` or OSError where there is no
    reply. Replies are bytes. `url` is redis://, rediss:// or unix://, with a user, a password and a database if needed;
    its query may set what redis-py knows. Raises `ConfigError` for a URL that is none of a Redis: `validate` may call
    it to find out, as nothing is open yet.
    """
    # Who has no Redis needn't wait for its library.
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        hint = "Write redis://HOST:6379/0, rediss://HOST:6379/0 or unix:///PATH?db=0"
        raise ConfigError("The URL of the Redis can't be used", hint) from error
    return Redis.from_pool(pool)
