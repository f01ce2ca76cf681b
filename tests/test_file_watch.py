"""`changes`: which changes are noticed, whatever way they are made."""

from __future__ import annotations

import asyncio
import os
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
