"""The prefix `custom`: what it calls and how, and what a function may return."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from reserve_core import check, load_plugins
from reserve_core.errors import ConfigError, HTTPError
from reserve_core.events import Event
from reserve_core.http import Request, Response
from reserve_core.mock import Mock

Mocked = Callable[..., Awaitable[Mock]]


async def ask(mocked: Mocked, custom: object, url: str = "/", match: str = "(.*)", **properties: Any) -> Any:
    """The response of a `custom` mapping."""
    return await (await mocked({"match": match, "custom": custom, **properties})).request("GET", url)


async def failure(mocked: Mocked, custom: object) -> Exception:
    """What a function's failure was, beside the 500 it is answered with."""
    site = await mocked({"custom": custom})
    events: list[Event] = []
    site.server.on("error", events.append)
    assert (await site.request("GET", "/")).status == 500
    (event,) = events
    assert isinstance(event.reason, Exception)
    return event.reason


# What a function may return.


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        (["hello"], 200, "text/plain; charset=utf-8", b"hello"),
        (("hello",), 200, "text/plain; charset=utf-8", b"hello"),
        (["hello", {}], 200, "text/plain; charset=utf-8", b"hello"),
        (["hello", {"status": 201}], 201, "text/plain; charset=utf-8", b"hello"),
        (["<p>", {"headers": {"Content-Type": "text/html"}}], 200, "text/html; charset=utf-8", b"<p>"),
        (("no", {"status": HTTPStatus.NOT_FOUND}), 404, "text/plain; charset=utf-8", b"no"),
        ([{"a": 1}], 200, "application/json", b'{"a":1}'),
        ([[1, 2]], 200, "application/json", b"[1,2]"),
        ([42], 200, "application/json", b"42"),
        ([b"\xff"], 200, None, b"\xff"),
        ([""], 200, "text/plain; charset=utf-8", b""),
        ([None, {"status": 202}], 202, None, b""),
        ([], 200, None, b""),
        (404, 404, "text/plain; charset=utf-8", b"Not found"),
        (HTTPStatus.FORBIDDEN, 403, "text/plain; charset=utf-8", b"Forbidden"),
        (None, 404, "text/plain; charset=utf-8", b"Not found"),  # the next mapping
    ],
)
async def test_results(mocked: Mocked, result: object, status: int, content_type: str | None, body: bytes) -> None:
    async def later(request: Request, response: Response) -> object:
        return result

    for function in (lambda request, response: result, later):
        received = await ask(mocked, function)
        assert (received.status, received.headers.get("content-type"), received.body) == (status, content_type, body)


async def test_a_text_is_an_internal_redirect(mocked: Mocked) -> None:
    site = await mocked(
        {"match": "^/from$", "custom": lambda request, response: "/to"},
        {"match": "^/to$", "custom": lambda request, response: [request.url]},
    )
    assert (await site.request("GET", "/from")).text == "/to"


async def test_the_response_can_be_used_itself(mocked: Mocked) -> None:
    async def stream(request: Request, response: Response) -> None:
        await response.write("a")
        await response.end("b")

    assert (await ask(mocked, stream)).text == "ab"
    assert (await ask(mocked, lambda request, response: response.send("c", 203))).status == 203


async def test_what_a_function_sets_stays_for_the_next_mappings(mocked: Mocked) -> None:
    def prepare(request: Request, response: Response) -> None:
        response.headers["x-a"] = "1"
        response.status = 203
        request.state["name"] = "world"

    site = await mocked({"custom": prepare}, {"custom": lambda request, response: [f"hello {request.state['name']}"]})
    received = await site.request("GET", "/")
    assert (received.status, received.headers["x-a"], received.text) == (203, "1", "hello world")


async def test_headers_by_pairs(mocked: Mocked) -> None:
    received = await ask(mocked, lambda request, response: ["x", {"headers": [("x-a", "1"), ("x-a", "2")]}])
    assert received.headers.getall("x-a") == ["1", "2"]


async def test_an_async_iterator_is_streamed(mocked: Mocked) -> None:
    async def chunks() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    received = await ask(mocked, lambda request, response: [chunks(), {"status": 201}])
    assert (received.status, received.text) == (201, "ab")
    assert "content-length" not in received.headers


async def test_any_awaitable_is_awaited(mocked: Mocked) -> None:
    class Later:
        def __await__(self) -> Any:
            yield from ()
            return ["later"]

    assert (await ask(mocked, lambda request, response: Later())).text == "later"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (True, "returned True: a handler returns None, a URL"),
        (1.5, "returned 1.5: a handler returns"),
        ({"a": 1}, "returned {'a': 1}: a handler returns"),
        (b"bytes", "returned b'bytes': a handler returns"),
        (["a", 200], "answered with ['a', 200]: a list is [body] or [body, options]"),
        (["a", {}, {}], "answered with ['a', {}, {}]: a list is"),
        (["a", {"code": 200}], "answered with the option 'code': there are 'status' and 'headers'"),
        (["a", {"status": "200"}], "answered with the status '200': it is an int"),
        (["a", {"status": True}], "answered with the status True: it is an int"),
        (["a", {"status": 99}], "answered with the status 99: it is an int from 200"),
        (["a", {"headers": "x"}], "answered with the headers 'x': they are a dict"),
    ],
)
async def test_wrong_results_name_the_function(mocked: Mocked, result: object, message: str) -> None:
    def wrong(request: Request, response: Response) -> object:
        return result

    error = await failure(mocked, wrong)
    assert isinstance(error, TypeError)
    assert "wrong " in str(error)
    assert message in str(error)


async def test_a_failure_is_the_functions_own(mocked: Mocked) -> None:
    def broken(request: Request, response: Response) -> None:
        raise KeyError("boom")

    assert repr(await failure(mocked, broken)) == "KeyError('boom')"


async def test_an_http_error_is_a_response(mocked: Mocked) -> None:
    def refuse(request: Request, response: Response) -> None:
        raise HTTPError(418, "I'm a teapot")

    received = await ask(mocked, refuse)
    assert (received.status, received.text) == (418, "I'm a teapot")


# The groups a function gets.


def plain(request: Request, response: Response) -> list[Any]:
    return [[]]


def one(request: Request, response: Response, first: str) -> list[Any]:
    return [[first]]


def three(request: Request, response: Response, first: str, second: str, third: str) -> list[Any]:
    return [[first, second, third]]


def optional(request: Request, response: Response, first: str = "none", second: str = "none") -> list[Any]:
    return [[first, second]]


def all_of_them(request: Request, response: Response, *groups: str) -> list[Any]:
    return [list(groups)]


def one_and_all(request: Request, response: Response, first: str, *rest: str) -> list[Any]:
    return [[first, *rest]]


def positional(request: Request, response: Response, first: str, /, *, second: str = "none") -> list[Any]:
    return [[first, second]]


class Methods:
    def method(self, request: Request, response: Response, first: str) -> list[Any]:
        return [[first]]

    @classmethod
    def class_method(cls, request: Request, response: Response, first: str) -> list[Any]:
        return [[first]]

    @staticmethod
    def static_method(request: Request, response: Response, first: str) -> list[Any]:
        return [[first]]


class Callable1:
    def __call__(self, request: Request, response: Response, first: str) -> list[Any]:
        return [[first]]


class AsyncCallable1:
    async def __call__(self, request: Request, response: Response, first: str) -> list[Any]:
        return [[first]]


def bound(setting: str, request: Request, response: Response, first: str) -> list[Any]:
    return [[setting, first]]


@pytest.mark.parametrize(
    ("function", "groups"),
    [
        (plain, []),
        (one, ["a"]),
        (three, ["a", "b", ""]),
        (optional, ["a", "b"]),
        (all_of_them, ["a", "b"]),
        (one_and_all, ["a", "b"]),
        (positional, ["a", "none"]),
        (Methods().method, ["a"]),
        (Methods.class_method, ["a"]),
        (Methods.static_method, ["a"]),
        (Callable1(), ["a"]),
        (AsyncCallable1(), ["a"]),
        (Callable1, ["a"]),
        (partial(bound, "set"), ["set", "a"]),
        (partial(three, third="c"), ["a", "b", "c"]),
        (lambda request, response, first: [[first]], ["a"]),
    ],
)
async def test_a_function_gets_the_groups_it_takes(
    mocked: Mocked, function: Callable[..., Any], groups: list[str]
) -> None:
    assert (await ask(mocked, function, "/a/b", "^/([^/]*)/([^/]*)")).json() == groups


async def test_a_group_that_took_no_part_is_empty(mocked: Mocked) -> None:
    assert (await ask(mocked, all_of_them, "/b", "^/(?:x(a)|(b))(c)?")).json() == ["", "b", ""]


async def test_named_groups_come_in_their_order(mocked: Mocked) -> None:
    assert (await ask(mocked, all_of_them, "/books/7", "/books/:id")).json()[0] == "7"


async def test_without_a_match_the_groups_are_empty(mocked: Mocked) -> None:
    assert (await ask(mocked, one, "/a", "^/(b)", **{"invert-match": True})).json() == [""]
    assert (await ask(mocked, all_of_them, "/a", "^/(b)", **{"invert-match": True})).json() == []


@pytest.mark.parametrize(
    ("url", "capture"),
    [
        ("/a%20b", "a b"),
        ("/a%2Fb", "a/b"),
        ("/%25", "%"),
        ("/%2525", "%25"),
        ("/%3F%23", "?#"),
        ("/a?b=%26", "a?b=&"),
        ("/%C3%A9", "é"),
        ("/%FF", "\ufffd"),
        ("/a+b", "a+b"),
    ],
)
async def test_groups_are_decoded(mocked: Mocked, url: str, capture: str) -> None:
    assert (await ask(mocked, one, url, "^/(.*)")).json() == [capture]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: None, "can't be called with a request and a response"),
        (lambda request: None, "can't be called with a request and a response: too many positional arguments"),
        (lambda request, response, *, db: None, "missing a required"),
        (object(), "object is not a function, but an object"),
        (Methods, "Methods is a class without __call__"),
        (type("Needy", (), {"__init__": lambda self, db: None, "__call__": one}), "can't be instantiated: TypeError"),
    ],
)
async def test_what_cannot_be_called(mocked: Mocked, function: object, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        await mocked({"custom": function})


# Where functions come from.


async def test_a_file(mocked: Mocked, tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(
        "def handler(request, response, name):\n    return [f'hello {name}']\n"
        "async def other(request, response):\n    return ['other']\n"
    )
    assert (await ask(mocked, "./api.py", "/x", "^/(.*)")).text == "hello x"
    assert (await ask(mocked, "api.py")).text == "hello /"
    assert (await ask(mocked, "./api.py:other")).text == "other"


async def test_a_module(mocked: Mocked, tmp_path: Path) -> None:
    package = tmp_path / "custom_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "api.py").write_text("def handler(request, response):\n    return [__name__.rpartition('.')[2]]\n")
    assert (await ask(mocked, "custom_package.api")).text == "api"
    assert (await ask(mocked, "custom_package.api:handler")).text == "api"


async def test_a_class_of_a_file(mocked: Mocked, tmp_path: Path) -> None:
    (tmp_path / "counter.py").write_text(
        "class Counter:\n"
        "    def __init__(self):\n        self.count = 0\n"
        "    async def __call__(self, request, response):\n        self.count += 1\n        return [self.count]\n"
    )
    site = await mocked({"custom": "./counter.py:Counter"})
    assert [(await site.request("GET", "/")).json() for _ in range(3)] == [1, 2, 3]


async def test_a_function_reaches_the_members_of_its_mapping(mocked: Mocked) -> None:
    def greet(request: Request, response: Response) -> list[Any]:
        assert request.mapping is not None
        return [[request.mapping["greeting"], request.mapping.get("missing", "none"), request.mapping["nested"]]]

    received = await ask(mocked, greet, greeting="hi", nested={"a": [1]})
    assert received.json() == ["hi", "none", {"a": [1]}]


@pytest.mark.parametrize(
    ("source", "reference", "message"),
    [
        (None, "./api.py", "there is no file"),
        ("x = 1\n", "./api.py", 'has no "handler"'),
        ("def handle(request, response): ...\n", "./api.py", 'Did you mean "./api.py:handle"'),
        ("handler = 1\n", "./api.py", "./api.py is not a function, but an int"),
        ("def handler(request): ...\n", "./api.py", "./api.py(request) can't be called"),
        ("def handler(:\n", "./api.py", "SyntaxError"),
        ("import json\n\n1 / 0\n", "./api.py", "ZeroDivisionError: division by zero (api.py:3)"),
        ("import no_such_module\n", "./api.py", "No module named 'no_such_module'"),
        (None, "no_such_module", "there is no module no_such_module"),
        (None, "", "custom"),
    ],
)
async def test_code_that_cannot_be_used(
    mocked: Mocked, tmp_path: Path, source: str | None, reference: str, message: str
) -> None:
    if source is not None:
        (tmp_path / "api.py").write_text(source)
    with pytest.raises(ConfigError, match=re.escape(message)):
        await mocked({"custom": reference})


# An array is sent as it is.


async def test_an_array_is_sent_as_it_is(mocked: Mocked) -> None:
    headers = {"x-a": "$1", "x-b": ["1", "2"], "x-c": 3}
    response = await ask(mocked, ["h $1", {"status": 203, "headers": headers}], "/x", "^/(.*)")
    assert (response.status, response.text) == (203, "h $1")
    assert response.headers["x-a"] == "$1"
    assert response.headers.getall("x-b") == ["1", "2"]
    assert response.headers["x-c"] == "3"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("array", "body"), [([], b""), (["a"], b"a"), ([{"a": [1]}], b'{"a":[1]}'), ([[1]], b"[1]"), ([None, {}], b"")]
)
async def test_arrays(mocked: Mocked, array: list[Any], body: bytes) -> None:
    site = await mocked({"custom": array})
    for _ in range(2):
        assert (await site.request("GET", "/")).body == body


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (["a", "b"], "options a dict"),
        (["a", {}, {}], "custom"),
        (["a", {"code": 200}], "the option 'code'"),
        (["a", {"status": "200"}], "the status '200'"),
    ],
)
async def test_wrong_arrays(mocked: Mocked, array: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        await mocked({"custom": array})


# What is warned of.


def _two(request: Request, response: Response, first: str, second: str) -> None: ...


def _one_or_two(request: Request, response: Response, first: str, second: str = "") -> None: ...


@pytest.mark.parametrize(
    ("mapping", "warning"),
    [
        ({"match": "^/(.*)", "custom": _two}, "takes 2 groups, and the match has one group"),
        ({"match": "^/x", "custom": _one_or_two}, "takes one group, and the match has no groups"),
        (
            {"match": "^/(.*)/(.*)", "invert-match": True, "custom": _two},
            "takes 2 groups, and the match has no groups",
        ),
        ({"match": "^/(.*)/(.*)", "custom": _two}, None),
        ({"match": "^/(.*)", "custom": _one_or_two}, None),
        ({"match": "^/(.*)/(.*)", "custom": lambda request, response: None}, None),
        ({"custom": ["It costs $5", {"headers": {"x-name": "$name"}}]}, None),  # sent as it is
    ],
)
async def test_groups_that_are_not_there_are_warned_of(mapping: dict[str, Any], warning: str | None) -> None:
    warnings = (await check({"mappings": [mapping]}, load_plugins())).warnings
    assert [f"takes {each.message.partition(' takes ')[2]}" for each in warnings] == (
        [] if warning is None else [warning]
    )


async def test_nothing_comes_behind_a_fixed_response() -> None:
    mappings = [{"match": "^/a", "custom": ["a"]}, {"match": "^/ab", "status": 404}, {"custom": _two}]
    warnings = (await check({"mappings": mappings}, load_plugins())).warnings
    assert warnings[0].message == "No request comes here: mapping 1 (^/a) ends them all"
