"""What an open page is told: each change once, none too few, and only to pages of this server."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reserve_core import Event, Server, serve
from reserve_live import site_changes
from tests.kit.waiting import PATIENCE
from tests.plugins.live.conftest import LIVE, NAVIGATION, write

Served = Callable[..., Awaitable[Server]]
OpenPage = Callable[..., Any]

PAGE = {"custom": ["<p>page", {"headers": {"content-type": "text/html"}}]}


def now() -> int:
    return time.time_ns() // 1000


async def test_what_changes_is_told(served: Served, open_page: OpenPage, dist: Path) -> None:
    (dist / "css").mkdir()
    server = await served(LIVE, PAGE)
    async with open_page(server) as page, open_page(server) as other:
        for each in (page, other):
            first = await each.message()
            assert (first["files"], first["problem"]) == ([], "")
        (dist / "css/site.css").write_text("p {}")
        message = await page.message()
        assert message == {"time": message["time"], "files": ["css/site.css"], "problem": ""}
        assert message["time"] > first["time"]
        assert (await other.message())["files"] == ["css/site.css"]


async def test_what_changed_between_a_page_and_its_websocket(served: Served, open_page: OpenPage, dist: Path) -> None:
    server = await served(LIVE, PAGE)
    before = now()
    async with open_page(server) as page:
        await page.message()
        write(dist / "a.html", "a")
        told = await page.message()
    async with open_page(server, before) as late, open_page(server, told["time"]) as up_to_date:
        assert (await late.message())["files"] == ["a.html"]
        assert (await up_to_date.message())["files"] == []


async def test_a_change_is_told_when_an_application_has_noticed_it(
    served: Served, open_page: OpenPage, dist: Path
) -> None:
    """A page that it makes meanwhile may be the former one: it is told as well."""
    server = await served({**LIVE, "delay": 0.2}, PAGE)
    async with open_page(server) as page:
        await page.message()
        before = now()
        (dist / "a.html").write_text("a")
        async with open_page(server) as other:
            for each in (page, other):
                message = await each.message()
                while not message["files"]:
                    message = await each.message()
                assert message["files"] == ["a.html"]
                assert message["time"] - before >= 200_000


async def test_many_files_at_once_are_few_messages(served: Served, open_page: OpenPage, dist: Path) -> None:
    server = await served(LIVE, PAGE)
    async with open_page(server) as page:
        await page.message()
        for number in range(50):
            (dist / f"{number}.css").write_text("p {}")
        (dist / "last").write_text("")
        named: set[str] = set()
        messages = 0
        while "last" not in named:
            named |= set((await page.message())["files"])
            messages += 1
        assert named == {"last", *(f"{number}.css" for number in range(50))}
        assert messages < 25


async def test_more_files_than_are_named_are_anything(
    served: Served, open_page: OpenPage, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_changes, "MOST_FILES", 0)
    server = await served(LIVE, PAGE)
    async with open_page(server) as page:
        await page.message()
        (dist / "a.css").write_text("p {}")
        assert (await page.message())["files"] is None


async def test_whoever_was_away_for_long_is_told_that_anything_may_have_changed(
    served: Served, open_page: OpenPage, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_changes, "MOST_CHANGES", 1)
    server = await served(LIVE, PAGE)
    async with open_page(server) as page:
        before = (await page.message())["time"]
        for name in ("a.css", "b.css"):
            write(dist / name, "p {}")
            last = await page.message()
    async with open_page(server, before) as page:
        assert (await page.message())["files"] is None
    async with open_page(server, last["time"]) as page:
        assert (await page.message())["files"] == []


async def test_a_folder_that_is_made_anew(served: Served, open_page: OpenPage, dist: Path) -> None:
    """As builders do it: what was watched is gone, the new one is another folder."""
    server = await served(LIVE, PAGE)
    async with open_page(server) as page:
        await page.message()
        for _ in range(2):
            shutil.rmtree(dist)
            dist.mkdir()
            (dist / "a.html").write_text("a")
            while (await page.message())["files"] is not None:
                pass
        (dist / "b.html").write_text("b")
        while "b.html" not in ((await page.message())["files"] or ()):
            pass


async def test_a_folder_that_is_not_there_yet(served: Served, open_page: OpenPage, tmp_path: Path) -> None:
    server = await served({"live": "./later"}, PAGE)
    async with open_page(server) as page:
        await page.message()
        (tmp_path / "later").mkdir()
        assert (await page.message())["files"] is None
        (tmp_path / "later/a.css").write_text("p {}")
        assert (await page.message())["files"] == ["a.css"]


async def test_what_changed_while_the_server_was_away(open_page: OpenPage, dist: Path, tmp_path: Path) -> None:
    """A file of any age that comes, goes, or takes the place of another one."""
    (dist / "a.html").write_text("a")
    (dist / "b").mkdir()
    (dist / "b/b.html").write_text("b")
    old = tmp_path / "old.html"
    old.write_text("old")
    os.utime(old, (1, 1))
    await asyncio.sleep(0.05)  # more than the steps in which the times of files are told

    async def told(after: int) -> Any:
        server = await serve({"port": 0, "cwd": str(tmp_path), "mappings": [LIVE, PAGE]})
        try:
            async with open_page(server, after) as page:
                return (await page.message())["files"]
        finally:
            await server.close(force=True)

    for change, files in (
        (lambda: old.replace(dist / "a.html"), None),
        ((dist / "b/b.html").unlink, None),
        ((dist / "a.html").touch, ["a.html"]),  # no folder says that there is another one
    ):
        before = now()
        assert await told(before) == []
        change()
        assert await told(before) == files
        await asyncio.sleep(0.05)


async def test_a_reload_has_pages_come_back_and_be_reloaded(served: Served, open_page: OpenPage, dist: Path) -> None:
    server = await served(LIVE, PAGE)
    async with open_page(server) as page:
        after = (await page.message())["time"]
        await server.reload({"cwd": str(dist.parent), "mappings": [LIVE, PAGE, {"status": 404}]})
        async with asyncio.timeout(PATIENCE):
            closed = await page.socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1012)
    async with open_page(server, after) as page:
        assert (await page.message())["files"] is None
        (dist / "a.css").write_text("p {}")
        assert (await page.message())["files"] == ["a.css"]


async def test_a_reload_that_fails_is_told_until_one_succeeds(served: Served, open_page: OpenPage, dist: Path) -> None:
    server = await served(LIVE, PAGE)
    async with open_page(server) as page:
        await page.message()
        with pytest.raises(ValueError, match="nothing") as refused:
            await server.reload({"mappings": [{"nothing": 1}]})
        server.events.emit(Event("reload_failed", server, reason=refused.value))
        message = await page.message()
        assert message["files"] == []
        assert '"nothing"' in message["problem"]
        server.events.emit(Event("reload_failed", server, reason=OSError("no room")))
        assert (await page.message())["problem"] == "OSError: no room"
        after = message["time"]
    async with open_page(server, after) as page:
        assert (await page.message())["problem"] == "OSError: no room"
        await server.configuration.set_mappings([LIVE, PAGE, {"status": 404}])
    async with open_page(server, after) as page:
        message = await page.message()
        assert (message["files"], message["problem"]) == (None, "")


async def test_the_configuration_is_no_part_of_the_site(open_page: OpenPage, tmp_path: Path) -> None:
    """What it changes is told when it is in use."""
    file = tmp_path / "reserve.json"
    file.write_text('{"port": 0, "mappings": [{"live": "."}, {"status": 404}]}')
    server = await serve(str(file))
    try:
        async with open_page(server) as page:
            await page.message()
            file.write_text(file.read_text() + " ")
            for name in ("app.log", "db.sqlite3-journal", "page.html~", ".page.html.swp", "__pycache__", "4913"):
                (tmp_path / name).write_text("")
            (tmp_path / "page.html").write_text("")
            assert (await page.message())["files"] == ["page.html"]
    finally:
        await server.close(force=True)


async def test_what_the_server_prints_reloads_nothing(
    served: Served, open_page: OpenPage, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else `reserve --live > out` would reload its pages for ever."""
    with (dist / "out").open("w") as output:
        monkeypatch.setattr(site_changes, "_OUTPUTS", (output.fileno(),))
        server = await served(LIVE, PAGE)
        async with open_page(server) as page:
            await page.message()
            print("SERVE", file=output, flush=True)
            (dist / "a.html").write_text("a")
            assert (await page.message())["files"] == ["a.html"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"origin": "SELF"}, 101),
        ({"host": "app.localhost:5000", "origin": "http://app.localhost:5000"}, 101),
        ({"host": "site.example", "origin": "http://site.example"}, 101),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "evil.example", "origin": "http://evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example", "origin": "http://127.0.0.1.evil.example"}, 403),
    ],
)
async def test_only_pages_of_this_server_are_let_in(
    served: Served, client: aiohttp.ClientSession, dist: Path, headers: dict[str, str], status: int
) -> None:
    server = await served({**LIVE, "allowed-hosts": ["site.example"]})
    headers = {name: value.replace("SELF", server.url.rstrip("/")) for name, value in headers.items()}
    url = f"{server.url}.reserve/live?after={now()}"
    try:
        async with client.ws_connect(url, headers=headers):
            found = 101
    except aiohttp.WSServerHandshakeError as error:
        found = error.status
    assert found == status


async def test_a_page_at_a_foreign_host_gets_no_script(
    served: Served, client: aiohttp.ClientSession, dist: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = await served(LIVE, PAGE)
    async with client.get(server.url, headers={**NAVIGATION, "host": "evil.example"}) as response:
        assert await response.text() == "<p>page"
    assert "the host 'evil.example' is not one of this server's: add it to \"allowed-hosts\"" in caplog.text


@pytest.mark.parametrize("query", ["", "?after=", "?after=x", "?after=-1", f"?after={'1' * 20}"])
async def test_a_page_says_since_when(served: Served, client: aiohttp.ClientSession, dist: Path, query: str) -> None:
    server = await served(LIVE)
    async with client.get(f"{server.url}.reserve/live{query}") as response:
        assert response.status == 400
    async with client.get(f"{server.url}.reserve/live?after=1") as response:
        assert response.status == 426


async def test_what_the_system_does_not_watch_is_told(
    served: Served, dist: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(folders: object) -> Any:
        raise OSError("OS file watch limit reached")
        yield

    monkeypatch.setattr(site_changes, "folder_changes", fails)
    await served(LIVE)
    assert "Pages are not reloaded when files change: OS file watch limit reached" in caplog.text
