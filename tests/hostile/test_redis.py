"""Redis as it is run: what was acknowledged stays through failovers, slots on the move, and a memory that is full.

With `redis-wait` nothing of it is lost when a master dies; without, what Redis loses is counted.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.capture_load import CaptureLoad
from tests.hostile.client import PING, PONG, TEXT, Client, frame
from tests.hostile.program import reached
from tests.kit.redis_cluster import ClusterNode, RedisCluster
from tests.kit.redis_failover import RedisBehindOneAddress
from tests.kit.redis_sentinel import RedisSentinel
from tests.kit.redis_server import RedisNode, RedisServer
from tests.kit.redis_topologies import Topology, empty
from tests.kit.waiting import wait_until
from tests.plugins.mirror.conftest import age, open_store, redis_url, store
from tests.plugins.mirror.test_mirror_limits import *  # noqa: F403  the contract, with the fixtures of here
from tests.plugins.mirror.test_store import *  # noqa: F403

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within
    from tests.hostile.program import Launch

__all__ = ["age", "open_store", "redis_url", "store"]

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(240)]

CODES = [f"orders-{n}" for n in range(24)]
DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec")
JSON = b"Content-Type: application/json\r\n"
MAY_TAKE = 5.0  # seconds from a new master until captures go on
# Seconds for which a replica is cut off when its master dies; with WAIT, longer than three that get no confirmation.
CUT_OFF, CUT_OFF_LONG = 0.25, 3.5

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """`run(RedisCluster, replicas=1)`: such a Redis, running."""
    with ExitStack() as stack:

        def start(make: Callable[..., Topology], *options: str, **settings: int) -> Topology:
            folder = tmp_path / "redis"
            folder.mkdir()
            topology = make(folder, *DURABLE, *options, **settings)
            stack.callback(topology.kill)
            topology.start()
            return topology

        yield start


def mirror(topology: Topology, wait: int = 0) -> dict[str, Any]:
    options = {"redis-wait": wait} if wait else {}
    return {
        "match": "^(/.*)$",
        "mirror": "$1",
        "codes": CODES,
        "max-requests": 100_000,
        "redis-url": topology.url,
    } | options


def behind(cluster: RedisCluster, node: ClusterNode) -> list[str]:
    """The codes whose mirrors a node serves."""
    return [code for code in CODES if cluster.master_of(f"{{{code}}}") is node]


@pytest.fixture(scope="module", params=["cluster", "sentinel"])
def after_failover(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """A Redis one of whose masters was killed, has a successor, and is back as its replica."""
    folder = tmp_path_factory.mktemp("failover")
    with ExitStack() as stack:
        if request.param == "cluster":
            cluster = RedisCluster(folder, *DURABLE, replicas=1)
            stack.callback(cluster.kill)
            cluster.start()
            old = cluster.masters()[0]
            old.kill()
            wait_until(lambda: cluster.replica_of(old).is_master)
            old.start()
            cluster.wait_until_whole()
            yield cluster
        else:
            redis = RedisSentinel(folder, *DURABLE)
            stack.callback(redis.kill)
            redis.start()
            redis.master.kill()
            redis.wait_for_new_master()
            redis.bring_back()
            yield redis


@pytest.fixture
def topology(after_failover: Topology) -> Topology:
    """What the contract is held on here."""
    empty(after_failover)
    return after_failover


@pytest.mark.parametrize(
    ("wait", "cut_off"), [(0, 0.0), (0, CUT_OFF), (1, CUT_OFF_LONG)], ids=["plain", "without wait", "with wait"]
)
async def test_a_master_of_six_is_killed_in_the_middle(
    launch: Launch, run: Run, scale: Scale, within: Within, score: Score, wait: int, cut_off: float
) -> None:
    cluster: RedisCluster = run(RedisCluster, replicas=1)
    victim = cluster.masters()[0]
    codes, replica = behind(cluster, victim), cluster.replica_of(victim)
    program = await launch([mirror(cluster, wait)])
    load = CaptureLoad(program.port, CODES, scale(2_000, 50_000))
    async with load.running():
        await load.reaches(scale(1_000, 25_000))
        await asyncio.to_thread(kill_master, victim, replica, cut_off)
        await reached(lambda: replica.is_master)
        since = time.monotonic()
        if wait:  # what nobody replicates is not acknowledged
            await asyncio.to_thread(victim.start)
            await asyncio.to_thread(cluster.wait_until_whole)
            since = time.monotonic()
        seconds = await load.goes_on(codes, since)
    stored = await load.stored()
    score(
        f"cluster of 6, redis-wait {wait}, a master killed, its replica cut off for {cut_off:g} s:"
        f" {load.told(stored)}; captures go on {seconds:.1f} s after the new master"
    )
    assert load.refused
    assert (stored.twice, stored.unknown, len(load.failed)) == (0, 0, 0)
    assert seconds < within(MAY_TAKE)
    if wait:
        assert stored.lost == 0
    elif cut_off:
        assert stored.lost > 0, "the check would not see a loss"


def kill_master(master: RedisNode, replica: RedisNode, cut_off: float) -> None:
    """Kills a master whose replica has got nothing from it for so many seconds."""
    assert replica.process is not None
    if cut_off:
        replica.process.send_signal(signal.SIGSTOP)
        with master.client() as client:
            client.client_kill_filter(_type="replica")  # or the kernel would keep for it what comes
        time.sleep(cut_off)
    master.kill()
    replica.process.send_signal(signal.SIGCONT)


async def test_a_slot_moves_under_load(launch: Launch, run: Run, scale: Scale, score: Score) -> None:
    cluster: RedisCluster = run(RedisCluster, replicas=1)
    program = await launch([mirror(cluster)])
    load = CaptureLoad(program.port, CODES, scale(2_000, 20_000))
    moved = behind(cluster, cluster.masters()[0])[:3]
    async with load.running():
        for n, code in enumerate(moved):
            await load.reaches(scale(500, 5_000) * (n + 1))
            await asyncio.to_thread(move, cluster, code)
            await load.goes_on([code], time.monotonic())
    stored = await load.stored()
    score(f"cluster of 6, {len(moved)} slots moved: {load.told(stored)}")
    assert (stored, load.failed) == ((0, 0, 0), set())


def move(cluster: RedisCluster, code: str) -> None:
    with cluster.migrating(f"reserve:{{{code}}}"):
        time.sleep(0.2)


async def test_a_failover_behind_one_address(
    launch: Launch, run: Run, scale: Scale, within: Within, score: Score
) -> None:
    redis: RedisBehindOneAddress = run(RedisBehindOneAddress)
    program = await launch([mirror(redis)])
    load = CaptureLoad(program.port, CODES, scale(2_000, 20_000))
    async with load.running():
        await load.reaches(scale(1_000, 10_000))
        await asyncio.to_thread(redis.fail_over)
        seconds = await load.goes_on(CODES, time.monotonic())
    stored = await load.stored()
    score(f"failover behind one address: {load.told(stored)}; captures go on after {seconds:.1f} s")
    assert (stored, load.failed) == ((0, 0, 0), set())
    assert seconds < within(MAY_TAKE)


@pytest.mark.parametrize("wait", [0, 1])
async def test_the_sentinels_make_the_replica_master(
    launch: Launch, run: Run, scale: Scale, within: Within, score: Score, wait: int
) -> None:
    redis: RedisSentinel = run(RedisSentinel)
    program = await launch([mirror(redis, wait)])
    load = CaptureLoad(program.port, CODES, scale(2_000, 20_000))
    async with load.running():
        await load.reaches(scale(1_000, 10_000))
        await asyncio.to_thread(redis.master.kill)
        await asyncio.to_thread(redis.wait_for_new_master)
        since = time.monotonic()
        if wait:
            await asyncio.to_thread(redis.bring_back)
            since = time.monotonic()
        seconds = await load.goes_on(CODES, since)
    stored = await load.stored()
    score(
        f"Sentinel, redis-wait {wait}, the master killed: {load.told(stored)}; captures go on {seconds:.1f} s after the"
        " new master"
    )
    assert load.refused
    assert (stored.twice, stored.unknown, len(load.failed)) == (0, 0, 0)
    assert seconds < within(MAY_TAKE)
    if wait:
        assert stored.lost == 0


@pytest.mark.parametrize(
    "policy",
    [
        "noeviction",
        *(f"{keys}-{which}" for keys in ("allkeys", "volatile") for which in ("lru", "lfu", "random")),
        "volatile-ttl",
    ],
)
async def test_a_memory_that_is_full(launch: Launch, run: Run, score: Score, policy: str) -> None:
    redis: RedisNode = run(RedisNode, "--maxmemory", "10mb", "--maxmemory-policy", policy)
    program = await launch([mirror(redis)], silent=False)
    statuses: Counter[int] = Counter()
    sent: set[str] = set()  # the hashes of what was acknowledged
    async with Client(program.port) as client:
        made = [await client.ask(b"/api/mirrors", b"{}", JSON) for _ in range(10)]
        codes = [*CODES[:2], *(json.loads(each.body)["code"] for each in made)]
        for n in range(400):
            body = random.Random(n).randbytes(40_000)
            statuses[status := (await client.ask(f"/r/{codes[n % len(codes)]}".encode(), body)).status] += 1
            if status == 200:
                sent.add(hashlib.sha256(body).hexdigest())
        found = [request for code in codes for request in await everything(client, code)]
    whole = {request["sha256"] for request in found if is_whole(request)}
    silent = [request for request in found if not is_whole(request) and not request["truncated"]]
    score(f"{policy}: of {len(sent)} acknowledged {len(whole)} are whole, {len(found) - len(whole)} say what they lost")
    assert silent == []
    assert whole <= sent
    # 404: the mirror is one that was dropped, and comes of no configuration.
    assert set(statuses) <= ({200, 503} if policy == "noeviction" else {200, 404, 503})
    assert statuses[200]
    if policy == "noeviction":
        assert whole == sent
        assert statuses[503]
    assert ("when its memory is full" in program.log()) == (policy != "noeviction")


async def everything(client: Client, code: str) -> list[dict[str, Any]]:
    """All requests of a mirror, with their bodies."""
    listed = await client.ask(f"/api/mirrors/{code}/requests?limit=1000".encode())
    if listed.status == 404:
        return []
    found = []
    for request in json.loads(listed.body)["requests"]:
        answer = await client.ask(f"/api/mirrors/{code}/requests/{request['id']}".encode())
        assert answer.status == 200
        found.append(json.loads(answer.body))
    return found


def is_whole(request: dict[str, Any]) -> bool:
    """Whether its body is the one that was sent."""
    found = hashlib.sha256(base64.b64decode(request["body"])).hexdigest()
    return bool(found == request["sha256"])


class LivePage:
    """A page of a mirror: `seen` are the ids of the requests that it was told of."""

    def __init__(self, port: int, code: str) -> None:
        self.code = code
        self.seen: list[str] = []
        self._client = Client(port)
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LivePage:
        await self._client.open()
        assert await self._client.upgrade(f"/ws/{self.code}".encode()) == 101
        await self._client.receive()  # hello
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._client.close()

    async def _read(self) -> None:
        while True:
            opcode, data = await self._client.receive()
            if opcode == PING:  # who is silent is taken for gone
                self._client.writer.write(frame(PONG, data))
            elif opcode == TEXT and (message := json.loads(data))["type"] == "request":
                self.seen.append(message["request"]["id"])


@asynccontextmanager
async def all_open(pages: Iterable[LivePage]) -> AsyncIterator[list[LivePage]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(page) for page in pages]


async def ids_of(client: Client, code: str) -> list[str]:
    """The ids of what a mirror has, up to 1,000."""
    answer = await client.ask(f"/api/mirrors/{code}/requests?limit=1000".encode())
    return [request["id"] for request in json.loads(answer.body)["requests"]]


async def test_pages_miss_nothing_when_a_master_is_killed(launch: Launch, run: Run, scale: Scale, score: Score) -> None:
    cluster: RedisCluster = run(RedisCluster, replicas=1)
    victim = cluster.masters()[0]
    codes, replica = behind(cluster, victim), cluster.replica_of(victim)
    program = await launch([mirror(cluster)])
    load = CaptureLoad(program.port, CODES, scale(2_000, 15_000))
    async with all_open(LivePage(program.port, code) for code in CODES * 2) as pages:
        async with load.running():
            await load.reaches(scale(1_000, 5_000))
            await asyncio.to_thread(kill_master, victim, replica, 0.0)
            await reached(lambda: replica.is_master)
            await load.goes_on(codes, time.monotonic())
        async with Client(program.port) as client:
            stored = {code: set(await ids_of(client, code)) for code in CODES}
        await reached(lambda: all(stored[page.code] <= set(page.seen) for page in pages))
        twice = sum(len(page.seen) - len(set(page.seen)) for page in pages)
        score(f"{len(pages)} pages while a master of six is killed: none misses any of its requests, {twice} twice")
        assert twice == 0


async def test_a_thousand_pages_of_one_mirror_are_told_of_all(
    launch: Launch, run: Run, scale: Scale, score: Score
) -> None:
    program = await launch([mirror(run(RedisServer))])
    count, captures = scale(200, 1_000), 200
    async with all_open(LivePage(program.port, CODES[0]) for _ in range(count)) as pages:
        async with Client(program.port) as client:
            for n in range(captures):
                answer = await client.ask(f"/r/{CODES[0]}/{n}".encode(), b"x")
                assert answer.status == 200
            stored = await ids_of(client, CODES[0])
        await reached(lambda: all(len(page.seen) >= captures for page in pages))
        missed = sum(page.seen != stored for page in pages)
    score(f"{count} pages of one mirror, {captures} captures: {missed} pages miss one or have them out of order")
    assert missed == 0
