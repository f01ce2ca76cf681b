"""Code that would end the process, in every place that runs code of users and plugins."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.client import TEXT, Client, frame

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.hostile.program import Launch, Program

HOWS = ("exit", "interrupt", "argparse", "generator_exit", "own", "cancelled")

CODE = """\
import argparse
import asyncio
from contextlib import asynccontextmanager

from reserve_core import Form, capture, hookimpl

class Own(BaseException):
    pass

def end(how):
    if how == "exit":
        raise SystemExit(3)
    if how == "argparse":
        argparse.ArgumentParser().parse_args(["--count", "x"])
    raise {"interrupt": KeyboardInterrupt, "generator_exit": GeneratorExit, "own": Own}.get(
        how, asyncio.CancelledError)

def how(request):
    return request.url.partition("how=")[2]

def ok(request, response):
    return ["ok"]

# custom

def sync(request, response):
    end(how(request))

async def later(request, response):
    await asyncio.sleep(0)
    end(how(request))

async def stream(request, response):
    async def chunks():
        end(how(request))
        yield b""
    return [chunks()]

class Instance:
    def __call__(self, request, response):
        end(how(request))

def returned(request, response):
    class Awaitable:
        def __await__(self):
            end(how(request))
            yield
    return Awaitable()

async def socket(request, response):
    websocket = await request.upgrade()
    await websocket.receive()
    end(how(request))

async def gathered(request, response):
    async def part():
        end(how(request))
    await asyncio.gather(part())

async def grouped(request, response):
    async def part():
        end(how(request))
    async with asyncio.TaskGroup() as group:
        group.create_task(part())

async def limited(request, response):
    async def part():
        await asyncio.sleep(0)
        end(how(request))
    await asyncio.wait_for(part(), 10)

# beside a request

tasks = set()

def background(request, response):
    async def work():
        end(how(request))
    task = asyncio.get_running_loop().create_task(work())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return ["ok"]

def callback(request, response):
    asyncio.get_running_loop().call_soon(end, how(request))
    return ["ok"]

async def sink(request, response):
    class Sink:
        def write(self, data):
            end(how(request))
    captured = capture(response, Sink())
    response.send("x")
    await captured

async def gone(request, response):
    request.on_disconnect = lambda: end(how(request))
    await response.write("x")
    await asyncio.sleep(0.2)
    await response.end()

# conditions, handlers, listeners

def if_match(request, url, match):
    end(how(request))

async def if_match_later(request, url, match):
    end(how(request))

class Local:
    @hookimpl
    def schema(self):
        return {"type": "object", "properties": {"local": {}}}

    @hookimpl
    async def redirect(self, request, response):
        end(how(request))

local = Local()

# what mappings open

@asynccontextmanager
async def opened(how):
    end(how)
    yield

class Opens(Local):
    @hookimpl
    def schema(self):
        return {"type": "object", "properties": {"opens": {}}}

    @hookimpl
    async def lifespan(self, mapping, resources):
        mapping.state = resources
        yield

    @hookimpl
    async def redirect(self, request, response, mapping, redirect):
        async def work():
            end(how(request))
        if redirect == "work":
            mapping.state.spawn(work())
            response.send("ok")
        else:
            await mapping.state.share(opened, how(request))

opens = Opens()

def listener(server):
    def incoming(event):
        if event.url.startswith("/listener"):
            end(how(event.request))
    server.on("incoming", incoming)

# hooks of url, file systems

def forward(forward):
    end(how(forward.incoming))

class Stat:
    async def stat(self, path):
        end(path.partition("how=")[2])

    def create_read_stream(self, path, start, end):
        pass

class Read(Stat):
    async def stat(self, path):
        return {"size": 10}

    async def create_read_stream(self, path, start, stop):
        end(path.partition("how=")[2])

class Folder(Read):
    async def stat(self, path):
        return {"is_directory": "." not in path} if not path.endswith("index.html") else None

    async def readdir(self, path):
        end(path.partition("how=")[2])

stat, read, folder = Stat(), Read(), Folder()

async def body(request, response):
    return [await request.body()]
"""

APPLICATIONS = """\
from code_that_ends import end
from tornado.web import Application, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler

def asked(scope):
    return scope["query_string"].decode().partition("how=")[2]

async def asgi(scope, receive, send):
    assert scope["type"] != "lifespan"
    if scope["type"] == "websocket":
        await receive()
        if scope["path"].startswith("/asgi-open"):
            await send({"type": "websocket.accept"})
            await receive()
    end(asked(scope))

async def half(scope, receive, send):
    assert scope["type"] != "lifespan"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    end(asked(scope))

class Middleware:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def receiving():
            end(asked(scope))
        async def sending(message):
            end(asked(scope))
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["path"].startswith("/receiving"):
            await self.app(scope, receiving, send)
        else:
            await self.app(scope, receive, sending)

def wsgi(environ, start_response):
    how = environ["QUERY_STRING"].partition("how=")[2]
    if environ["PATH_INFO"] == "/wsgi":
        end(how)
    start_response("200 OK", [])
    return Body(how, environ["PATH_INFO"])

class Body:
    def __init__(self, how, path):
        self.how, self.path = how, path

    def __iter__(self):
        if self.path == "/wsgi-iterator":
            end(self.how)
        return iter([b"ok"])

    def close(self):
        end(self.how)

class Plain(RequestHandler):
    def get(self):
        end(self.get_argument("how"))

class Later(RequestHandler):
    async def get(self):
        end(self.get_argument("how"))

class Prepared(RequestHandler):
    def initialize(self):
        end(self.request.arguments["how"][0].decode())

@stream_request_body
class Streamed(RequestHandler):
    def data_received(self, chunk):
        end(self.get_argument("how"))

class Talk(WebSocketHandler):
    def on_message(self, message):
        end(self.get_argument("how"))

tornado = Application([
    ("/tornado", Plain), ("/tornado-later", Later), ("/tornado-initialize", Prepared),
    ("/tornado-body", Streamed), ("/tornado-socket", Talk),
])
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place that runs code: its mapping, beside "match", and how it is asked.

    `status` is what is answered, None if the answer may be cut instead; `body` is sent; after a handshake a message.
    """

    name: str
    mapping: dict[str, Any]
    status: int | None = 500
    body: bytes | None = None
    socket: bool = False
    leaves: bool = False  # the client does


def _custom(name: str, function: str, **how: Any) -> Place:
    return Place(name, {"custom": f"./code_that_ends.py:{function}"}, **how)


def _use(name: str, application: str, **how: Any) -> Place:
    return Place(name, {"use": f"./applications.py:{application}"}, **how)


_FILES = "./code_that_ends.py:"
_UP = {"url": "http://127.0.0.1:$1/ok", "allow-private": True}

PLACES = (
    _custom("custom", "sync"),
    _custom("custom-async", "later"),
    _custom("custom-stream", "stream", status=None),
    _custom("custom-class", "Instance"),
    _custom("custom-awaitable", "returned"),
    _custom("custom-socket", "socket", socket=True),
    _custom("gather", "gathered"),
    _custom("task-group", "grouped"),
    _custom("wait-for", "limited"),
    Place("custom-thread", {"custom": "./code_that_ends.py:sync", "thread": True}),
    _custom("background", "background", status=200),
    _custom("callback", "callback", status=200),
    _custom("sink", "sink", status=200),
    _custom("gone", "gone", leaves=True),
    _custom("listener", "ok", status=200),
    Place("if-match", {"if-match": "./code_that_ends.py:if_match", "status": 200}),
    Place("if-match-async", {"if-match": "./code_that_ends.py:if_match_later", "status": 200}),
    Place("local", {"local": 1}),
    Place("spawned", {"opens": "work"}, status=200),
    Place("shared", {"opens": "resource"}),
    Place("forward-request", {**_UP, "forward-request": "./code_that_ends.py:forward"}),
    Place("forward-response", {**_UP, "forward-response": "./code_that_ends.py:forward"}),
    Place("file-stat", {"file": "./$2", "custom-file-system": f"{_FILES}stat"}),
    Place("file-read", {"file": "./$2", "custom-file-system": f"{_FILES}read"}, status=None),
    Place("file-list", {"file": "./$2/", "custom-file-system": f"{_FILES}folder", "listing": True}),
    _use("asgi", "asgi"),
    _use("asgi-half", "half", status=None),
    _use("asgi-handshake", "asgi", socket=True),
    _use("asgi-open", "asgi", socket=True),
    _use("sending", "Middleware"),
    _use("receiving", "Middleware", body=b"x"),
    _use("wsgi", "wsgi"),
    _use("wsgi-iterator", "wsgi"),
    _use("wsgi-close", "wsgi", status=None),
    _use("tornado", "tornado"),
    _use("tornado-later", "tornado"),
    _use("tornado-initialize", "tornado"),
    _use("tornado-body", "tornado", body=b"x"),
    _use("tornado-socket", "tornado", socket=True),
)


# What asyncio takes for a task's end in good order.
NO_FAILURES = {("background", "cancelled"), ("task-group", "cancelled"), ("spawned", "cancelled")}


def _mappings() -> list[dict[str, Any]]:
    return [
        {"match": "^/ok", "custom": "./code_that_ends.py:ok"},
        *({"match": rf"^/{place.name}(?:/(\d+))?(\?.*|)$", **place.mapping} for place in PLACES),
        {"match": "^/receiving", "custom": "./code_that_ends.py:body"},
    ]


@pytest.mark.timeout(300)
async def test_the_server_answers_the_next_request(launch: Launch, score: Score, scale: Scale) -> None:
    files = {"code_that_ends.py": CODE, "applications.py": APPLICATIONS}
    listeners = ["./inside.py:watch", "./code_that_ends.py:listener"]
    handlers = {name: f"./code_that_ends.py:{name}" for name in ("local", "opens")}
    program = await launch(_mappings(), files=files, listeners=listeners, handlers=handlers, silent=False)
    wrong = []
    number = scale(1, len(HOWS))
    cases = [
        (place, how)
        for index, place in enumerate(PLACES)
        for how in (HOWS * 2)[index % 2 :][:number]  # of the small size every other place exits, the rest interrupts
        if (place.name, how) not in NO_FAILURES
    ]
    for place, how in cases:
        before = program.log()
        fault = await _fault(program, place, how)
        lines = await _errors(program, before)
        if fault or len(lines) != 1:
            wrong.append(f"{place.name}, {how}: {fault or lines}")
    score(
        f"{len(cases)} requests in {len(PLACES)} places that run code: {len(wrong)} that stopped anything but"
        f" themselves, or left no line, or more than one"
    )
    assert not wrong, "\n".join(wrong)


async def _fault(program: Program, place: Place, how: str) -> str:
    """What is wrong with the answer, and with that to the next request."""
    target = f"/{place.name}/{program.port}?how={how}" if "url" in place.mapping else f"/{place.name}?how={how}"
    try:
        async with Client(program.port) as client:
            status = await _asked(client, place, target.encode())
    except (EOFError, ConnectionError) as error:
        status = None if place.status is None or place.socket else f"{type(error).__name__}"
    if status != (None if place.socket or place.leaves else place.status) and place.status is not None:
        return f"answered with {status}"
    async with Client(program.port) as client:
        answer = await client.ask(b"/ok")
    return "" if (answer.status, answer.body) == (200, b"ok") else f"the next one with {answer}"


async def _asked(client: Client, place: Place, target: bytes) -> int | str | None:
    if place.socket:
        if await client.upgrade(target) == 101:
            client.writer.write(frame(TEXT, b"x"))
            async with asyncio.timeout(20):
                await client.ended()
        return None
    if place.leaves:
        client.writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % target)
        await client.reader.readuntil(b"x")
        return None
    return (await client.ask(target, place.body)).status


async def _errors(program: Program, before: str) -> list[str]:
    """The lines of errors since then, once there is one."""
    for _ in range(500):
        lines = re.findall("^ERROR.*", program.log()[len(before) :], re.MULTILINE)
        if lines:
            return lines
        await asyncio.sleep(0.02)
    return []
