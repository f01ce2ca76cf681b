"""`watch: true`: an edit of the code is there for the next request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core.errors import ConfigError
from reserve_core.mock import Mock

Mocked = Callable[..., Awaitable[Mock]]


def code(text: str, imports: str = "") -> str:
    return f"{imports}\ndef handler(request, response):\n    return [{text}]\n"


async def test_an_edit_is_there_for_the_next_request(mocked: Mocked, tmp_path: Path) -> None:
    file = tmp_path / "api.py"
    file.write_text(code("'v00'"))
    site = await mocked({"custom": "./api.py", "watch": True})
    for number in range(20):  # at once, and of the same size: no time stamp would tell
        assert (await site.request("GET", "/")).text == f"v{number:02}"
        file.write_text(code(f"'v{number + 1:02}'"))


async def test_without_watch_an_edit_changes_nothing(mocked: Mocked, tmp_path: Path) -> None:
    file = tmp_path / "api.py"
    file.write_text(code("'first'"))
    site = await mocked({"custom": "./api.py"})
    assert (await site.request("GET", "/")).text == "first"
    file.write_text(code("'second'"))
    assert (await site.request("GET", "/")).text == "first"


async def test_an_edit_of_an_imported_file(mocked: Mocked, tmp_path: Path) -> None:
    package = tmp_path / "parts"
    package.mkdir()
    (tmp_path / "api.py").write_text(code("greet()", "from parts.greeting import greet"))
    (package / "__init__.py").touch()
    (package / "greeting.py").write_text("from .words import word\ndef greet():\n    return word\n")
    (package / "words.py").write_text("word = 'hello'\n")
    site = await mocked({"custom": "./api.py", "watch": True})
    assert (await site.request("GET", "/")).text == "hello"
    (package / "words.py").write_text("word = 'howdy'\n")
    assert (await site.request("GET", "/")).text == "howdy"
    (package / "greeting.py").write_text("def greet():\n    return 'bye'\n")
    assert (await site.request("GET", "/")).text == "bye"


async def test_a_new_signature(mocked: Mocked, tmp_path: Path) -> None:
    file = tmp_path / "api.py"
    file.write_text(code("'none'"))
    site = await mocked({"match": "^/(.*)", "custom": "./api.py", "watch": True})
    assert (await site.request("GET", "/x")).text == "none"
    file.write_text("async def handler(request, response, name):\n    return [name]\n")
    assert (await site.request("GET", "/x")).text == "x"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("def handler(:\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("handler = 1\n", "not a function"),
        ("def handle(request, response): ...\n", 'has no "handler"'),
        (None, "there is no file"),
    ],
)
async def test_a_broken_edit_keeps_the_last_good_code_and_says_so_once(
    mocked: Mocked, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str | None, message: str
) -> None:
    file = tmp_path / "api.py"
    file.write_text(code("'good'"))
    site = await mocked({"custom": "./api.py", "watch": True})
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    for _ in range(3):
        assert (await site.request("GET", "/")).text == "good"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("reserve", logging.ERROR)
    assert message in record.getMessage()
    assert "former code stays in use" in record.getMessage()
    file.write_text(code("'mended'"))
    assert (await site.request("GET", "/")).text == "mended"
    file.write_text(broken or "def handler(:\n")
    assert (await site.request("GET", "/")).text == "mended"
    assert len(caplog.records) == 2


async def test_a_broken_edit_may_be_mended_in_another_file(
    mocked: Mocked, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "api.py"
    file.write_text(code("'good'"))
    site = await mocked({"custom": "./api.py", "watch": True})
    file.write_text(code("value", "from added import value"))
    assert (await site.request("GET", "/")).text == "good"
    (tmp_path / "added.py").write_text("value = \n")
    assert (await site.request("GET", "/")).text == "good"
    (tmp_path / "added.py").write_text("value = 'added'\n")
    assert (await site.request("GET", "/")).text == "added"
    assert len(caplog.records) == 2
    (tmp_path / "added.py").write_text("value = 'again'\n")
    assert (await site.request("GET", "/")).text == "again"


async def test_mappings_of_one_file_share_it(mocked: Mocked, tmp_path: Path) -> None:
    source = (
        "shelf = []  # {}\n"
        "def add(request, response):\n    shelf.append(1)\n    return [len(shelf)]\n"
        "def show(request, response):\n    return [len(shelf)]\n"
    )
    file = tmp_path / "api.py"
    file.write_text(source.format(1))
    site = await mocked(
        {"match": "^/add", "custom": "./api.py:add", "watch": True},
        {"match": "^/show", "custom": "./api.py:show", "watch": True},
    )

    async def get(url: str) -> Any:
        return (await site.request("GET", url)).json()

    for version in range(2, 4):
        assert [await get("/show"), await get("/add"), await get("/add"), await get("/show")] == [0, 1, 2, 2]
        file.write_text(source.format(version))


async def test_a_second_server_sees_what_was_edited_meanwhile(mocked: Mocked, tmp_path: Path) -> None:
    file = tmp_path / "api.py"
    file.write_text(code("'first'"))
    await mocked({"custom": "./api.py", "watch": True})
    file.write_text(code("'second'"))
    site = await mocked({"custom": "./api.py", "watch": True})
    assert (await site.request("GET", "/")).text == "second"


@pytest.mark.parametrize("custom", [["a"], print, "json:dumps"])
async def test_there_must_be_something_to_watch(mocked: Mocked, custom: object) -> None:
    with pytest.raises(ConfigError, match='"watch"'):
        await mocked({"custom": custom, "watch": True})
