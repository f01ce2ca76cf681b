"""Files that come from elsewhere than the disk."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reserve_core import ConfigError, Mock

Mocked = Callable[..., Awaitable[Mock]]
MTIME = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


class Memory:
    """Files in a dict, by their path below `root`. Folders follow from the names."""

    def __init__(self, root: Path, files: dict[str, bytes]) -> None:
        self.root = root
        self.files = files
        self.read: list[tuple[str, int, int]] = []
        self.times: dict[str, datetime] = {}

    async def stat(self, path: str) -> Any:
        name = os.path.relpath(path, self.root)
        if name in self.files:
            return {"size": len(self.files[name]), "mtime": self.times.get(name, MTIME)}
        if name == "." or any(other.startswith(f"{name}/") for other in self.files):
            return {"is_directory": True}
        raise FileNotFoundError(path)

    async def readdir(self, path: str) -> Iterable[str]:
        folder = os.path.relpath(path, self.root)
        prefix = "" if folder == "." else f"{folder}/"
        return {name.removeprefix(prefix).partition("/")[0] for name in self.files if name.startswith(prefix)}

    async def create_read_stream(self, path: str, start: int, end: int) -> AsyncIterator[bytes]:
        name = os.path.relpath(path, self.root)
        self.read.append((name, start, end))
        for position in range(start, end + 1, 2):
            yield self.files[name][position : min(position + 2, end + 1)]


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    files = {
        "page.txt": b"0123456789",
        "empty.txt": b"",
        "sub/index.html": b"<h1>sub</h1>",
        "bare/a.txt": b"a",
        "bare/.hidden": b"hidden",
        "a.js": b"plain",
        "a.js.gz": b"gzip!",
    }
    return Memory(tmp_path, files)


@pytest.fixture
async def site(mocked: Mocked, memory: Memory) -> Mock:
    return await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory})


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/page.txt", b"0123456789"),
        ("/page.txt?x", b"0123456789"),
        ("/empty.txt", b""),
        ("/sub/", b"<h1>sub</h1>"),
        ("/bare/a.txt", b"a"),
    ],
)
async def test_served(site: Mock, url: str, body: bytes) -> None:
    response = await site.request("GET", url)
    assert (response.status, response.body) == (200, body)
    assert response.headers["content-length"] == str(len(body))
    assert response.headers["last-modified"] == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    "url", ["/missing", "/page.txt/", "/bare", "/bare/", "/bare/.hidden", "/..%2fx", "/bare%2fa.txt", "/bare%5ca.txt"]
)
async def test_left_to_the_next_mapping(site: Mock, url: str) -> None:
    assert (await site.request("GET", url)).status == 404


async def test_well_known_is_served_and_listed(mocked: Mocked, memory: Memory) -> None:
    memory.files |= {".well-known/security.txt": b"public", ".well-known/.env": b"secret", ".env": b"secret"}
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory, "listing": True})
    assert (await site.request("GET", "/.well-known/security.txt")).body == b"public"
    for url in ("/.well-known/.env", "/.env"):
        assert (await site.request("GET", url)).status == 404
    assert 'href=".well-known/"' in (listed := (await site.request("GET", "/")).text)
    assert ".env" not in listed


async def test_head_reads_nothing(site: Mock, memory: Memory) -> None:
    response = await site.request("HEAD", "/page.txt")
    assert response.headers == (await site.request("GET", "/page.txt")).headers
    assert len(memory.read) == 1


async def test_ranges_are_read_as_such(site: Mock, memory: Memory) -> None:
    response = await site.request("GET", "/page.txt", {"range": "bytes=2-5"})
    assert (response.status, response.body) == (206, b"2345")
    assert memory.read == [("page.txt", 2, 5)], "the end is inclusive"


async def test_conditions(site: Mock, memory: Memory) -> None:
    etag = (await site.request("GET", "/page.txt")).headers["etag"]
    assert (await site.request("GET", "/page.txt", {"if-none-match": etag})).status == 304
    memory.files["page.txt"] += b"more"
    assert (await site.request("GET", "/page.txt", {"if-none-match": etag})).status == 200


async def test_siblings(site: Mock, memory: Memory) -> None:
    response = await site.request("GET", "/a.js", {"accept-encoding": "gzip"})
    assert (response.body, response.headers["content-encoding"]) == (b"gzip!", "gzip")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = await site.request("GET", "/a.js", {"accept-encoding": "br"})
    assert plain.body == b"plain"
    assert plain.headers["etag"] != response.headers["etag"]
    memory.times["a.js"] = MTIME + timedelta(minutes=1)
    assert (await site.request("GET", "/a.js", {"accept-encoding": "gzip"})).body == b"plain", "the sibling is stale"


async def test_a_folder_that_is_called_index_html(site: Mock, memory: Memory) -> None:
    memory.files["odd/index.html/a.txt"] = b""
    assert (await site.request("GET", "/odd/")).status == 404


async def test_names_next_to_the_root(mocked: Mocked, memory: Memory) -> None:
    site = await mocked({"match": "^/(.*)", "file": "./s$1", "custom-file-system": memory})
    assert (await site.request("GET", "/ub")).status == 404
    assert (await site.request("GET", "/ub/index.html")).status == 404


async def test_listing(mocked: Mocked, memory: Memory) -> None:
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory, "listing": True})
    assert (await site.request("GET", "/sub/")).body == b"<h1>sub</h1>"
    page = (await site.request("GET", "/")).text
    assert [
        name for name in ("bare/", "sub/", "page.txt", "a.js.gz") if f'href="{name}"'.replace("/", "%2F") in page
    ] == [
        "page.txt",
        "a.js.gz",
    ]
    assert 'href="bare/"' in page
    page = (await site.request("GET", "/bare/")).text
    assert 'href="a.txt"' in page
    assert "hidden" not in page


@pytest.mark.parametrize(
    "stat",
    [
        {"size": 10},
        {"size": 10, "is_directory": False, "mtime": None},
        {"size": 10, "mtime": 784111777.5},
        SimpleNamespace(size=10, is_directory=lambda: False, mtime=MTIME),
        SimpleNamespace(size=10),
        os.stat_result((0o100644, 1, 1, 1, 0, 0, 10, 784111777, 784111777, 784111777)),
    ],
    ids=["dict", "no time", "seconds", "object", "less", "stat_result"],
)
async def test_forms_of_a_stat(mocked: Mocked, memory: Memory, stat: Any) -> None:
    async def give(path: str) -> Any:
        return stat

    memory.stat = give  # type: ignore[method-assign]
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory})
    response = await site.request("GET", "/page.txt")
    assert response.body == b"0123456789"
    assert ("etag" in response.headers) == ("last-modified" in response.headers)


@pytest.mark.parametrize("stat", [{}, {"size": None}, {"size": -1}, {"size": "10"}, SimpleNamespace(), 7])
async def test_a_stat_that_makes_no_sense_is_a_failure(mocked: Mocked, memory: Memory, stat: Any) -> None:
    async def give(path: str) -> Any:
        return stat

    memory.stat = give  # type: ignore[method-assign]
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory})
    assert (await site.request("GET", "/page.txt")).status == 500


async def test_none_is_missing(mocked: Mocked, memory: Memory) -> None:
    async def nothing(path: str) -> None:
        return None

    memory.stat = nothing  # type: ignore[method-assign]
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory})
    assert (await site.request("GET", "/page.txt")).status == 404


@pytest.mark.parametrize("given", [b"012345", b"0123456789-more"])
async def test_a_stream_of_another_length_is_no_clean_response(mocked: Mocked, memory: Memory, given: bytes) -> None:
    async def stream(path: str, start: int, end: int) -> AsyncIterator[bytes]:
        for position in range(0, len(given), 4):
            yield given[position : position + 4]

    memory.create_read_stream = stream  # type: ignore[method-assign]
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory})
    response = await site.request("GET", "/page.txt")
    assert response.aborted
    assert b"0123456789".startswith(response.body)


async def test_a_stream_may_be_awaited_for_and_is_closed(mocked: Mocked, memory: Memory) -> None:
    closed = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield b"01234567890123456789"
        finally:
            closed.append(True)

    async def stream(path: str, start: int, end: int) -> AsyncIterator[bytes]:
        return chunks()

    memory.create_read_stream = stream  # type: ignore[assignment,method-assign]
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": memory})
    assert (await site.request("GET", "/page.txt")).status == 500
    assert closed == [True]


MODULE = """
async def stat(path):
    return {"size": 5}

async def create_read_stream(path, start, end):
    yield b"hello"[start : end + 1]

class Other:
    stat = staticmethod(stat)

    async def create_read_stream(self, path, start, end):
        yield b"other"[start : end + 1]

other = Other()
"""


@pytest.mark.parametrize(("reference", "body"), [("./fs.py", b"hello"), ("./fs.py:other", b"other")])
async def test_a_reference(mocked: Mocked, tmp_path: Path, reference: str, body: bytes) -> None:
    (tmp_path / "fs.py").write_text(MODULE)
    site = await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": reference})
    assert (await site.request("GET", "/anything")).body == body


@pytest.mark.parametrize("value", ["./missing.py", "./fs.py:missing", 7, {}, {"stat": 1}])
async def test_mistakes(mocked: Mocked, tmp_path: Path, value: object) -> None:
    (tmp_path / "fs.py").write_text(MODULE)
    with pytest.raises(ConfigError):
        await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": value})


async def test_only_a_listing_needs_readdir(mocked: Mocked, tmp_path: Path) -> None:
    (tmp_path / "fs.py").write_text(MODULE)
    with pytest.raises(ConfigError, match="no readdir"):
        await mocked({"match": "^/(.*)", "file": "./$1", "custom-file-system": "./fs.py", "listing": True})
