"""What is measured. A new case is one more entry of `CASES`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import pbkdf2_hmac
from itertools import cycle
from pathlib import Path
from shutil import copytree
from typing import Any

from .clients import Client, Echo, FanOut, Request, Wrk
from .peers import (
    BACKEND,
    CADDY,
    GRANIAN_ASGI,
    GRANIAN_RSGI,
    HOST,
    NGINX,
    NODE,
    PURE,
    PYTHONS,
    REDIS,
    REFERENCE,
    REQUEST_MIRROR,
    RESERVE,
    TORNADO,
    UVICORN,
    WEBSOCKETS,
    Server,
)
from .results import Target

CONTENT = Path(__file__).with_name("servers")
FILES = {
    "small.txt": b"All work and no play.\n" * 50,  # 1.1 kB
    "large.bin": bytes(range(250)) * 4000,  # 1 MB
    "page.txt": Path(__file__).parents[1].joinpath("docs/configuration.md").read_bytes(),  # 24 kB of text
}


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and the servers that respond to it.

    `ours` is compared with each of the `others`; a target is for one of them, by its name. The `client` asks. `backend`
    is what the servers need behind them. A round takes so many `times` as long as that of another case.
    """

    name: str
    title: str
    request: Request
    ours: Server
    others: tuple[Server, ...] = ()
    targets: Mapping[str, Target] = field(default_factory=dict)
    client: Client = field(default_factory=Wrk)
    backend: Server | None = None
    times: int = 1

    @property
    def servers(self) -> tuple[Server, ...]:
        """Those that are measured."""
        return (self.ours, *self.others)

    @property
    def programs(self) -> tuple[Server, ...]:
        """All that run."""
        return (*self.servers, self.backend) if self.backend else self.servers


def write_content(folder: Path) -> None:
    """Puts the files and the handlers that the servers need into an empty folder."""
    copytree(CONTENT, folder, dirs_exist_ok=True)
    (folder / "files").mkdir()
    for name, content in FILES.items():
        (folder / "files" / name).write_bytes(content)


def _routes(count: int) -> list[dict[str, Any]]:
    """Mappings that don't match the request that's measured."""
    return [{"match": f"^/route-{number}/.*", "status": 404} for number in range(count)]


_SHAPES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("^/(a{0}|b{0})/(.*)", "", {}),
    (r"^.*/x{}/(\d+)$", "", {}),
    ("^/literal{}/.*", "", {}),
    ("^/[^/]+/part{}/", "", {"method": "GET"}),
    (r"\.(js{0}|css{0})$", "", {"host": HOST}),
    ("^/Case{}/(.*)", "i", {}),
)


def _shapes(count: int) -> list[dict[str, Any]]:
    """Mappings that don't match either, of all shapes: alternatives, text that stands anywhere, in any case."""
    return [
        {"match": {"re": text.format(number), "flags": flags}, **conditions, "status": 404}
        for number, (text, flags, conditions) in zip(range(count), cycle(_SHAPES), strict=False)
    ]


_HELLO = {"match": "^/hello$", "custom": "./hello.py"}
_HELLO_ASYNC = {"match": "^/hello$", "custom": "./hello_async.py"}
_WORK = {"match": "^/work$", "custom": "./work.py"}
_ECHO = {"match": "^/echo$", "custom": "./echo.py"}
_REFERENCE_HELLO = {"match": "^/hello$", "custom": "./hello.js"}
_NGINX_HELLO = "location {} {{ default_type text/plain; return 200 hello; }}"
_NGINX_ROUTES = [f"location ~ ^/route-{number}/.* {{ return 404; }}" for number in range(9_999)]
_CADDY_HELLO = ("header Content-Type text/plain", "respond /hello hello")
_FILE = {"match": "^/files/(.*)", "file": "./files/$1", "static": True}
_FILE_NOT_STATIC = {"match": "^/files/(.*)", "file": "./files/$1"}
_GZIP = {"match": "^/files/", "compress": True, "codings": ["gzip"], "levels": {"gzip": 6}}
_NGINX_GZIP = "location /files/ { gzip on; gzip_comp_level 6; gzip_types text/plain; }"
_CADDY_FILES = ("root * .", "file_server")

_PROXY = {"match": "^/p/(.*)", "url": f"http://{HOST}:{BACKEND}/$1"}
# A body that is larger than nginx's buffer would go through a file.
_NGINX_PROXY = (
    'location /p/ { proxy_pass http://backend/; proxy_http_version 1.1; proxy_set_header Connection "";'
    " client_body_buffer_size 128k; }"
)
_CADDY_PROXY = f"handle_path /p/* {{\n        reverse_proxy {HOST}:{BACKEND}\n    }}"
_UPSTREAM = NGINX.serves(
    _NGINX_HELLO.format("= /hello"),
    # The size tells whether the proxy announced the whole body.
    "location = /size { default_type text/plain; return 200 $content_length; }",
)
_POSTED = json.dumps({"text": "x" * 99_988}).encode()  # 100 kB


def _proxied(name: str, title: str, request: Request, target: float) -> Case:
    return Case(
        name=name,
        title=title,
        request=request,
        ours=RESERVE.serves(_PROXY),
        others=(
            PURE.serves(_PROXY),
            REFERENCE.serves(_PROXY),
            CADDY.serves(_CADDY_PROXY),
            NGINX.serves(_NGINX_PROXY),
        ),
        targets={REFERENCE.name: Target(target)},
        backend=_UPSTREAM,
    )


def _crowd(connections: int, targets: Mapping[str, Target], times: int) -> Case:
    return Case(
        name=f"connections-{connections}",
        title=f"hello, on {connections:,} connections at once",
        request=_ASK_HELLO,
        ours=RESERVE.serves(_HELLO).on(connections),
        others=(
            RESERVE.serves(_HELLO).on(32, note="32 connections"),
            NODE.serves_hello().on(connections),
            UVICORN.serves("asgi_hello:app").on(connections),
            GRANIAN_RSGI.serves("rsgi_hello:app").on(connections),
            NGINX.serves(_NGINX_HELLO.format("= /hello")).on(connections),
        ),
        targets=targets,
        times=times,
    )


# Everything that the environment could change is said.
_MIRROR = {"match": "^(/.*)$", "mirror": "$1", "codes": ["bench"], "max-requests": 20, "redis-url": None}
_MIRROR_IN_REDIS = _MIRROR | {"redis-url": f"redis://{HOST}:{BACKEND}/0"}

_ASK_HELLO = Request("/hello", b"hello")
_CAPTURE = Request("/r/bench", b"OK", sent=b'{"event": "push", "id": 4711, "by": "somebody"}')
_MESSAGE = b"a message of as many bytes as people write in a chat"

CASES = (
    Case(
        name="hello",
        title="hello, from a custom handler",
        request=_ASK_HELLO,
        ours=RESERVE.serves(_HELLO),
        others=(
            PURE.serves(_HELLO),
            REFERENCE.serves(_REFERENCE_HELLO),
            NODE.serves_hello(),
            UVICORN.serves("asgi_hello:app"),
            GRANIAN_RSGI.serves("rsgi_hello:app"),
            GRANIAN_ASGI.serves("asgi_hello:app"),
            TORNADO.serves(),
            CADDY.serves(*_CADDY_HELLO),
            NGINX.serves(_NGINX_HELLO.format("= /hello")),
        ),
        targets={NODE.name: Target(2), GRANIAN_RSGI.name: Target(1.6), UVICORN.name: Target(1.9)},
    ),
    Case(
        name="hello-async",
        title="hello, from a custom handler that is a coroutine function",
        request=_ASK_HELLO,
        ours=RESERVE.serves(_HELLO_ASYNC),
        others=(PURE.serves(_HELLO_ASYNC), NODE.serves_hello()),
        targets={NODE.name: Target(1.6)},
    ),
    Case(
        name="pythons",
        title="hello, from a custom handler, on one Python and another",
        request=_ASK_HELLO,
        ours=RESERVE.serves(_HELLO),
        others=tuple(peer.serves(_HELLO) for peer in PYTHONS),
    ),
    Case(
        name="small-file",
        title="a file of 1 kB",
        request=Request("/files/small.txt", FILES["small.txt"]),
        ours=RESERVE.serves(_FILE),
        others=(
            PURE.serves(_FILE),
            RESERVE.serves(_FILE_NOT_STATIC, note="static off"),
            REFERENCE.serves(_FILE),
            GRANIAN_RSGI.serves("rsgi_hello:app"),
            TORNADO.serves(),
            CADDY.serves(*_CADDY_FILES),
            NGINX.serves(),
        ),
        targets={REFERENCE.name: Target(15), NGINX.name: Target(0.5, by="cpu")},
    ),
    Case(
        name="large-file",
        title="a file of 1 MB",
        request=Request("/files/large.bin", FILES["large.bin"]),
        ours=RESERVE.serves(_FILE),
        others=(
            PURE.serves(_FILE),
            REFERENCE.serves(_FILE),
            GRANIAN_RSGI.serves("rsgi_hello:app"),
            TORNADO.serves(),
            CADDY.serves(*_CADDY_FILES),
            NGINX.serves(),
        ),
        targets={REFERENCE.name: Target(1.5), NGINX.name: Target(0.95, by="cpu")},
    ),
    Case(
        name="gzip",
        title="a file of 24 kB of text, compressed with gzip at level 6",
        request=Request("/files/page.txt", FILES["page.txt"], gzip=True),
        ours=RESERVE.serves(_GZIP, _FILE),
        others=(NGINX.serves(_NGINX_GZIP),),
    ),
    Case(
        name="mappings",
        title="hello, as the last of 10,000 mappings",
        request=_ASK_HELLO,
        ours=RESERVE.serves(*_routes(9_999), _HELLO),
        others=(
            RESERVE.serves(*_routes(9), _HELLO, note="10 mappings"),
            REFERENCE.serves(*_routes(9_999), _REFERENCE_HELLO),
            TORNADO.serves(rules_before=9_999),
            NGINX.serves(*_NGINX_ROUTES, _NGINX_HELLO.format("~ ^/hello$")),
        ),
        targets={f"{RESERVE.name}, 10 mappings": Target(0.83)},
    ),
    Case(
        name="mapping-shapes",
        title="hello, as the last of 1,000 mappings of all shapes",
        request=_ASK_HELLO,
        ours=RESERVE.serves(*_shapes(999), _HELLO),
        others=(RESERVE.serves(*_shapes(9), _HELLO, note="10 mappings"),),
        targets={f"{RESERVE.name}, 10 mappings": Target(0.83)},
    ),
    _crowd(500, {}, times=1),
    _crowd(2000, {f"{RESERVE.name}, 32 connections": Target(0.9, by="cpu")}, times=3),
    Case(
        name="log",
        title="hello, with a line of the log for each response",
        request=_ASK_HELLO,
        ours=RESERVE.serves(_HELLO, silent=False),
        others=(RESERVE.serves(_HELLO, note="--silent"),),
        targets={f"{RESERVE.name}, --silent": Target(0.87, by="cpu")},
    ),
    _proxied("proxy-hello", "hello, from a server behind a proxy", Request("/p/hello", b"hello"), target=4),
    _proxied(
        "proxy-large",
        "a file of 1 MB, from a server behind a proxy",
        Request("/p/files/large.bin", FILES["large.bin"]),
        target=1,
    ),
    _proxied(
        "proxy-post",
        "a POST of 100 kB, to a server behind a proxy",
        Request("/p/size", b"%d" % len(_POSTED), _POSTED),
        target=1,
    ),
    Case(
        name="asgi",
        title="hello, from a FastAPI application",
        request=Request("/hello", b'"hello"'),
        ours=RESERVE.serves({"use": "./fastapi_hello.py"}),
        others=(UVICORN.serves("fastapi_hello:app"), GRANIAN_ASGI.serves("fastapi_hello:app")),
        targets={UVICORN.name: Target(1)},
    ),
    Case(
        name="websocket",
        title="messages that WebSockets get back",
        request=Request("/echo", _MESSAGE, sent=_MESSAGE),
        ours=RESERVE.serves(_ECHO),
        others=(
            PURE.serves(_ECHO),
            WEBSOCKETS.serves_echo(),
            UVICORN.serves("asgi_echo:app"),
            GRANIAN_ASGI.serves("asgi_echo:app"),
        ),
        client=Echo(),
    ),
    Case(
        name="workers",
        title="a millisecond's work of a custom handler, by two workers on two cores",
        request=Request("/work", pbkdf2_hmac("sha256", b"hello", b"reserve", 1000).hex().encode()),
        ours=RESERVE.serves(_WORK, workers=2),
        others=(RESERVE.serves(_WORK, note="one process"),),
    ),
    Case(
        name="capture-memory",
        title="a POST of some JSON, captured by the mirror into memory",
        request=_CAPTURE,
        ours=RESERVE.serves(_MIRROR),
        others=(PURE.serves(_MIRROR),),
    ),
    Case(
        name="capture-redis",
        title="a POST of some JSON, captured by the mirror into Redis",
        request=_CAPTURE,
        ours=RESERVE.serves(_MIRROR_IN_REDIS),
        others=(PURE.serves(_MIRROR_IN_REDIS), REQUEST_MIRROR.serves("bench")),
        targets={REQUEST_MIRROR.name: Target(10)},
        backend=REDIS.serves(),
    ),
    Case(
        name="fan-out",
        title="captures to 200 open pages, and the time from the response until the last one has it",
        request=_CAPTURE,
        ours=RESERVE.serves(_MIRROR).on(200),
        client=FanOut("/ws/bench"),
    ),
)
