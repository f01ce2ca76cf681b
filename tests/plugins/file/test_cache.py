"""What is kept in memory, and when it isn't true any more."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from reserve_core import ConfigError, Mock
from reserve_file.cache import Cache

Mocked = Callable[..., Awaitable[Mock]]
SITE = {"match": "^/(.*)", "file": "./www/$1"}
LONG_AGO = 10**18  # ns


@pytest.fixture(autouse=True)
def www(tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "sub/index.html"):
        (folder / name).write_bytes(b"old")
        os.utime(folder / name, ns=(LONG_AGO, LONG_AGO))
    (folder / "large.bin").write_bytes(b"old" * 100_000)
    os.utime(folder / "large.bin", ns=(LONG_AGO, LONG_AGO))
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were looked for in the file system."""
    names: list[str] = []
    open_ = os.open

    def record(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_NOFOLLOW and not flags & os.O_DIRECTORY:
            names.append(Path(path).name)
        return open_(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", record)
    return names


async def test_a_small_file_is_read_once(mocked: Mocked, opened: list[str]) -> None:
    site = await mocked(SITE)
    for url in ("/a.txt", "/a.txt?x=1", "/a.txt?x=2", "/sub/", "/sub/"):
        assert (await site.request("GET", url)).body == b"old"
    assert opened == ["a.txt", "index.html"]


async def test_a_large_file_is_examined_once(mocked: Mocked, opened: list[str]) -> None:
    site = await mocked(SITE)
    for _ in range(2):
        assert len((await site.request("GET", "/large.bin")).body) == 300_000
    assert opened == ["large.bin"]


async def test_a_file_changed_just_now_is_not_kept(mocked: Mocked, www: Path, opened: list[str]) -> None:
    (www / "a.txt").write_bytes(b"new")
    site = await mocked(SITE)
    for _ in range(2):
        assert (await site.request("GET", "/a.txt")).body == b"new"
    assert opened == ["a.txt"] * 2, "another edit within the same tick of the clock would go unnoticed"


def _write(path: Path) -> None:
    path.write_bytes(b"new" * (path.stat().st_size // 3))


def _write_keeping_time(path: Path) -> None:
    _write(path)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"new" * (path.stat().st_size // 3))
    os.utime(other, ns=(LONG_AGO, LONG_AGO))
    other.replace(path)


def _link(path: Path) -> None:
    _replace(path.with_name("c.txt") if path.with_name("c.txt").exists() else path)
    path.rename(path.with_name("target"))
    path.symlink_to("target")


@pytest.mark.parametrize("edit", [_write, _write_keeping_time, _replace, _link])
@pytest.mark.parametrize("name", ["a.txt", "large.bin"])
async def test_an_edit_shows_at_once(mocked: Mocked, www: Path, edit: Callable[[Path], None], name: str) -> None:
    site = await mocked(SITE)
    for _ in range(2):
        assert (await site.request("GET", f"/{name}")).body.startswith(b"old")
    edit(www / name)
    for _ in range(2):
        assert (await site.request("GET", f"/{name}")).body.startswith(b"new")


async def test_what_is_removed_is_gone(mocked: Mocked, www: Path) -> None:
    site = await mocked(SITE)
    for url in ("/a.txt", "/large.bin", "/sub/"):
        assert (await site.request("GET", url)).status == 200
    (www / "a.txt").unlink()
    (www / "large.bin").unlink()
    (www / "sub/index.html").unlink()
    for url in ("/a.txt", "/large.bin", "/sub/"):
        assert (await site.request("GET", url)).status == 404


async def test_a_file_becomes_a_folder_and_back(mocked: Mocked, www: Path) -> None:
    site = await mocked(SITE)
    assert (await site.request("GET", "/a.txt")).body == b"old"
    (www / "a.txt").rename(www / "c.txt")
    (www / "sub").rename(www / "a.txt")
    assert (await site.request("GET", "/a.txt")).headers["location"] == "/a.txt/"
    (www / "a.txt").rename(www / "sub")
    (www / "c.txt").rename(www / "sub2")
    (www / "sub2").rename(www / "a.txt")
    assert (await site.request("GET", "/a.txt")).headers["content-type"] == "text/plain; charset=utf-8"
    assert (await site.request("GET", "/a.txt/")).status == 404


async def test_a_link_put_in_place_of_a_kept_file(mocked: Mocked, www: Path) -> None:
    site = await mocked(SITE)
    for name in ("a.txt", "large.bin"):
        assert (await site.request("GET", f"/{name}")).status == 200
        size = (www / name).stat().st_size
        secret = www.parent / f"secret-{name}"
        secret.write_bytes(b"x" * size)
        os.utime(secret, ns=(LONG_AGO, LONG_AGO))
        (www / name).unlink()
        (www / name).symlink_to(secret)
        assert (await site.request("GET", f"/{name}")).status == 404


@pytest.mark.parametrize("static", [True, {}, {"ttl": 3_600_000}, {"max": 10}, {"policy": "lru"}])
async def test_static_files_are_not_looked_at_again(mocked: Mocked, www: Path, static: object) -> None:
    site = await mocked({**SITE, "static": static})
    assert (await site.request("GET", "/a.txt")).body == b"old"
    (www / "a.txt").write_bytes(b"new")
    assert (await site.request("GET", "/a.txt")).body == b"old"


async def test_static_files_are_kept_however_young(mocked: Mocked, www: Path, opened: list[str]) -> None:
    (www / "a.txt").write_bytes(b"new")
    site = await mocked({**SITE, "static": True})
    for _ in range(2):
        await site.request("GET", "/a.txt")
    assert opened == ["a.txt"]


async def test_static_for_no_time(mocked: Mocked, www: Path) -> None:
    site = await mocked({**SITE, "static": {"ttl": 0}})
    assert (await site.request("GET", "/a.txt")).body == b"old"
    (www / "a.txt").write_bytes(b"new")
    assert (await site.request("GET", "/a.txt")).body == b"new"


async def test_static_for_some_time(mocked: Mocked, www: Path) -> None:
    site = await mocked({**SITE, "static": {"ttl": 1}})
    assert (await site.request("GET", "/a.txt")).body == b"old"
    (www / "a.txt").write_bytes(b"new")
    while (await site.request("GET", "/a.txt")).body == b"old":
        pass  # a thousandth of a second


async def test_static_max(mocked: Mocked, opened: list[str]) -> None:
    site = await mocked({**SITE, "static": {"max": 1}})
    for url in ("/a.txt", "/a.txt", "/b.txt", "/a.txt"):
        await site.request("GET", url)
    assert opened == ["a.txt", "b.txt", "a.txt"]


@pytest.mark.parametrize("static", [{"max": 0}, {"ttl": -1}, {"policy": "lfu"}, {"size": 1}, "yes"])
async def test_static_mistakes(mocked: Mocked, static: object) -> None:
    with pytest.raises(ConfigError):
        await mocked({**SITE, "static": static})


def test_what_was_not_used_for_the_longest_time_goes_first() -> None:
    cache: Cache[str] = Cache(max_bytes=10, max_entries=3)
    for key in "abc":
        cache.put(key, key.upper(), 2)
    assert cache.get("a") == "A"
    cache.put("d", "D", 2)
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert (len(cache), cache.size) == (3, 6)


def test_the_bytes_are_bounded() -> None:
    cache: Cache[str] = Cache(max_bytes=10, max_entries=100)
    for number in range(1000):
        cache.put(str(number), "", 3)
        assert cache.size <= 10
    assert len(cache) == 3
    cache.put("too large", "", 11)
    assert (len(cache), cache.size) == (0, 0)


def test_replaced_and_dropped() -> None:
    cache: Cache[str] = Cache(max_bytes=10, max_entries=100)
    cache.put("a", "A", 6)
    cache.put("a", "B", 4)
    assert (cache.get("a"), cache.size) == ("B", 4)
    cache.drop("a")
    cache.drop("a")
    assert (cache.get("a"), cache.size, len(cache)) == (None, 0, 0)
