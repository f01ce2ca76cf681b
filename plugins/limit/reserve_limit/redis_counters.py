"""Counters in a Redis, for all processes that name it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from .quota import Verdict

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from .quota_policy import QuotaPolicy

logger = logging.getLogger("reserve")

# Seconds that a request waits for Redis, and those after a failure in which none does.
PATIENCE = 1.0
PAUSE = 1.0

# `take` of quota.py, by the clock of Redis, so that all processes have the same. A client's key holds when its debts
# were computed, in microseconds, and what they were; it expires when they are paid. Numbers are whole, below 2**53.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = {}
for number in string.gmatch(redis.call('GET', KEYS[1]) or '', '%d+') do
  kept[#kept + 1] = tonumber(number)
end
local elapsed = math.max(0, now - (kept[1] or now))
local owed, costs, lifetime, passes = {}, {}, 1, 1
for i = 1, #ARGV / 3 do
  local count, cost, capacity = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  owed[i] = math.max(0, (kept[i + 1] or 0) - elapsed * count)
  costs[i] = cost
  lifetime = math.max(lifetime, math.ceil((owed[i] + cost) / count / 1000))
  if owed[i] + cost > capacity then passes = 0 end
end
if passes == 1 then
  local text = string.format('%.0f', now)
  for i = 1, #owed do
    owed[i] = owed[i] + costs[i]
    text = text .. ' ' .. string.format('%.0f', owed[i])
  end
  redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', lifetime))
end
return {passes, unpack(owed)}
"""


class CountingScript:
    """The script, at a Redis that may be away: then nobody waits for it, and the log says so once."""

    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(SCRIPT)
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
async def counting_script(redis: Redis) -> AsyncIterator[CountingScript]:
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
