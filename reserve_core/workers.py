"""Several processes that serve on the same sockets, and the one that keeps them at work.

Parent and worker talk over a socket pair, a line for each message: the worker says `ready` once it serves and
`reloaded` when it has been told to `reload`; `stop` lets it finish its requests, `stop` again cuts them. When the pair
breaks, because the parent was killed, a worker stops too: nobody would replace it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

logger: logging.Logger = logging.getLogger("reserve")

# Seconds before a worker that could not start is started again: a multiple of this for each failure, up to the limit.
PAUSE = 0.5
LONGEST_PAUSE = 5.0


class StartError(RuntimeError):
    """The first worker did not start; it has said why. `exit_code` is the one of its process."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"The worker ended with {_described(exit_code)} before it was ready")
        self.exit_code = exit_code


class Supervisor:
    """Keeps `count` workers at work.

    `command` gives the command line of a worker, for its number, from 0 on, and the one of the file descriptor it talks
    over; `inherited` are the file descriptors it needs besides: the sockets it serves on. Whoever takes the place of
    another one has its number.
    """

    def __init__(self, count: int, command: Callable[[int, int], list[str]], inherited: Iterable[int]) -> None:
        self._count = count
        self._command = command
        self._inherited = tuple(inherited)
        self._workers: set[_Worker] = set()
        self._slots: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Starts the workers; all of them serve when this returns. Raises `StartError`."""
        # The first one alone: what keeps it from serving keeps all of them, and need be said only once.
        await self._start_slots(1)
        await self._start_slots(self._count - 1)

    async def wait(self) -> None:
        """Waits for the end of all workers, which comes after `stop`."""
        if self._slots:
            await asyncio.wait(self._slots)

    async def reload(self) -> None:
        """Has all workers read their configuration again, and waits for them."""
        await asyncio.gather(*(worker.reload() for worker in self._workers))

    def stop(self) -> None:
        """Lets the workers finish their requests; called again, cuts these; and again, kills the workers."""
        kill = all(worker.stops > 1 for worker in self._workers)
        self._stopping.set()
        for worker in self._workers:
            if kill:
                worker.process.kill()
            else:
                worker.stop()

    async def _start_slots(self, count: int) -> None:
        firsts: list[asyncio.Future[None]] = [asyncio.get_running_loop().create_future() for _ in range(count)]
        keeping = [self._keep(number, first) for number, first in enumerate(firsts, len(self._slots))]
        slots = [asyncio.create_task(each) for each in keeping]
        self._slots += slots
        for slot, first in zip(slots, firsts, strict=True):
            # A slot that ends before it has told of its first worker has failed.
            await asyncio.wait([slot, first], return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                self.stop()
                await self.wait()
                slot.result()

    async def _keep(self, number: int, first: asyncio.Future[None]) -> None:
        """Keeps one worker at work, always another process; `first` tells of the first one."""
        command = partial(self._command, number)
        failures = 0
        while not self._stopping.is_set():
            worker = await _Worker.start(command, self._inherited)
            self._workers.add(worker)
            if self._stopping.is_set():
                worker.stop()
            is_ready = await worker.ready
            if is_ready and not first.done():
                first.set_result(None)
            code = await worker.process.wait()
            self._workers.discard(worker)
            worker.close()
            failures = 0 if is_ready else failures + 1
            if not first.done() and not self._stopping.is_set():
                raise StartError(code)
            if not self._stopping.is_set():
                logger.warning(
                    "The worker %d ended with %s: another one takes its place", worker.process.pid, _described(code)
                )
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), min(failures * PAUSE, LONGEST_PAUSE))


class _Worker:
    """One worker's process, as the parent sees it. `ready` tells whether it serves, or has ended before."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        self.process = process
        self.ready: asyncio.Future[bool] = loop.create_future()
        self.stops = 0
        self._reloads: list[asyncio.Future[None]] = []
        self._reader = reader
        self._writer = writer
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, command: Callable[[int], list[str]], inherited: tuple[int, ...]) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                pass_fds=(*inherited, theirs.fileno()),
                start_new_session=True,  # the terminal's signals go to the parent alone
            )
        return cls(process, *await asyncio.open_unix_connection(sock=ours))

    async def reload(self) -> None:
        if await asyncio.shield(self.ready) and not self._listening.done():
            done = asyncio.get_running_loop().create_future()
            self._reloads.append(done)
            self._say(b"reload\n")
            await done

    def stop(self) -> None:
        self.stops += 1
        self._say(b"stop\n")

    def close(self) -> None:
        self._writer.close()

    def _say(self, message: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(message)

    async def _listen(self) -> None:
        try:
            async for line in self._reader:
                if line == b"ready\n":
                    self.ready.set_result(True)
                elif line == b"reloaded\n" and self._reloads:
                    self._reloads.pop(0).set_result(None)
        except ConnectionError:
            pass
        finally:
            for waiting in self._reloads:
                waiting.set_result(None)
            if not self.ready.done():
                self.ready.set_result(False)


class Parent:
    """The parent of this process, which is a worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, descriptor: int) -> Parent:
        """Connects to the parent by the file descriptor that it has passed."""
        return cls(*await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor)))

    async def listen(self, stop: Callable[[], None], reload: Callable[[], None]) -> None:
        """Does what the parent says, until the parent has ended; then it stops."""
        try:
            async for line in self._reader:
                if line == b"reload\n":
                    reload()
                elif line == b"stop\n":
                    stop()
        except ConnectionError:
            pass
        stop()

    def say(self, message: str) -> None:
        """Tells the parent `ready` or `reloaded`."""
        if not self._writer.is_closing():
            self._writer.write(f"{message}\n".encode())

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


def _described(exit_code: int) -> str:
    if exit_code >= 0:
        return f"the exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"the signal {-exit_code}"
