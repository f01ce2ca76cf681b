"""A real Redis, as a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import redis

from tests.kit.waiting import PATIENCE


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
        arguments = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", ""]
        with (self.folder / "redis.log").open("ab") as output:
            self.process = subprocess.Popen(
                ["redis-server", *arguments, *self.options], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), int(PATIENCE / 0.02))
        errors = [redis.ConnectionError, redis.BusyLoadingError, FileNotFoundError]
        with redis.Redis.from_url(self.url, retry=retry, retry_on_error=errors) as client:
            client.ping()

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def client(self) -> redis.Redis:
        """A client of our own, to look and to meddle."""
        return redis.Redis.from_url(self.url)
