"""Names of files, over the wire: nothing from outside of the folder, and what is forbidden looks like missing."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.kit.waiting import PATIENCE
from tests.plugins.file.test_safe_open import NAMES, SECRET, SWAP, www

if TYPE_CHECKING:
    from tests.e2e.conftest import Start
    from tests.hostile.conftest import Scale, Score

__all__ = ["www"]  # the folder, with all that may not be reached: pytest uses it for each test

OURS = {b"page", b"top", b"plain"}
NAMES = [
    *NAMES,
    "/packed.txt",
    "/pipe.txt",
    "/packed.txt.gz",
    "/pipe.txt.gz",
    "/www2/secret.txt",
    "/../www2/secret.txt",
]
MAPPINGS: list[dict[str, Any]] = [
    {"match": "^/(.*)", "file": "./www/$1"},
    {"match": "^/(.*)", "file": "./www/$1", "listing": True, "caching-strategy": "modified"},
    {"match": "^/(.*)", "file": "./www/$1", "static": True},
    {"match": "^(.*)", "file": "./www$1"},
]


class Reply(NamedTuple):
    status: int
    head: bytes  # without the date
    body: bytes


def ask(port: int, target: str, *headers: str) -> Reply:
    lines = "".join(f"{header}\r\n" for header in headers)
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(request.encode())
        received = client.makefile("rb").read()
    head, _, body = received.partition(b"\r\n\r\n")
    return Reply(int(head[9:12]), re.sub(rb"(?i)\r\ndate: [^\r]*", b"", head), body)


def serve(start: Start, folder: Path, mapping: dict[str, Any]) -> int:
    (folder / "reserve.json").write_text(json.dumps({"mappings": [mapping, {"status": 404}]}))
    return int(start("--silent").ready().rstrip("/").rpartition(":")[2])


def add_twins(folder: Path) -> None:
    """Compressed twins of files, that lead outside or nowhere."""
    for name in ("packed.txt", "pipe.txt"):
        (folder / name).write_bytes(b"plain")
    (folder / "packed.txt.gz").symlink_to("../secret.txt")
    (folder / "packed.txt.br").symlink_to("../secret.txt")
    subprocess.run(["mkfifo", folder / "pipe.txt.gz"], check=True)


def test_names(start: Start, www: Path, tmp_path: Path, score: Score) -> None:
    add_twins(www)
    statuses: Counter[int] = Counter()
    leaked, told, failed = [], [], []
    for mapping in MAPPINGS:
        port = serve(start, tmp_path, mapping)
        missing = ask(port, "/missing.txt")
        assert missing.status == 404
        for name in NAMES:
            for headers in ((), ("Accept-Encoding: gzip, br",)):
                reply = ask(port, name, *headers)
                statuses[reply.status] += 1
                if SECRET in reply.body or b"root:" in reply.body or b"hidden" in reply.body:
                    leaked.append((mapping, name))
                elif reply.status == 404 and reply != missing:
                    told.append((mapping, name, reply))
                elif reply.status not in (200, 301, 302, 400, 404, 414):
                    failed.append((mapping, name, reply.status))
                elif reply.status == 200 and reply.body not in OURS and b"Index of" not in reply.body:
                    leaked.append((mapping, name))
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    score(
        f"{len(set(NAMES))} names, 4 mappings, with and without compression: {len(leaked)} with bytes from outside, "
        f"{len(told)} that tell forbidden from missing, {len(failed)} server errors ({answers})"
    )
    assert len(set(NAMES)) >= 300
    assert leaked == []
    assert told == []
    assert failed == []


def test_renames(start: Start, www: Path, tmp_path: Path, scale: Scale, score: Score) -> None:
    """In another process a folder takes turns with a link to the outside, while its file is asked for."""
    outside = tmp_path / "outside"
    for folder, content in ((www / "swap", b"inside"), (outside, SECRET)):
        folder.mkdir()
        (folder / "file.txt").write_bytes(content)
    port = serve(start, tmp_path, MAPPINGS[0])
    count = scale(500, 10_000)
    statuses: Counter[int] = Counter()
    leaked = 0
    arguments = [sys.executable, "-c", SWAP, *map(str, (www / "swap", www / "away", outside))]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as swapping:
        try:
            assert swapping.stdout is not None
            swapping.stdout.readline()
            while statuses.total() < count or len(statuses) < 2:
                reply = ask(port, "/swap/file.txt")
                statuses[reply.status] += 1
                leaked += SECRET in reply.body
        finally:
            swapping.kill()
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    score(f"{count:,} requests while a folder and a link to the outside are renamed: {leaked} leaks ({answers})")
    assert leaked == 0
    assert set(statuses) == {200, 404}
