"""Foreign pages: no page of another site changes anything, opens a WebSocket, or is told anything.

What each route does alone is tested in `tests/plugins/mirror/test_access.py`; here every route of the installed program
is tried in every way, and then looked at: nothing has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reserve_mirror.routes import ROUTES, Route
from tests.hostile.client import Answer, Client
from tests.plugins.mirror.test_access import FOREIGN, GUARDED, PAGES, address

if TYPE_CHECKING:
    from tests.hostile.conftest import Score
    from tests.hostile.program import Launch

ECHO = """\
async def echo(request, response):
    socket = await request.upgrade()
    async for message in socket:
        await socket.send(message)
"""
HOSTS = ["evil.example", "evil.example:5000", "localhost.evil.example", "127.0.0.1.evil.example", "0x7f.1.evil", ""]
UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
]
CODE = "orders"
REQUESTS = f"/api/mirrors/{CODE}/requests"

Pairs = list[tuple[str, str]]


async def call(port: int, method: str, path: str, headers: Pairs) -> Answer:
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    async with Client(port) as client:
        client.writer.write(f"{method} {path} HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n".encode())
        return await client.answer()


async def attempt(port: int, route: Route, request_id: str, headers: Pairs) -> int:
    path = address(route, request_id)
    if path.startswith("/ws/"):
        headers = [*headers, *UPGRADE]
    return (await call(port, route.method, f"{path}?timeout=0" if path.endswith("/wait") else path, headers)).status


async def test_nobody_is_let_in(launch: Launch, score: Score) -> None:
    program = await launch([{"match": "^(/.*)$", "mirror": "$1", "codes": [CODE]}])
    port = program.port
    own = [("Host", "localhost")]
    assert (await call(port, "POST", f"/r/{CODE}/x", own)).status == 200
    before = (await call(port, "GET", REQUESTS, own)).body
    request_id = before.partition(b'"id":"')[2].partition(b'"')[0].decode()
    attempts = [
        *((route, [*own, *headers]) for route in GUARDED for headers in FOREIGN.values()),
        *(
            (route, [("Host", host), ("Origin", f"http://{host}"), ("Sec-Fetch-Site", "same-origin")])
            for route in PAGES
            for host in HOSTS
        ),
    ]
    let_in = []
    for route, headers in attempts:
        status = await attempt(port, route, request_id, headers)
        if status != 403:
            let_in.append((route.method, route.path.pattern, headers, status))
    score(
        f"{len(attempts)} attempts on {len(ROUTES)} routes by {len(FOREIGN)} kinds of foreign pages "
        f"and {len(HOSTS)} foreign names: {len(let_in)} let in"
    )
    assert let_in == []
    assert (await call(port, "GET", REQUESTS, own)).body == before
    assert await attempt(port, next(route for route in GUARDED if "/ws/" in route.path.pattern), "", own) == 101


async def test_a_websocket_of_ones_own_opens_to_no_foreign_page(launch: Launch, score: Score) -> None:
    program = await launch([{"match": "^/echo$", "custom": "./site.py:echo"}], files={"site.py": ECHO})
    foreign = [headers for headers in FOREIGN.values() if any(name == "Origin" for name, _ in headers)]
    statuses = [
        (await call(program.port, "GET", "/echo", [("Host", "localhost"), *headers, *UPGRADE])).status
        for headers in foreign
    ]
    score(f"{len(statuses)} foreign origins at a WebSocket of custom: {statuses.count(101)} let in")
    assert set(statuses) == {403}
    own = [("Host", "localhost"), ("Origin", "http://localhost"), *UPGRADE]
    assert (await call(program.port, "GET", "/echo", own)).status == 101
