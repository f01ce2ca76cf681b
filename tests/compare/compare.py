"""Runs REserve 2.3.8 (Node.js) beside ours on the same folder and configuration, and tells every difference.

    python -m tests.compare.compare [FOLDER] [--all]

FOLDER is where REserve is installed (`.../node_modules/reserve`); without it, npm installs it in a temporary folder.
`site/` holds the configurations; a handler exists twice, as `.js` and as `.py`, and each server gets its own. Every
request goes to both; status, headers and the bytes of the body are compared. A difference that is intended is
listed in `INTENDED` with its reason and only counted (`--all` shows it); an entry there that explains nothing any more
is told as well. Exit code 0 if nothing is left to explain, 1 otherwise.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .cases import CASES, INTENDED, Case

HERE = Path(__file__).parent
VERSION = "2.3.8"
# All files are as old as this, so that dates can be asked for: Tue, 14 Nov 2023 22:13:20 GMT.
MODIFIED = 1_700_000_000
# About the connection, not about the answer.
UNCOMPARED = {"date", "connection", "keep-alive"}
TYPES = "css csv gif html ico jpg js json md mjs mp4 pdf png svg txt unknown wasm webp woff2 xhtml xml zip"


class Reply(NamedTuple):
    status: int
    headers: dict[str, list[str]]
    body: bytes


class Difference(NamedTuple):
    case: str
    field: str
    theirs: object
    ours: object

    def __str__(self) -> str:
        return f"{self.case}\n    {self.field}\n        REserve: {self.theirs!r}\n        ours:    {self.ours!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="the folder of the installed package `reserve`")
    parser.add_argument("--all", action="store_true", help="show the intended differences too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        package = (arguments.folder or install(temporary / "npm")).resolve()
        theirs = prepare(temporary / "theirs", "js")
        ours = prepare(temporary / "ours", "py")
        differences: list[Difference] = []
        for configuration in dict.fromkeys(case.configuration for case in CASES):
            cases = [case for case in CASES if case.configuration == configuration]
            with (
                serving(["node", str(package / "dist" / "cli.js"), "--config", configuration], theirs) as their_port,
                serving([sys.executable, "-m", "reserve_core", "--config", configuration], ours) as our_port,
            ):
                for case in cases:
                    differences += compare(case, ask(their_port, case), ask(our_port, case))
    return report(differences, arguments.all)


def install(folder: Path) -> Path:
    subprocess.run(["npm", "install", "--silent", "--prefix", folder, f"reserve@{VERSION}"], check=True)
    return folder / "node_modules" / "reserve"


def prepare(folder: Path, extension: str) -> Path:
    """The site in `folder`, with handlers of one language, and files with a date and of every kind."""
    shutil.copytree(HERE / "site", folder)
    for configuration in folder.glob("*.json"):
        text = configuration.read_text()
        configuration.write_text(re.sub(r"(\./handlers/[\w-]+)\.js", rf"\1.{extension}", text))
    files = folder / "files"
    (files / "sub" / "deep").mkdir(parents=True)
    (files / "no-index").mkdir()
    (files / "folder.txt").mkdir()
    (files / "index-folder" / "index.html").mkdir(parents=True)
    for kind in TYPES.split():
        (files / f"type.{kind}").write_bytes(f"a file of type {kind}\n".encode())
    for name, content in {
        "text.txt": b"0123456789",
        "empty.txt": b"",
        "no-extension": b"plain",
        "UPPER.TXT": b"upper",
        "two.dots.tar.gz": gzip.compress(b"two dots", mtime=0),
        "large.bin": bytes(index % 251 for index in range(300_000)),
        "with space.txt": b"space",
        "café.txt": b"coffee",
        "a+b&c=d.txt": b"delimiters",
        "100%.txt": b"percent",
        "hash#.txt": b"hash",
        ".hidden": b"hidden",
        "index.html": b"<p>root</p>",
        "sub/index.html": b"<p>sub</p>",
        "sub/deep/page.html": b"<p>deep</p>",
        "compressed.js": b"plain();",
        "compressed.js.gz": gzip.compress(b"plain();", mtime=0),
    }.items():
        (files / name).write_bytes(content)
    (files / "inside.txt").symlink_to("text.txt")
    (files / "outside.json").symlink_to("../reserve.json")
    for path in folder.rglob("*"):
        os.utime(path, (MODIFIED, MODIFIED), follow_symlinks=False)
    return folder


@contextmanager
def serving(command: list[str], folder: Path) -> Iterator[int]:
    """Runs a server in `folder` and gives its port once it is ready."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"Server running at https?://127\.0\.0\.1:(\d+)/", line):
                break
        else:
            raise SystemExit(f"{' '.join(command)} did not start:\n{said}")
        # Whatever it logs must go somewhere, or the server would stand still once the pipe is full.
        drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()
    drain.wait()


def ask(port: int, case: Case) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest(case.method, case.target, skip_accept_encoding=True)
        for name, value in case.headers.items():
            connection.putheader(name, value)
        if case.body is not None:
            connection.putheader("Content-Length", str(len(case.body)))
        connection.endheaders(case.body)
        response = connection.getresponse()
        body = response.read()
    except (http.client.HTTPException, OSError) as error:
        return Reply(0, {}, repr(error).encode())
    finally:
        connection.close()
    headers: dict[str, list[str]] = {}
    for name, value in response.getheaders():
        headers.setdefault(name.lower(), []).append(value)
    return Reply(response.status, headers, body)


def compare(case: Case, theirs: Reply, ours: Reply) -> list[Difference]:
    name = f"{case.method} {case.target}"
    if case.headers:
        name += " {" + ", ".join(f"{key}: {value}" for key, value in case.headers.items()) + "}"
    if case.configuration != "reserve.json":
        name += f" ({case.configuration})"
    differences = []
    if theirs.status != ours.status:
        differences.append(Difference(name, "status", theirs.status, ours.status))
    differences += [
        Difference(name, key, theirs.headers.get(key), ours.headers.get(key))
        for key in sorted((theirs.headers.keys() | ours.headers.keys()) - UNCOMPARED)
        if theirs.headers.get(key) != ours.headers.get(key)
    ]
    if theirs.body != ours.body:
        differences.append(Difference(name, "body", theirs.body[:100], ours.body[:100]))
    return differences


def report(differences: list[Difference], show_all: bool) -> int:
    unexplained = []
    used = [0] * len(INTENDED)
    for difference in differences:
        for index, intended in enumerate(INTENDED):
            if re.fullmatch(intended.field, difference.field) and re.search(intended.case, difference.case):
                used[index] += 1
                if show_all:
                    print(f"{difference}\n        intended: {intended.reason}")
                break
        else:
            unexplained.append(difference)
            print(difference)
    for count, intended in zip(used, INTENDED, strict=True):
        print(f"{count:4} intended: {intended.reason}" if count else f"   0 STALE: {intended.reason}")
    print(f"{len(CASES)} requests, {len(differences)} differences, {len(unexplained)} unexplained")
    return 1 if unexplained or not all(used) else 0


if __name__ == "__main__":
    raise SystemExit(main())
