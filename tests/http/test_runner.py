"""Requests that come together run together, each as if it were alone."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from reserve_core.http import Request, Response
from reserve_core.http.connection import Connection
from reserve_core.http.exchange import Exchange
from reserve_core.http.runner import BATCH
from reserve_core.http.server_state import ServerState
from reserve_core.limits import Limits
from tests.http.handlers import GET
from tests.kit.waiting import until

if TYPE_CHECKING:
    from tests.http.conftest import Serve

EAGER = sys.version_info >= (3, 12)
seen: ContextVar[str] = ContextVar("seen")


Work = Callable[[], Coroutine[Any, Any, Any]]


class Nowhere(asyncio.Transport):
    """What is written to it goes nowhere."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class Runs:
    """Requests that come in one turn of the loop, each on a connection of its own, with the work of its handler."""

    def __init__(self) -> None:
        self._http = ServerState(self._handle, lambda request, error: None, Limits(), "http")
        self.runner = self._http.runner
        self.exchanges: list[Exchange] = []
        self._works: dict[int, Work] = {}
        self._left = 0
        self._ended = asyncio.Event()

    def add(self, *works: Work) -> None:
        for work in works:
            connection = Connection(self._http, asyncio.get_running_loop())
            connection.begin(Nowhere(), None, None)
            request = Request("GET", "/")
            exchange = Exchange(connection, request, None, True, False)
            self._works[request.id] = work
            self._left += 1
            self.exchanges.append(exchange)
            exchange.run()

    async def _handle(self, request: Request, response: Response) -> None:
        try:
            await self._works[request.id]()
        finally:
            response.send(b"")
            self._left -= 1
            if not self._left:
                self._ended.set()

    async def ended(self) -> None:
        async with asyncio.timeout(30):
            await self._ended.wait()
            await until(lambda: not self.runner.tasks)
        assert all(exchange.settled and exchange.task is None for exchange in self.exchanges)


async def run(*works: Work) -> None:
    """Runs all of them, and returns when they have ended."""
    runs = Runs()
    runs.add(*works)
    await runs.ended()


async def test_requests_run_in_their_order_and_none_in_the_turn_in_which_it_came() -> None:
    order: list[int | str] = []

    def work(number: int) -> Work:
        async def note() -> None:
            order.append(number)

        return note

    runs = Runs()
    runs.add(*map(work, range(3)))
    order.append("the turn ends")
    await runs.ended()
    assert order == ["the turn ends", 0, 1, 2]


async def test_those_that_have_nothing_to_wait_for_share_a_task_where_none_can_start_at_once() -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    async def work() -> None:
        tasks.append(asyncio.current_task())

    await run(*[work] * 10)
    assert len(tasks) == 10
    assert len(set(tasks)) == (10 if EAGER else 1)


async def test_one_that_waits_holds_up_none_and_has_a_task_of_its_own() -> None:
    first_goes_on = asyncio.Event()
    tasks: list[asyncio.Task[Any] | None] = []

    async def waits() -> None:
        tasks.append(asyncio.current_task())
        await first_goes_on.wait()

    async def goes() -> None:
        tasks.append(asyncio.current_task())

    async def last() -> None:
        first_goes_on.set()

    await run(waits, goes, waits, last)
    assert len(tasks) == len(set(tasks)) == 3


async def test_a_task_that_waits_is_known_with_its_exchange() -> None:
    go_on = asyncio.Event()

    async def waits() -> None:
        await go_on.wait()

    runs = Runs()
    runs.add(waits)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (exchange,) = runs.exchanges
    assert exchange.task is not None
    assert list(runs.runner.tasks) == [exchange.task]
    go_on.set()
    await runs.ended()


async def test_what_asks_for_the_current_task_before_it_waits_works() -> None:
    caught: list[str] = []

    async def work() -> None:
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(60)
        except TimeoutError:
            caught.append("timeout")
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        caught.append("group")

    await run(work, work)
    assert sorted(caught) == ["group", "group", "timeout", "timeout"]


@pytest.mark.parametrize("waits", [False, True])
async def test_no_request_sees_what_another_one_has_left_in_its_context(waits: bool) -> None:
    found: list[str] = []

    async def work() -> None:
        found.append(seen.get("nothing"))
        seen.set("another one's")
        if waits:
            await asyncio.sleep(0)
        found.append(seen.get())

    await run(*[work] * 3)
    assert sorted(found) == ["another one's"] * 3 + ["nothing"] * 3


async def test_no_request_is_cancelled_for_another_one() -> None:
    ended: list[str] = []

    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        ended.append("first")

    async def waits() -> None:
        await asyncio.sleep(0)
        ended.append("second")

    async def is_cancelled() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            raise asyncio.CancelledError

    await run(cancels_itself, waits, is_cancelled, waits)
    assert ended == ["first", "second", "second"]


async def test_a_callback_for_the_end_of_the_task_is_called_at_the_end_of_its_request() -> None:
    told = asyncio.Event()

    async def asks_to_be_told() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: told.set())

    async def waits() -> None:
        await told.wait()

    await run(asks_to_be_told, waits)


async def test_what_fails_ends_no_other_one(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[int] = []

    async def fails() -> None:
        raise ValueError("the dispatcher has told of it")

    async def works() -> None:
        ended.append(1)

    await run(fails, works, fails, works)
    assert ended == [1, 1]
    assert not caplog.records


async def test_the_sockets_have_their_turn_between_two_batches() -> None:
    ended = 0
    between: list[int] = []

    async def work() -> None:
        nonlocal ended
        ended += 1

    def look() -> None:
        between.append(ended)
        if ended < 3 * BATCH:
            asyncio.get_running_loop().call_soon(look)

    asyncio.get_running_loop().call_soon(look)
    await run(*[work] * (3 * BATCH))
    assert {BATCH, 2 * BATCH} <= set(between)


# On the wire.


async def test_pipelined_requests_have_contexts_of_their_own(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        before = seen.get("nothing")
        seen.set("another one's")
        response.send(before)

    wire = await (await serve(handler)).connect()
    await wire.send(GET * 3)
    assert [(await wire.response()).body for _ in range(3)] == [b"nothing"] * 3


async def test_a_request_whose_client_goes_before_its_turn_never_runs(serve: Serve) -> None:
    ran: list[str] = []

    async def slow(request: Request, response: Response) -> None:
        ran.append(request.method)
        await asyncio.sleep(0)
        response.send("")

    site = await serve(slow)
    wire = await site.connect()
    await until(lambda: site.connections == 1)
    (connection,) = site.server._http.connections
    connection.data_received(GET)
    connection.connection_lost(None)
    assert not ran
    for _ in range(5):
        await asyncio.sleep(0)
    assert not ran
    wire.close()


async def test_a_generator_exit_that_a_handler_waits_for_fails_its_request_alone(serve: Serve) -> None:
    async def handler(request: Request, response: Response) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_exception, GeneratorExit())
        await future

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        assert (await wire.ask(GET)).status == 500
    gc.collect()  # a task whose failure nobody has looked at says so when it goes
