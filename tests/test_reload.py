"""`Server.reload` in process: what it takes over, what it leaves, and what plugins make of it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import websocket_connect

from reserve_core import (
    ConfigError,
    Event,
    LiveConfiguration,
    Mapping,
    Request,
    Resources,
    Response,
    Server,
    hookimpl,
    mock,
    serve,
)
from reserve_core.log import log
from tests.kit.client import ask
from tests.kit.waiting import until

MIRROR = {"match": "^/m(/.*)?$", "mirror": "$1"}


async def text(mocked: Any, url: str) -> str:
    answer: str = (await mocked.request("GET", url)).text
    return answer


async def test_it_takes_over_mappings_limits_and_redirects() -> None:
    async with await mock({"mappings": [{"custom": ["one"]}]}) as mocked:
        await mocked.server.reload(
            {
                "mappings": [{"custom": ["two"]}],
                "limits": {"max-body": 7},
                "max-redirect": 3,
            }
        )
        assert await text(mocked, "/") == "two"
        assert mocked.configuration.limits.max_body == 7
        assert mocked.configuration.checked.max_redirect == 3


async def test_it_reads_a_file_and_the_code_beside_it(tmp_path: Path) -> None:
    (tmp_path / "reserve.json").write_text('{"mappings": [{"custom": "./a.py"}]}')
    (tmp_path / "a.py").write_text("def handler(request, response):\n    return ['one']\n")
    async with await mock({"extends": str(tmp_path / "reserve.json")}) as mocked:
        assert await text(mocked, "/") == "one"
        (tmp_path / "a.py").write_text("def handler(request, response):\n    return ['two']\n")
        await mocked.server.reload(str(tmp_path / "reserve.json"))
        assert await text(mocked, "/") == "two"


async def test_a_mistake_changes_nothing() -> None:
    async with await mock({"mappings": [{"custom": ["one"]}], "max-redirect": 3}) as mocked:
        mappings = mocked.configuration.mappings
        with pytest.raises(ConfigError, match="Unknown handler"):
            await mocked.server.reload({"mappings": [{"custo": ["two"]}], "max-redirect": 4})
        assert mocked.configuration.mappings is mappings
        assert mocked.configuration.checked.max_redirect == 3


async def test_a_request_finishes_on_the_mappings_it_started_with() -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def wait(request: Any, response: Any) -> None:
        entered.set()
        await go_on.wait()

    async with await mock({"mappings": [{"custom": wait}, {"custom": ["former"]}]}) as mocked:
        answering = asyncio.create_task(mocked.request("GET", "/"))
        await entered.wait()
        await mocked.server.reload({"mappings": [{"custom": ["new"]}]})
        assert await text(mocked, "/") == "new"
        go_on.set()
        assert (await answering).text == "former"


async def test_a_local_status_handler_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "from reserve_core import hookimpl\n\n@hookimpl\ndef schema():\n"
        "    return {'type': 'object', 'properties': {'status': {'type': 'integer'}}}\n\n"
        "@hookimpl\nasync def redirect(response, redirect):\n    response.send(f'{redirect}!', redirect)\n"
    )
    async with await mock({"mappings": []}) as mocked:
        assert await text(mocked, "/") == "Not Implemented"
        await mocked.server.reload({"handlers": {"status": str(tmp_path / "loud.py")}, "mappings": []})
        assert await text(mocked, "/") == "501!"


async def test_listeners_are_called_anew_and_those_before_end() -> None:
    heard: list[str] = []

    def first(server: Server) -> None:
        server.on("incoming", lambda event: heard.append("first"))

    def second(server: Server) -> None:
        server.on("incoming", lambda event: heard.append("second"))

    async with await mock({"listeners": [first], "mappings": [{"status": 204}]}) as mocked:
        mocked.server.on("incoming", lambda event: heard.append("own"))
        await mocked.request("GET", "/")
        await mocked.server.reload({"listeners": [second], "mappings": [{"status": 204}]})
        await mocked.request("GET", "/")
        assert heard == ["first", "own", "own", "second"]


async def test_a_listener_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fails(server: Server) -> None:
        raise ValueError("boom")

    async with await mock({"mappings": []}) as mocked:
        await mocked.server.reload({"listeners": [fails], "mappings": [{"status": 204}]})
        assert (await mocked.request("GET", "/")).status == 204
    assert "A listener of the configuration failed" in caplog.text


async def test_reloads_come_one_after_the_other() -> None:
    async with await mock({"mappings": []}) as mocked:
        told: list[Event] = []
        mocked.server.on("reloaded", told.append)
        await asyncio.gather(*(mocked.server.reload({"mappings": [{"custom": [str(n)]}]}) for n in range(5)))
        assert await text(mocked, "/") == "4"
        assert [event.server for event in told] == [mocked.server] * 5


async def test_the_log_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    async with await mock({"mappings": []}) as mocked:
        log(mocked.server)
        await mocked.server.reload({"mappings": [{"status": 404}]})
        await mocked.server.reload({"mappings": [{"match": "/", "status": 204}, {"status": 404}]})
    assert capsys.readouterr().out == "Reloaded: 1 mapping\nReloaded: 2 mappings\n"


async def test_what_requires_a_restart_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async with await serve({"port": 0, "mappings": [{"status": 204}]}) as server:
        url = server.url
        await server.reload({"port": 80, "hostname": "0.0.0.0", "mappings": [{"status": 204}]})
        assert server.url == url
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        '"hostname" has changed: that requires a restart',
        '"port" has changed: that requires a restart',
    ]


async def test_a_port_that_was_given_wins(caplog: pytest.LogCaptureFixture) -> None:
    settings = {"mappings": [{"status": 204}]}
    async with await serve(settings, port=0) as server:
        url = server.url
        await server.reload(settings)
        assert server.url == url
    assert caplog.messages == []


async def test_captures_in_memory_stay_and_new_codes_are_made() -> None:
    async with await mock({"mappings": [{**MIRROR, "codes": ["hook"]}]}) as mocked:
        assert (await mocked.request("POST", "/m/r/hook/a", body="kept")).status == 200
        await mocked.server.reload({"mappings": [{**MIRROR, "codes": ["hook", "other"]}, {"status": 404}]})
        listed = (await mocked.request("GET", "/m/api/mirrors/hook/requests")).json()["requests"]
        assert [each["path"] for each in listed] == ["/a"]
        assert (await mocked.request("POST", "/m/r/other")).status == 200


class Application:
    """An ASGI application that notes its lifespan."""

    def __init__(self, name: str, told: list[str], go_on: asyncio.Event | None = None) -> None:
        self.name, self.told, self.go_on = name, told, go_on

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"].rpartition(".")[2]
                self.told.append(f"{self.name} {kind}")
                await send({"type": f"lifespan.{kind}.complete"})
                if kind == "shutdown":
                    return
        self.told.append(f"{self.name} request")
        if self.go_on is not None:
            await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.name.encode()})


async def test_an_application_ends_with_its_last_request_and_the_next_one_starts() -> None:
    told: list[str] = []
    go_on = asyncio.Event()
    former, new = Application("former", told, go_on), Application("new", told)
    async with await mock({"mappings": [{"use": former}]}) as mocked:
        answering = asyncio.create_task(mocked.request("GET", "/"))
        await until(lambda: "former request" in told)
        await mocked.server.reload({"mappings": [{"use": new}]})
        await until(lambda: "new startup" in told)
        assert await text(mocked, "/") == "new"
        await asyncio.sleep(0.2)
        assert "former shutdown" not in told
        go_on.set()
        assert (await answering).text == "former"
        await until(lambda: "former shutdown" in told)
        assert "new shutdown" not in told
    assert told[-1] == "new shutdown"
    assert told.count("former shutdown") == 1


# When the mappings that were replaced close.


class Life:
    """A handler that says which of its mappings are open, and answers as it is told to by `go_on`."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.at_work = 0
        self.go_on = asyncio.Event()

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"life": {"type": "string"}}}

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        self.open.append(mapping.value)
        yield
        self.open.remove(mapping.value)

    @hookimpl
    async def redirect(
        self, request: Request, response: Response, mapping: Mapping, configuration: LiveConfiguration
    ) -> None:
        if request.path == "/outer":
            await configuration.dispatch(Request("GET", "/inner"), response)
        elif request.path == "/socket":
            async for message in await request.upgrade():
                self.at_work += message == "hello"
        else:
            await response.write(mapping.value)
            self.at_work += 1
            await self.go_on.wait()
            await response.end(f" {mapping.value in self.open}")


def of(life: Life, value: str) -> dict[str, Any]:
    return {"port": 0, "handlers": {"life": life}, "mappings": [{"life": value}]}


@pytest.mark.parametrize("path", ["stream", "outer"])
async def test_mappings_close_when_their_last_request_has_ended(path: str) -> None:
    life = Life()
    async with await serve(of(life, "former")) as server:
        requests = [asyncio.create_task(asyncio.to_thread(ask, f"{server.url}{path}")) for _ in range(3)]
        await until(lambda: life.at_work == 3)
        await server.reload(of(life, "new"))
        assert life.open == ["former", "new"]
        life.go_on.set()
        assert [(await request).text for request in requests] == ["former True"] * 3
        await until(lambda: life.open == ["new"])
    assert life.open == []


async def test_mappings_close_when_their_last_client_has_gone() -> None:
    life = Life()
    async with await serve(of(life, "former")) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await until(lambda: life.at_work)
            await server.reload(of(life, "new"))
            assert life.open == ["former", "new"]
        await until(lambda: life.open == ["new"])


async def test_a_request_that_lasts_on_former_mappings_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reserve_core.server.LINGERING", 0.01)
    go_on = asyncio.Event()

    async def waits(request: Any, response: Any) -> list[str]:
        await go_on.wait()
        return ["done"]

    site = {"port": 0, "mappings": [MIRROR, {"match": "^/slow", "custom": waits}]}
    async with await serve(site) as server:
        answer = asyncio.create_task(asyncio.to_thread(ask, f"{server.url}slow?secret=1"))
        await until(lambda: server.working)
        await server.reload(site)
        await until(lambda: caplog.messages)
        (message,) = caplog.messages
        assert message.startswith("A request has run for 0.01 s on mappings that were replaced")
        assert message.endswith(": GET /slow")
        go_on.set()
        assert (await answer).text == "done"
        await until(lambda: not server._former)


async def test_what_never_ends_is_told_and_cut_at_the_stop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("reserve_core.server.LINGERING", 0.05)
    life = Life()
    async with await serve(of(life, "former")) as server:
        page = await websocket_connect(f"ws{server.url.removeprefix('http')}socket")
        await page.write_message("hello")
        await until(lambda: life.at_work)
        await server.reload(of(life, "new"))
        await until(lambda: caplog.messages)
        assert caplog.messages == [
            "A request has run for 0.05 s on mappings that were replaced, whose resources stay open for that: "
            "GET /socket"
        ]
        await page.write_message("hello")
        await until(lambda: life.at_work == 2)
        assert life.open == ["former", "new"]
        await server.close(force=True)
        assert life.open == []
        assert await page.read_message() is None
        page.close()


async def test_many_reloads_leave_one_table() -> None:
    life = Life()
    life.go_on.set()
    async with await serve(of(life, "0")) as server:
        for number in range(1, 60):
            await server.reload(of(life, str(number)))
            answer = await server.configuration.dispatch(Request("GET", "/"))
            assert answer.text == f"{number} True"
        await until(lambda: life.open == ["59"] and not server._former)
