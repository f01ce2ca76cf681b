"""A real Redis, as a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import redis
import trustme

from tests.kit.ports import lasting_port
from tests.kit.waiting import wait_until

# A replica gets the data of its master at once: by default that waits 5 s for others.
AT_ONCE = ("--repl-diskless-sync-delay", "0")
# How often another process may have been faster to take the same port.
_ATTEMPTS = 5


class RedisServer:
    """A Redis of our own, on a Unix socket in `folder`: `url` says where."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it has loaded what it kept."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Starts it, and waits for nothing."""
        with (self.folder / "redis.log").open("ab") as output:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def command(self) -> list[str]:
        """What runs it."""
        place = ["--unixsocket", str(self.socket), "--dir", str(self.folder)]
        return ["redis-server", *place, *self.listening(), "--save", "", *self.options]

    def listening(self) -> list[str]:
        """The options that say where else it listens: nowhere."""
        return ["--port", "0"]

    def wait(self) -> None:
        """Waits until it has loaded what it kept. ChildProcessError: it has ended, and why."""
        wait_until(self._is_ready)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def masters(self) -> list[RedisServer]:
        """Where its data is: what has more than one node has the same method."""
        return [self]

    def client(self) -> redis.Redis:
        """A client of our own, to look and to meddle: by the Unix socket, with all rights."""
        return redis.Redis(unix_socket_path=str(self.socket))

    def calls(self, *commands: str) -> int:
        """How often these commands were called, by scripts too: INFO commandstats."""
        with self.client() as client:
            statistics = client.info("commandstats")
        return sum(statistics.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in commands)

    def _is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise ChildProcessError((self.folder / "redis.log").read_text()[-2000:])
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, FileNotFoundError):  # a `BusyLoadingError` is one
            return False


class RedisNode(RedisServer):
    """A Redis of our own that also listens at `port` of 127.0.0.1; `url` is this one."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder, *options)
        self._settled = False  # others know its port
        self._take_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def listening(self) -> list[str]:
        return ["--bind", "127.0.0.1", "--port", str(self.port)]

    def wait(self) -> None:
        for _ in range(_ATTEMPTS):
            try:
                super().wait()
            except ChildProcessError as error:
                if self._settled or "Address already in use" not in str(error):
                    raise
                self._take_port()
                self.launch()
            else:
                self._settled = True
                return
        raise ChildProcessError("no port is free")

    def _take_port(self) -> None:
        self.port = lasting_port()
        self.url = f"redis://{self.address}"


class RedisOverTls(RedisNode):
    """A Redis that listens by TLS, with a certificate for localhost of the authority in `authority`, a PEM file."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder, *options)
        issuer = trustme.CA()
        issued = issuer.issue_cert("localhost")
        self.authority, self.certificate, self.key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        issuer.cert_pem.write_to_path(self.authority)
        issued.cert_chain_pems[0].write_to_path(self.certificate)
        issued.private_key_pem.write_to_path(self.key)

    def listening(self) -> list[str]:
        files = {"cert": self.certificate, "key": self.key, "ca-cert": self.authority}
        options = [text for name, path in files.items() for text in (f"--tls-{name}-file", str(path))]
        return [
            "--bind",
            "127.0.0.1",
            "--port",
            "0",
            "--tls-port",
            str(self.port),
            "--tls-auth-clients",
            "no",
            *options,
        ]

    def _take_port(self) -> None:
        super()._take_port()
        self.url = f"rediss://localhost:{self.port}?ssl_ca_certs={self.folder / 'ca.pem'}"
