"""Cross-talk: whoever asks gets the answer to what was asked, whoever else asks, hangs up, or loses a connection.

Each request has a tag that its answer must have. Some clients go away in the middle: what they left behind, on the
server, on the way to a backend, to a Redis, may reach nobody else.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.client import TEXT, Client, frame
from tests.hostile.redis_faults import faults
from tests.plugins.conftest import own_redis

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.hostile.program import Launch
    from tests.kit.redis_server import RedisServer

__all__ = ["own_redis"]

# The answers are of odd lengths, some of them late: those before and behind are at another place then.
SITE = """\
import asyncio
import zlib

async def echo(request, response):
    tag = request.query["tag"]
    odd = zlib.crc32(tag.encode())
    if odd % 7 == 0:
        await asyncio.sleep(odd % 5 / 1000)
    body = await request.body()
    data = tag.encode() + b":" + body + b"." * (odd % 3000)
    if odd % 3:
        response.send(data)
    else:
        await response.write(data[:10])
        await asyncio.sleep(0)
        await response.end(data[10:])

async def talk(request, response):
    socket = await request.upgrade()
    async for message in socket:
        await socket.send(message)
"""
OWN = [{"match": "^/echo\\?", "custom": "./site.py:echo"}, {"match": "^/talk$", "custom": "./site.py:talk"}]
MIRRORS = 20
SENDERS = 24
GOES_AWAY = 0.05  # of a client's turns, the share in which it hangs up in the middle

Turn = Callable[[Client, random.Random], Coroutine[Any, Any, None]]


class Talk:
    """Clients that take turns until `wanted` answers have come; `wrong` holds the answers that were somebody else's."""

    def __init__(self, port: int, wanted: int) -> None:
        self.port = port
        self.wanted = wanted
        self.answers = self.gone = self.lost = 0
        self.wrong: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._tags = itertools.count()

    def tag(self) -> bytes:
        return b"tag-%d" % next(self._tags)

    def compare(self, got: bytes, wanted: bytes) -> None:
        self.answers += 1
        if got != wanted:
            self.wrong.append(f"{got[:80]!r} instead of {wanted[:80]!r}")

    async def run(self, turn: Turn, hello: Callable[[Client], Awaitable[object]] | None = None) -> None:
        async def send(number: int) -> None:
            chance = random.Random(number)
            while self.answers < self.wanted:
                client = Client(self.port)
                await client.open()
                try:
                    if hello is not None:
                        await hello(client)
                    while self.answers < self.wanted:
                        if chance.random() < GOES_AWAY:
                            await self._go_away(client, turn, chance)
                            break
                        await turn(client, chance)
                except (EOFError, ConnectionError):
                    self.lost += 1
                finally:
                    client.close()

        await asyncio.gather(*map(send, range(SENDERS)))

    async def _go_away(self, client: Client, turn: Turn, chance: random.Random) -> None:
        asking = asyncio.create_task(turn(client, chance))
        await asyncio.sleep(chance.random() * 0.01)
        asking.cancel()
        client.reset()
        self.gone += 1
        await asyncio.gather(asking, return_exceptions=True)

    def __str__(self) -> str:
        others = f"; statuses {dict(self.statuses)}" if self.statuses else ""
        return f"{self.answers:,} answers, {self.gone:,} clients gone in the middle, {len(self.wrong)} wrong{others}"


async def test_http(launch: Launch, scale: Scale, score: Score) -> None:
    program = await launch(OWN, files={"site.py": SITE})
    talk = Talk(program.port, scale(2000, 40_000))
    await talk.run(lambda client, chance: ask(talk, client, chance))
    score(f"HTTP: {talk}")
    assert (talk.wrong, talk.lost) == ([], 0)


async def ask(talk: Talk, client: Client, chance: random.Random) -> None:
    """Some requests at once, and their answers."""
    tags = [talk.tag() for _ in range(chance.randint(1, 8))]
    body = b"b" * chance.choice((0, 1, 5000))
    answers = await client.ask_all([b"/echo?tag=" + tag for tag in tags], body)
    for tag, answer in zip(tags, answers, strict=True):
        talk.compare(answer.body.rstrip(b"."), tag + b":" + body)


async def test_through_url(launch: Launch, scale: Scale, score: Score) -> None:
    """Connections to the backend are shared by all clients, one after the other."""
    backend = await launch(OWN, files={"site.py": SITE})
    program = await launch([{"match": "^(/.*)", "url": f"http://127.0.0.1:{backend.port}$1", "max-connections": 16}])
    talk = Talk(program.port, scale(1500, 25_000))
    await talk.run(lambda client, chance: ask(talk, client, chance))
    score(f"through url: {talk}")
    assert (talk.wrong, talk.lost) == ([], 0)


@pytest.mark.parametrize("way", ["own", "through url"])
async def test_websockets(way: str, launch: Launch, scale: Scale, score: Score) -> None:
    program = await launch(OWN, files={"site.py": SITE})
    if way != "own":
        program = await launch([{"match": "^(/.*)", "url": f"http://127.0.0.1:{program.port}$1"}])
    talk = Talk(program.port, scale(1500, 10_000))

    async def turn(client: Client, chance: random.Random) -> None:
        tags = [talk.tag() + b"." * chance.randint(0, 2000) for _ in range(chance.randint(1, 8))]
        client.writer.write(b"".join(frame(TEXT, tag) for tag in tags))
        for tag in tags:
            talk.compare((await client.receive())[1], tag)

    await talk.run(turn, lambda client: client.upgrade(b"/talk"))
    score(f"WebSocket, {way}: {talk}")
    assert (talk.wrong, talk.lost) == ([], 0)


@pytest.mark.timeout(180)
async def test_redis(launch: Launch, own_redis: Callable[..., RedisServer], scale: Scale, score: Score) -> None:
    """Each mirror answers and shows what is its own, though Redis's replies are cut, late, and lost."""
    redis = own_redis()
    async with faults(redis.socket) as network:
        network.active = False
        url = f"redis://127.0.0.1:{network.port}"
        mirror = {"match": "^(/.*)$", "mirror": "$1", "redis-url": url, "max-requests": 1000}
        program = await launch([mirror])
        async with Client(program.port) as client:
            for number in range(MIRRORS):
                wanted = json.dumps({"code": f"m{number}", "response": {"body": f"answer of m{number}"}}).encode()
                headers = b"content-type: application/json\r\n"
                assert (await client.ask(b"/api/mirrors", wanted, headers)).status == 201
        network.active = True
        talk = Talk(program.port, scale(1500, 15_000))

        async def turn(client: Client, chance: random.Random) -> None:
            code = b"m%d" % chance.randrange(MIRRORS)
            if chance.random() < 0.9:
                for answer in await client.ask_all([b"/r/%b/%b" % (code, code)] * chance.randint(1, 8), talk.tag()):
                    talk.statuses[answer.status] += 1
                    if answer.status == 200:
                        talk.compare(answer.body, b"answer of " + code)
            else:
                answer = await client.ask(b"/api/mirrors/%b/requests?limit=5" % code)
                talk.statuses[answer.status] += 1
                if answer.status == 200:
                    paths = {request["path"].encode() for request in json.loads(answer.body)["requests"]}
                    talk.compare(b" ".join(paths), b"/" + code if paths else b"")
            if answer.status == 503:
                await asyncio.sleep(0.05)

        await talk.run(turn)
        network.active = False
        await everything_is_where_it_belongs(program.port, talk)
    score(f"Redis: {talk}; replies {network.counts}")
    assert (talk.wrong, talk.lost) == ([], 0)
    assert set(talk.statuses) <= {200, 503}
    assert all(network.counts.values())


async def everything_is_where_it_belongs(port: int, talk: Talk) -> None:
    async with Client(port) as client, asyncio.timeout(20):
        for number in range(MIRRORS):
            while (answer := await client.ask(b"/api/mirrors/m%d/requests?limit=1000" % number)).status == 503:
                await asyncio.sleep(0.1)
            for request in json.loads(answer.body)["requests"]:
                talk.compare(request["path"].encode(), b"/m%d" % number)
