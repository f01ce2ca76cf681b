"""Faults of an upstream server: cut, reset or silent after each byte of its answer, garbage, refused and hanging."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.plugins.url.test_smuggling import BEFORE_THE_HEAD, IN_THE_BODY

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.kit.clock import Clock
    from tests.kit.upstream import Message, Peer
    from tests.plugins.url.conftest import Serve, Site, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"

# Answers, and the body of each.
ANSWERS = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 40\r\n\r\n" + b"0123456789" * 4),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"a\r\n0123456789\r\n1e;x=y\r\n" + b"0123456789" * 3 + b"\r\n0\r\nX-Sum: 1\r\n\r\n"
    ),
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"
    + b"0123456789" * 4,
    "coded": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 40\r\n\r\n" + b"\x1f" * 40,
}
BODIES = {
    "length": b"0123456789" * 4,
    "chunked": b"0123456789" * 4,
    "interim": b"0123456789" * 4,
    "coded": b"\x1f" * 40,
}


class Faulty:
    """A backend that sends `part` and then ends as `how` says; counts how often each target was sent to it."""

    def __init__(self) -> None:
        self.part = b""
        self.how = "close"
        self.asked: Counter[str] = Counter()

    async def __call__(self, peer: Peer) -> None:
        while True:
            try:
                request = await peer.message()
            except TimeoutError:
                return
            self.asked[request.target] += 1
            if request.target.startswith("/well"):
                await peer.send(OK)
                continue
            await peer.send(self.part)
            if self.how == "reset":
                peer.reset()
            elif self.how == "silence":
                with contextlib.suppress(ConnectionError, TimeoutError):
                    await peer.rest()
            return


async def outcome(site: Site, request: bytes, body: bytes) -> str:
    """What a client gets: a status, `cut`, `whole`, or `short` for what looks whole and isn't."""
    peer = await site.connect()
    try:
        answer: Message = await peer.ask(request)
        while answer.status < 200:
            answer = await peer.message()
    except (EOFError, ConnectionError):
        return "cut"
    finally:
        peer.close()
    if answer.status != 200:
        return str(answer.status)
    return "whole" if answer.body == body else "short"


@pytest.mark.timeout(600)
async def test_an_answer_that_ends_anywhere(
    serve: Serve, upstream: Upstream, clock: Clock, scale: Scale, score: Score
) -> None:
    faulty = Faulty()
    backend = await upstream(faulty)
    site = await serve({"match": "^/(.*)", "url": f"{backend.url}/$1", "timeout": 10})
    outcomes: Counter[str] = Counter()
    wrong = []
    number = 0
    for name, whole in ANSWERS.items():
        for end in range(0, len(whole), scale(5, 1)):
            for faulty.how in ("close", "reset", "silence") if end % scale(50, 10) == 0 else ("close", "reset"):
                for method in (GET, POST):
                    faulty.part = whole[:end]
                    number += 1
                    asking = outcome(site, method % b"%d" % number, BODIES[name])
                    found = await (clock.hurry(asking) if faulty.how == "silence" else asking)
                    outcomes[found] += 1
                    statuses = ("504", "cut") if faulty.how == "silence" else ("502", "cut")
                    if found not in statuses:
                        wrong.append((name, end, faulty.how, method, found))
    twice = [target for target, times in faulty.asked.items() if times > 1]
    well = await outcome(site, GET % b"well", b"ok")
    found = ", ".join(f"{count} x {what}" for what, count in sorted(outcomes.items()))
    score(
        f"{outcomes.total()} answers of 4 kinds that end after each of their bytes, closed, reset or silent: {found}; "
        f"{len(wrong)} otherwise, {len(twice)} requests sent twice"
    )
    assert wrong == []
    assert twice == []
    assert well == "whole"
    assert site.named("error") == []


async def test_garbage(serve: Serve, upstream: Upstream, score: Score) -> None:
    faulty = Faulty()
    site = await serve({"match": "^/(.*)", "url": f"{(await upstream(faulty)).url}/$1", "timeout": 0.3})
    outcomes: Counter[str] = Counter()
    wrong = []
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    vectors = BEFORE_THE_HEAD | {name: chunked + body for name, body in IN_THE_BODY.items()}
    for number, (name, vector) in enumerate(vectors.items()):
        for method in (GET, POST):
            faulty.part = vector
            found = await outcome(site, method % (b"%s%d" % (method[:1], number)), b"")
            outcomes[found] += 1
            if found not in ("502", "504", "cut"):
                wrong.append((name, found))
    twice = [target for target, times in faulty.asked.items() if times > 1]
    found = ", ".join(f"{count} x {what}" for what, count in sorted(outcomes.items()))
    score(f"{len(vectors)} answers that are garbage: {found}; {len(wrong)} otherwise, {len(twice)} requests sent twice")
    assert wrong == []
    assert twice == []
    assert site.named("error") == []


async def test_refused_and_hanging(serve: Serve, score: Score) -> None:
    with socket.socket() as closed, socket.socket() as full, socket.socket() as first, socket.socket() as second:
        closed.bind(("127.0.0.1", 0))
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):  # the kernel takes no more connections
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        urls = [f"http://127.0.0.1:{each.getsockname()[1]}/" for each in (closed, full)]
        site = await serve(
            {"match": "^/refused", "url": urls[0]}, {"match": "^/hanging", "url": urls[1], "connect-timeout": 0.3}
        )
        found = [await outcome(site, method % path, b"") for path in (b"refused", b"hanging") for method in (GET, POST)]
    score(f"a port nobody listens at: {found[0]}; one that takes no connection: {found[2]}")
    assert found == ["502", "502", "504", "504"]


async def test_a_kept_connection_that_ends_with_the_next_request(
    serve: Serve, upstream: Upstream, scale: Scale, score: Score
) -> None:
    """The race of a keep-alive connection: it's closed or reset the moment the next request comes over it. Only a
    request that changes nothing may be sent anew (RFC 9110 9.2.2)."""
    asked: Counter[str] = Counter()

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.message()
            asked[request.target] += 1
            if request.target.startswith("/last"):
                return peer.reset() if request.target.endswith("r") else peer.close()
            await peer.send(OK)

    site = await serve((await upstream(script)).url)
    posted = []
    count = scale(20, 200)
    for number in range(count):
        assert await outcome(site, GET % b"first%d" % number, b"ok") == "whole"
        target = b"last%d%b" % (number, b"r" if number % 2 else b"c")
        posted.append(await outcome(site, POST % target, b"ok"))
    twice = sum(times > 1 for target, times in asked.items() if target.startswith("/last"))
    await asyncio.sleep(0)
    score(
        f"{count} POSTs over kept connections that end at that moment: {twice} sent twice, {posted.count('502')} x 502"
    )
    assert twice == 0
    assert set(posted) == {"502"}
