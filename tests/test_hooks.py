"""Each hook has a test of its own here, named after it: a plugin is installed that implements it, and it is at work."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.tables import hooks
from reserve_core import ConfigError, load_plugins, mock
from reserve_core.cli.serve_job import Job
from reserve_core.testing import StartMock, StartServer
from tests.conftest import Install, Run
from tests.kit.waiting import PATIENCE

HEAD = """
import asyncio
import threading

import click

from reserve_core import ConfigError, HTTPError, hookimpl, mock

calls = []
called = threading.Event()


def call(value):
    calls.append(value)
    called.set()
"""

SCHEMA = """
@hookimpl
def schema():
    return {
        "properties": {
            "greet": {"type": "string"},
            "times": {"type": "integer", "minimum": 1, "default": 2},
        },
    }
"""

REDIRECT = """
@hookimpl
async def redirect(response, mapping, redirect):
    response.send(f"Hello {redirect}! " * mapping["times"])
"""

MAPPING = {"match": "^/greet/(.*)", "greet": "$1"}
GREETER = {"mappings": [MAPPING, {"status": 404}]}
SITE = {"mappings": [{"match": "^/(there)$", "custom": ["Hello", {}]}, {"status": 404}]}


class Plugin:
    """An installed plugin: the `calls` that its hooks have noted, and the `site` folder it is in."""

    def __init__(self, site: Path) -> None:
        self.site = site

    @property
    def calls(self) -> list[Any]:
        calls: list[Any] = sys.modules["greeter"].calls
        return calls

    def wait(self) -> None:
        """Waits for the first call."""
        assert sys.modules["greeter"].called.wait(PATIENCE)


@pytest.fixture
def plugin(install: Install) -> Callable[..., Plugin]:
    """Installs a plugin named `greet` with these hooks: `plugin(SCHEMA, REDIRECT)`."""

    def plugin(*code: str) -> Plugin:
        return Plugin(install("greeter", {"greet": "greeter"}, {"greeter.py": "\n".join([HEAD, *code])}))

    return plugin


def observer(event: str) -> str:
    return f"@hookimpl\ndef {event}(event): call(event)\n"


def test_every_hook_has_a_test_of_its_own() -> None:
    tests = {name.removeprefix("test_hook_") for name in globals() if name.startswith("test_hook_")}
    assert tests == set(hooks()), "write test_hook_NAME here for each hook, and for nothing else"


def test_hook_schema(plugin: Any, reserve_mock: StartMock) -> None:
    plugin(SCHEMA, REDIRECT)
    assert reserve_mock(GREETER).request("GET", "/greet/Ada").text == "Hello Ada! Hello Ada! "
    for mistake, message in (({"times": 0}, "at least 1"), ({"tims": 1}, '"times"')):
        with pytest.raises(ConfigError, match=message):
            reserve_mock({"mappings": [{**MAPPING, **mistake}]})


def test_hook_methods(plugin: Any, reserve_mock: StartMock) -> None:
    plugin(SCHEMA, REDIRECT, "@hookimpl\ndef methods(): return ['PUT']")
    site = reserve_mock(GREETER)
    assert site.request("PUT", "/greet/Ada").status == 200
    assert site.request("GET", "/greet/Ada").status == 404


def test_hook_validate(plugin: Any, reserve_mock: StartMock) -> None:
    validate = """
@hookimpl
async def validate(mapping, configuration):
    if mapping["times"] > 3:
        raise ConfigError("that's too often", "Write 3")
    mapping.state = f"{configuration.protocol} {mapping.value}"

@hookimpl
async def redirect(response, mapping):
    response.send(mapping.state)
"""
    plugin(SCHEMA, validate)
    assert reserve_mock(GREETER).request("GET", "/greet/Ada").text == "http $1"
    with pytest.raises(ConfigError, match=r"(?s)that's too often.*Write 3"):
        reserve_mock({"mappings": [{**MAPPING, "times": 4}]})


def test_hook_redirect(plugin: Any, reserve_mock: StartMock) -> None:
    redirect = """
@hookimpl
async def redirect(request, response, mapping, match, redirect, configuration):
    call((request.path, mapping.handler.prefix, match[1], redirect, len(configuration.mappings)))
    if redirect == "refused":
        raise HTTPError(403, "Not you")
    if redirect == "answered":
        response.send("Hello")
    return {"elsewhere": "/greet/answered", "teapot": 418}.get(redirect)
"""
    greet = plugin(SCHEMA, redirect)
    site = reserve_mock(GREETER)
    assert site.request("GET", "/greet/answered").text == "Hello"
    assert greet.calls == [("/greet/answered", "greet", "answered", "answered", 2)]
    assert site.request("GET", "/greet/elsewhere").text == "Hello"
    assert site.request("GET", "/greet/teapot").status == 418
    assert site.request("GET", "/greet/passed-on").status == 404
    refused = site.request("GET", "/greet/refused")
    assert (refused.status, refused.text) == (403, "Not you")


def test_hook_validate_table(plugin: Any, reserve_mock: StartMock) -> None:
    validate_table = """
@hookimpl
async def validate_table(mappings, configuration):
    call((len(mappings), configuration.protocol))
    greeting = [mapping for mapping in mappings if mapping.handler.prefix == "greet"]
    if len(greeting) > 1:
        raise ConfigError("Two greet", "Leave this one out", mapping=greeting[1])
"""
    greet = plugin(SCHEMA, validate_table, REDIRECT)
    reserve_mock(GREETER)
    assert greet.calls == [(2, "http")]
    with pytest.raises(ConfigError) as caught:
        reserve_mock({"mappings": [MAPPING, {**MAPPING, "match": "/late"}]})
    (problem,) = caught.value.problems
    assert (problem.mapping, problem.message, problem.hint) == ("mapping 2 (/late)", "Two greet", "Leave this one out")


def test_hook_lifespan(plugin: Any, reserve_mock: StartMock) -> None:
    lifespan = """
@hookimpl
async def lifespan(mapping, resources):
    call("open")
    mapping.state = "Good morning"
    yield
    call("close")

@hookimpl
async def redirect(response, mapping):
    response.send(mapping.state)
"""
    greet = plugin(SCHEMA, lifespan)
    site = reserve_mock(GREETER)
    assert site.request("GET", "/greet/Ada").text == "Good morning"
    assert greet.calls == ["open"]
    site.close()
    assert greet.calls == ["open", "close"]


def test_hook_explain(plugin: Any, reserve: Run, tmp_path: Path) -> None:
    explain = """
from reserve_core import Prediction

@hookimpl
def explain(request, mapping, match, value):
    return Prediction.responds(f"greets {match[1]} with {value}, {mapping['times']} times", 200)
"""
    plugin(SCHEMA, REDIRECT, explain)
    (tmp_path / "reserve.json").write_text(json.dumps(GREETER))
    done = reserve("explain", "/greet/Ada")
    assert done.stdout.splitlines()[-3:] == [
        "  reserve.json:1  greet Ada  RESPONDS 200  greets Ada with Ada, 2 times",
        "",
        "reserve.json:1 responds with 200",
    ]


def test_hook_commands(plugin: Any, reserve: Run) -> None:
    greet = plugin("@hookimpl\ndef commands(cli):\n    @cli.command()\n    def wave(): click.echo('Bye')")
    run = reserve("wave", env={"PYTHONPATH": str(greet.site)})
    assert (run.returncode, run.stdout, run.stderr) == (0, "Bye\n", "")


def test_hook_created(plugin: Any, reserve_server: StartServer) -> None:
    greet = plugin(observer("created"))
    server = reserve_server(SITE)
    (event,) = greet.calls
    assert (event.name, event.server) == ("created", server.server)


def test_hook_ready(plugin: Any, reserve_server: StartServer) -> None:
    greet = plugin(observer("ready"))
    server = reserve_server(SITE)
    (event,) = greet.calls
    assert (event.name, event.server, event.url, event.port) == ("ready", server.server, server.url, server.port)


async def test_hook_reloaded(plugin: Any) -> None:
    greet = plugin(observer("reloaded"))
    async with await mock(SITE) as site:
        assert greet.calls == []
        await site.server.reload({"mappings": [{"status": 204}, {"status": 404}]})
        (event,) = greet.calls
        assert (event.name, event.server, len(site.configuration.mappings)) == ("reloaded", site.server, 2)


async def test_hook_reload_failed(plugin: Any, tmp_path: Path) -> None:
    """As the command reloads: whatever is wrong, also with what can't be read."""
    greet = plugin(observer("reload_failed"))
    file = tmp_path / "reserve.json"
    file.write_text(json.dumps({**SITE, "port": 0}))
    job = Job([str(file)])
    (server,) = job.servers(await job.configurations(load_plugins()))
    try:
        await server.start()
        for text in ("{", '{"mappings": [{"nothing": 1}]}', json.dumps(SITE)):
            file.write_text(text)
            await job.reload([server])
    finally:
        await server.close(force=True)
    unread, refused = greet.calls
    for event in (unread, refused):
        assert (event.name, event.server, type(event.reason)) == ("reload_failed", server, ConfigError)
    assert '"nothing"' in str(refused.reason)


def test_hook_incoming(plugin: Any, reserve_mock: StartMock) -> None:
    greet = plugin(observer("incoming"))
    reserve_mock(SITE).request("PUT", "/there", {"x-a": "1"})
    (event,) = greet.calls
    assert (event.name, event.method, event.url, event.headers["x-a"]) == ("incoming", "PUT", "/there", "1")
    assert not event.internal
    assert event.start > 0


def test_hook_redirecting(plugin: Any, reserve_mock: StartMock) -> None:
    greet = plugin(observer("redirecting"))
    site = reserve_mock({"mappings": [{"match": "^/old/(.*)", "file": "./no/such/$1"}, {"status": 404}]})
    site.request("GET", "/old/page")
    assert [(event.name, event.url, event.type, event.redirect) for event in greet.calls] == [
        ("redirecting", "/old/page", "file", "./no/such/page"),
        ("redirecting", "/old/page", "status", 404),
    ]


def test_hook_redirected(plugin: Any, reserve_mock: StartMock) -> None:
    greet = plugin(observer("redirected"))
    site = reserve_mock(SITE)
    site.request("GET", "/there")
    site.request("GET", "/not/there")
    assert [(event.name, event.url, event.status) for event in greet.calls] == [
        ("redirected", "/there", 200),
        ("redirected", "/not/there", 404),
    ]
    assert all(event.end >= event.start and event.time_spent >= 0 for event in greet.calls)


def test_hook_error(plugin: Any, reserve_mock: StartMock) -> None:
    def fails(request: object, response: object) -> None:
        raise LookupError("nothing here")

    greet = plugin(observer("error"))
    assert reserve_mock({"mappings": [{"custom": fails}]}).request("GET", "/fails").status == 500
    (event,) = greet.calls
    assert (event.name, event.url, repr(event.reason)) == ("error", "/fails", "LookupError('nothing here')")


def test_hook_aborted(plugin: Any, reserve_server: StartServer) -> None:
    async def waits(request: object, response: object) -> None:
        await asyncio.sleep(PATIENCE)

    greet = plugin(observer("aborted"))
    server = reserve_server({"mappings": [{"custom": waits}]})
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /late HTTP/1.1\r\nhost: localhost\r\n\r\n")
    greet.wait()
    assert [(event.name, event.url) for event in greet.calls] == [("aborted", "/late")]


def test_hook_refused(plugin: Any, reserve_server: StartServer) -> None:
    greet = plugin(observer("refused"))
    server = reserve_server({"mappings": [{"status": 404}]})
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /% HTTP/1.1\r\nhost: localhost\r\n\r\n")
    greet.wait()
    (event,) = greet.calls
    assert (event.name, event.method, event.url, event.status) == ("refused", "POST", "/%", 400)
    assert (event.reason.status, event.headers["host"]) == (400, "localhost")
    assert event.server is server.server


def test_hook_closed(plugin: Any, reserve_server: StartServer) -> None:
    greet = plugin(observer("closed"))
    server = reserve_server(SITE)
    assert greet.calls == []
    server.close()
    (event,) = greet.calls
    assert (event.name, event.server) == ("closed", server.server)
