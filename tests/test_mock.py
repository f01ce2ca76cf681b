"""The mock answers as the server would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, HTTPError, Request, Response, hookimpl, mock


async def echo(request: Request, response: Response) -> None:
    response.send({"method": request.method, "url": request.url, "body": await request.text()})


async def test_answers_by_the_mappings(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("a page")
    async with await mock(
        {
            "cwd": str(tmp_path),
            "mappings": [
                {"match": "^/echo", "custom": echo},
                {"match": "^/(.*)", "file": "./$1"},
                {"status": 404},
            ],
        }
    ) as mocked:
        answer = await mocked.request("post", "/echo?a=%20b", {"X-Test": "1"}, "hello")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"method": "POST", "url": "/echo?a= b", "body": "hello"}
        page = await mocked.request("GET", "/page.txt")
        assert (page.status, page.text) == (200, "a page")
        head = await mocked.request("HEAD", "/page.txt")
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "6")
        missing = await mocked.request("GET", "/missing")
        assert (missing.status, missing.text) == (404, "Not found")


async def test_a_json_body_has_its_content_type() -> None:
    async def handler(request: Request, response: Response) -> None:
        response.send([request.headers["content-type"], await request.json()])

    async with await mock({"mappings": [{"custom": handler}]}) as mocked:
        assert (await mocked.request("PUT", "/", body={"a": 1})).json() == ["application/json", {"a": 1}]


async def test_handlers_can_be_replaced(tmp_path: Path) -> None:
    class Files:
        @hookimpl
        def schema(self) -> dict[str, Any]:
            return {"type": "object", "properties": {"file": {"type": "string"}}}

        @hookimpl
        async def redirect(self, response: Response, redirect: str) -> None:
            response.send(f"mocked {redirect}")

    async with await mock({"mappings": [{"match": "^/(.*)", "file": "./$1"}]}, {"file": Files()}) as mocked:
        assert (await mocked.request("GET", "/a.txt")).text == "mocked ./a.txt"


async def test_a_failing_handler_is_a_500() -> None:
    def handler(request: Request, response: Response) -> None:
        raise RuntimeError("broken")

    async with await mock({"mappings": [{"custom": handler}]}) as mocked:
        answer = await mocked.request("GET", "/")
        assert (answer.status, answer.text) == (500, "Internal Server Error")


async def test_an_answer_that_fails_half_way_is_aborted() -> None:
    async def handler(request: Request, response: Response) -> None:
        await response.write("half")
        raise RuntimeError("broken")

    async with await mock({"mappings": [{"custom": handler}]}) as mocked:
        answer = await mocked.request("GET", "/")
        assert answer.aborted
        assert answer.text == "half"


async def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="mappings"):
        await mock({"mappings": 3})
    async with await mock({"mappings": [{"status": 404}]}) as mocked:
        with pytest.raises(HTTPError):
            await mocked.request("GET", "no-slash")


async def test_that_nothing_answers_is_no_error_and_the_end_is_told_once() -> None:
    """Unlike REserve, where 501 and 508 are errors and each request is closed: see docs/from-reserve.md."""
    events: list[tuple[str, int]] = []
    mappings = [{"match": "^/loop", "custom": lambda request, response: "/loop"}, {"match": "^/(x)", "status": 200}]
    async with await mock({"mappings": mappings}) as mocked:
        mocked.server.on("*", lambda event: events.append((event.name, event.status)))
        assert [(await mocked.request("GET", url)).status for url in ("/none", "/loop", "/x")] == [501, 508, 200]
    told = [event for event in events if event[0] in ("redirected", "error", "aborted", "closed")]
    assert told == [("redirected", 501), ("redirected", 508), ("redirected", 200), ("closed", 0)]
