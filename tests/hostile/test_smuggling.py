"""Request smuggling: every vector of the connection's own table, as a server, through `url`, and beside other servers.

Each vector has a request behind it, `/next`: it shows where a server believes that the vector ends.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.peers import SILENCE, peers, read_as
from tests.http.test_connection_vectors import EXTENDED, EXTENSION, NEXT, VECTORS, Accepted, Refused
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.hostile.conftest import Keep, Score
    from tests.hostile.peers import Reading
    from tests.kit.upstream import Peer
    from tests.plugins.url.conftest import Serve, Upstream

AT_ONCE = 40

# Where most of the other servers read a vector otherwise, and why this one doesn't: by the beginning of its name.
DIFFERENT = {
    "absolute-": "an authority or a scheme other than that of Host and connection says two things of where to go",
    "close": "RFC 9112 9.6: what comes behind a request that closes is not read, the request is answered",
    "1.0": "RFC 9112 9.6: what comes behind a request that closes is not read, the request is answered",
    "coding-": "RFC 9112 6.1: chunked in HTTP/1.0 and any other coding can be read in two ways",
    "host-": "RFC 9112 3.2: a Host that is no host is answered with 400",
    "percent-": "a control character or a broken escape means one thing here and another behind a proxy",
    "target-": "RFC 9112 3.2: a fragment is no part of a request target, an asterisk names no resource",
    "upgrade-": "RFC 9110 7.8: an upgrade nobody accepts is ignored; the others stop reading",
}


def expected(row: Refused | Accepted) -> list[tuple[str, int]]:
    """Method and length of the body of each request that may be seen."""
    if isinstance(row, Refused):
        return []
    seen = [(method, len(body)) for method, _, body in row.requests]
    if row.data.startswith(EXTENSION):
        seen[0] = (EXTENSION.decode(), seen[0][1])
    return seen if row.closes else [*seen, ("GET", 0)]


def reason(name: str) -> str:
    """Why the vector is read otherwise here than by most. KeyError: nobody has said."""
    return next((why for start, why in DIFFERENT.items() if name.startswith(start)), "") or DIFFERENT[name]


async def test_as_a_server(serve: Serve, tmp_path: Path, score: Score, keep: Keep) -> None:
    async def handler(request: Request, response: Response) -> None:
        body = await request.body()
        response.send(f"<{request.method} {request.raw_target} {len(body)}>")

    site = await serve({"custom": handler})
    turn = asyncio.Semaphore(AT_ONCE)

    async def read(row: Refused | Accepted, port: int) -> Reading:
        async with turn:
            return await read_as(port, row.data + NEXT, silence=PATIENCE if port == site.server.port else SILENCE)

    async with peers(tmp_path) as ports:
        everyone = {"reserve": site.server.port, **ports}
        readings = await asyncio.gather(*(read(row, port) for row in VECTORS for port in everyone.values()))
    rows = [
        dict(zip(everyone, readings[start : start + len(everyone)], strict=True))
        for start in range(0, len(readings), len(everyone))
    ]
    wrong = [
        row.name
        for row, found in zip(VECTORS, rows, strict=True)
        if [(method, size) for method, _, size in found["reserve"].requests] != expected(row)
        or not found["reserve"].closed
    ]
    details, different = [], 0
    for row, found in zip(VECTORS, rows, strict=True):
        verdicts = Counter(found[name].verdict for name in ports)
        usual, votes = verdicts.most_common(1)[0]
        differs = votes == 1 or usual != found["reserve"].verdict
        different += differs
        why = {"why": reason(row.name)} if differs else {}
        details.append({"vector": row.name, "rule": row.rule, **{name: str(found[name]) for name in found}, **why})
    keep(details)
    score(
        f"as a server: {len(VECTORS)} vectors, {len(wrong)} read in another way than the RFC's; "
        f"read otherwise than by most of Node's http, nginx and aiohttp: {different}, each with its reason"
    )
    assert len({row.name for row in VECTORS}) >= 150
    assert wrong == []


@pytest.mark.parametrize("piece", [0, 1], ids=["whole", "bytes"])
async def test_through_url(piece: int, serve: Serve, upstream: Upstream, score: Score) -> None:
    seen: list[tuple[str, str, int]] = []

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.message()
            method, target, _ = request.first_line.split(" ")
            seen.append((method, target, len(request.body)))
            body = f"<{method} {target} {len(request.body)}>".encode()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    site = await serve((await upstream(script)).url)
    wrong, all_of_them = [], []
    vectors = VECTORS if piece else [*VECTORS, *EXTENDED]
    for row in vectors:
        seen.clear()
        # For the rest of this body url would wait until it's ended by its timeout.
        silence = SILENCE if row.name.endswith("length-2-to-the-63") else PATIENCE
        reading = await read_as(site.server.port, row.data + NEXT, piece, silence)
        requests = [(method, size) for method, _, size in seen]
        all_of_them += requests
        if requests != expected(row) or list(reading.requests) != seen:
            wrong.append((row.name, requests, str(reading)))
    way = "byte by byte" if piece else "whole"
    score(f"through url, {way}: {len(vectors)} vectors, {len(wrong)} that the backend sees as other requests")
    assert wrong == []
    assert site.named("error") == []
