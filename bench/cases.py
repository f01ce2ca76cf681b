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

from .fanout import PAGES
from .peers import BACKEND, HOST, NGINX, NODE, REDIS, REFERENCE, RESERVE, TORNADO, UVICORN, Server

CONTENT = Path(__file__).with_name("servers")
FILES = {
    "small.txt": b"All work and no play.\n" * 50,  # 1.1 kB
    "large.bin": bytes(range(250)) * 4000,  # 1 MB
}


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and the servers that answer it.

    `ours` is compared with each of the `others`. A target is the least that `ours` must reach, as a multiple of the
    requests per second of the other one, by its name. The right answer has status 200 and the bytes of `body`.

    `sent` is what is sent with POST; if empty, it's a GET. `backend` is what the servers need behind them. With
    `follow`, pages follow the WebSocket at that path and what is measured is how long a POST takes to reach them all.
    `reported` are figures from elsewhere to be shown beside.
    """

    name: str
    title: str
    path: str
    body: bytes
    ours: Server
    others: tuple[Server, ...] = ()
    targets: Mapping[str, float] = field(default_factory=dict)
    sent: bytes = b""
    backend: Server | None = None
    follow: str = ""
    reported: Mapping[str, float] = field(default_factory=dict)

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
_WORK = {"match": "^/work$", "custom": "./work.py"}
_REFERENCE_HELLO = {"match": "^/hello$", "custom": "./hello.js"}
_NGINX_HELLO = "location {} {{ default_type text/plain; return 200 hello; }}"
_NGINX_ROUTES = [f"location ~ ^/route-{number}/.* {{ return 404; }}" for number in range(9_999)]
_FILE = {"match": "^/files/(.*)", "file": "./files/$1", "static": True}
_FILE_NOT_STATIC = {"match": "^/files/(.*)", "file": "./files/$1"}

_PROXY = {"match": "^/p/(.*)", "url": f"http://{HOST}:{BACKEND}/$1"}
# A body that is larger than nginx's buffer would go through a file.
_NGINX_PROXY = (
    'location /p/ { proxy_pass http://backend/; proxy_http_version 1.1; proxy_set_header Connection "";'
    " client_body_buffer_size 128k; }"
)
_UPSTREAM = NGINX.serves(
    _NGINX_HELLO.format("= /hello"),
    # The size tells whether the proxy announced the whole body.
    "location = /size { default_type text/plain; return 200 $content_length; }",
)
_POSTED = json.dumps({"text": "x" * 99_988}).encode()  # 100 kB


def _proxied(name: str, title: str, path: str, body: bytes, sent: bytes = b"") -> Case:
    return Case(
        name=name,
        title=title,
        path=f"/p{path}",
        body=body,
        ours=RESERVE.serves(_PROXY),
        others=(REFERENCE.serves(_PROXY), NGINX.serves(_NGINX_PROXY)),
        targets={REFERENCE.name: 1.0},
        sent=sent,
        backend=_UPSTREAM,
    )


# Everything that the environment could change is said.
_MIRROR = {"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["bench"], "max-requests": 20, "redis-url": None}
_MIRROR_IN_REDIS = _MIRROR | {"redis-url": f"redis://{HOST}:{BACKEND}/0"}
_CAPTURED = b'{"event": "push", "id": 4711, "by": "somebody"}'

CASES = (
    Case(
        name="hello",
        title="hello, from a custom handler",
        path="/hello",
        body=b"hello",
        ours=RESERVE.serves(_HELLO),
        others=(
            REFERENCE.serves(_REFERENCE_HELLO),
            NODE.serves_hello(),
            TORNADO.serves(),
            NGINX.serves(_NGINX_HELLO.format("= /hello")),
        ),
        targets={REFERENCE.name: 1.0, NODE.name: 1.0},
    ),
    Case(
        name="small-file",
        title="a file of 1 kB",
        path="/files/small.txt",
        body=FILES["small.txt"],
        ours=RESERVE.serves(_FILE),
        others=(
            RESERVE.serves(_FILE_NOT_STATIC, note="static off"),
            REFERENCE.serves(_FILE),
            TORNADO.serves(),
            NGINX.serves(),
        ),
        targets={REFERENCE.name: 5.0},
    ),
    Case(
        name="large-file",
        title="a file of 1 MB",
        path="/files/large.bin",
        body=FILES["large.bin"],
        ours=RESERVE.serves(_FILE),
        others=(REFERENCE.serves(_FILE), TORNADO.serves(), NGINX.serves()),
        targets={REFERENCE.name: 1.5},
    ),
    Case(
        name="mappings",
        title="hello, as the last of 10,000 mappings",
        path="/hello",
        body=b"hello",
        ours=RESERVE.serves(*_routes(9_999), _HELLO),
        others=(
            RESERVE.serves(*_routes(9), _HELLO, note="10 mappings"),
            REFERENCE.serves(*_routes(9_999), _REFERENCE_HELLO),
            TORNADO.serves(rules_before=9_999),
            NGINX.serves(*_NGINX_ROUTES, _NGINX_HELLO.format("~ ^/hello$")),
        ),
        targets={f"{RESERVE.name}, 10 mappings": 0.8},
    ),
    Case(
        name="mapping-shapes",
        title="hello, as the last of 1,000 mappings of all shapes",
        path="/hello",
        body=b"hello",
        ours=RESERVE.serves(*_shapes(999), _HELLO),
        others=(RESERVE.serves(*_shapes(9), _HELLO, note="10 mappings"),),
        targets={f"{RESERVE.name}, 10 mappings": 0.83},
    ),
    _proxied("proxy-hello", "hello, from a server behind a proxy", "/hello", b"hello"),
    _proxied("proxy-large", "a file of 1 MB, from a server behind a proxy", "/files/large.bin", FILES["large.bin"]),
    _proxied("proxy-post", "a POST of 100 kB, to a server behind a proxy", "/size", b"%d" % len(_POSTED), _POSTED),
    Case(
        name="asgi",
        title="hello, from a FastAPI application",
        path="/hello",
        body=b'"hello"',
        ours=RESERVE.serves({"use": "./fastapi_hello.py"}),
        others=(UVICORN.serves("fastapi_hello:app"),),
        targets={UVICORN.name: 0.9},
    ),
    Case(
        name="workers",
        title="a millisecond's work of a custom handler, by two workers on two cores",
        path="/work",
        body=pbkdf2_hmac("sha256", b"hello", b"reserve", 1000).hex().encode(),
        ours=RESERVE.serves(_WORK, workers=2),
        others=(RESERVE.serves(_WORK, note="one process"),),
    ),
    Case(
        name="capture-memory",
        title="a POST of some JSON, captured by the mirror into memory",
        path="/mirror/r/bench",
        body=b"OK",
        ours=RESERVE.serves(_MIRROR),
        sent=_CAPTURED,
    ),
    Case(
        name="capture-redis",
        title="a POST of some JSON, captured by the mirror into Redis",
        path="/mirror/r/bench",
        body=b"OK",
        ours=RESERVE.serves(_MIRROR_IN_REDIS),
        sent=_CAPTURED,
        backend=REDIS.serves(),
        reported={"Request Mirror, reported": 1100},
    ),
    Case(
        name="fan-out",
        title=f"captures to {PAGES} open pages, and the time from the answer until the last one has it",
        path="/mirror/r/bench",
        body=b"OK",
        ours=RESERVE.serves(_MIRROR),
        sent=_CAPTURED,
        follow="/mirror/ws/bench",
    ),
)
