"""The command `python -m bench.idle`: what servers take before they are asked, and between two requests.

Exit codes: 0 when everything was measured; 1 when a figure was refused, or when `reserve` itself is missing.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from . import report
from .cases import CASES, write_content
from .clients import Request, check_response
from .clients.base import WITHIN
from .clients.websocket import TEXT, client_frame, handshake, server_frame, take_head, upgraded
from .commands import file_option, prepare
from .peers import HOST, Missing, Server
from .processes import StartError, allow_connections, cores, free_port, on_cores, running
from .results import Refused
from .usage import cpu, memory

COUNT = 1000  # connections that are opened and left alone
BEFORE = 100  # that are open before: what a server makes once is no part of the figure
HEAD = ("start", "CPU of a start", "memory", "a connection", "a WebSocket")

Open = Callable[[int, Request], socket.socket]

_HELLO, _ECHO = (next(case for case in CASES if case.name == name) for name in ("hello", "websocket"))
_SAYS_HELLO, _ECHOES = ({server.peer: server for server in case.servers} for case in (_HELLO, _ECHO))
PEERS = tuple(dict.fromkeys((*_SAYS_HELLO, *_ECHOES)))


@dataclass(frozen=True, slots=True)
class Idle:
    """What one server takes. None: it doesn't do that."""

    label: str
    start: float | None = None  # milliseconds until it has sent a first response, the least of the rounds
    cpu: float | None = None  # milliseconds of CPU time until then, the least of the rounds
    memory: float | None = None  # megabytes, after that
    connection: float | None = None  # kilobytes for each connection that has had a response and waits
    websocket: float | None = None  # kilobytes for each WebSocket that has had a message and waits
    refused: str = ""


@click.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="Starts of each server.")
@file_option("--json", "document", "Write the figures here.")
def main(rounds: int, document: Path | None) -> None:
    """Measure what servers take when nobody asks: a start, memory, and the memory of what is open and waits."""
    try:
        core, client_core = cores()
        allow_connections()
        versions = prepare(PEERS)
    except Missing as error:
        raise click.ClickException(str(error)) from error
    rows = []
    click.echo(_line("", HEAD))
    for peer in PEERS:
        if versions[peer]:
            with on_cores(client_core):
                rows.append(_measure(versions[peer], _SAYS_HELLO.get(peer), _ECHOES.get(peer), rounds, core))
            click.echo(_row(rows[-1]))
    if document:
        document.write_text(_document(rows, {"rounds": rounds, "connections": COUNT}))
    if any(row.refused for row in rows):
        sys.exit(1)


def _measure(version: str, hello: Server | None, echo: Server | None, rounds: int, core: int) -> Idle:
    server = hello or echo
    assert server is not None
    label = server.label(version)
    start = taken = size = connection = websocket = None
    try:
        with tempfile.TemporaryDirectory(prefix="reserve-bench-") as name:
            folder = Path(name)
            write_content(folder)
            if hello:
                start, taken, size = map(min, zip(*(_start(hello, folder, core) for _ in range(rounds)), strict=True))
                connection = memory_of_waiting(hello, folder, core, open_connection, _HELLO.request)
            if echo:
                websocket = memory_of_waiting(echo, folder, core, open_websocket, _ECHO.request)
    except (StartError, Refused, OSError) as error:
        return Idle(label, refused=str(error))
    return Idle(label, start, taken, size, connection, websocket)


def _start(server: Server, folder: Path, core: int) -> tuple[float, float, float]:
    """Milliseconds until the first response, milliseconds of CPU time until then, and megabytes after it."""
    port = free_port()
    command = server.command(folder, port, 0)
    started = perf_counter()
    with running(command, port, folder, core) as process:
        check_response(port, _HELLO.request)
        took = perf_counter() - started
        return took * 1e3, cpu(process) * 1e3, memory(process) / 1e6


def memory_of_waiting(server: Server, folder: Path, core: int, open_one: Open, request: Request) -> float:
    """Kilobytes for each of many that are open and wait."""
    port = free_port()
    with ExitStack() as stack:
        process = stack.enter_context(running(server.command(folder, port, 0), port, folder, core))
        sockets = [stack.enter_context(open_one(port, request)) for _ in range(BEFORE)]
        before = memory(process)
        sockets += [stack.enter_context(open_one(port, request)) for _ in range(COUNT)]
        taken = memory(process) - before
        waiting = select.poll()
        for each in sockets:
            waiting.register(each, select.POLLIN)
        if closed := waiting.poll(0):
            raise Refused(f"leaves {len(closed)} of {len(sockets)} no time to wait")
    return taken / COUNT / 1e3


def open_connection(port: int, request: Request) -> socket.socket:
    connection = _connect(port, f"GET {request.path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode())
    _receive(connection, lambda received: received.endswith(request.body))
    return connection


def open_websocket(port: int, request: Request) -> socket.socket:
    connection = _connect(port, handshake(port, request.path))
    head = _receive(connection, lambda received: received.endswith(b"\r\n\r\n"))
    if not upgraded(line := take_head(head)):
        raise Refused(f"refuses a WebSocket: {line}")
    connection.sendall(client_frame(TEXT, request.sent))
    _receive(connection, lambda received: received == server_frame(TEXT, request.body))
    return connection


def _connect(port: int, first: bytes) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=WITHIN)
    connection.sendall(first)
    return connection


def _receive(connection: socket.socket, complete: Callable[[bytearray], bool]) -> bytearray:
    received = bytearray()
    while not complete(received):
        chunk = connection.recv(65_536)
        if not chunk:
            raise Refused("closes a connection")
        received += chunk
    return received


def _document(rows: Iterable[Idle], method: Mapping[str, Any]) -> str:
    servers = [{key: value for key, value in asdict(row).items() if key != "refused"} for row in rows]
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return (
        json.dumps({"date": date, "machine": report.machine(), "method": method, "servers": servers}, indent=2) + "\n"
    )


def _row(row: Idle) -> str:
    if row.refused:
        return f"  {row.label:<34} refused: {row.refused}"
    figures = ((row.start, "ms"), (row.cpu, "ms"), (row.memory, "MB"), (row.connection, "KB"), (row.websocket, "KB"))
    return _line(row.label, ("-" if value is None else f"{value:,.1f} {unit}" for value, unit in figures))


def _line(name: str, cells: Iterable[str]) -> str:
    return f"  {name:<34}" + "".join(f"{cell:>16}" for cell in cells)


if __name__ == "__main__":
    main(prog_name="python -m bench.idle")
