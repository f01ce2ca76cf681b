"""Generated requests against the command with every handler: none makes it fail, nor its process end."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.hostile.strategies import broken, request
from tests.kit.waiting import PATIENCE
from tests.openapi.generated_calls import NOT_CALLED, described_operations, described_server, make_calls

if TYPE_CHECKING:
    from tests.e2e.conftest import Start
    from tests.hostile.conftest import Scale, Score

Write = Callable[[dict[str, str | dict[str, Any]]], None]

HANDLERS = '''
"""What a site's own code does with what came."""

import json


async def echo(request, response):
    response.send(await request.body(), headers={"content-type": "application/octet-stream"})


async def form(request, response):
    form = await request.form()
    response.send(json.dumps({"fields": list(form.fields), "files": list(form.files)}))


async def parsed(request, response):
    response.send(json.dumps(await request.json()))  # 1e999 is infinite here, which is no JSON of a response


async def seen(request, response):
    response.send({
        "headers": list(request.headers.items()),
        "query": list(request.query.items()),
        "cookies": dict(request.cookies),
        "path": request.path,
        "host": request.host,
    })


async def stream(request, response):
    async for chunk in request.stream():
        await response.write(chunk)
    await response.end(b"end")


def wsgi(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''  # fmt: skip
LIMITS = {"header-timeout": 2, "body-timeout": 2, "idle-timeout": 20}
# Answers that say what a request asks for isn't there, or that something behind the server failed.
LEGITIMATE = {501, 502, 504, 505, 508}
# Seconds of silence after which the rest of a broken request is not waited for.
SILENCE = 0.02


class Exchange(NamedTuple):
    """What goes over one connection: requests with a valid framing, and a last one that may be anything."""

    valid: list[bytes]
    last: bytes


# What has once made it fail: an answer begun when the body broke off, a tap on such a body, a boundary that isn't one.
KNOWN = [
    Exchange([], b"HEAD /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n?\r\n"),
    Exchange([], b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n?\r\n"),
    Exchange(
        [
            b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 10\r\n\r\n--0\r\n\r\n\r\n\0"
        ],
        b"",
    ),
]


def exchanges(count: int) -> Iterator[Exchange]:
    """The same ones each time."""
    yield from KNOWN
    random = Random(9112)
    for _ in range(count):
        yield Exchange([request(random) for _ in range(random.randint(0, 40))], broken(random))


def configuration(backend: str) -> dict[str, Any]:
    return {
        "limits": LIMITS,
        "mappings": [
            {"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["fuzz"]},
            {"match": "^/(echo|form|json|up)", "tap": "fuzz"},
            {"match": "^/static/(.*)", "file": "./www/$1", "static": True, "listing": True},
            {"match": "^/files/(.*)", "file": "./www/$1", "listing": True, "caching-strategy": "modified"},
            {"match": "^/echo", "custom": "./handlers.py:echo"},
            {"match": "^/form", "custom": "./handlers.py:form"},
            {"match": "^/json", "custom": "./handlers.py:parsed"},
            {"match": "^/seen", "custom": "./handlers.py:seen"},
            {"match": "^/stream", "custom": "./handlers.py:stream"},
            {"match": "^/wsgi", "use": "./handlers.py:wsgi"},
            {"match": "^/old/(.*)", "status": 301, "headers": {"location": "/$1"}},
            {"match": "^/up/(.*)", "url": f"{backend}/$1"},
            {"match": "^/status", "status": 418},
            {"match": "^/(.*)", "file": "./www/$1"},
        ],
    }


def exchange(port: int, what: Exchange) -> tuple[list[int], bool]:
    """The statuses of the answers; whether every valid request has one, unless one before it ended the connection."""
    sent = b"".join(what.valid) + what.last
    methods = [request.split(b" ", 1)[0] for request in what.valid]
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            client.sendall(sent)
        except ConnectionError:  # it has had enough, and its answer is there
            pass
        while True:
            statuses, whole, ended = read(bytes(received), methods)
            client.settimeout(SILENCE if whole else PATIENCE)
            try:
                more = client.recv(1 << 20)
            except TimeoutError:
                return statuses, whole
            except ConnectionError:
                more = b""
            if not more:
                return statuses, whole or ended
            received += more


def read(data: bytes, methods: list[bytes]) -> tuple[list[int], bool, bool]:
    """The statuses in `data`, whether there is one for each method, and whether the last one ends the connection.

    Behind the last valid request, only the first answer is looked at: what the rest answers, nobody knows.
    """
    statuses: list[int] = []
    for number in range(len(methods) + 1):
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                return statuses, len(statuses) >= len(methods), False
            head = data[:end]
            status = int(head[9:12])
            data = data[end + 4 :]
            if status >= 200:
                break
        statuses.append(status)
        if number == len(methods):
            break
        size = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
        if methods[number] == b"HEAD" or status in (204, 304):
            pass
        elif size:
            if len(data) < int(size[1]):
                return statuses[:-1], False, False
            data = data[int(size[1]) :]
        else:
            rest = without_chunks(data)
            if rest is None:
                return statuses[:-1], False, False
            data = rest
        if re.search(rb"(?i)\r\nconnection: close", head):
            return statuses, len(statuses) == len(methods), True
    return statuses, True, False


def without_chunks(data: bytes) -> bytes | None:
    """What comes behind a chunked body; None when it isn't all there."""
    while True:
        line, found, data = data.partition(b"\r\n")
        if not found:
            return None
        size = int(line, 16)
        if size == 0:
            _, found, data = (b"\r\n" + data).partition(b"\r\n\r\n")
            return data if found else None
        if len(data) < size + 2:
            return None
        data = data[size + 2 :]


@pytest.fixture
def www(tmp_path: Path) -> None:
    (tmp_path / "www/sub").mkdir(parents=True)
    (tmp_path / "www/page.txt").write_bytes(b"0123456789" * 100)
    (tmp_path / "www/sub/a").write_bytes(b"a")


@pytest.mark.timeout(1200)
def test_requests(start: Start, tmp_path: Path, write: Write, www: None, scale: Scale, score: Score) -> None:
    write({"handlers.py": HANDLERS, "backend.json": {"limits": LIMITS, "mappings": [{"custom": "./handlers.py:echo"}]}})
    backend = start("--config", "backend.json", "--silent")
    write({"reserve.json": configuration(backend.ready().rstrip("/"))})
    server = start()
    port = int(server.ready().rstrip("/").rpartition(":")[2])
    generated = list(exchanges(scale(200, 5_000)))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda what: exchange(port, what), generated))
    sent = sum(len(what.valid) + 1 for what in generated)
    statuses = Counter(status for found, _ in done for status in found)
    wrong = [
        (what, found)
        for what, (found, answered) in zip(generated, done, strict=True)
        if not answered or any(status >= 500 and status not in LEGITIMATE for status in found)
    ]
    alive = server.process.poll() is None and backend.process.poll() is None
    errors = server.errors + backend.errors
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(statuses.items()))
    score(
        f"{sent:,} requests over {len(generated):,} connections: {len(wrong)} server errors or missing answers, "
        f"{len(errors.splitlines())} lines on standard error, the process {'is the same' if alive else 'has ended'} "
        f"({answers})"
    )
    assert wrong[:1] == []
    assert alive
    assert errors == ""
    assert server.stop() == 0


@pytest.mark.hostile
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_calls_of_the_mirror_s_api(scale: Scale, score: Score, wrong: bool) -> None:
    with described_server() as server:
        base = f"http://127.0.0.1:{server.port}/base"
        operations = described_operations(base)
        made = make_calls(base, operations, scale(4, 100), wrong=wrong)
    kind = "wrong" if wrong else "right"
    called = len(operations.keys() - NOT_CALLED)
    score(f"{made:,} {kind} calls of {called} operations of the mirror's API: every response is as described")
