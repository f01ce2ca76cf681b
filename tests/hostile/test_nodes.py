"""Many nodes: what one of them is lost with, and what they share.

Three servers and six nodes of Redis behind nginx are as examples/deployment has them.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import pytest

from reserve_mirror.store import MirrorSettings, Record
from reserve_mirror.store.redis_store import RedisStore
from tests.hostile.capture_load import AT_ONCE, SENDERS, Capture, CaptureLoad
from tests.hostile.client import Client
from tests.hostile.deployed import Deployed
from tests.hostile.program import reached
from tests.kit.nginx import nginx
from tests.kit.redis_cluster import RedisCluster
from tests.kit.redis_server import RedisServer

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within
    from tests.hostile.program import Launch

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(300)]

PAGES = 12
BODY = json.dumps({"order": "0123456789" * 98}).encode()  # a kilobyte
JSON = b"Content-Type: application/json\r\nUser-Agent: a-client/1.0\r\nAccept: */*\r\n"
SETTINGS = MirrorSettings(max_requests=100, expiration_time=3600, response="{}")
ROUNDS = 10  # of a capture to each mirror of a sample
SAMPLE = 1_000  # mirrors
MAY_TAKE = 5.0  # seconds from a new master until captures go on


class Page:
    """What a page does: it follows a mirror, and when it is cut off it comes back with the last request it has seen."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.seen: list[str] = []  # the paths of the requests
        self.connections = 0
        self._last = ""

    async def follow(self, session: aiohttp.ClientSession, url: str) -> None:
        while True:
            try:
                async with session.ws_connect(f"{url}ws/{self.code}?after={self._last}") as socket:
                    self.connections += 1
                    async for message in socket:
                        self._take(json.loads(message.data))
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.1)

    def has(self, captures: Iterable[Capture]) -> bool:
        """Whether it has seen all of these that are its mirror's."""
        return {path for code, path in captures if code == self.code} <= set(self.seen)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "request":
            self.seen.append(message["request"]["path"])
            self._last = message["request"]["id"]


@asynccontextmanager
async def pages(port: int, codes: list[str]) -> AsyncIterator[list[Page]]:
    """A page for each of these mirrors, until the end."""
    found = [Page(code) for code in codes]
    async with aiohttp.ClientSession() as session:
        tasks = [asyncio.create_task(page.follow(session, f"http://127.0.0.1:{port}/")) for page in found]
        try:
            await reached(lambda: all(page.connections for page in found))
            yield found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def make(port: int, count: int) -> list[str]:
    """The codes of so many new mirrors."""
    async with aiohttp.ClientSession() as session:
        codes = []
        for _ in range(count):
            async with session.post(f"http://127.0.0.1:{port}/api/mirrors", json={}) as response:
                assert response.status == 201, await response.text()
                codes.append((await response.json())["code"])
        return codes


async def test_a_server_and_a_node_are_killed_under_load(
    project: Path, tmp_path: Path, scale: Scale, within: Within, score: Score
) -> None:
    deployed = Deployed(
        project / "examples/deployment", tmp_path, METRICS_TOKEN="long-and-secret", MAX_REQUESTS="100000"
    )
    wanted = scale(1_000, 20_000)
    try:
        await asyncio.to_thread(deployed.start)
        with nginx(tmp_path, deployed.nginx) as port:
            codes = await make(port, PAGES)
            load = CaptureLoad(port, codes, wanted)
            async with pages(port, codes) as following:
                async with load.running():
                    await load.reaches(wanted // 3)
                    await asyncio.to_thread(deployed.kill, deployed.servers[1])
                    await load.reaches(wanted // 2)
                    in_flight, refused = len(load.failed), len(load.refused)
                    seconds = await lose_a_master(deployed, load, codes)
                await reached(lambda: all(page.has(load.acknowledged) for page in following))
            stored = await load.stored()
    finally:
        await asyncio.to_thread(deployed.stop)
    twice = sum(len(page.seen) - len(set(page.seen)) for page in following)
    score(
        f"three servers and six nodes behind nginx: a server killed, {in_flight} requests in flight failed; a master"
        f" killed, captures go on {seconds:.1f} s after the new one; redis-wait 1, {load.told(stored)};"
        f" {len(following)} pages came back {sum(page.connections - 1 for page in following)} times, and show all of"
        f" them, {twice} twice"
    )
    assert refused == 0
    assert in_flight <= SENDERS
    assert len(load.failed) == in_flight
    assert (stored, twice) == ((0, 0, 0), 0)
    assert seconds < within(MAY_TAKE)
    assert any(page.connections > 1 for page in following)


async def lose_a_master(deployed: Deployed, load: CaptureLoad, codes: list[str]) -> float:
    """Kills a master, and starts it again once another has taken over: as its replica, which `redis-wait` needs.

    Returns how many seconds after that all mirrors have acknowledged something.
    """
    masters = deployed.masters()
    await asyncio.to_thread(deployed.kill, masters[0])
    await reached(lambda: len(deployed.masters()) == len(masters))
    await asyncio.to_thread(deployed.run, masters[0])
    await asyncio.to_thread(deployed.wait, masters[0])
    await reached(lambda: b"connected" in deployed.ask(masters[0], "ROLE"))
    return await load.goes_on(codes, time.monotonic())


async def test_a_sequence_is_counted_once_for_all_servers(
    launch: Launch, tmp_path: Path, scale: Scale, score: Score
) -> None:
    count = scale(300, 1_000)
    cluster = RedisCluster(tmp_path)
    try:
        await asyncio.to_thread(cluster.start)
        options = {"codes": ["orders"], "max-requests": 100_000, "redis-url": cluster.url}
        ports = [(await launch([{"match": "^(/.*)$", "mirror": "$1", **options}])).port for _ in range(3)]
        rules = {"rules": [{"when": {"json.order": 17}, "sequence": [503, 503, 200]}]}
        statuses: Counter[int] = Counter()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def send(port: int) -> None:
                async with session.post(f"http://127.0.0.1:{port}/r/orders", json={"order": 17}) as response:
                    statuses[response.status] += 1

            async with session.patch(f"http://127.0.0.1:{ports[0]}/api/mirrors/orders", json=rules) as response:
                assert response.status == 200
            await asyncio.gather(*(send(ports[n % 3]) for n in range(count)))
    finally:
        cluster.kill()
    score(f"a sequence [503, 503, 200]: of {count:,} captures at once by three servers, {statuses[503]} get 503")
    assert statuses == {503: 2, 200: count - 2}


async def each(work: Callable[[str], Awaitable[object]], codes: Sequence[str]) -> None:
    """Does it for each code, some hundreds at once."""
    for start in range(0, len(codes), 500):
        await asyncio.gather(*(work(code) for code in codes[start : start + 500]))


def creating(store: RedisStore) -> Callable[[str], Awaitable[object]]:
    return lambda code: store.create(code, SETTINGS)


def adding(store: RedisStore) -> Callable[[str], Awaitable[object]]:
    return lambda code: store.add(code, Record('{"path":"/"}', b"x" * 1_000))


async def test_more_nodes_share_the_work(tmp_path: Path, scale: Scale, score: Score) -> None:
    """Of scripts, one for each capture; and of nothing else that the captures would cause."""
    codes = [f"mirror-{n}" for n in range(scale(1_000, 6_000))]
    for masters in (1, 2, 3):
        (folder := tmp_path / str(masters)).mkdir()
        cluster = RedisCluster(folder, masters=masters)
        try:
            await asyncio.to_thread(cluster.start)
            async with open_store(cluster.url) as store:
                await each(creating(store), codes)
                for _ in range(2):  # the first time a node has to be told the script
                    before = [scripts(node) for node in cluster.masters()]
                    await each(adding(store), codes)
            shares = [scripts(node) - count for node, count in zip(cluster.masters(), before, strict=True)]
        finally:
            cluster.kill()
        score(f"{masters} masters: {len(codes):,} captures are {' + '.join(f'{share:,}' for share in shares)} scripts")
        assert sum(shares) == len(codes)
        assert all(abs(share * masters / len(codes) - 1) < 0.1 for share in shares)


def scripts(node: RedisServer) -> int:
    return node.calls("eval", "evalsha")


async def test_a_capture_costs_the_same_however_many_mirrors_there_are(
    tmp_path: Path, scale: Scale, within: Within, score: Score
) -> None:
    costs: dict[int, list[float]] = {1_000: [], 10_000: [], scale(20_000, 100_000): []}
    memory = 0.0
    async with AsyncExitStack() as stack:
        filled = []
        for count in costs:
            (folder := tmp_path / str(count)).mkdir()
            server = RedisServer(folder)
            stack.callback(server.kill)
            await asyncio.to_thread(server.start)
            store = await stack.enter_async_context(open_store(server.url))
            await each(creating(store), [f"mirror-{n}" for n in range(count)])
            with server.client() as client:
                memory = client.info("memory")["used_memory"] / count
            filled.append((count, server, store))
        for _ in range(ROUNDS):  # in turn: whatever else the machine does is the same for all
            for count, server, store in filled:
                before = used(server)
                await each(adding(store), [f"mirror-{n}" for n in range(0, count, count // SAMPLE)])
                costs[count].append((used(server) - before) / SAMPLE)
    best = {count: min(rounds) for count, rounds in costs.items()}
    told = ", ".join(f"{cost * 1e6:.0f} us of CPU with {count:,} mirrors" for count, cost in best.items())
    score(f"a capture costs {told}, in the store and in Redis; {memory:,.0f} bytes a mirror")
    assert max(best.values()) < within(1.5) * min(best.values())


def used(server: RedisServer) -> float:
    """Seconds of processor time that this process and Redis have used."""
    with server.client() as client:
        cpu = client.info("cpu")
    return time.process_time() + float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(url)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


@pytest.mark.parametrize("wait", [0, 1])
async def test_what_a_capture_takes(launch: Launch, tmp_path: Path, scale: Scale, score: Score, wait: int) -> None:
    """Of a server, of its master, and of that one's replica: the figures of docs/scale.md."""
    codes = [f"mirror-{n}" for n in range(100)]
    cluster = RedisCluster(tmp_path, "--appendonly", "yes", masters=1, replicas=1)
    try:
        await asyncio.to_thread(cluster.start)
        options = {"codes": codes, "max-requests": 100_000, "redis-url": cluster.url}
        waiting = {"redis-wait": wait} if wait else {}
        program = await launch([{"match": "^(/.*)$", "mirror": "$1", **options, **waiting}])
        await capture(program.port, codes, 1_000)
        before = Taken.by(program.process.pid, cluster)
        count = await capture(program.port, codes, scale(2_000, 20_000))
        taken = [
            (after - earlier) / count
            for after, earlier in zip(Taken.by(program.process.pid, cluster), before, strict=True)
        ]
    finally:
        cluster.kill()
    server, master, replica, received, replicated, memory = taken
    score(
        f"a capture of {len(BODY):,} bytes, redis-wait {wait}: {server * 1e6:.0f} us of CPU of the server,"
        f" {master * 1e6:.0f} of the master, {replica * 1e6:.0f} of the replica; {received:,.0f} bytes to the master,"
        f" {replicated:,.0f} to the replica; {memory:,.0f} bytes of memory"
    )
    # What is sent and kept is the body, and a summary with the headers.
    assert received < len(BODY) + 1_500
    assert memory < len(BODY) + 1_500


class Taken(NamedTuple):
    """What was used until now."""

    server: float  # seconds of processor time
    master: float
    replica: float
    received: float  # bytes from clients by the master
    replicated: float  # bytes of the replication stream
    memory: float  # bytes in the master

    @classmethod
    def by(cls, pid: int, cluster: RedisCluster) -> Taken:
        told = []
        for node in cluster.nodes:
            with node.client() as client:
                told.append(client.info())
        cpu = [each["used_cpu_user"] + each["used_cpu_sys"] for each in told]
        received = told[0]["total_net_input_bytes"]
        return cls(cpu_of(pid), cpu[0], cpu[1], received, told[0]["master_repl_offset"], told[0]["used_memory"])


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def capture(port: int, codes: Sequence[str], count: int) -> int:
    """Sends so many requests, by some connections that have some under way each; returns how many."""
    targets = [f"/r/{codes[n % len(codes)]}/path".encode() for n in range(count)]

    async def send(share: list[bytes]) -> None:
        async with Client(port) as client:
            for start in range(0, len(share), AT_ONCE):
                answers = await client.ask_all(share[start : start + AT_ONCE], BODY, JSON)
                assert {answer.status for answer in answers} == {200}

    await asyncio.gather(*(send(targets[n::SENDERS]) for n in range(SENDERS)))
    return count
