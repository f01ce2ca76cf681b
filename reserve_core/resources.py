"""What the mappings of a server open: each resource has one owner, and one place where it ends.

    read -> check -> open -> swap -> drain -> close

A table is opened by the lifespans of its mappings before it takes the place of the one before it, and closed once no
request runs on it. What two tables share is opened once and closed with the last of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .config.mapping import internal_redirect
from .errors import ConfigError
from .events import Direct, check_listener
from .failures import describe, is_cancellation

if TYPE_CHECKING:
    from pathlib import Path

    from .config import Configuration
    from .config.mapping import Mapping
    from .dispatcher import Dispatcher
    from .events import Event, Listener
    from .http import Request
    from .live_configuration import LiveConfiguration
    from .networks import Networks

T = TypeVar("T")
Key = tuple[Hashable, ...]

logger: logging.Logger = logging.getLogger("reserve")

# Seconds that the end of a lifespan, a shared resource or work in the background may take.
CLOSE_TIMEOUT = 10.0
# Seconds that it may take then to be cancelled; what ignores that is left running.
CUT_TIMEOUT = 1.0


class Resources:
    """What the lifespans of one table open besides their own.

    An object that others may use as well (a connection to Redis, a pool of upstream connections) is shared, work in the
    background is spawned, events are listened to: all of it ends with the last table that needs it, whatever happens on
    the way.
    """

    def __init__(self, shares: Shares, dispatcher: Dispatcher, table: OpenTable | None = None) -> None:
        self._shares = shares
        self._dispatcher = dispatcher
        self._table = table
        self._offs: list[Callable[[], None]] = []
        self._held: list[_Life[Any]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def share(self, factory: Callable[..., AbstractAsyncContextManager[T]], *arguments: Hashable) -> T:
        """The object that `factory(*arguments)`, an async context manager, gives when it is entered.

        It is one object for all who ask for the same factory with the same arguments, equal and of the same types. The
        next table that asks for it gets it as it is; it is left once the last table that has it is closed. A factory
        is a function of a module: a lambda, or one that is defined in another function, is a new one each time.

        Raises what the context manager raises, TypeError for arguments that can't be a key, RuntimeError when the table
        is closed.
        """
        if self._closed:
            raise RuntimeError("The mappings are closed: nothing can be shared any more")
        key: Key = (factory, arguments, *map(type, arguments))
        try:
            life: _Life[T] = self._shares.take(key, lambda: factory(*arguments), _name_of(factory))
        except TypeError as error:
            raise TypeError(f"The arguments of a shared resource are its key: {error}. Give immutable ones") from None
        self._held.append(life)
        try:
            return await life.value()
        except BaseException:
            if life in self._held:  # else it has been given back at the close
                self._held.remove(life)
                await self._shares.give_back(life)
            raise

    @property
    def worker_folder(self) -> Path | None:
        """A folder of this worker's own, beside those of the server's other workers; None without `--workers`.

        What one has left that was killed is there for the one that takes its place. All go when the server stops.
        """
        return self._shares.worker_folder

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs `work` in the background. What still runs when the lifespans of the table have ended is cancelled.

        A lifespan that wants its work to finish awaits the task behind its `yield`. A failure is logged. Raises
        RuntimeError when the table is closed.
        """
        if self._closed:
            work.close()
            raise RuntimeError("The mappings are closed: nothing can be spawned any more")
        task = asyncio.get_running_loop().create_task(_contained(work), name=_name_of(work))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, work))
        return task

    def on(self, name: str, callback: Listener) -> Callable[[], None]:
        """Calls `callback(event)` on each event called `name`, on all of them for "*", while the table is open.

        Each event is told once, whatever is reloaded meanwhile: that of a request where the table is the one it runs
        on, any other where the table is the present one. It ends before the lifespans do, or with a call of the
        function that is returned. A listener is a plain function, runs at once and must not block; one that raises is
        logged and disturbs nobody. Raises ValueError for an unknown name, TypeError for a coroutine function,
        RuntimeError when the table is closed.
        """
        if self._closed:
            raise RuntimeError("The mappings are closed: nothing can be listened to any more")
        check_listener(callback)
        off = self._dispatcher.events.on(name, self._own(callback))
        self._offs.append(off)
        return off

    def _own(self, callback: Listener) -> Listener:
        """Calls `callback` on the events that are told to this table."""
        if isinstance(callback, Direct):
            return _OwnDirect(self._dispatcher, self._table, callback)

        @wraps(callback)
        def tell(event: Event) -> None:
            if self._dispatcher.table_of(event.request) is self._table:
                callback(event)

        return tell

    def _done(self, work: Coroutine[Any, Any, Any], task: asyncio.Task[Any]) -> None:
        work.close()  # one that was cancelled before it has begun
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("%s failed in the background", task.get_name(), exc_info=error)

    def _close_listening(self) -> None:
        """Ends what listens to events."""
        while self._offs:
            self._offs.pop()()

    async def _close(self) -> None:
        """Ends what listens and the work that is left, and gives back what is shared, the last one first."""
        self._closed = True
        self._close_listening()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, running = await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)
            for task in running:
                name = task.get_name()
                logger.error("%s still runs in the background %g s after it was cancelled", name, CLOSE_TIMEOUT)
        while self._held:
            await self._shares.give_back(self._held.pop())
        self._table = None  # each holds the other: what is closed shall be gone at once


class _OwnDirect(Direct):
    """What tells another one of the requests of one table."""

    __slots__ = ("_dispatcher", "_listener", "_table")

    def __init__(self, dispatcher: Dispatcher, table: OpenTable | None, listener: Direct) -> None:
        self._dispatcher = dispatcher
        self._table = table
        self._listener = listener

    def __call__(self, event: Event) -> None:
        if self._dispatcher.table_of(event.request) is self._table:
            self._listener(event)

    def redirected(self, request: Request, url: str, status: int, time_spent: float) -> None:
        if self._dispatcher.table_of(request) is self._table:
            self._listener.redirected(request, url, status, time_spent)


class Shares:
    """The shared resources of a server. `worker_folder` is the one that a supervisor has given this process."""

    def __init__(self, worker_folder: Path | None = None) -> None:
        self.worker_folder: Path | None = worker_folder
        self._lives: dict[Key, _Life[Any]] = {}

    def take(self, key: Key, make: Callable[[], AbstractAsyncContextManager[T]], name: str) -> _Life[T]:
        """What has the key, or is made so, with one user more. Raises TypeError for a key that can't be one."""
        life = self._lives.get(key)
        if life is None or life.over:
            life = self._lives[key] = _Life(make, name)
        life.users += 1
        return life

    async def give_back(self, life: _Life[Any]) -> None:
        """One user less; what has none any more is left."""
        life.users -= 1
        if not life.users:
            self._lives = {key: other for key, other in self._lives.items() if other is not life}
            await life.end()


class OpenTable:
    """The mappings of a server while requests run on them, each with what its lifespan has opened.

    `active` requests run on it; whoever ends one calls `leave`. `status` is the mapping that responds with a status,
    None without such a handler. `replaced` is set when another table has taken its place.
    """

    __slots__ = (
        "_drained",
        "_lives",
        "_opening",
        "_resources",
        "active",
        "asks_host",
        "candidates",
        "candidates_on",
        "checked",
        "configuration",
        "mappings",
        "replaced",
        "status",
        "trusted_proxies",
    )

    def __init__(
        self, checked: Configuration, configuration: LiveConfiguration, shares: Shares, dispatcher: Dispatcher
    ) -> None:
        table = checked.table
        self.checked: tuple[Mapping, ...] = table.mappings  # without what is opened
        self._opening = [copy(mapping) for mapping in table.mappings if mapping.handler.lifespan is not None]
        if self._opening:  # from now on they are this server's own
            own = {mapping.index: mapping for mapping in self._opening}
            table = table.with_mappings(tuple(own.get(mapping.index, mapping) for mapping in table.mappings))
        self.mappings: tuple[Mapping, ...] = table.mappings
        self.candidates: Callable[[str], tuple[Mapping, ...]] = table.candidates
        self.candidates_on: Callable[[str, str], tuple[Mapping, ...]] = table.candidates_on
        self.asks_host: bool = table.asks_host
        status = checked.handlers.get("status")
        self.status: Mapping | None = None if status is None else internal_redirect(status, checked.cwd)
        if self.status is not None and self.status.handler.lifespan is not None:
            self._opening.append(self.status)
        self.configuration: LiveConfiguration = configuration
        self.trusted_proxies: Networks = checked.trusted_proxies
        self.active: int = 0
        self.replaced: asyncio.Event = asyncio.Event()
        self._drained = asyncio.Event()
        self._resources = Resources(shares, dispatcher, self)
        self._lives: list[_Life[None]] = []

    @property
    def holds(self) -> bool:
        """Whether it has something open."""
        return bool(self._lives)

    async def open(self) -> None:
        """Runs the lifespans up to their `yield`. Raises what they raise; then all that was opened is closed again."""
        try:
            for mapping in self._opening:
                await self._begin(mapping)
        except BaseException:
            await self.close()
            raise

    async def _begin(self, mapping: Mapping) -> None:
        assert mapping.handler.lifespan is not None
        lifespan = asynccontextmanager(mapping.handler.lifespan)
        life = _Life(lambda: lifespan(mapping, self._resources), f'{mapping.label}: "{mapping.handler.prefix}"')
        self._lives.append(life)
        try:
            await life.value()
        except ConfigError as error:
            problems = (replace(problem, mapping=problem.mapping or mapping.label) for problem in error.problems)
            raise ConfigError(problems) from error
        except BaseException as error:
            if not is_cancellation(error):
                error.add_note(f'It was raised by the lifespan of {mapping.label}, "{mapping.handler.prefix}"')
            raise

    def leave(self) -> None:
        """A request on this table has ended."""
        self.active -= 1
        if not self.active and self.replaced.is_set():
            self._drained.set()

    def replace(self) -> None:
        """Another table has replaced it: no new request runs on it."""
        self.replaced.set()
        if not self.active:
            self._drained.set()

    def cut(self) -> None:
        """The server has stopped: it is drained, whatever may still run on it."""
        self._drained.set()

    async def drained(self) -> None:
        """Returns once it is replaced and no request runs on it."""
        await self._drained.wait()

    async def close(self) -> None:
        """Runs the lifespans to their end, the last one first, and gives back what is shared. Raises nothing.

        It goes on when who waits for it is cancelled.
        """
        await asyncio.shield(asyncio.create_task(self._close()))

    async def _close(self) -> None:
        self._resources._close_listening()
        while self._lives:
            await self._lives.pop().end()
        await self._resources._close()


class _Life(Generic[T]):
    """An async context manager in a task of its own, which enters and leaves it.

    So it may hold what belongs to one task (a TaskGroup, a timeout), whoever asks for its beginning and its end.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]], name: str) -> None:
        loop = asyncio.get_running_loop()
        self.users = 0
        self._name = name
        self._entered: asyncio.Future[T] = loop.create_future()
        self._leave = asyncio.Event()
        self._task = loop.create_task(self._run(make))

    @property
    def over(self) -> bool:
        """Whether it has ended, or failed."""
        return self._task.done()

    async def value(self) -> T:
        """What it gives when it is entered. Raises what it raises then; RuntimeError for what is no Exception."""
        # No shield: from Python 3.14 on that reports a failure which comes after who asked was cancelled, as nobody's.
        await asyncio.wait((self._entered,))
        return self._entered.result()

    async def end(self) -> None:
        """Leaves it; cancels it if it isn't entered yet. Returns when it is over, or has been given up."""
        self._leave.set()
        if not self._entered.done():
            self._task.cancel()
        _, running = await asyncio.wait((self._task,), timeout=CLOSE_TIMEOUT)
        if running:
            logger.error("%s: its end takes longer than %g s, and is cut", self._name, CLOSE_TIMEOUT)
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=CUT_TIMEOUT)

    async def _run(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        try:
            async with make() as value:
                self._entered.set_result(value)
                await self._leave.wait()
        except BaseException as error:
            if self._entered.done():
                if not is_cancellation(error):
                    what = "at its end" if self._leave.is_set() else "before its end"
                    logger.error("%s failed %s", self._name, what, exc_info=error)
                return
            # What is no Exception would end the tasks of those who ask, or the event loop.
            self._entered.set_exception(error if isinstance(error, Exception) else _failure(self._name, error))
            self._entered.exception()  # whoever has asked is told; nobody may be there any more


async def _contained(work: Coroutine[Any, Any, T]) -> T:
    """Does some work; a SystemExit of it is its own failure, and doesn't end the event loop."""
    try:
        return await work
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise _failure(_name_of(work), error) from error


def _failure(name: str, error: BaseException) -> RuntimeError:
    failure = RuntimeError(f"{name} has raised {describe(error)}")
    failure.__cause__ = error
    return failure


def _name_of(code: Any) -> str:
    return getattr(code, "__qualname__", repr(code))
