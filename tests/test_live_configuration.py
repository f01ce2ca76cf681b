"""The interface of a running server: what handlers and custom functions can ask it for, and who gets one."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncGenerator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from reserve_core import (
    ConfigError,
    Configuration,
    HTTPError,
    LiveConfiguration,
    Mapping,
    MemoryResponse,
    Request,
    Resources,
    Response,
    check,
    hookimpl,
    mock,
    read,
    serve,
)
from tests.kit.client import ask
from tests.kit.waiting import PATIENCE, until

# Requests that handlers make.


async def tell(request: Request, response: Response) -> None:
    """What the request is like for those who get it."""
    seen = {"url": request.url, "internal": request.internal, "headers": dict(request.headers)}
    response.send({**seen, "body": await request.text()})


def echo(*before: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"mappings": [*before, {"match": "^/inner", "custom": tell}, {"status": 404}], **settings}


async def test_a_response_comes_back_in_memory() -> None:
    async def batch(request: Request, response: Response) -> None:
        """REserve's example: many requests in one."""
        dispatch = request.configuration.dispatch
        answers = await asyncio.gather(*(dispatch(Request("GET", url)) for url in await request.json()))
        response.send([[answer.status, answer.text] for answer in answers])

    mappings = [
        {"match": "^/batch", "custom": batch},
        {"match": r"^/say/(\w+)", "custom": lambda *args: [args[2]]},
        {"status": 404},
    ]
    async with await mock({"mappings": mappings}) as mocked:
        answer = await mocked.request("POST", "/batch", body=[f"/say/{word}" for word in "abcdefghi"] + ["/none"])
        assert answer.json() == [*([200, word] for word in "abcdefghi"), [404, "Not found"]]


async def test_what_a_response_in_memory_knows() -> None:
    async def handler(request: Request, response: Response) -> None:
        response.inform(103, {"link": "</a.css>"})
        response.headers["x-name"] = "value"
        await response.write(b"[1,")
        await response.write(b"2]")
        response.trailers["x-end"] = "yes"
        await response.end()

    async with await mock({"mappings": [{"custom": handler}]}) as mocked:
        answer = await mocked.configuration.dispatch(Request("GET", "/"))
        assert isinstance(answer, MemoryResponse)
        assert (answer.status, answer.body, answer.json(), answer.aborted) == (200, b"[1,2]", [1, 2], False)
        assert (answer.headers["x-name"], answer.trailers["x-end"]) == ("value", "yes")
        assert [(status, fields["link"]) for status, fields in answer.interim] == [(103, "</a.css>")]


async def test_a_given_response_is_answered() -> None:
    async def passes_on(request: Request, response: Response) -> None:
        response.headers["x-outer"] = "1"
        await request.configuration.dispatch(Request("GET", "/inner"), response)

    async with await mock(echo({"match": "^/outer", "custom": passes_on})) as mocked:
        answer = await mocked.request("GET", "/outer")
        assert (answer.json()["url"], answer.headers["x-outer"]) == ("/inner", "1")


async def test_a_failure_is_a_response_too() -> None:
    def fails(request: Request, response: Response) -> None:
        raise RuntimeError("broken")

    async with await mock({"mappings": [{"custom": fails}]}) as mocked:
        assert (await mocked.configuration.dispatch(Request("GET", "/"))).status == 500


async def test_its_url_is_made_canonical() -> None:
    async with await mock(echo()) as mocked:
        answer = await mocked.configuration.dispatch(Request("GET", "/a/../inner/%61%20b?q=%2F"))
        assert answer.json()["url"] == "/inner/a b?q=%2F"
        for url in ("inner", "/in%zzner", "/\0"):
            with pytest.raises(HTTPError) as caught:
                await mocked.configuration.dispatch(Request("GET", url))
            assert caught.value.status == 400


async def test_no_credentials_go_along() -> None:
    async def passes_on(request: Request, response: Response) -> None:
        inner = Request("POST", "/inner", {"x-own": "1"}, b"own")
        await request.configuration.dispatch(inner, response)

    secrets = {"cookie": "session=1", "authorization": "Basic eDp5", "x-token": "1"}
    async with await mock(echo({"match": "^/outer", "custom": passes_on})) as mocked:
        seen = (await mocked.request("POST", "/outer", secrets, "secret")).json()
        assert (seen["headers"], seen["body"], seen["internal"]) == ({"x-own": "1"}, "own", True)


async def test_all_mappings_apply_from_the_first_on() -> None:
    async def passes_on(request: Request, response: Response) -> None:
        await request.configuration.dispatch(Request("GET", "/inner"), response)

    def stranger(request: Request, url: str, match: object) -> bool:
        return "x-key" not in request.headers

    guarded = echo({"match": "^/inner", "if-match": stranger, "status": 403}, {"match": "^/outer", "custom": passes_on})
    async with await mock(guarded) as mocked:
        assert (await mocked.request("GET", "/inner", {"x-key": "1"})).status == 200
        assert (await mocked.request("GET", "/outer", {"x-key": "1"})).status == 403


@pytest.mark.parametrize("given", [False, True], ids=["in memory", "given"])
async def test_their_nesting_is_bounded(given: bool) -> None:
    depth = 0

    async def again(request: Request, response: Response) -> None:
        nonlocal depth
        depth += 1
        inner = Request("GET", "/")
        if given:
            await request.configuration.dispatch(inner, response)
        else:
            response.send(b"", (await request.configuration.dispatch(inner)).status)

    async with await mock({"max-redirect": 3, "mappings": [{"custom": again}]}) as mocked:
        for _ in range(2):
            depth = 0
            assert (await mocked.request("GET", "/")).status == 508
            assert depth == 5  # that of the client, the one it makes, and 3 nested in that one


async def test_many_one_after_the_other_are_no_nesting() -> None:
    async def many(request: Request, response: Response) -> None:
        statuses = [(await request.configuration.dispatch(Request("GET", "/inner"))).status for _ in range(20)]
        response.send(statuses)

    async with await mock(echo({"match": "^/many", "custom": many}, **{"max-redirect": 2})) as mocked:
        assert (await mocked.request("GET", "/many")).json() == [200] * 20


# What a handler gets.


async def test_a_request_knows_the_server_that_has_it() -> None:
    seen: list[Any] = []

    class Plugin:
        @hookimpl
        def schema(self) -> dict[str, Any]:
            return {"properties": {"look": {}}}

        @hookimpl
        async def redirect(self, request: Request, configuration: LiveConfiguration, response: Response) -> None:
            seen.extend([request.configuration, configuration])
            response.send(b"")

    settings = {"handlers": {"look": Plugin()}, "mappings": [{"look": 1}], "max-redirect": 4}
    async with await mock(settings) as mocked:
        await mocked.request("GET", "/")
        live = mocked.configuration
        assert seen == [live, live]
        assert live is mocked.server.configuration
        assert (live.protocol, live.hostname, live.cwd) == ("http", "127.0.0.1", Path.cwd())
        assert (live.handlers["look"].prefix, len(live.mappings)) == ("look", 1)
        assert live.limits is live.checked.limits
    with pytest.raises(RuntimeError, match="isn't dispatched"):
        _ = Request("GET", "/").configuration


async def test_a_closed_server_dispatches_nothing() -> None:
    async with await mock({"mappings": []}) as mocked:
        live = mocked.configuration
    with pytest.raises(RuntimeError, match="isn't open"):
        await live.dispatch(Request("GET", "/"))


# Other mappings.


async def test_a_response_without_an_end_of_its_own_ends_when_the_server_stops() -> None:
    async def follow(request: Request, response: Response) -> None:
        await response.write(b"begun, ")
        await request.configuration.stopping()
        await response.end(b"ended")

    server = await serve({"port": 0, "mappings": [{"custom": follow}]})
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    received = await reader.readuntil(b"begun, ")
    await server.close(timeout=PATIENCE)  # which isn't waited for
    received += await reader.read()
    writer.close()
    assert received.endswith(b"5\r\nended\r\n0\r\n\r\n")


async def test_a_request_can_replace_the_mappings_it_runs_on() -> None:
    async def replace(request: Request, response: Response) -> None:
        before = len(request.configuration.mappings)
        await request.configuration.set_mappings([{"custom": ["new"]}])
        response.send([before, len(request.configuration.mappings)])

    async with await mock(echo({"match": "^/replace", "custom": replace})) as mocked:
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(mocked.request("GET", "/replace") for _ in range(5)))
        assert answers[0].json() == [3, 1]
        assert (await mocked.request("GET", "/replace")).text == "new"


async def test_mappings_with_a_mistake_change_nothing() -> None:
    async with await mock(echo()) as mocked:
        mappings = mocked.configuration.mappings
        for wrong in ([{"status": 404}, {"custo": 1}], {"status": 404}, [{"match": "(", "status": 404}]):
            with pytest.raises(ConfigError):
                await mocked.configuration.set_mappings(wrong)  # type: ignore[arg-type]
        assert mocked.configuration.mappings is mappings


class Counted:
    """A handler that says whether it is open, and has a page that moves along."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.moved: list[str] = []

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"counted": {"type": "string"}}}

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        self.open.append(mapping.value)
        yield
        self.open.remove(mapping.value)

    @hookimpl
    async def redirect(
        self, request: Request, response: Response, mapping: Mapping, configuration: LiveConfiguration
    ) -> None:
        while request.path == "/page":
            await configuration.replaced(request)
            self.moved.append(mapping.value)
            if mapping.value == "last":
                break
            mapping = configuration.mappings[0]
            configuration.move(request, mapping)
        response.send(mapping.value)


async def test_a_request_moves_along_and_those_it_came_by_close() -> None:
    handler = Counted()

    def of(value: str) -> dict[str, Any]:
        return {"handlers": {"counted": handler}, "mappings": [{"counted": value}]}

    async with await mock(of("one")) as mocked:
        page = asyncio.create_task(mocked.request("GET", "/page"))
        await asyncio.sleep(0)
        for value in ("two", "last"):
            await mocked.server.reload(of(value))
            await until(lambda value=value: handler.open == [value])  # type: ignore[misc]
        assert handler.moved == ["one", "two"]
        await mocked.server.reload(of("next"))
        assert (await page).text == "last"
        await until(lambda: handler.open == ["next"])
    assert handler.open == []


async def test_a_request_moves_only_to_a_present_mapping() -> None:
    async def moves(request: Request, response: Response) -> None:
        before = request.configuration.mappings[0]
        await request.configuration.set_mappings([{"status": 204}])
        with pytest.raises(RuntimeError, match="none of the present mappings"):
            request.configuration.move(request, before)
        response.send(b"")

    async with await mock({"mappings": [{"custom": moves}]}) as mocked:
        assert (await mocked.request("GET", "/")).status == 200
        with pytest.raises(RuntimeError, match="isn't dispatched"):
            mocked.configuration.move(Request("GET", "/"), mocked.configuration.mappings[0])


async def test_what_is_around_a_request_that_moves_stays_open() -> None:
    """Such as middleware around a page."""
    handler = Counted()
    go_on = asyncio.Event()

    class Around(Counted):
        @hookimpl
        def schema(self) -> dict[str, Any]:
            return {"properties": {"around": {"type": "string"}}}

        @hookimpl
        async def redirect(
            self, request: Request, response: Response, mapping: Mapping, configuration: LiveConfiguration
        ) -> None:
            await configuration.dispatch_rest(request, response)
            await go_on.wait()
            self.moved.append(f"{mapping.value} is open: {mapping.value in self.open}")

    around = Around()
    handlers = {"counted": handler, "around": around}
    mappings = [{"match": "/page", "around": "one"}, {"counted": "one"}]
    async with await mock({"handlers": handlers, "mappings": mappings}) as mocked:
        page = asyncio.create_task(mocked.request("GET", "/page"))
        await asyncio.sleep(0)
        await mocked.server.reload({"handlers": {"counted": handler}, "mappings": [{"counted": "last"}]})
        await until(lambda: handler.moved == ["one"])
        await mocked.server.reload({"handlers": {"counted": handler}, "mappings": [{"counted": "next"}]})
        await until(lambda: "last" in handler.moved)
        assert around.open == ["one"]
        go_on.set()
        assert (await page).text == "last"
        await until(lambda: around.open == [])
        assert around.moved == ["one is open: True"]


# Who serves what.


async def test_two_servers_on_one_configuration_are_apart() -> None:
    handler = Counted()
    checked = await check({"handlers": {"counted": handler}, "mappings": [{"counted": "a"}]})
    async with await mock(checked) as one, await mock(checked) as other:
        assert handler.open == ["a", "a"]
        assert one.configuration.mappings[0] is not other.configuration.mappings[0]
        await one.configuration.set_mappings([{"status": 204}])
        assert [(await each.request("GET", "/")).status for each in (one, other)] == [204, 200]
        assert len(checked.mappings) == 1
        await until(lambda: handler.open == ["a"])
    assert handler.open == []


async def test_a_checked_configuration_is_frozen() -> None:
    checked = await check({"mappings": []})
    for name in ("port", "table", "handlers"):
        with pytest.raises(FrozenInstanceError):
            setattr(checked, name, None)


SETTINGS: dict[str, Any] = {"port": 0, "mappings": [{"match": "^/$", "custom": ["here"]}, {"status": 404}]}


async def every_source(folder: Path) -> list[Any]:
    """All that describes one configuration: a path, its text, a dict, what `read` and what `check` make of them."""
    file = folder / "reserve.json"
    file.write_text(json.dumps(SETTINGS))
    return [file, str(file), SETTINGS, read(file), read(SETTINGS), await check(file), await check(read(file))]


async def test_check_takes_every_source(tmp_path: Path) -> None:
    for source in await every_source(tmp_path):
        checked = await check(source)
        assert isinstance(checked, Configuration)
        assert len(checked.mappings) == 2
        assert await check(checked) is checked


async def test_serve_takes_every_source(tmp_path: Path) -> None:
    for source in await every_source(tmp_path):
        async with await serve(source, port=0) as server:
            assert (await asyncio.to_thread(ask, server.url)).text == "here"


async def test_mock_and_reload_take_every_source(tmp_path: Path) -> None:
    for source in await every_source(tmp_path):
        async with await mock(source) as mocked:
            assert (await mocked.request("GET", "/")).text == "here"
            await mocked.server.reload({"mappings": []})
            assert (await mocked.request("GET", "/")).status == 501
            await mocked.server.reload(source)
            assert (await mocked.request("GET", "/")).text == "here"


async def test_the_handlers_of_a_checked_configuration_stay() -> None:
    with pytest.raises(TypeError, match=r"can't be replaced: give what read\(\) makes"):
        await mock(await check(SETTINGS), {"custom": Counted()})


async def test_what_is_checked_is_kept_by_nobody() -> None:
    mappings: list[dict[str, Any]] = [
        {"match": "^/m(/.*)?$", "mirror": "$1", "codes": ["a"]},
        {"match": "^/t", "tap": "a"},
        {"match": "^/u/(.*)", "url": "http://127.0.0.1:1/$1"},
        {"match": "^/c", "custom": tell},
        {"match": "^/(.*)", "file": "./$1"},
    ]

    def alive() -> int:
        gc.collect()
        return sum(type(each) is Configuration for each in gc.get_objects())  # isinstance wakes what is lazy

    before = alive()
    for _ in range(5):
        await check({"mappings": mappings})
    async with await mock({"mappings": mappings}) as mocked:
        for _ in range(5):
            await mocked.configuration.set_mappings(mappings)
            with pytest.raises(ConfigError):
                await mocked.server.reload({"mappings": [*mappings, {"statu": 404}]})
        await until(lambda: alive() == before + 1)
    del mocked
    await until(lambda: alive() == before)
