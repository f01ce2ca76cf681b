"""A Redis with a replica behind one address, as clouds sell it: whoever is the master is reached there."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from pathlib import Path

from tests.kit.redis_server import AT_ONCE, RedisNode
from tests.kit.waiting import wait_until


class Relay(socketserver.ThreadingTCPServer):
    """Forwards the connections to `port` of 127.0.0.1 to the port `backend`: each to what that was when it came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Forwarding)
        self.port: int = self.server_address[1]
        self.backend = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Ends when its connections do: end the backends before."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Forwarding(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        try:
            backend = socket.create_connection(("127.0.0.1", self.server.backend))
        except ConnectionError:
            return
        with backend:
            for each in (backend, self.request):  # as those do whom it stands between: small pieces go out at once
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=_forward, args=(backend, self.request))
            back.start()
            _forward(self.request, backend)
            back.join()


def _forward(source: socket.socket, target: socket.socket) -> None:
    """Hands on until one side ends, which ends the other one."""
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):  # it has ended before
            each.shutdown(socket.SHUT_RDWR)


class RedisBehindOneAddress:
    """A `master` and a `replica`; `url` is a relay to the master, and never changes."""

    def __init__(self, folder: Path, *options: str) -> None:
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        self.master, self.replica = (RedisNode(folder / name, *AT_ONCE, *options) for name in ("a", "b"))
        self._relay = Relay()
        self.url = f"redis://127.0.0.1:{self._relay.port}"

    def start(self) -> None:
        self.master.start()
        self.replica.start()
        self._relay.backend = self.master.port
        with self.replica.client() as replica:
            replica.replicaof("127.0.0.1", self.master.port)
            wait_until(lambda: replica.info("replication")["master_link_status"] == "up")

    def kill(self) -> None:
        for node in (self.master, self.replica):
            node.kill()
        self._relay.close()

    def masters(self) -> list[RedisNode]:
        return [self.master]

    def fail_over(self) -> None:
        """Makes the replica the master without losing anything, as an operator does.

        The connections that there are stay with the old master, which is a replica from now on.
        """
        with self.master.client() as old, self.replica.client() as new:
            # Whoever is acknowledged has its record in both: no writes until the roles are changed.
            old.execute_command("CLIENT PAUSE", 60_000, "WRITE")
            wait_until(
                lambda: old.info("replication")["master_repl_offset"] == new.info("replication")["slave_repl_offset"]
            )
            new.replicaof("NO", "ONE")
            self._relay.backend = self.replica.port
            old.replicaof("127.0.0.1", self.replica.port)
            old.execute_command("CLIENT UNPAUSE")
        self.master, self.replica = self.replica, self.master
