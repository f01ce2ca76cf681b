"""`changes`: which changes are noticed, whatever way they are made."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from reserve_core import file_watch
from tests.kit.waiting import PATIENCE

Noticed = Callable[[], Awaitable[None]]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are watched: one, in a folder of its own. Changes are told as soon as they are seen."""
    monkeypatch.setattr(file_watch, "_GROUP", 50)
    monkeypatch.setattr(file_watch, "_LOOK", 100)
    (tmp_path / "site").mkdir()
    file = tmp_path / "site" / "reserve.json"
    file.write_text("{}")
    return [file]


@pytest.fixture
async def noticed(watched: list[Path]) -> AsyncIterator[Noticed]:
    """`await noticed()`: the next change."""
    async with aclosing(file_watch.changes(lambda: watched)) as found:  # type: ignore[type-var]

        async def noticed() -> None:
            async with asyncio.timeout(PATIENCE):
                await anext(found)

        yield noticed


async def change(watched: list[Path], noticed: Noticed, make: Callable[[], object]) -> None:
    """Makes a change once they are looked at, and waits until it is noticed."""
    waiting = asyncio.ensure_future(noticed())
    await asyncio.sleep(0)  # what was there before is known
    make()
    await waiting


async def test_files_written_replaced_and_gone(watched: list[Path], noticed: Noticed) -> None:
    (file,) = watched
    other = file.with_name("new")

    def replace() -> None:
        other.write_text("{ }")
        other.replace(file)

    for make in (lambda: file.write_text("{} "), replace, file.unlink, lambda: file.write_text("{}")):
        await change(watched, noticed, make)


async def test_a_python_file_beside_it_counts(watched: list[Path], noticed: Noticed) -> None:
    neighbour = watched[0].with_name("code.py")
    for make in (neighbour.touch, lambda: neighbour.write_text("1"), neighbour.unlink):
        await change(watched, noticed, make)


async def test_what_is_beside_it_otherwise_does_not(watched: list[Path], noticed: Noticed) -> None:
    """Nor does a time that is put back where it was."""
    (file,) = watched
    times = file.stat()

    def make() -> None:
        file.with_name("data.json").write_text("1")
        file.write_text("[]")
        file.write_text("{}")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    waiting = asyncio.ensure_future(noticed())
    await asyncio.sleep(0)
    make()
    await asyncio.sleep(0.3)
    assert not waiting.done()
    file.write_text("{} ")
    await waiting


async def test_files_that_come_to_be_watched_are(watched: list[Path], noticed: Noticed, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "base.json"
    other.write_text("{}")

    def make() -> None:
        watched.append(other)
        watched[0].write_text("{} ")

    await change(watched, noticed, make)
    await change(watched, noticed, lambda: other.write_text("{} "))


async def test_a_folder_that_is_not_there_may_come(watched: list[Path], noticed: Noticed, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    watched.append(folder / "a.json")

    def make() -> None:
        folder.mkdir()
        (folder / "a.json").write_text("{}")

    await change(watched, noticed, make)


async def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in them, whatever becomes of them: those that aren't there yet, go, and are made anew."""
    monkeypatch.setattr(file_watch, "_LOOK", 100)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    link = tmp_path / "link"
    link.symlink_to(one)

    async with aclosing(file_watch.folder_changes((link, other))) as found:  # type: ignore[type-var]

        async def seen(*wanted: Path) -> None:
            left = set(wanted)
            async with asyncio.timeout(PATIENCE):
                while left:
                    left -= await anext(found)

        assert await anext(found) == set()
        (one / "sub").mkdir()
        await seen(one / "sub")
        (one / "sub/a.css").write_text("a")
        (one / "app.log").write_text("nobody is told")
        await seen(one / "sub/a.css")
        other.mkdir()
        await seen(other)
        (other / "b.css").write_text("b")
        await seen(other / "b.css")
        for folder in (one, other):
            shutil.rmtree(folder)
            await seen(folder)
        one.mkdir()
        await seen(one)
        (one / "c.css").write_text("c")
        await seen(one / "c.css")
        shutil.rmtree(one)  # the next one may get its number
        one.mkdir()
        await seen(one)
        (one / "d.css").write_text("d")
        await seen(one / "d.css")


@pytest.mark.parametrize(
    ("name", "is_part"),
    [
        ("index.html", True),
        ("a/b.log.html", True),
        (".well-known/x", True),
        ("4913.html", True),
        (".", True),
        ("app.log", False),
        ("a/node_modules/b.js", False),
        (".git/index", False),
        ("a/__pycache__/b.pyc", False),
        (".ruff_cache", False),
        ("db.sqlite3", False),
        ("db.sqlite3-wal", False),
        ("page.html~", False),
        (".page.html.swp", False),
        (".#page.html", False),
        ("4913", False),
    ],
)
def test_what_pages_are_made_of(tmp_path: Path, name: str, is_part: bool) -> None:
    assert file_watch.is_part_of_site(tmp_path / name, (tmp_path / "elsewhere", tmp_path)) is is_part
