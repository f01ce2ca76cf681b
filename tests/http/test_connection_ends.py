"""How exchanges and connections end: clients that go, servers that stop."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from reserve_core.errors import Disconnected, HTTPError
from reserve_core.http.channel import LINGER
from tests.http.handlers import POST, cut, get

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve


# The client goes.


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("begun", [False, True], ids=["before the response", "in the response"])
async def test_the_handler_of_a_client_that_went_is_cancelled(serve: Serve, how: str, begun: bool) -> None:
    outcome: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        if request.path == "/":
            response.send("well")
            return
        if begun:
            await response.write("begun")
        outcome.append("running")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            outcome.append(f"cancelled {request.aborted}")
            raise

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get("/slow"))
    await site.until(lambda: outcome)
    getattr(wire, how)()
    await site.until(lambda: len(outcome) == 2)
    assert outcome[1] == "cancelled True"
    await site.until(lambda: site.named("aborted"))
    assert [event.url for event in site.named("aborted")] == ["/slow"]
    assert site.named("error") == []
    assert (await (await site.connect()).ask(get())).body == b"well"


async def test_writing_to_a_client_that_went_raises_disconnected(serve: Serve) -> None:
    outcome: list[BaseException | str] = []

    async def handler(request: Request, response: Response) -> None:
        await response.write("begun")
        outcome.append("running")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            try:
                await response.write("more")
            except Disconnected as error:
                outcome.append(error)
            raise

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get())
    await site.until(lambda: outcome)
    wire.reset()
    await site.until(lambda: len(outcome) == 2)
    assert isinstance(outcome[1], Disconnected)


async def test_a_writer_that_waits_learns_that_the_client_went(serve: Serve) -> None:
    outcome: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        try:
            while True:
                await response.write(bytes(65536))
                outcome.append("written")
        except (Disconnected, asyncio.CancelledError) as error:
            outcome.append(type(error).__name__)
            raise

    site = await serve(handler)
    wire = await site.connect(receive_buffer=4096)
    await wire.send(get())
    await site.until(lambda: outcome)
    wire.reset()
    await site.until(lambda: outcome[-1] != "written")
    await site.until(lambda: site.named("aborted"))
    assert site.named("error") == []


async def test_a_writer_that_never_waits_learns_that_the_client_went(serve: Serve) -> None:
    go_on = asyncio.Event()
    outcome: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        await response.write(b"begun")
        outcome.append("begun")
        await go_on.wait()
        try:
            for _ in range(100):
                await response.write(b"more")
        except (Disconnected, asyncio.CancelledError) as error:
            outcome.append(type(error).__name__)
            raise
        outcome.append("wrote it all")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get())
    await site.until(lambda: outcome)
    wire.reset()
    go_on.set()
    await site.until(lambda: len(outcome) == 2)
    assert outcome[1] == "Disconnected"


async def test_responses_to_a_client_that_went_meanwhile(serve: Serve) -> None:
    go_on = asyncio.Event()
    seen: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        seen.append(request.path)
        if request.path == "/slow":
            await go_on.wait()
        response.send("answer")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get("/slow") + get("/next") * 15)
    await site.until(lambda: seen)
    wire.reset()
    go_on.set()
    await site.until(lambda: site.connections == 0)
    assert site.named("error") == []


@pytest.mark.parametrize(
    "head", [b"Content-Length: 10\r\n\r\n01234", b"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"]
)
async def test_a_body_cut_short_is_never_taken_for_whole(serve: Serve, head: bytes) -> None:
    outcome: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        outcome.append("running")
        try:
            outcome.append(repr(await request.body()))
        except (Disconnected, asyncio.CancelledError) as error:
            outcome.append(type(error).__name__)
            raise

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(POST + head)
    await site.until(lambda: outcome)
    wire.close()
    await site.until(lambda: len(outcome) == 2)
    assert outcome[1] in ("Disconnected", "CancelledError")
    await site.until(lambda: site.named("aborted"))
    assert site.named("error") == []


async def test_requests_that_wait_behind_a_client_that_went_are_not_run(serve: Serve) -> None:
    seen: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        seen.append(request.path)
        await asyncio.sleep(3600)

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get("/1") + get("/2"))
    await site.until(lambda: seen)
    wire.close()
    await site.until(lambda: site.named("aborted"))
    await asyncio.sleep(0.05)
    assert seen == ["/1"]


@pytest.mark.parametrize("data", [b"", b"G", b"GET / HTTP/1.1\r\nHost", POST + b"Content-Length: 5\r\n"])
async def test_clients_that_leave_early_leave_nothing_behind(serve: Serve, data: bytes) -> None:
    site = await serve(lambda request, response: response.send("well"))
    for how in ("close", "reset"):
        wire = await site.connect()
        await wire.send(data)
        getattr(wire, how)()
    await site.until(lambda: site.connections == 0)
    assert (await (await site.connect()).ask(get())).body == b"well"
    assert site.named("error") == site.named("aborted") == []


# The connection ends behind a response.

ENDS = {
    "asked for": get(extra="Connection: close\r\n"),
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "by the handler": get("/close"),
    "streamed": get("/stream", "Connection: close\r\n"),
    "without a length": b"GET /stream HTTP/1.0\r\n\r\n",
    "of an error": get("/fail", "Connection: close\r\n"),
    "of nobody": get(extra="Host: a\r\n"),
    "malformed": b"nonsense\r\n\r\n",
    "body unread": POST + b"Connection: close\r\nContent-Length: 9\r\n\r\n",
    "in a pipeline": get() + get(extra="Connection: close\r\n") + get(),
}


@pytest.mark.parametrize("data", ENDS.values(), ids=ENDS)
async def test_what_still_comes_does_not_reset_the_connection(serve: Serve, data: bytes) -> None:
    """RFC 9112 9.6: a reset can cost the client the response that it hasn't read yet."""

    async def handler(request: Request, response: Response) -> None:
        if request.path == "/stream":
            await response.write("hello, ")
            await response.end("hello")
        elif request.path == "/fail":
            raise HTTPError(404, "Not here")
        else:
            response.send("hello", headers={"Connection": "close"} if request.path == "/close" else {})

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(data)
    *_, last = await wire.responses()
    assert last.closes
    for _ in range(20):
        await wire.send(b"more")
    wire.close()
    await site.until(lambda: site.connections == 0)


async def test_a_client_that_stays_behind_the_last_response_is_cut(serve: Serve) -> None:
    site = await serve(lambda request, response: response.send("hello"))
    wire = await site.connect()
    assert (await wire.ask(get(extra="Connection: close\r\n"))).closes
    await site.after_a_while(wire.send_until_hung_up(b"more"))
    await site.until(lambda: site.connections == 0)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_it_has_time_to_read_all_of_the_response(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext, tls: bool
) -> None:
    """However slow it is: longer than a connection lingers."""
    size = 4_000_000
    site = await serve(lambda request, response: response.send(bytes(size)), certificate=certificate if tls else None)
    wire = await site.connect(receive_buffer=4096)
    context, name = (trusting, "127.0.0.1") if tls else (None, None)
    reader, writer = await asyncio.open_connection(sock=wire.sock, limit=4096, ssl=context, server_hostname=name)
    writer.write(get(extra="Connection: close\r\n"))
    await site.until(lambda: site.named("redirected"))
    for _ in range(3):
        site.pass_time(LINGER + 1)
        await asyncio.sleep(0.01)  # a connection that is cut is closed by now
    if not tls:
        writer.write(b"more")
    await reader.readuntil(b"\r\n\r\n")
    assert len(await reader.read()) == size
    writer.close()


async def test_a_response_before_the_body_reaches_the_client_over_tls(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext
) -> None:
    site = await serve(lambda request, response: response.send("too large", 413), certificate=certificate)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port, ssl=trusting)
    writer.write(POST + b"Content-Length: 9000000\r\n\r\n")
    await site.until(lambda: site.named("redirected"))
    for _ in range(50):
        writer.write(bytes(10_000))
        await writer.drain()
    assert (await reader.readuntil(b"too large")).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await site.until(lambda: site.connections == 0)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_end_behind_a_response_is_told_at_once_over_tls(
    serve: Serve, certificate: dict[str, str], trusting: ssl.SSLContext, version: str
) -> None:
    """There are clients that wait for it."""
    site = await serve(lambda request, response: response.send("hello"), certificate=certificate, idle_timeout=3600)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port, ssl=trusting)
    writer.write(get(extra="Connection: close\r\n").replace(b"1.1", version.encode()))
    assert (await reader.read()).endswith(b"hello")
    await site.until(lambda: site.connections == 0)
    writer.close()


# The server stops.


async def test_a_stop_lets_responses_finish_and_closes_the_rest(serve: Serve) -> None:
    release = asyncio.Event()
    seen: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        seen.append(request.path)
        if request.path == "/slow":
            await release.wait()
        response.send(request.path)

    site = await serve(handler)
    busy, idle, fresh = [await site.connect() for _ in range(3)]
    assert (await idle.ask(get("/idle"))).closes is False
    await busy.send(get("/slow"))
    await site.until(lambda: "/slow" in seen)
    stopping = asyncio.create_task(site.server.close())
    await idle.closed()
    await fresh.closed()
    with pytest.raises(ConnectionError):
        await site.connect()
    release.set()
    received = await busy.response()
    assert (received.body, received.closes) == (b"/slow", True)
    await busy.closed()
    await site.after_a_while(stopping)
    assert len(site.named("closed")) == 1


async def test_requests_behind_the_one_at_work_are_not_run_while_stopping(serve: Serve) -> None:
    release = asyncio.Event()
    seen: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        seen.append(request.path)
        await response.write("begun, ")
        await release.wait()
        await response.end("ended")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get("/slow"))
    await site.until(lambda: seen)
    stopping = asyncio.create_task(site.server.close(timeout=3600))
    await site.until(lambda: site.server.closing)
    await wire.send_in_pieces([get("/late")])
    release.set()
    responses = await wire.responses()
    await site.after_a_while(stopping)
    assert seen == ["/slow"]
    assert responses[0].body == b"begun, ended"
    assert [received.status for received in responses[1:]] in ([], [503])


async def test_a_request_half_sent_gets_503_while_stopping(serve: Serve) -> None:
    site = await serve(lambda request, response: response.send("hello"))
    wire = await site.connect()
    assert (await wire.ask(get())).status == 200
    await wire.send(b"GET / HTTP/1.1\r\n")
    for _ in range(5):
        await asyncio.sleep(0)
    stopping = asyncio.create_task(site.server.close())
    await site.until(lambda: site.server.closing)
    received = await wire.ask(b"Host: a\r\n\r\n")
    assert (received.status, received.closes) == (503, True)
    await wire.closed()
    await site.after_a_while(stopping)


async def test_a_stop_waits_only_so_long(serve: Serve) -> None:
    outcome: list[str] = []

    async def handler(request: Request, response: Response) -> None:
        await response.write("begun")
        outcome.append("running")
        try:
            await asyncio.sleep(3600)
        finally:
            outcome.append("cancelled")

    site = await serve(handler)
    wire = await site.connect()
    await wire.send(get())
    await site.until(lambda: outcome)
    await site.server.close(timeout=0.1)
    assert outcome == ["running", "cancelled"]
    await cut(wire)
