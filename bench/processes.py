"""Starting and stopping servers, each on its core."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .peers import HOST, Command, Missing

START_WITHIN = 30  # seconds; tornado.web needs some for 10,000 rules
STOP_WITHIN = 5


class StartError(Exception):
    """A server doesn't come up: says what it printed last."""


def cores() -> tuple[int, int]:
    """The core for the servers, and the one for the client. Raises `Missing`."""
    if not hasattr(os, "sched_getaffinity"):
        raise Missing("The benchmark runs on Linux only: elsewhere a program can't be kept on one core")
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise Missing("The benchmark needs two cores: one for the server, one for the client")
    return available[0], available[-1]


def allow_connections() -> None:
    """Lets this process, and those that it starts, open as many files as the system allows: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def on_cores(*cores: int) -> Iterator[None]:
    """Keeps this thread on these cores, and with it the processes it starts, from their first instruction on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(command: Command, port: int, folder: Path, *cores: int) -> Iterator[int]:
    """A server that listens at `port`: its process id. It's stopped at the end, come what may. Raises `StartError`."""
    log = folder / f"{port}.log"
    with log.open("wb") as output, on_cores(*cores):
        process = subprocess.Popen(  # noqa: S603  the commands are those of the peers
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the benchmark, which stops the servers itself
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield process.pid
    finally:
        _stop(process)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        if process.poll() is not None:
            raise StartError(f"ended with status {process.returncode}: {_last_line(log)}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise StartError(f"doesn't listen after {START_WITHIN} s: {_last_line(log)}") from None
            time.sleep(0.002)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        pass
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # the session is the server's own: its workers, if any are left
        except ProcessLookupError:
            pass
        process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
