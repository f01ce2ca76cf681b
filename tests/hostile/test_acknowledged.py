"""Acknowledged captures: what was answered with 200 is stored, though Redis is killed and started again meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.hostile.client import Client
from tests.plugins.conftest import own_redis
from tests.plugins.mirror.test_redis_store import DURABLE

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.hostile.program import Launch
    from tests.kit.redis_server import RedisServer

__all__ = ["own_redis"]

SENDERS = 16
AT_ONCE = 8


@pytest.mark.timeout(180)
async def test_every_capture_answered_with_200_is_stored(
    launch: Launch, own_redis: Callable[..., RedisServer], scale: Scale, score: Score
) -> None:
    wanted = scale(3000, 50_000)
    redis = own_redis(*DURABLE)
    mirror = {"match": "^(/.*)$", "mirror": "$1", "codes": ["orders"], "max-requests": 100_000}
    program = await launch([{**mirror, "redis-url": redis.url}])
    numbers = itertools.count()
    answered: dict[int, list[bytes]] = {200: [], 503: []}

    async def send() -> None:
        async with Client(program.port) as client:
            while len(answered[200]) < wanted:
                paths = [b"/%d" % next(numbers) for _ in range(AT_ONCE)]
                answers = await client.ask_all([b"/r/orders" + path for path in paths], b"body of " + paths[0])
                for path, answer in zip(paths, answers, strict=True):
                    answered[answer.status].append(path)
                if answers[-1].status == 503:
                    await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(send())
        while len(answered[200]) < wanted / 2:
            await asyncio.sleep(0.005)
        redis.kill()
        await asyncio.sleep(0.3)
        assert len(answered[200]) < wanted, "the kill comes too late"
        await asyncio.to_thread(redis.start)
    stored = await paths_of(program.port)
    acknowledged, refused = set(answered[200]), set(answered[503])
    lost, doubled = acknowledged - stored.keys(), [path for path, count in stored.items() if count > 1]
    # What got 503 may be there all the same: the answer of Redis was lost, not the capture.
    unknown = stored.keys() - acknowledged - refused
    score(
        f"{len(acknowledged):,} answered with 200, {len(refused):,} with 503 while Redis was away: "
        f"{len(lost)} lost, {len(doubled)} twice"
    )
    assert refused
    assert (lost, doubled, unknown) == (set(), [], set())


async def paths_of(port: int) -> Counter[bytes]:
    """How often each path is stored."""
    paths: Counter[bytes] = Counter()
    after = ""
    async with Client(port) as client:
        while True:
            answer = await client.ask(b"/api/mirrors/orders/requests?limit=1000&after=%b" % after.encode())
            requests = json.loads(answer.body)["requests"]
            if not requests:
                return paths
            after = requests[-1]["id"]
            paths.update(request["path"].encode() for request in requests)
