"""The pytest plugin: fixtures that serve a configuration to a test.

They work in sync and in async tests alike, because the server has an event loop in a thread of its own: a test may
block while it waits for a response. What a test gives as a handler runs in that thread.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping as Dict
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from .failures import survives, tell

# pytest loads this module in every run: the server comes with the first fixture that is used.
if TYPE_CHECKING:
    from .config import Settings
    from .memory_response import MemoryResponse
    from .mock import Mock
    from .server import Server

__all__ = [
    "LoopThread",
    "StartMock",
    "StartServer",
    "TestMock",
    "TestServer",
    "assert_response_from",
    "reserve_loop",
    "reserve_mock",
    "reserve_server",
]

Result = TypeVar("Result")


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        import asyncio
        import threading

        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(tell)
        self._thread = threading.Thread(target=self._run, name="reserve", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                survives(error)
            else:
                return

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs `work` there and returns its result, or raises what it raises."""
        from asyncio import run_coroutine_threadsafe

        return run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Ends the loop and its thread."""
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class TestServer:
    """A real server on a free port of 127.0.0.1: `url` (with a final slash), `port`, and the `server` itself."""

    __test__ = False  # no test class, for all its name

    def __init__(self, loop: LoopThread, configuration: Settings) -> None:
        from .server import serve

        self._loop = loop
        self.server: Server = loop.run(serve(configuration, port=0))
        self.url: str = self.server.url
        self.port: int = self.server.port

    def reload(self, configuration: Settings) -> None:
        """Takes over another configuration, as a running server does; see `Server.reload`."""
        self._loop.run(self.server.reload(configuration))

    def close(self) -> None:
        """Closes it before the test ends; called again, it does nothing."""
        self._loop.run(self._close())

    async def _close(self) -> None:
        import asyncio

        # asyncio takes some turns of its loop to make a connection of what it has accepted, and leaves a socket behind
        # of which the server is closed meanwhile: a ResourceWarning in one of the tests that follow.
        for listening in self.server._listening:
            for each in listening.sockets if isinstance(listening, asyncio.Server) else ():
                asyncio.get_running_loop().remove_reader(each)
        for _ in range(3):
            await asyncio.sleep(0)
        await self.server.close(force=True)


class TestMock:
    """A `Mock` whose `request` needs no await."""

    __test__ = False

    def __init__(self, loop: LoopThread, configuration: Settings, handlers: dict[str, Any] | None) -> None:
        from .mock import mock

        self._loop = loop
        self.mock: Mock = loop.run(mock(configuration, handlers))

    def request(
        self, method: str, url: str, headers: Dict[str, str] | Iterable[tuple[str, str]] = (), body: Any = b""
    ) -> MemoryResponse:
        """Dispatches one request and returns its response; see `Mock.request`."""
        return self._loop.run(self.mock.request(method, url, headers, body))

    def reload(self, configuration: Settings) -> None:
        """Takes over another configuration, as a running server does; see `Server.reload`."""
        self._loop.run(self.mock.server.reload(configuration))

    def close(self) -> None:
        """Ends what the configuration has opened; `request` is of no use then."""
        self._loop.run(self.mock.close())


def assert_response_from(
    response: MemoryResponse, prefix: str, *, file: str | None = None, line: int | None = None
) -> None:
    """Asserts that a mock's response came from a mapping with this prefix: `assert_response_from(response, "file")`.

    With `file` and `line`, from the one that stands there, as messages name it. Raises AssertionError, with what each
    mapping had to do with the request.
    """
    __tracebackhide__ = True
    wanted = f"{prefix}{'' if file is None else f' of {file}'}{'' if line is None else f', line {line}'}"
    step = None if response.trace is None else response.trace.response
    if step is None:
        raise AssertionError(f"No mapping has responded, {wanted} was expected: {response!r}")
    if step.prefix != prefix or file not in (None, step.file) or line not in (None, step.line):
        raise AssertionError(f"The response is from {step.prefix} ({step.place}), not from {wanted}: {response!r}")


# The fixtures' types, for a test that is checked with types.
StartServer = Callable[["Settings"], TestServer]
StartMock = Callable[..., TestMock]


@pytest.fixture
def reserve_loop() -> Iterator[LoopThread]:
    """The event loop, in a thread of its own, of the servers and mocks of one test."""
    loop = LoopThread()
    yield loop
    loop.close()


@pytest.fixture
def reserve_server(reserve_loop: LoopThread) -> Iterator[StartServer]:
    """`reserve_server(configuration)` serves a dict or a file on a free port until the test ends."""
    servers: list[TestServer] = []

    def start(configuration: Settings) -> TestServer:
        server = TestServer(reserve_loop, configuration)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def reserve_mock(reserve_loop: LoopThread) -> Iterator[StartMock]:
    """`reserve_mock(configuration, handlers=None)` answers requests by a configuration without a socket."""
    mocks: list[TestMock] = []

    def start(configuration: Settings, handlers: dict[str, Any] | None = None) -> TestMock:
        mocked = TestMock(reserve_loop, configuration, handlers)
        mocks.append(mocked)
        return mocked

    yield start
    for mocked in mocks:
        mocked.close()
