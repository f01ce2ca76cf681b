"""The two builds: which one runs, and that users can do the same with both.

`make test-compiled` runs this on the compiled one, all else on plain Python.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import inspect
import os
import pickle
import tomllib
import traceback
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, PropertyMock, create_autospec, patch

import pytest

import reserve_core
from reserve_core import Headers, MemoryResponse, Request, Response, Writer, interpolate
from reserve_core.kit import Body, FlowControl, Waiter
from reserve_core.native import build

COMPILED = os.environ.get("RESERVE_COMPILE") == "1"


def hot_modules(project: Path) -> list[str]:
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    modules: list[str] = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]
    return modules


def source_of(module: str) -> Path:
    return Path(str(import_module(module).__file__)).with_name(f"{module.rpartition('.')[2]}.py")


def test_the_build_that_is_asked_for_runs(project: Path) -> None:
    files = [str(import_module(name).__file__) for name in hot_modules(project)]
    assert [file for file in files if file.endswith(".py") is COMPILED] == []
    assert build() == ("compiled" if COMPILED else "pure Python")


def test_each_compiled_module_has_its_source_beside_it(project: Path) -> None:
    for name in hot_modules(project):
        assert source_of(name).is_file()


def test_no_compiled_class_declares_what_its_base_declares(project: Path) -> None:
    """mypyc has the garbage collection visit such an attribute twice, and objects in use count as garbage then."""
    declared: dict[str, set[str]] = {}
    bases: dict[str, list[str]] = {}
    for name in hot_modules(project):
        for node in ast.parse(source_of(name).read_text()).body:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = list(map(ast.unparse, node.bases))
                declared[node.name] = {
                    ast.unparse(part.target).removeprefix("self.")
                    for part in ast.walk(node)
                    if isinstance(part, ast.AnnAssign) and (part in node.body or isinstance(part.target, ast.Attribute))
                }

    def inherited(name: str) -> set[str]:
        return set().union(*(declared.get(base, set()) | inherited(base) for base in bases.get(name, ())))

    assert {name: twice for name in declared if (twice := declared[name] & inherited(name))} == {}


class Wrapper(Writer):
    """A writer as users write them, with the protocol as its base."""

    def __init__(self, inner: Writer) -> None:
        self.inner = inner

    def inform(self, status: int, headers: Headers) -> None:
        self.inner.inform(status, headers)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self.inner.send(status, headers, body.upper())

    def start(self, status: int, headers: Headers) -> None:
        self.inner.start(status, headers)

    async def write(self, chunk: bytes) -> None:
        await self.inner.write(chunk.upper())

    async def end(self) -> None:
        await self.inner.end()

    def abort(self) -> None:
        self.inner.abort()


async def test_a_writer_is_wrapped() -> None:
    for chunks in (1, 2):
        kept = MemoryResponse("GET")
        kept.response.writer = Wrapper(kept.response.writer)
        for _ in range(chunks - 1):
            await kept.response.write("a")
        await kept.response.end("b")
        assert kept.body == b"AB"[-chunks:]


def test_a_response_is_subclassed() -> None:
    class Polite(Response):
        def __init__(self, writer: Writer) -> None:
            super().__init__(writer)
            self.calls = 0  # an attribute of its own

        def replace_headers(self, values: Any) -> None:
            self.calls += 1  # called by `send` of the class itself
            super().replace_headers({**values, "x-polite": "yes"})

    kept = MemoryResponse("GET")
    response = Polite(kept)
    response.send("hello", 201, {"x-a": "1"})
    assert (kept.status, kept.headers["x-polite"], kept.headers["x-a"], response.calls) == (201, "yes", "1", 1)


def test_a_request_is_subclassed() -> None:
    class Elsewhere(Request):
        def __init__(self, url: str) -> None:
            super().__init__("GET", url)

        @property
        def host(self) -> str:
            return "Elsewhere.Example:80"

    assert Elsewhere("/").hostname == "elsewhere.example"


async def test_a_body_flow_control_and_a_waiter_are_subclassed() -> None:
    class Shouted(Body):
        def __init__(self, inner: Body) -> None:
            self.inner = inner

        @property
        def length(self) -> int | None:
            return self.inner.length

        async def read(self) -> bytes:
            return (await self.inner.read()).upper()

    class Flow(FlowControl):
        def resume_writing(self) -> None:
            super().resume_writing()
            self.resumed = True

    class Named(Waiter):
        pass

    request = Request("POST", "/", {}, b"abc")
    request.wrap_body(Shouted)
    assert await request.body() == b"ABC"
    flow = Flow(asyncio.get_running_loop())
    flow.pause_writing()
    flow.resume_writing()
    assert flow.resumed
    Named("It").wake()


def test_what_is_patched_on_a_class_is_what_handlers_call() -> None:
    with patch.object(Response, "send") as send:
        MemoryResponse("GET").response.send("hello")
    assert send.call_args.args == ("hello",)
    with patch.object(Request, "host", new_callable=PropertyMock, return_value="example.com"):
        assert Request("GET", "/").host == "example.com"


async def test_a_body_that_is_patched_is_what_is_read_of_it() -> None:
    with patch.object(Request, "body", AsyncMock(return_value=b'{"a": 1}')):
        request = Request("POST", "/", {"content-type": "application/json"})
        assert (await request.json(), await request.text()) == ({"a": 1}, '{"a": 1}')


def test_specifications_are_made_of_requests_and_responses() -> None:
    request, response = create_autospec(Request, instance=True), create_autospec(Response, instance=True)
    request.url = "/mocked"
    response.send("hello", 200)
    response.send.assert_called_once_with("hello", 200)
    with pytest.raises(AttributeError):
        request.nothing  # noqa: B018


def test_requests_and_responses_are_copied() -> None:
    request = copy.copy(Request("GET", "/a?b=1", {"host": "example.com"}))
    assert (request.url, request.host, request.query["b"]) == ("/a?b=1", "example.com", "1")
    kept = MemoryResponse("GET")
    copy.copy(kept.response).send("hello")
    assert kept.text == "hello"


def test_a_request_is_pickled() -> None:
    request = pickle.loads(pickle.dumps(Request("POST", "/a", {"host": "example.com"}, b"")))
    assert (request.method, request.url, request.host) == ("POST", "/a", "example.com")


def test_a_status_may_be_an_enumeration() -> None:
    kept = MemoryResponse("GET")
    kept.response.send("hello", HTTPStatus.CREATED)
    assert kept.status == 201


def test_what_is_asynchronous_says_so() -> None:
    assert inspect.iscoroutinefunction(Request.body)
    assert inspect.iscoroutinefunction(Response.write)
    assert not inspect.iscoroutinefunction(Response.send)


def test_arguments_are_seen() -> None:
    assert list(inspect.signature(Response.send).parameters) == ["self", "data", "status", "headers"]
    assert list(inspect.signature(interpolate).parameters) == ["match", "pattern"]


def test_hooks_and_functions_that_a_configuration_can_name_stay_python(project: Path) -> None:
    """pluggy and `custom` look at their arguments."""
    hot = {name.replace(".", "/") for name in hot_modules(project)}
    for file in [*project.glob("reserve_core/**/*.py"), *project.glob("plugins/*/reserve_*/**/*.py")]:
        if "@hookimpl" in file.read_text() or file.name in ("functions.py", "custom_files.py"):
            assert not any(file.with_suffix("").as_posix().endswith(f"/{name}") for name in hot)


def test_a_traceback_names_file_and_line() -> None:
    kept = MemoryResponse("GET")
    kept.response.send("hello")
    with pytest.raises(reserve_core.ResponseError) as caught:
        kept.response.send("again")
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename.endswith("reserve_core/http/response.py")
    assert last.name == "send"
    assert last.line is not None
    assert "raise" in last.line
