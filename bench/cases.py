"""What is measured. A new case is one more entry of `CASES`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

from .peers import NGINX, NODE, REFERENCE, RESERVE, TORNADO, Server

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
    """

    name: str
    title: str
    path: str
    body: bytes
    ours: Server
    others: tuple[Server, ...]
    targets: Mapping[str, float] = field(default_factory=dict)

    @property
    def servers(self) -> tuple[Server, ...]:
        return (self.ours, *self.others)


def write_content(folder: Path) -> None:
    """Puts the files and the handlers that the servers need into an empty folder."""
    copytree(CONTENT, folder, dirs_exist_ok=True)
    (folder / "files").mkdir()
    for name, content in FILES.items():
        (folder / "files" / name).write_bytes(content)


def _routes(count: int) -> list[dict[str, Any]]:
    """Mappings that don't match the request that's measured."""
    return [{"match": f"^/route-{number}/.*", "status": 404} for number in range(count)]


_HELLO = {"match": "^/hello$", "custom": "./hello.py"}
_REFERENCE_HELLO = {"match": "^/hello$", "custom": "./hello.js"}
_NGINX_HELLO = "location {} {{ default_type text/plain; return 200 hello; }}"
_NGINX_ROUTES = [f"location ~ ^/route-{number}/.* {{ return 404; }}" for number in range(9_999)]
_FILE = {"match": "^/files/(.*)", "file": "./files/$1", "static": True}
_FILE_NOT_STATIC = {"match": "^/files/(.*)", "file": "./files/$1"}

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
)
