"""A server that takes requests in as they come over the wire, goes away and comes back: where webhooks go."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.kit.waiting import PATIENCE

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class TakenRequest:
    """A request to the byte: its first line, its headers in their order, its body."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split()[1]


class HookTarget:
    """Listens on one port of 127.0.0.1. Each request gets the next of the `responses`, the last one for ever; b"": its
    connection is closed instead.
    """

    def __init__(self) -> None:
        self.requests: list[TakenRequest] = []
        self.responses = [OK]
        self.port = 0
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, args=[self._socket], daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nothing listens any more; a request that is here already is taken in."""
        assert self._socket is not None
        assert self._thread is not None
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._socket.close()

    def _run(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(ConnectionError):
                connection.settimeout(PATIENCE)
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        data = bytearray()
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
        length = sum(int(value) for name, value in headers if name.lower() == "content-length")
        while len(body) < length:
            more = connection.recv(65536)
            if not more:
                return
            body += more
        self.requests.append(TakenRequest(line, headers, bytes(body)))
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        connection.sendall(response)


@contextmanager
def hook_target() -> Iterator[HookTarget]:
    """A target that runs as long as it is entered, unless it is stopped."""
    target = HookTarget()
    target.start()
    try:
        yield target
    finally:
        target.stop()
