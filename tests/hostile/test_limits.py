"""Each limit: one below and at it all is well, one above is refused, and the connection ends in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from reserve_core.http.forms import MAX_PARTS
from tests.http.test_connection_limits import with_headers, with_target
from tests.http.websockets import BINARY, CLOSE, FIN, frame, head
from tests.kit.wire import Wire

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.hostile.conftest import Score
    from tests.plugins.url.conftest import Serve, Site

URL, HEADERS, BODY, MESSAGE = 1000, 3000, 5000, 4000
POST = b"POST /%b HTTP/1.1\r\nHost: a\r\n"


class Limit(NamedTuple):
    name: str
    make: Callable[[int], bytes]  # a request of that size
    limit: int
    status: int  # of what is above


def known_body(size: int) -> bytes:
    return POST % b"body" + b"Content-Length: %d\r\n\r\n" % size + bytes(size)


def chunked_body(size: int) -> bytes:
    return POST % b"body" + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size))


def dripping_body(size: int) -> bytes:
    return POST % b"body" + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * size + b"0\r\n\r\n"


def parts(count: int) -> bytes:
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * count + b"--b--\r\n"
    form = b"Content-Type: multipart/form-data; boundary=b\r\n"
    return POST % b"form" + form + b"Content-Length: %d\r\n\r\n" % len(body) + body


def fields(count: int) -> bytes:
    body = b"&".join([b"a="] * count)
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    return POST % b"form" + form + b"Content-Length: %d\r\n\r\n" % len(body) + body


LIMITS = [
    Limit("URL", with_target, URL, 414),
    Limit("headers", with_headers, HEADERS, 431),
    Limit("body of known length", known_body, BODY, 413),
    Limit("body in a chunk", chunked_body, BODY, 413),
    Limit("body in chunks of a byte", dripping_body, BODY, 413),
    Limit("parts of a multipart form", parts, MAX_PARTS, 413),
    Limit("fields of a form", fields, MAX_PARTS, 413),
]


async def handler(request: Request, response: Response) -> None:
    if request.path == "/form":
        await request.form()
    elif request.path == "/body":
        await request.body()
    elif request.path == "/websocket":
        websocket = await request.upgrade(max_message_size=MESSAGE)
        async for message in websocket:
            await websocket.send(str(len(message)))
        return
    response.send("ok")


async def connect(site: Site) -> Wire:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", site.server.port))
    return Wire(sock)


async def test_limits_of_requests(serve: Serve, score: Score) -> None:
    site = await serve({"custom": handler}, limits={"max-url": URL, "max-headers": HEADERS, "max-body": BODY})
    big = await serve({"custom": handler})
    wrong = []
    for limit in LIMITS:
        at = big if limit.name.startswith(("parts", "fields")) else site
        for size in (limit.limit - 1, limit.limit):
            wire = await connect(at)
            if (await wire.ask(limit.make(size))).status != 200 or (await wire.ask(with_target(5))).status != 200:
                wrong.append((limit.name, size))
            wire.close()
        wire = await connect(at)
        answer = await wire.ask(limit.make(limit.limit + 1))
        if answer.status != limit.status or not answer.body:
            wrong.append((limit.name, limit.limit + 1))
        elif answer.closes:
            await wire.closed()
        elif (await wire.ask(with_target(5))).status != 200:
            wrong.append((limit.name, -1))
        wire.close()
        wire = await connect(at)
        if (await wire.ask(with_target(5))).status != 200:
            wrong.append((limit.name, 0))
        wire.close()
    names = ", ".join(f"{limit.name} {limit.status}" for limit in LIMITS)
    score(f"{len(LIMITS)} limits ({names}), one below, at and above: {len(wrong)} answered otherwise")
    assert wrong == []


async def test_limit_of_websocket_messages(serve: Serve, score: Score) -> None:
    site = await serve({"custom": handler})
    wire = await connect(site)
    await wire.send(head({}, "GET /websocket HTTP/1.1"))
    assert (await wire.response()).status == 101
    for size in (MESSAGE - 1, MESSAGE):
        await wire.send(frame(FIN | BINARY, bytes(size)))
        assert await wire.read_some() == b"\x81\x04%d" % size
    await wire.send(frame(FIN | BINARY, bytes(MESSAGE + 1)))
    closing = await wire.read_some()
    assert closing[0] == FIN | CLOSE
    code = int.from_bytes(closing[2:4])
    await wire.send(frame(FIN | CLOSE, closing[2:4]))
    await wire.closed()
    wire.close()
    score(f"a WebSocket message one byte too large: {code}, and an orderly close")
    assert code == 1009
