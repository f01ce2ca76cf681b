"""What the page for those who come from REserve says that is otherwise in code, where no other test shows it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, Event, Request, Response, capture, check, mock, read, serve
from tests.kit.waiting import until

Function = Callable[..., Any]


def listener(told: list[tuple[str, str, int]]) -> Function:
    def listen(server: Any) -> None:
        server.on("*", lambda event: told.append((event.name, event.incoming_url, event.status)))

    return listen


async def test_a_request_that_nobody_answers_is_told_as_any_response() -> None:
    told: list[tuple[str, str, int]] = []
    loop = {"match": "/loop", "custom": lambda request, response: "/loop"}
    async with await mock({"listeners": [listener(told)], "max-redirect": 2, "mappings": [loop]}) as site:
        for url, status in (("/none", 501), ("/loop", 508)):
            told.clear()
            assert (await site.request("GET", url)).status == status
            assert told[-1] == ("redirected", url, status)
            assert "error" not in {name for name, _, _ in told}


async def test_a_server_closes_once_whatever_it_has_answered() -> None:
    told: list[tuple[str, str, int]] = []
    async with await mock({"listeners": [listener(told)], "mappings": [{"status": 404}]}) as site:
        await site.request("GET", "/a")
        await site.request("GET", "/b")
        assert [name for name, _, _ in told if name == "closed"] == []
    assert told.count(("closed", "", 0)) == 1


async def test_a_status_is_no_redirect_that_counts() -> None:
    twice = {"match": "^/(a+)b", "custom": lambda request, response, rest: f"/{rest[1:]}b" if rest[1:] else 418}
    async with await mock({"max-redirect": 2, "mappings": [twice]}) as site:
        assert (await site.request("GET", "/aaab")).status == 418
        assert (await site.request("GET", "/aaaab")).status == 508


async def test_a_condition_gets_the_url_between_request_and_match() -> None:
    got: list[tuple[str, str]] = []

    def condition(request: Request, url: str, match: Any) -> bool:
        got.append((url, match[1]))
        return True

    async with await mock({"mappings": [{"match": "^/(.*)", "if-match": condition, "status": 404}]}) as site:
        await site.request("GET", "/page?a=1")
    assert got == [("/page?a=1", "page?a=1")]


async def test_nothing_follows_aborted() -> None:
    told: list[tuple[str, str, int]] = []
    ended: list[str] = []

    async def slow(request: Request, response: Response) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return 204

    configuration = {"port": 0, "listeners": [listener(told)], "mappings": [{"custom": slow}]}
    async with await serve(configuration) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n")
        await until(lambda: ("redirecting", "/slow", 0) in told)
        writer.close()
        await until(lambda: ("aborted", "/slow", 0) in told)
        assert ended == ["cancelled"]
    assert [name for name, _, _ in told][-2:] == ["aborted", "closed"]


async def test_a_listener_that_raises_keeps_no_other_from_its_event(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def fails(event: Event) -> None:
        raise ValueError("not today")

    async with await mock({"mappings": [{"status": 404}]}) as site:
        site.server.on("redirected", fails)
        site.server.on("redirected", lambda event: told.append(event.url))
        await site.request("GET", "/page")
    assert told == ["/page"]
    assert "failed on the event redirected" in caplog.text


async def test_a_start_that_fails_is_raised() -> None:
    with pytest.raises(ConfigError, match='Did you mean "status"'):
        await serve({"mappings": [{"statu": 404}]})
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await serve({"port": taken.getsockname()[1], "mappings": [{"status": 404}]})


async def test_a_response_of_every_status_is_captured() -> None:
    copy = BytesIO()
    captured: list[Awaitable[Any]] = []

    def copied(request: Request, response: Response) -> None:
        captured.append(capture(response, copy))

    async with await mock({"mappings": [{"custom": copied}, {"status": 404}]}) as site:
        await site.request("GET", "/")
        assert (await captured[0]).status == 404
    assert copy.getvalue() == b"Not found"


async def test_a_relative_folder_is_relative_to_the_file_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "pages" / "deep").mkdir(parents=True)
    (tmp_path / "site" / "pages" / "page.txt").write_text("page")
    (tmp_path / "site" / "pages" / "deep" / "page.txt").write_text("deep page")
    mappings = [{"match": "^/own/(.*)", "cwd": "./deep", "file": "$1"}, {"match": "^/(.*)", "file": "$1"}]
    file = tmp_path / "site" / "reserve.json"
    file.write_text(json.dumps({"cwd": "./pages", "mappings": mappings}))
    monkeypatch.chdir(tmp_path)
    async with await mock(read("site/reserve.json")) as site:
        assert (await site.request("GET", "/page.txt")).text == "page"
        assert (await site.request("GET", "/own/page.txt")).text == "deep page"


async def test_handlers_are_merged_with_those_of_an_extended_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            "from reserve_core import hookimpl\n\n\n@hookimpl\ndef schema():\n"
            f'    return {{"properties": {{"{name}": {{"type": "string"}}}}}}\n\n\n'
            f'@hookimpl\nasync def redirect(response):\n    response.send("{name}")\n'
        )
    base = {"handlers": {"one": "./one.py"}, "mappings": [{"match": "/one", "one": ""}]}
    own = {"extend": "./base.json", "handlers": {"two": "./two.py"}, "mappings": [{"match": "/two", "two": ""}]}
    (tmp_path / "base.json").write_text(json.dumps(base))
    (tmp_path / "own.json").write_text(json.dumps(own))
    async with await mock(read(tmp_path / "own.json")) as site:
        assert [(await site.request("GET", url)).text for url in ("/one", "/two")] == ["one", "two"]


async def test_a_handler_of_a_builtin_one_s_name_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "files.py").write_text(
        "from reserve_core import hookimpl\n\n\n@hookimpl\ndef schema():\n"
        '    return {"properties": {"file": {"type": "string"}}}\n\n\n'
        '@hookimpl\nasync def redirect(response, redirect):\n    response.send(f"own {redirect}")\n'
    )
    configuration = {"handlers": {"file": str(tmp_path / "files.py")}, "mappings": [{"file": "x"}]}
    async with await mock(configuration) as site:
        assert (await site.request("GET", "/")).text == "own x"


async def test_what_send_takes_is_not_all_that_an_array_may_say() -> None:
    with pytest.raises(ConfigError, match="'noBody': there are 'status' and 'headers'"):
        await check({"mappings": [{"custom": ["x", {"noBody": True}]}]})
