"""Counters in a Redis, for all processes that name it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from reserve_core.kit import COUNTING_SCRIPT, Verdict

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

    from .quota_policy import QuotaPolicy

logger = logging.getLogger("reserve")

# Seconds that a request waits for Redis, and those after a failure in which none does.
PATIENCE = 1.0
PAUSE = 1.0


class CountingScript:
    """The script, at a Redis that may be away: then nobody waits for it, and the log says so once."""

    def __init__(self, redis: Redis | RedisCluster) -> None:
        self._script = redis.register_script(COUNTING_SCRIPT)
        self._away = False
        self._retry_at = 0.0

    async def run(self, key: str, arguments: list[int]) -> list[int] | None:
        """What the script returns; None when Redis can't be asked."""
        now = asyncio.get_running_loop().time()
        if self._away:
            if now < self._retry_at:
                return None
            self._retry_at = now + PAUSE  # this request tries, the others go on
        try:
            async with asyncio.timeout(PATIENCE):
                reply: list[int] = await self._script(keys=[key], args=arguments)
        except (RedisError, OSError) as error:
            self._lose(str(error) or f"no reply within {PATIENCE:g} s", now)
            return None
        if self._away:
            self._away = False
            logger.warning("Redis is back: limits hold again")
        return reply

    def _lose(self, why: str, now: float) -> None:
        self._retry_at = now + PATIENCE + PAUSE
        if not self._away:
            self._away = True
            logger.error("Redis can't count for limits: %s\nUntil it can, all requests pass them", why)


@asynccontextmanager
async def counting_script(redis: Redis | RedisCluster) -> AsyncIterator[CountingScript]:
    """The script at one Redis, for `resources.share`: all limits know of each other's failures."""
    yield CountingScript(redis)


class RedisCounters:
    """The clients of one limit. Their keys are `reserve:limit:{POLICY:CLIENT}`: each is on one slot of a Cluster."""

    def __init__(self, policy: QuotaPolicy, script: CountingScript) -> None:
        self._prefix = f"reserve:limit:{{{policy.id}:"
        self._arguments = [number for quota in policy.quotas for number in (quota.count, quota.cost, quota.capacity)]
        self._script = script

    async def take(self, client: str) -> Verdict | None:
        """One more request of `client`; None when Redis can't count it."""
        reply: Any = await self._script.run(f"{self._prefix}{client}}}", self._arguments)
        return None if reply is None else Verdict(bool(reply[0]), tuple(reply[1:]))
