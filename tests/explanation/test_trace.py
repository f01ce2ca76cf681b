"""The trace of a mock's response, and the assertion made of it."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import MemoryResponse, mock
from reserve_core.kit import Trace, Tracer
from reserve_core.testing import StartMock, assert_response_from
from tests.kit.waiting import until

LIST = """{
  "mappings": [
    { "match": "^/old/(.*)", "custom": "./code.py:moved" },
    { "method": "POST", "match": "^/api/", "status": 204 },
    { "match": "^/members", "if-match": "./code.py:is_stranger", "status": 403 },
    { "match": "^/fails", "custom": "./code.py:fails" },
    { "match": "^/refuses", "custom": "./code.py:refuses" },
    { "match": "^/many", "custom": "./code.py:many" },
    { "match": "^/(.*)", "file": "./www/$1" },
    { "match": "^/end", "custom": "./code.py:end" }
  ]
}"""
CODE = """
from reserve_core import HTTPError
def moved(request, response, rest): return f"/{rest}"
def is_stranger(request, url, match): return "ada" not in request.headers.get("authorization", "")
def fails(request, response): raise KeyError("x")
def refuses(request, response): raise HTTPError(409, "taken")
def many(request, response): return request.url + "x"
def end(request, response): return 410
"""

Ask = Callable[..., Awaitable[MemoryResponse]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "reserve.json").write_text(LIST)
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page.txt").write_text("page")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def ask(folder: Path) -> Ask:
    async def request(method: str, url: str, **headers: str) -> MemoryResponse:
        async with await mock("reserve.json") as site:
            return await site.request(method, url, headers)

    return request


def told(response: MemoryResponse) -> list[tuple[Any, ...]]:
    """Line, outcome, reason and status of the steps that weren't passed over for their method or match."""
    assert response.trace is not None
    steps = [step for step in response.trace.steps if step.reason not in ("method", "match")]
    return [(step.line, step.outcome, step.reason, step.status) for step in steps]


async def test_each_mapping_has_its_line_and_its_reason(ask: Ask) -> None:
    response = await ask("GET", "/page.txt")
    assert response.trace is not None
    assert [(step.place, step.reason) for step in response.trace.steps] == [
        ("reserve.json:3", "match"),
        ("reserve.json:4", "method"),
        ("reserve.json:5", "match"),
        ("reserve.json:6", "match"),
        ("reserve.json:7", "match"),
        ("reserve.json:8", "match"),
        ("reserve.json:9", "handler"),
    ]
    assert response.trace.steps[0].text == "the URL doesn't begin with /old/"
    assert response.trace.steps[1].text == "method POST only"
    last = response.trace.steps[-1]
    assert (last.outcome, last.status, last.value, last.prefix) == ("responds", 200, "./www/page.txt", "file")
    assert last.time_spent is not None
    assert last.time_spent > 0
    assert response.trace.status == 200


async def test_redirects_begin_at_the_first_mapping_again(ask: Ask) -> None:
    response = await ask("GET", "/old/old/page.txt")
    assert response.trace is not None
    ways = [(step.url, step.line) for step in response.trace.steps if step.outcome in ("redirects", "responds")]
    assert ways == [("/old/old/page.txt", 3), ("/old/page.txt", 3), ("/page.txt", 9)]
    assert [step.redirect for step in response.trace.steps if step.redirect] == ["/old/page.txt", "/page.txt"]


@pytest.mark.parametrize(
    ("method", "url", "headers", "expected"),
    [
        ("GET", "/members", {}, [(5, "responds", "handler", 403)]),
        (
            "GET",
            "/members",
            {"authorization": "ada"},
            [(5, "passed-over", "if-match", None), (9, "passes", "handler", None)],
        ),
        ("GET", "/end", {}, [(9, "passes", "handler", None), (10, "responds", "handler", 410)]),
        ("GET", "/refuses", {}, [(7, "responds", "handler", 409)]),
        ("GET", "/fails", {}, [(6, "responds", "handler", 500)]),
        ("GET", "/nothing", {}, [(9, "passes", "handler", None)]),
        ("DELETE", "/nothing", {}, []),
    ],
)
async def test_what_becomes_of_a_request(
    ask: Ask, method: str, url: str, headers: dict[str, str], expected: list[tuple[Any, ...]]
) -> None:
    assert told(await ask(method, url, **headers)) == expected


async def test_a_circle_of_redirects_ends(ask: Ask) -> None:
    response = await ask("GET", "/many")
    assert response.status == 508
    steps = told(response)
    assert steps == [(8, "redirects", "handler", None)] * 11  # ten are allowed


async def test_its_text_shows_in_a_failing_assertion(ask: Ask) -> None:
    text = repr(await ask("GET", "/end"))
    assert text.startswith(
        "<MemoryResponse 410\nreserve.json:3  custom  passed over: the URL doesn't begin with /old/\n"
    )
    assert "\nreserve.json:9  file ./www/end  passes: left it to the next mapping (" in text
    assert "\nreserve.json:10  custom ./code.py:end  responds: returned 410 (" in text


async def test_a_trace_that_is_kept_keeps_nothing_open() -> None:
    async with await mock({"mappings": [{"limit": "1/h"}, {"status": 204}]}) as site:
        response = await site.request("GET", "/")
        opened = weakref.ref(site.configuration.mappings[0].state.counters)
        await site.configuration.set_mappings([{"status": 404}])
        await until(lambda: opened() is None)
    assert response.trace is not None
    assert [step.prefix for step in response.trace.steps] == ["limit", "status"]


class TestAssertion:
    def test_a_response_comes_from_a_mapping(self, folder: Path, reserve_mock: StartMock) -> None:
        site = reserve_mock("reserve.json")
        assert_response_from(site.request("GET", "/page.txt"), "file")
        assert_response_from(site.request("GET", "/page.txt"), "file", file="reserve.json", line=9)

    @pytest.mark.parametrize(
        ("prefix", "place", "message"),
        [
            ("status", {}, "The response is from file (reserve.json:9), not from status: <MemoryResponse 200"),
            (
                "file",
                {"line": 8},
                "The response is from file (reserve.json:9), not from file, line 8: <MemoryResponse 200",
            ),
            ("file", {"file": "x.json"}, "The response is from file (reserve.json:9), not from file of x.json: <Memo"),
        ],
    )
    def test_another_one_fails_with_the_trace(
        self, folder: Path, reserve_mock: StartMock, prefix: str, place: dict[str, Any], message: str
    ) -> None:
        response = reserve_mock("reserve.json").request("GET", "/page.txt")
        with pytest.raises(AssertionError) as failure:
            assert_response_from(response, prefix, **place)
        assert str(failure.value).startswith(message)
        assert "passed over: method POST only" in str(failure.value)

    def test_none_has_responded(self, folder: Path, reserve_mock: StartMock) -> None:
        with pytest.raises(AssertionError, match=r"^No mapping has responded, file was expected: <MemoryResponse 501"):
            assert_response_from(reserve_mock("reserve.json").request("PUT", "/nothing"), "file")


@pytest.mark.parametrize(
    ("method", "url"), [("GET", "/old/page.txt"), ("DELETE", "/nothing"), ("GET", "/many"), ("GET", "/fails")]
)
async def test_a_trace_stays_the_same_without_its_request(ask: Ask, method: str, url: str) -> None:
    trace = (await ask(method, url)).trace
    assert trace is not None
    steps = trace.steps
    trace.detach()
    assert trace.steps == steps
    assert [event.request for _, event in trace._applied] == [None] * len(trace._applied)


async def test_all_requests_are_traced_from_the_first_mapping_on(folder: Path) -> None:
    async with await mock("reserve.json") as site:
        tracer = Tracer(site.server, all_requests=True)
        traces: list[Trace | None] = []
        # Mocks trace by themselves: this one is told of the request by its event.
        site.server.on("redirecting", lambda event: traces.append(tracer.of(event.request)))  # type: ignore[arg-type]
        await site.request("GET", "/old/page.txt")
        await site.request("DELETE", "/nothing")
        tracer.close()
        await site.request("GET", "/page.txt")
    first, again, *others = traces
    assert first is again
    assert first is not None
    assert [step.line for step in first.steps if step.outcome != "passed-over"] == [3, 9]
    assert first.complete
    assert (len(others), others[-1]) == (2, None)
