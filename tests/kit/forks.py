"""The `reserve` command in processes forked from one that has imported it, each a quarter of the work of a start.

They differ from the installed command in nothing but that: for tests of what it does, not of how it starts. Run as a
script, this is the process they are forked from.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

# Variables that count where an interpreter starts: with them it has to.
_OF_A_START = ("PYTHONPATH", "COVERAGE_PROCESS_CONFIG")
_REQUEST_SIZE = 1 << 20


class Fork:
    """What the tests need of a `subprocess.Popen`: one process, forked from the one at the other end of `channel`."""

    def __init__(
        self, channel: socket.socket, command: list[str], cwd: Path, env: Mapping[str, str], stderr: IO[str]
    ) -> None:
        request = json.dumps({"command": command, "cwd": str(cwd), "env": dict(env)}).encode()
        output, written = os.pipe()
        self._ended, ended = os.pipe()
        socket.send_fds(channel, [request], [written, stderr.fileno(), ended])
        os.close(written)
        os.close(ended)
        self.args = command
        self.pid = int(channel.recv(32))
        self.returncode: int | None = None
        self.stdout = os.fdopen(output)  # closed by who reads it, as of a Popen

    def poll(self) -> int | None:
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            self.returncode = int(os.read(self._ended, 32))
            os.close(self._ended)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = subprocess.Popen[str] | Fork


class Forks:
    """Starts commands: `forks(["reserve", "--port", "0"], cwd=folder, env=os.environ, stderr=file)`.

    Those of other programs, and of an environment of their own, become processes as any; without a channel all do.
    """

    def __init__(self, installed: Path, channel: socket.socket | None) -> None:
        self._installed = installed
        self._channel = channel

    def __call__(self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], stderr: IO[str]) -> Process:
        if self._channel is not None and command[0] == self._installed and env.keys().isdisjoint(_OF_A_START):
            return Fork(self._channel, [str(word) for word in command], cwd, env, stderr)
        return process(command, cwd=cwd, env=env, stderr=stderr)

    def run(
        self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, as `subprocess.run` does."""
        with tempfile.TemporaryFile("w+") as stderr:
            running = self(command, cwd=cwd, env=env, stderr=stderr)
            assert running.stdout is not None
            with running.stdout as stdout:
                output = stdout.read()
            code = running.wait()
            stderr.seek(0)
            return subprocess.CompletedProcess(command, code, output, stderr.read())


def process(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], stderr: IO[str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
    )


@contextmanager
def forking(installed: Path) -> Iterator[Forks]:
    """What starts the `installed` command; the process it is forked from ends at the end."""
    if sys.platform != "linux":  # macOS has no such sockets, and much of it may not be used in a fork
        yield Forks(installed, None)
        return
    own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-W", "default", __file__, str(other.fileno())]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[other.fileno()]
    ) as parent:
        other.close()
        with own:
            yield Forks(installed, own)
    assert parent.returncode == 0


def _next(channel: socket.socket) -> dict[str, Any] | None:
    """Forks for each request, and returns it: in the new process, which has become what was asked for. None at the
    end, in the process they are forked from."""
    ends: dict[int, int] = {}

    def reap(*_: object) -> None:
        with suppress(ChildProcessError):  # none is left
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                os.write(ends[pid], str(os.waitstatus_to_exitcode(status)).encode())
                os.close(ends.pop(pid))

    signal.signal(signal.SIGCHLD, reap)
    while True:
        text, descriptors, *_ = socket.recv_fds(channel, _REQUEST_SIZE, 3)
        if not text:
            return None
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # until it is known whose end it is
        if pid := os.fork():
            ends[pid] = descriptors.pop()
            channel.send(str(pid).encode())
        else:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(descriptors[0], 1)
            os.dup2(descriptors[1], 2)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        for descriptor in (*descriptors, *(() if pid else ends.values())):
            os.close(descriptor)
        if not pid:
            request: dict[str, Any] = json.loads(text)
            return request


def _prepare() -> None:
    """Imports what most commands do. Whatever depends on the folder, the environment or the path is left to them."""
    import uvloop  # noqa: F401

    import reserve_core.cli.running_servers
    import reserve_core.cli.serve_job
    import reserve_core.server

    asyncio.run(reserve_core.check({"mappings": [{"file": "."}, {"status": 404}]}))


def main() -> None:
    from reserve_core.cli import main as command

    _prepare()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        request = _next(channel)
    if request is not None:
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.argv = request["command"]
        sys.path[0] = str(Path(sys.argv[0]).parent)
        sys.exit(command())


if __name__ == "__main__":
    main()
