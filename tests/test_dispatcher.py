"""The dispatcher: which mappings a request goes through, and what becomes of all that a handler can return or raise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from reserve_core import (
    Disconnected,
    Event,
    Headers,
    HTTPError,
    MemoryResponse,
    Mock,
    Request,
    Response,
    ResponseError,
    mock,
)

# A handler that returns what it mustn't.
ODD = """
from reserve_core import hookimpl

@hookimpl
def schema():
    return {{"properties": {{"odd": {{}}}}}}

@hookimpl
async def redirect(request):
    return {result}
"""

Start = Callable[..., Awaitable[Mock]]


@pytest.fixture
async def site() -> AsyncIterator[Start]:
    """`await site(mapping, ..., max_redirect=2)`: these mappings, a function standing for a custom handler."""
    async with AsyncExitStack() as stack:

        async def start(*mappings: Any, **settings: Any) -> Mock:
            configuration = {
                "mappings": [each if isinstance(each, dict) else {"custom": each} for each in mappings],
                **{name.replace("_", "-"): value for name, value in settings.items()},
            }
            return await stack.enter_async_context(await mock(configuration))

        yield start


def events(site: Mock, *names: str) -> list[Event]:
    """Those of these names from now on, all without any."""
    found: list[Event] = []
    for name in names or ("*",):
        site.server.on(name, found.append)
    return found


# The way through the mappings.


async def test_mappings_are_tried_in_order_until_one_answers(site: Start) -> None:
    seen: list[str] = []

    def passes(request: Request, response: Response) -> None:
        seen.append("passes")

    def answers(request: Request, response: Response) -> None:
        seen.append("answers")
        response.send("here")

    mocked = await site(passes, {"match": "^/other", "custom": answers}, passes, answers, passes)
    assert (await mocked.request("GET", "/")).text == "here"
    assert seen == ["passes", "passes", "answers"]


async def test_no_answer_is_501(site: Start) -> None:
    mocked = await site({"match": "/nowhere", "status": 200}, lambda request, response: None)
    assert (await mocked.request("GET", "/")).status == 501


async def test_a_method_that_a_mapping_does_not_serve_passes_it_over(site: Start) -> None:
    mocked = await site({"method": "GET,POST", "status": 200}, {"status": 405})
    assert [(await mocked.request(method, "/")).status for method in ("GET", "POST", "PUT")] == [200, 200, 405]


async def test_an_inverted_match_applies_to_all_others(site: Start) -> None:
    mocked = await site({"match": "^/public/", "invert-match": True, "method": "GET", "status": 403}, {"status": 200})
    asked = [("GET", "/public/a"), ("GET", "/private"), ("POST", "/private"), ("POST", "/public/a")]
    # The method is part of the condition that is inverted.
    assert [(await mocked.request(*each)).status for each in asked] == [200, 403, 403, 403]


# The host.


async def answered(mocked: Mock, *hosts: str) -> list[int]:
    """The statuses for these hosts, "" for a request without one."""
    asked = [{"host": host, "x-forwarded-host": "a.example"} for host in hosts]
    return [(await mocked.request("GET", "/x", headers)).status for headers in asked]


async def test_a_mapping_applies_on_its_hosts(site: Start) -> None:
    mocked = await site(
        {"host": "a.example", "status": 201},
        {"host": ["*.a.example", "b.example"], "match": "^/x", "status": 202},
        {"host": "b.example", "status": 203},
        {"host": {"re": "^[0-9.]+$"}, "status": 204},
        {"host": "Bücher.example", "status": 205},
        {"host": "[::1]", "status": 206},
        {"status": 404},
    )
    assert await answered(mocked, "a.example", "A.example.:80", "x.a.example", "b.example") == [201, 201, 202, 202]
    assert await answered(mocked, "127.0.0.1:5000", "xn--bcher-kva.example", "[::1]:80") == [204, 205, 206]
    # Neither what a proxy says nor no host at all is one.
    assert await answered(mocked, "c.example", "ya.example", "") == [404, 404, 404]
    assert (await mocked.request("GET", "/y", {"host": "b.example"})).status == 203


async def test_an_inverted_mapping_applies_where_not_all_hold(site: Start) -> None:
    mocked = await site({"host": "a.example", "match": "^/x", "invert-match": True, "status": 421}, {"status": 200})
    assert await answered(mocked, "a.example", "b.example", "") == [200, 421, 421]
    assert (await mocked.request("GET", "/y", {"host": "a.example"})).status == 421


async def test_the_groups_of_a_host_are_not_interpolated(site: Start) -> None:
    mocked = await site({"host": {"re": "^(.+)[.]example$"}, "match": "^/(.*)", "custom": lambda *groups: [groups[2:]]})
    assert (await mocked.request("GET", "/x", {"host": "a.example"})).json() == ["x"]


async def test_a_request_that_goes_on_keeps_its_host(site: Start) -> None:
    mocked = await site({"match": "^/x", "custom": lambda *_: "/y"}, {"host": "a.example", "status": 200})
    assert await answered(mocked, "a.example", "b.example") == [200, 501]


async def test_a_request_of_a_handler_has_the_host_that_it_is_given(site: Start) -> None:
    async def asks(request: Request, response: Response) -> None:
        headers = {"host": request.query["as"]} if "as" in request.query else {}
        await mocked.configuration.dispatch(Request("GET", "/inner", headers), response)

    mocked = await site({"match": "/x", "custom": asks}, {"host": "a.example", "status": 200}, {"status": 404})
    assert [(await mocked.request("GET", url)).status for url in ("/x", "/x?as=a.example")] == [404, 200]


async def test_an_inverted_mapping_has_the_methods_of_its_handler(site: Start) -> None:
    mocked = await site({"match": "^/public/", "invert-match": True, "file": "./missing"}, {"custom": lambda *_: 405})
    reached = events(mocked, "redirecting")
    for method in ("GET", "POST"):
        await mocked.request(method, "/private")
    assert [event.type for event in reached if event.type != "status"] == ["file", "custom", "custom"]


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
async def test_a_condition_is_asked_last(site: Start, is_async: bool) -> None:
    asked: list[str] = []

    def plain(request: Request, url: str, match: Any) -> bool:
        asked.append(f"{url} {match[1]}")
        return request.headers.get("x") == "1"

    async def waits(request: Request, url: str, match: Any) -> bool:
        await asyncio.sleep(0)
        return plain(request, url, match)

    condition = waits if is_async else plain
    mocked = await site({"match": "^/a/(.)", "method": "GET", "if-match": condition, "status": 200}, {"status": 404})
    assert (await mocked.request("GET", "/a/b", {"x": "1"})).status == 200
    assert (await mocked.request("GET", "/a/c")).status == 404
    assert (await mocked.request("POST", "/a/d")).status == 404
    assert (await mocked.request("GET", "/b")).status == 404
    assert asked == ["/a/b b", "/a/c c"]


# What a handler returns.


async def test_a_url_is_answered_from_the_first_mapping_on(site: Start) -> None:
    seen: list[tuple[str, str]] = []

    def note(request: Request, response: Response) -> None:
        seen.append((request.url, request.raw_target))

    mocked = await site(
        note, {"match": "^/old/(.*)", "custom": lambda *_: "/new/x?y=1"}, {"match": "^/new/", "status": 200}
    )
    assert (await mocked.request("GET", "/old/%41")).status == 200
    assert seen == [("/old/A", "/old/%41"), ("/new/x?y=1", "/old/%41")]


@pytest.mark.parametrize("most", [0, 1, 3])
async def test_a_circle_is_508(site: Start, most: int) -> None:
    urls: list[str] = []

    def around(request: Request, response: Response) -> str:
        urls.append(request.url)
        return f"{request.url}a"

    mocked = await site(around, max_redirect=most)
    assert (await mocked.request("GET", "/")).status == 508
    assert urls == [f"/{'a' * count}" for count in range(most + 1)]


async def test_as_many_redirects_as_allowed_are_none_too_many(site: Start) -> None:
    mocked = await site(
        {"match": "^/2$", "custom": lambda *_: "/1"}, {"match": "^/1$", "custom": lambda *_: "/0"}, {"status": 200},
        max_redirect=2,
    )  # fmt: skip
    assert (await mocked.request("GET", "/2")).status == 200


async def test_a_status_has_the_page_that_all_have(site: Start) -> None:
    mocked = await site({"match": "/handler", "custom": lambda *_: 404}, {"status": 404})
    one, other = await mocked.request("GET", "/handler"), await mocked.request("GET", "/")
    assert (one.status, one.text) == (other.status, other.text) == (404, "Not found")


@pytest.mark.parametrize("result", ["True", "1.5", "b'/bytes'", "object()"])
async def test_nothing_else_is_a_redirect(site: Start, tmp_path: Path, result: str) -> None:
    (tmp_path / "odd.py").write_text(ODD.format(result=result))
    mocked = await site({"odd": 1}, handlers={"odd": str(tmp_path / "odd.py")})
    told = events(mocked, "error")
    assert (await mocked.request("GET", "/")).status == 500
    (event,) = told
    assert "a redirect is a URL (str), a status (int) or None" in str(event.reason)


# What a handler raises.


async def test_an_http_error_is_an_answer(site: Start) -> None:
    def refuses(request: Request, response: Response) -> None:
        response.headers["content-type"] = "image/png"
        response.headers["etag"] = '"1"'
        response.headers["content-security-policy"] = "default-src 'none'"
        raise HTTPError(401, "Who are you?", {"www-authenticate": "Basic"})

    mocked = await site(refuses)
    told = events(mocked, "error", "aborted")
    answer = await mocked.request("GET", "/")
    assert (answer.status, answer.text) == (401, "Who are you?")
    assert answer.headers["www-authenticate"] == "Basic"
    # What described the content that isn't given is gone; what protects it stays.
    assert answer.headers["content-type"].startswith("text/plain")
    assert "etag" not in answer.headers
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert told == []


@pytest.mark.parametrize("error", [HTTPError(409, "too late"), LookupError("too late")])
async def test_an_error_within_an_answer_cuts_it(site: Start, error: Exception) -> None:
    async def breaks(request: Request, response: Response) -> None:
        await response.write("begun")
        raise error

    mocked = await site(breaks)
    answer = await mocked.request("GET", "/")
    assert (answer.status, answer.text, answer.aborted) == (200, "begun", True)


@pytest.mark.parametrize("error", [HTTPError(409, "too late"), LookupError("too late")])
async def test_an_error_after_an_answer_leaves_it_as_it_is(site: Start, error: Exception) -> None:
    def answers(request: Request, response: Response) -> None:
        response.send("whole")
        raise error

    mocked = await site(answers)
    answer = await mocked.request("GET", "/")
    assert (answer.status, answer.text, answer.aborted) == (200, "whole", False)


async def test_any_other_error_is_500_and_told(site: Start) -> None:
    def fails(request: Request, response: Response) -> None:
        response.headers["content-length"] = "1000"
        raise LookupError("nothing here")

    mocked = await site(fails)
    told = events(mocked, "error")
    answer = await mocked.request("GET", "/a")
    assert answer.status == 500
    assert "nothing here" not in answer.text
    assert answer.headers["content-length"] == str(len(answer.body))
    assert [(event.url, repr(event.reason)) for event in told] == [("/a", "LookupError('nothing here')")]


async def test_a_500_that_cannot_be_sent_is_a_bare_one(site: Start) -> None:
    def fails(request: Request, response: Response) -> None:
        response.headers["x"] = "1"
        send = response.writer.send

        def refuse(status: int, headers: Headers, body: bytes) -> None:
            if "x" in headers:
                raise ResponseError("x breaks the head")
            send(status, headers, body)

        response.writer.send = refuse  # type: ignore[method-assign]
        raise LookupError

    answer = await (await site(fails)).request("GET", "/")
    assert (answer.status, answer.body, answer.aborted) == (500, b"", False)
    assert "x" not in answer.headers


async def test_a_client_that_has_gone_is_no_error(site: Start) -> None:
    def notices(request: Request, response: Response) -> None:
        raise Disconnected("gone")

    mocked = await site(notices)
    told = events(mocked, "error", "aborted", "redirected")
    answer = await mocked.request("GET", "/a")
    assert answer.aborted
    assert [(event.name, event.url) for event in told] == [("aborted", "/a")]
    assert told[0].request is not None
    assert told[0].request.aborted


async def test_a_request_that_is_cancelled_is_aborted(site: Start) -> None:
    reached = asyncio.Event()

    async def waits(request: Request, response: Response) -> None:
        reached.set()
        await asyncio.Event().wait()

    mocked = await site(waits)
    told = events(mocked, "error", "aborted")
    asking = asyncio.create_task(mocked.request("GET", "/"))
    await reached.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [event.name for event in told] == ["aborted"]


async def test_a_handler_that_waits_for_what_is_cancelled_has_failed(site: Start) -> None:
    async def waits(request: Request, response: Response) -> None:
        other = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(other.cancel)
        await other

    mocked = await site(waits)
    told = events(mocked, "error", "aborted")
    assert (await mocked.request("GET", "/")).status == 500
    assert [(event.name, type(event.reason)) for event in told] == [("error", asyncio.CancelledError)]


# What is told.


async def test_the_events_of_a_request_come_in_their_order(site: Start) -> None:
    mocked = await site({"match": "^/old", "custom": lambda *_: "/new"}, {"match": "^/new", "status": 201})
    told = events(mocked, "incoming", "redirecting", "redirected")
    await mocked.request("GET", "/old")
    assert [(event.name, event.url, event.type, event.redirect, event.status) for event in told] == [
        ("incoming", "/old", "", None, 0),
        ("redirecting", "/old", "custom", mocked.configuration.mappings[0].value, 0),
        ("redirecting", "/new", "status", 201, 201),  # once its handler has returned
        ("redirected", "/old", "", None, 201),
    ]
    assert len({event.id for event in told}) == 1
    last = told[-1]
    assert last.end == pytest.approx(last.start + last.time_spent / 1000)


async def test_a_status_that_is_returned_is_told_as_a_redirect(site: Start) -> None:
    mocked = await site(lambda *_: 404)
    told = events(mocked, "redirecting")
    await mocked.request("GET", "/")
    assert [(event.type, event.redirect) for event in told][1:] == [("status", 404)]


# Requests that handlers make.


async def test_a_request_of_a_handler_is_internal(site: Start) -> None:
    seen: list[tuple[str, bool]] = []

    async def asks(request: Request, response: Response) -> None:
        seen.append((request.url, request.internal))
        if not request.internal:
            inner = Request("GET", "/inner", {}, b"")
            await mocked.configuration.dispatch(inner, response)

    mocked = await site(asks, {"match": "/inner", "status": 202})
    assert (await mocked.request("GET", "/outer")).status == 202
    assert seen == [("/outer", False), ("/inner", True)]


async def test_the_mappings_behind_one_answer_for_it(site: Start) -> None:
    seen: list[str] = []

    async def around(request: Request, response: Response) -> None:
        seen.append(request.url)
        response.headers["x-around"] = "1"
        await mocked.configuration.dispatch_rest(request, response)

    def refuses(request: Request, response: Response) -> None:
        raise HTTPError(403, "not you")

    mocked = await site(
        lambda *_: seen.append("before"),
        around,
        {"match": "^/refused", "custom": refuses},
        {"match": "^/again", "custom": lambda *_: "/there"},
        {"match": "^/there", "status": 203},
    )
    answer = await mocked.request("GET", "/there")
    assert (answer.status, answer.headers["x-around"]) == (203, "1")
    assert seen == ["before", "/there"]
    assert (await mocked.request("GET", "/refused")).status == 403
    assert (await mocked.request("GET", "/nowhere")).status == 501


async def test_what_the_mappings_behind_one_answer_comes_back_in_memory(site: Start) -> None:
    async def around(request: Request, response: Response) -> None:
        behind = await request.configuration.dispatch_rest(request)
        response.send([behind.status, behind.headers["x-inner"], behind.text], 200)

    mocked = await site(around, lambda *_: [b"inner", {"status": 201, "headers": {"x-inner": "1"}}])
    answer = await mocked.request("GET", "/")
    assert (answer.json(), "x-inner" in answer.headers) == ([201, "1", "inner"], False)


async def test_half_of_what_the_mappings_behind_one_answer_is_never_given_as_all(site: Start) -> None:
    async def around(request: Request, response: Response) -> None:
        response.send((await request.configuration.dispatch_rest(request)).body)

    async def cut(request: Request, response: Response) -> None:
        await response.write("half")
        response.abort()

    mocked = await site(around, cut)
    aborted = events(mocked, "aborted")
    answer = await mocked.request("GET", "/")
    assert (answer.body, answer.aborted) == (b"", True)
    assert [event.reason for event in aborted] == ["cut by a later mapping"]


async def test_only_a_handler_has_mappings_behind_it(site: Start) -> None:
    mocked = await site(lambda *_: 200)
    with pytest.raises(RuntimeError, match="only a handler"):
        await mocked.configuration.dispatch_rest(Request("GET", "/", {}, b""), MemoryResponse("GET").response)
