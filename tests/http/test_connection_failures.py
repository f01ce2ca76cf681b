"""Handlers that fail: an orderly 500 while it can still be said, afterwards a response that nobody takes for whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core.errors import HTTPError, ResponseError
from tests.http.handlers import cut, get

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve, Site


async def test_a_handler_that_fails_before_its_response_gives_500(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        if request.path == "/":
            response.headers["Content-Type"] = "image/png"
            raise ValueError("secret")
        response.send("well")

    site = await serve(handler)
    wire = await site.connect()
    received = await wire.ask(get("/"))
    assert (received.status, received.body) == (500, b"Internal Server Error")
    assert received.headers["content-type"].startswith("text/plain")
    assert [str(event.reason) for event in site.named("error")] == ["secret"]
    if not received.closes:
        assert (await wire.ask(get("/well"))).body == b"well"


async def test_a_handler_may_answer_with_an_error(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        raise HTTPError(409, "Not now", {"Retry-After": "5"})

    site = await serve(handler)
    wire = await site.connect()
    for _ in range(2):
        received = await wire.ask(get("/"))
        assert (received.status, received.body, received.headers["retry-after"]) == (409, b"Not now", "5")
    assert site.named("error") == []


async def test_a_body_that_breaks_off_while_the_head_of_the_response_waits_gives_400(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        async for chunk in request.stream():
            await response.write(chunk)
        await response.end()

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n?\r\n")
    received = await wire.response(head=True)
    assert (received.status, received.closes) == (400, True)
    assert site.named("error") == []


async def test_a_handler_cancelled_by_itself_has_failed(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        helper = asyncio.create_task(asyncio.sleep(3600))
        helper.cancel()
        await helper

    site = await serve(handler)
    received = await (await site.connect()).ask(get())
    assert (received.status, received.body) == (500, b"Internal Server Error")
    assert len(site.named("error")) == 1
    assert site.named("aborted") == []


@pytest.mark.parametrize("length", [None, "100"])
@pytest.mark.parametrize("chunk", [b"", b"begun"])
async def test_a_handler_that_fails_in_its_response_cuts_it(serve: Serve, length: str | None, chunk: bytes) -> None:
    async def handler(request: Request, response: Response) -> None:
        if length:
            response.headers["Content-Length"] = length
        await response.write(chunk)
        await asyncio.sleep(0.01)
        raise ValueError("oops")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get() + get())
    await cut(wire)
    assert [str(event.reason) for event in site.named("error")] == ["oops"]


async def test_a_handler_that_fails_after_its_response_harms_nobody(serve: Serve) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send("done")
        raise ValueError("too late")

    site = await serve(handler)
    wire = await site.connect()
    for _ in range(2):
        assert (await wire.ask(get())).body == b"done"
    assert len(site.named("error")) == 2


@pytest.mark.parametrize(
    "value",
    ["a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1", "a\r\n\r\n<p>", "a\0b", "snow \N{SNOWMAN}"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["sent", "streamed"])
async def test_headers_can_not_be_injected(serve: Serve, value: str, streamed: bool) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.headers["X-Value"] = value
        if streamed:
            await response.write("body")
            await response.end()
        else:
            response.send("body")

    await only_500(await serve(handler))


@pytest.mark.parametrize("raised", [False, True], ids=["set before", "of the error"])
async def test_headers_can_not_be_injected_by_errors(serve: Serve, raised: bool) -> None:
    def handler(request: Request, response: Response) -> None:
        if raised:
            raise HTTPError(404, "body", {"X-Value": "a\r\nX-Injected: 1"})
        response.headers["X-Value"] = "a\r\nX-Injected: 1"
        raise HTTPError(404, "body")

    await only_500(await serve(handler))


@pytest.mark.parametrize("name", ["", "X y", "X:y", "X\r\nY", "X\0", "é", "X\n"])
async def test_header_names_are_checked(serve: Serve, name: str) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send("body", headers={name: "1"})

    await only_500(await serve(handler))


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 1000, -1])
async def test_a_status_must_end_the_request(serve: Serve, status: int) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send("body", status)

    await only_500(await serve(handler))


@pytest.mark.parametrize("value", ["", "a", "-5", "+4", "4, 4", "0x4", "٤"])
async def test_a_content_length_must_be_a_number(serve: Serve, value: str) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send("body", headers={"Content-Length": value})

    await only_500(await serve(handler))


async def only_500(site: Site) -> None:
    """The response is a 500 without anything the handler said, and the error is told."""
    wire = await site.connect()
    response = await wire.ask(get("/", "Connection: close\r\n"))
    assert response.status == 500
    assert {name.lower() for name in response.headers} <= {"date", "connection", "content-length", "content-type"}
    assert b"body" not in response.body
    await wire.closed()
    assert len(site.named("error")) == 1


@pytest.mark.parametrize("length", [0, 3, 5])
async def test_a_sent_body_must_have_its_content_length(serve: Serve, length: int) -> None:
    def handler(request: Request, response: Response) -> None:
        response.send("body", headers={"Content-Length": str(length)})

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get())
    try:
        received = await wire.response()
    except (EOFError, ConnectionError):
        return
    assert received.status == 500


async def test_a_streamed_body_shorter_than_its_length_is_cut(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.headers["Content-Length"] = "10"
        await response.write("12345")
        await asyncio.sleep(0.01)
        await response.end()

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get() + get())
    await cut(wire)
    assert [type(event.reason) for event in site.named("error")] == [ResponseError]


async def test_a_streamed_body_never_exceeds_its_length(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.headers["Content-Length"] = "5"
        await response.write("12345")
        await asyncio.sleep(0.01)
        await response.write("HTTP/1.1 200 OK\r\n\r\n")
        await response.end()

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get() + get())
    assert (await wire.response()).body == b"12345"
    try:
        await wire.closed()
    except ConnectionError:
        pass
    assert [type(event.reason) for event in site.named("error")] == [ResponseError]


@pytest.mark.parametrize("value", [1, None, b"a"])
async def test_a_header_that_is_no_text_is_named(serve: Serve, value: Any) -> None:
    async def handler(request: Request, response: Response) -> None:
        with pytest.raises(ResponseError, match="X-Count has"):
            response.send("a", headers={"X-Count": value})
        with pytest.raises(ResponseError, match="X-Count has"):
            await response.write("a")
        response.headers["X-Count"] = "1"
        response.send("b")

    wire = await (await serve(handler)).connect()
    assert (await wire.ask(get())).body == b"b"


async def test_a_response_that_is_never_ended_is_cut(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> int:
        await response.write("begun")
        await asyncio.sleep(0.01)
        return 404

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get())
    await cut(wire)


async def test_an_answered_request_is_answered_once(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        response.send("first")
        with pytest.raises(ResponseError):
            response.send("second")
        with pytest.raises(ResponseError):
            await response.write("second")
        with pytest.raises(ResponseError):
            await response.end("second")

    site = await serve(handler)
    wire = await site.connect()
    assert [(await wire.ask(get())).body for _ in range(2)] == [b"first", b"first"]
    assert site.named("error") == []
