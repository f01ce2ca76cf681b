"""What mappings open, in its units: shared resources, work in the background, and lifespans."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, Mapping, Resources, Server, check, hookimpl, mock, resources as module
from reserve_core.dispatcher import Dispatcher
from reserve_core.events import Emitter, Event
from reserve_core.resources import Shares
from tests.kit.waiting import PATIENCE, until

TOLD: list[str] = []


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    TOLD.clear()


@asynccontextmanager
async def thing(*names: Any) -> AsyncIterator[object]:
    """What tells of its beginning and of its end."""
    TOLD.append(f"open {names!r}")
    yield object()
    TOLD.append(f"close {names!r}")


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What doesn't end is given up at once."""
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)
    monkeypatch.setattr(module, "CUT_TIMEOUT", 0.05)


class Table:
    """The resources of several tables of one server."""

    def __init__(self) -> None:
        self.shares = Shares()
        self.dispatcher = Dispatcher(Emitter())

    def __call__(self) -> Resources:
        return Resources(self.shares, self.dispatcher)


@pytest.fixture
def table() -> Table:
    return Table()


# What is shared.


async def test_all_who_ask_for_the_same_get_one_object(table: Table) -> None:
    one, other = table(), table()
    first = await one.share(thing, "a")
    assert await one.share(thing, "a") is first
    assert await other.share(thing, "a") is first
    assert await other.share(thing, "b") is not first
    await one._close()
    assert TOLD == ["open ('a',)", "open ('b',)"]
    await other._close()
    assert TOLD[2:] == ["close ('b',)", "close ('a',)"]


async def test_a_worker_has_a_folder_of_its_own(tmp_path: Path) -> None:
    found: list[Path | None] = []

    class Looks:
        @hookimpl
        def schema(self) -> dict[str, Any]:
            return {"properties": {"looks": {"description": "Anything"}}}

        @hookimpl
        async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
            found.append(resources.worker_folder)
            yield

        @hookimpl
        async def redirect(self) -> None: ...

    settings = {"handlers": {"looks": Looks()}, "mappings": [{"looks": 1}]}
    for folder in (tmp_path, None):
        server = Server(await check(settings), worker_folder=folder)
        await server.start(listen=False)
        await server.reload({**settings, "mappings": [{"looks": 2}]})
        await server.close()
    assert found == [tmp_path, tmp_path, None, None]


async def test_what_is_closed_is_opened_anew(table: Table) -> None:
    for _ in range(2):
        resources = table()
        await resources.share(thing)
        await resources._close()
    assert TOLD == ["open ()", "close ()"] * 2


async def test_arguments_that_are_equal_but_of_other_types_are_others(table: Table) -> None:
    resources = table()
    assert len({id(await resources.share(thing, value)) for value in (1, True, 1.0)}) == 3
    await resources._close()
    assert len(TOLD) == 6


async def test_two_factories_never_collide(table: Table) -> None:
    @asynccontextmanager
    async def other(*names: Any) -> AsyncIterator[object]:
        yield object()

    resources = table()
    assert await resources.share(thing, "a") is not await resources.share(other, "a")
    await resources._close()


async def test_arguments_that_can_change_are_refused(table: Table) -> None:
    resources = table()
    with pytest.raises(TypeError, match=r"are its key: .*unhashable type: 'dict'.* Give immutable ones"):
        await resources.share(thing, {})  # type: ignore[arg-type]
    await resources._close()
    assert TOLD == []


async def test_what_is_no_context_manager_is_a_mistake(table: Table) -> None:
    resources = table()
    with pytest.raises(TypeError, match="asynchronous context manager"):
        await resources.share(object)  # type: ignore[arg-type]
    await resources._close()


async def test_one_that_fails_is_tried_again(table: Table) -> None:
    attempts: list[int] = []

    @asynccontextmanager
    async def fails_once() -> AsyncIterator[str]:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("away")
        yield "there"

    resources = table()
    failures = await asyncio.gather(resources.share(fails_once), resources.share(fails_once), return_exceptions=True)
    assert [repr(each) for each in failures] == ["OSError('away')"] * 2
    assert len(attempts) == 1
    assert await resources.share(fails_once) == "there"
    await resources._close()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
async def test_one_that_would_end_the_process_fails(table: Table, kind: type[BaseException]) -> None:
    @asynccontextmanager
    async def ends() -> AsyncIterator[None]:
        raise kind
        yield

    resources = table()
    with pytest.raises(RuntimeError, match=f"ends has raised {kind.__name__}") as caught:
        await resources.share(ends)
    assert isinstance(caught.value.__cause__, kind)
    await resources._close()


class Slow:
    """A factory that opens when it is let."""

    def __init__(self) -> None:
        self.let, self.opened, self.closed, self.cancelled = asyncio.Event(), 0, 0, 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[str]:
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.opened += 1
        yield "slow"
        self.closed += 1


async def test_two_that_ask_while_it_opens_wait_for_one(table: Table) -> None:
    slow = Slow()
    one, other = table(), table()
    asking = asyncio.gather(one.share(slow), other.share(slow))
    await asyncio.sleep(0)
    slow.let.set()
    assert list(await asking) == ["slow", "slow"]
    await one._close()
    assert (slow.opened, slow.closed) == (1, 0)
    await other._close()
    assert (slow.opened, slow.closed) == (1, 1)


async def test_one_that_asks_no_more_leaves_it_to_the_other(table: Table) -> None:
    slow = Slow()
    one, other = table(), table()
    asking = [asyncio.create_task(each.share(slow)) for each in (one, other)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.wait([asking[0]])
    assert slow.cancelled == 0
    slow.let.set()
    assert await asking[1] == "slow"
    await one._close()
    assert slow.closed == 0
    await other._close()
    assert (slow.opened, slow.closed) == (1, 1)


async def test_when_nobody_asks_any_more_its_opening_is_cancelled(table: Table) -> None:
    slow = Slow()
    resources = table()
    asking = asyncio.create_task(resources.share(slow))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    assert slow.cancelled == 1
    slow.let.set()
    assert await resources.share(slow) == "slow"
    await resources._close()
    assert (slow.opened, slow.closed) == (1, 1)


async def test_one_that_opens_all_the_same_is_closed(table: Table) -> None:
    ends = []

    @asynccontextmanager
    async def stubborn() -> AsyncIterator[None]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("ignored")
        yield
        ends.append("closed")

    resources = table()
    asking = asyncio.create_task(resources.share(stubborn))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    assert ends == ["ignored", "closed"]
    await resources._close()


async def test_it_may_hold_what_belongs_to_one_task(table: Table) -> None:
    @asynccontextmanager
    async def group() -> AsyncIterator[asyncio.TaskGroup]:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
            TOLD.append(str(asyncio.current_task()))
            yield tasks
        TOLD.append(str(asyncio.current_task()))

    one, other = table(), table()
    tasks = await asyncio.create_task(one.share(group))
    assert await asyncio.create_task(other.share(group)) is tasks
    work = tasks.create_task(asyncio.sleep(0, "done"))
    await asyncio.create_task(one._close())
    await asyncio.create_task(other._close())
    assert await work == "done"
    assert len(TOLD) == 2
    assert TOLD[0].split("coro")[0] == TOLD[1].split("coro")[0]


async def test_one_that_breaks_while_it_is_used_is_told_and_replaced(table: Table, errors: Any) -> None:
    @asynccontextmanager
    async def group() -> AsyncIterator[asyncio.TaskGroup]:
        async with asyncio.TaskGroup() as tasks:
            yield tasks

    async def breaks() -> None:
        raise OSError("gone")

    one, other = table(), table()
    tasks = await one.share(group)
    tasks.create_task(breaks())
    await until(errors)
    assert "group failed before its end" in errors()[0]
    assert await other.share(group) is not tasks
    await one._close()
    await other._close()
    assert len(errors()) == 1


async def test_an_end_that_fails_is_told(table: Table, errors: Any) -> None:
    @asynccontextmanager
    async def fails() -> AsyncIterator[None]:
        yield
        raise SystemExit(3)

    resources = table()
    await resources.share(thing)
    await resources.share(fails)
    await resources._close()
    (message,) = errors()
    assert "fails failed at its end" in message
    assert TOLD == ["open ()", "close ()"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stubborn", [False, True])
async def test_an_end_that_hangs_is_cut(table: Table, errors: Any, stubborn: bool) -> None:
    go_on = asyncio.Event()

    @asynccontextmanager
    async def hangs() -> AsyncIterator[None]:
        yield
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                TOLD.append("cut")
                if not stubborn:
                    raise

    resources = table()
    await resources.share(thing)
    await resources.share(hangs)
    await resources._close()
    (message,) = errors()
    assert "hangs: its end takes longer than 0.05 s, and is cut" in message
    assert TOLD == ["open ()", "cut", "close ()"]
    go_on.set()


async def test_nothing_is_shared_behind_the_close(table: Table) -> None:
    resources = table()
    await resources._close()
    with pytest.raises(RuntimeError, match="closed"):
        await resources.share(thing)
    assert TOLD == []


async def test_what_opens_during_the_close_is_closed(table: Table) -> None:
    slow = Slow()
    resources = table()

    async def asks() -> None:
        try:
            await resources.share(slow)
        except asyncio.CancelledError:
            TOLD.append("cancelled")

    resources.spawn(asks())
    await asyncio.sleep(0.01)
    await resources._close()
    assert (TOLD, slow.cancelled, slow.opened) == (["cancelled"], 1, 0)


# Work in the background.


async def test_work_in_the_background_is_cancelled_at_the_close(table: Table, errors: Any) -> None:
    resources = table()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            TOLD.append("ended")

    task = resources.spawn(work())
    await asyncio.sleep(0)
    await resources.share(thing)
    await resources._close()
    assert task.cancelled()
    assert TOLD == ["open ()", "ended", "close ()"]  # it may use what is shared to its end
    assert errors() == []


@pytest.mark.parametrize("failure", [ValueError("boom"), SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_work_that_fails_is_told(table: Table, errors: Any, failure: BaseException) -> None:
    async def fails() -> None:
        raise failure

    resources = table()
    task = resources.spawn(fails())
    await asyncio.wait([task])
    await asyncio.sleep(0)
    (message,) = errors()
    assert message.endswith("fails failed in the background")
    await resources._close()


async def test_work_that_has_not_begun_never_does(table: Table) -> None:
    resources = table()

    async def work() -> None:
        TOLD.append("begun")

    resources.spawn(work())
    await resources._close()
    gc.collect()  # a coroutine that is forgotten warns
    assert TOLD == []


async def test_no_work_begins_behind_the_close(table: Table) -> None:
    resources = table()
    await resources._close()
    with pytest.raises(RuntimeError, match="closed"):
        resources.spawn(asyncio.sleep(0))


@pytest.mark.usefixtures("quick")
async def test_work_that_ignores_its_cancellation_is_given_up(table: Table, errors: Any) -> None:
    go_on = asyncio.Event()

    async def stubborn() -> None:
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                TOLD.append("ignored")

    resources = table()
    await resources.share(thing)
    task = resources.spawn(stubborn())
    await asyncio.sleep(0)
    await resources._close()
    assert TOLD == ["open ()", "ignored", "close ()"]
    (message,) = errors()
    assert "stubborn still runs in the background 0.05 s after it was cancelled" in message
    go_on.set()
    await task


# Lifespans.


class Handler:
    """A handler whose lifespan goes through `begin` and `end`, both by the mapping's value."""

    def __init__(self, begin: Any = None, end: Any = None) -> None:
        self.begin = begin or (lambda value: None)
        self.end = end or (lambda value: None)

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"life": {}}}

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        self.begin(mapping.value)
        TOLD.append(f"open {mapping.value}")
        yield
        TOLD.append(f"close {mapping.value}")
        self.end(mapping.value)

    @hookimpl
    async def redirect(self, response: Any, mapping: Mapping) -> None:
        response.send(str(mapping.value))


def configured(*values: Any, handler: object = None) -> dict[str, Any]:
    return {"handlers": {"life": handler or Handler()}, "mappings": [{"match": f"/{n}", "life": n} for n in values]}


def fails(wanted: Any, failure: Any) -> Callable[[Any], None]:
    def fail(value: Any) -> None:
        if value == wanted:
            raise failure

    return fail


async def test_lifespans_begin_in_order_and_end_in_the_reverse_one() -> None:
    async with await mock(configured(1, 2, 3)) as mocked:
        assert TOLD == ["open 1", "open 2", "open 3"]
        assert (await mocked.request("GET", "/2")).text == "2"
    assert TOLD[3:] == ["close 3", "close 2", "close 1"]


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (OSError("away"), OSError),
        (ConfigError("No such thing", "Make one"), ConfigError),
        (SystemExit(3), RuntimeError),
        (KeyboardInterrupt(), RuntimeError),
        (asyncio.CancelledError(), RuntimeError),
        (GeneratorExit(), RuntimeError),
        (StopAsyncIteration(), RuntimeError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
async def test_one_of_three_that_fails_changes_nothing(failure: BaseException, raised: type[Exception]) -> None:
    async with await mock(configured("before")) as mocked:
        TOLD.clear()
        mappings = mocked.configuration.mappings
        with pytest.raises(raised) as caught:
            await mocked.server.reload(configured(1, 2, 3, handler=Handler(begin=fails(2, failure))))
        assert TOLD == ["open 1", "close 1"]
        assert mocked.configuration.mappings is mappings
        assert (await mocked.request("GET", "/before")).text == "before"
        if isinstance(caught.value, ConfigError):
            (problem,) = caught.value.problems
            assert (problem.mapping, problem.hint) == ("mapping 2 (/2)", "Make one")
        else:
            assert 'the lifespan of mapping 2 (/2), "life"' in str(caught.value.__notes__)
    assert TOLD[2:] == ["close before"]


class Yields(Handler):
    def __init__(self, times: int) -> None:
        self.times = times

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        try:
            for _ in range(self.times):
                yield
        finally:
            TOLD.append("closed")


async def test_a_lifespan_without_a_yield_fails() -> None:
    with pytest.raises(RuntimeError, match="didn't yield"):
        await mock(configured(1, handler=Yields(0)))
    assert TOLD == ["closed"]


async def test_a_lifespan_that_yields_twice_is_told(errors: Any) -> None:
    async with await mock(configured(1, handler=Yields(2))):
        pass
    assert errors() == ['mapping 1 (/1): "life" failed at its end']


@pytest.mark.parametrize("failure", [ValueError("boom"), SystemExit(3), asyncio.CancelledError()], ids=repr)
async def test_an_end_that_fails_keeps_the_others_from_nothing(errors: Any, failure: BaseException) -> None:
    async with await mock(configured(1, 2, 3, handler=Handler(end=fails(2, failure)))):
        pass
    assert TOLD[3:] == ["close 3", "close 2", "close 1"]
    assert errors() == ['mapping 2 (/2): "life" failed at its end']


class Hangs(Handler):
    """The lifespan of mapping 2 hangs at its end, whether it is cancelled or not."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        yield
        TOLD.append(f"close {mapping.value}")
        while mapping.value == 2 and not self.go_on.is_set():
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                TOLD.append("ignored")


@pytest.mark.usefixtures("quick")
async def test_an_end_that_hangs_keeps_the_others_from_nothing(errors: Any) -> None:
    hangs = Hangs()
    async with await mock(configured(1, 2, 3, handler=hangs)):
        pass
    assert TOLD == ["close 3", "close 2", "ignored", "close 1"]
    (message,) = errors()
    assert message == 'mapping 2 (/2): "life": its end takes longer than 0.05 s, and is cut'
    hangs.go_on.set()


async def test_a_lifespan_waits_for_its_work() -> None:
    class Works(Handler):
        @hookimpl
        async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
            go_on = asyncio.Event()
            work = resources.spawn(go_on.wait())
            yield
            go_on.set()
            TOLD.append(str(await work))

    async with await mock(configured(1, handler=Works())):
        pass
    assert TOLD == ["True"]


async def test_what_is_shared_goes_on_to_the_next_table() -> None:
    class Shares(Handler):
        @hookimpl
        async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
            mapping.state = await resources.share(thing, mapping.value)
            yield

        @hookimpl
        async def redirect(self, response: Any, mapping: Mapping) -> None:
            response.send(str(id(mapping.state)))

    async with await mock(configured(1, 2, handler=Shares())) as mocked:
        first = (await mocked.request("GET", "/1")).text
        await mocked.server.reload(configured(3, 1, handler=Shares()))
        assert (await mocked.request("GET", "/1")).text == first
        await until(lambda: "close (2,)" in TOLD)
    assert sorted(TOLD) == [f"{what} ({n},)" for what in ("close", "open") for n in (1, 2, 3)]


# What is listened to.


class Listens:
    """Each lifespan tells of the requests and the reloads that it hears of; /hold is answered once it may."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"life": {}}}

    @hookimpl
    async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
        number = mapping.value

        def redirected(event: Event) -> None:
            TOLD.append(f"{number} {event.url}")

        resources.on("redirected", redirected)
        resources.on("reloaded", lambda event: TOLD.append(f"{number} {event.name}"))
        yield
        TOLD.append(f"close {number}")

    @hookimpl
    async def redirect(self, request: Any, response: Any, mapping: Mapping) -> None:
        if request.url == f"/{mapping.value}/hold":
            await self.go_on.wait()
        response.send(b"")


async def test_each_event_is_heard_once_whatever_is_reloaded_meanwhile() -> None:
    handler = Listens()
    async with await mock(configured(1, handler=handler)) as mocked:
        held = asyncio.create_task(mocked.request("GET", "/1/hold"))
        await mocked.request("GET", "/1")
        await mocked.server.reload(configured(2, handler=handler))
        await mocked.request("GET", "/2")
        assert TOLD == ["1 /1", "2 reloaded", "2 /2"]
        handler.go_on.set()
        await held
        await until(lambda: "close 1" in TOLD)
        await mocked.request("GET", "/2/more")
    assert TOLD[3:] == ["1 /1/hold", "close 1", "2 /2/more", "close 2"]


async def test_a_listener_that_fails_is_told_and_disturbs_nobody(errors: Any) -> None:
    class Fails(Listens):
        @hookimpl
        async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
            def broken(event: Event) -> None:
                raise KeyError(event.name)

            resources.on("incoming", broken)
            yield

    async with await mock(configured(1, handler=Fails())) as mocked:
        assert (await mocked.request("GET", "/1")).status == 200
    (message,) = errors()
    assert message.startswith("The listener tests.test_resources.test_a_listener_that_fails")
    assert message.endswith("broken failed on the event incoming")


async def test_listening_ends_when_it_is_asked_to(table: Table) -> None:
    resources = table()
    off = resources.on("incoming", lambda event: None)
    resources.on("*", lambda event: None)
    assert len(table.dispatcher.events.incoming) == 2
    off()
    assert len(table.dispatcher.events.incoming) == 1
    await resources._close()
    assert table.dispatcher.events.incoming == table.dispatcher.events.closed == ()


async def test_what_can_not_be_listened_to_is_refused(table: Table) -> None:
    async def waits(event: Event) -> None: ...

    resources = table()
    with pytest.raises(ValueError, match="no event 'incomming': did you mean 'incoming'"):
        resources.on("incomming", print)
    with pytest.raises(TypeError, match=r"waits is a coroutine function"):
        resources.on("incoming", waits)  # type: ignore[arg-type]
    await resources._close()
    with pytest.raises(RuntimeError, match="nothing can be listened to any more"):
        resources.on("incoming", print)


async def test_a_lifespan_that_fails_listens_no_more() -> None:
    class Breaks(Listens):
        @hookimpl
        async def lifespan(self, mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
            resources.on("redirected", lambda event: TOLD.append("heard"))
            if mapping.value == 2:
                raise OSError("no")
            yield

    async with await mock(configured(1, handler=Breaks())) as mocked:
        with pytest.raises(OSError, match="no"):
            await mocked.server.reload(configured(2, handler=Breaks()))
        assert len(mocked.server.events.redirected) == 2  # the mock's trace, and that of mapping 1
