"""Many nodes: what one of them is lost with, and what they share.

Three servers and six nodes of Redis behind nginx are as examples/deployment has them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from reserve_mirror.store import MirrorSettings, Record
from reserve_mirror.store.redis_store import RedisStore
from tests.hostile.capture_load import SENDERS, Capture, CaptureLoad
from tests.hostile.deployed import Deployed
from tests.hostile.program import reached
from tests.kit.nginx import nginx
from tests.kit.redis_cluster import RedisCluster
from tests.kit.redis_server import RedisServer

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score, Within

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(300)]

PAGES = 12
SETTINGS = MirrorSettings(max_requests=100, expiration_time=3600, response="{}")
ROUNDS = 10  # of captures to each mirror of a sample
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


async def each(work: Callable[[str], Awaitable[object]], codes: Sequence[str]) -> None:
    """Does it for each code, some hundreds at once."""
    for start in range(0, len(codes), 500):
        await asyncio.gather(*(work(code) for code in codes[start : start + 500]))


async def test_more_nodes_share_the_work(tmp_path: Path, scale: Scale, score: Score) -> None:
    """Of scripts, one for each capture; and of nothing else that the captures would cause."""
    codes = [f"mirror-{n}" for n in range(scale(1_000, 6_000))]
    for masters in (1, 2, 3):
        (folder := tmp_path / str(masters)).mkdir()
        cluster = RedisCluster(folder, masters=masters)
        try:
            await asyncio.to_thread(cluster.start)
            async with open_store(cluster.url) as store:
                await each(lambda code: store.create(code, SETTINGS), codes)
                for _ in range(2):  # the first time a node has to be told the script
                    before = [scripts(node) for node in cluster.masters()]
                    await each(lambda code: store.add(code, Record("{}", b"body")), codes)
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
    server = RedisServer(tmp_path)
    costs = {}
    try:
        await asyncio.to_thread(server.start)
        async with open_store(server.url) as store:
            made = 0
            for count in (1_000, 10_000, scale(20_000, 100_000)):
                await each(lambda code: store.create(code, SETTINGS), [f"mirror-{n}" for n in range(made, count)])
                sample = [f"mirror-{n}" for n in range(count - SAMPLE, count)]
                before = used(server)
                for _ in range(ROUNDS):
                    await each(lambda code: store.add(code, Record('{"path":"/"}', b"x" * 1000)), sample)
                costs[count] = (used(server) - before) / (ROUNDS * SAMPLE)
                made = count
            with server.client() as client:
                memory = client.info("memory")["used_memory"]
    finally:
        server.kill()
    told = ", ".join(f"{cost * 1e6:.0f} us of CPU with {count:,} mirrors" for count, cost in costs.items())
    score(f"a capture costs {told}, in the server's process and in Redis; {memory / made:,.0f} bytes a mirror")
    assert max(costs.values()) < within(1.5) * min(costs.values())


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
