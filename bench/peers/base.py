"""A peer, and a server: a peer with what it serves."""

from __future__ import annotations

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

HOST = "127.0.0.1"
BACKEND = "BACKEND_PORT"  # stands in a configuration for the port of the case's backend
# What isn't in a package of the system is kept here, so that a second run needs no network.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "reserve-bench").expanduser()

Command = list[str]


class Missing(Exception):
    """Something the benchmark needs isn't on this machine: says what, and how to install it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A peer and what a case has it serve.

    `command` gives what starts it: its arguments are the folder with the content, where it may write a configuration,
    the port, and the port of the case's backend, 0 if there is none. `note` tells two servers of one peer apart. With 2
    `cores` it has the client's too. `connections` are those that the client keeps open, None for as many as it usually
    does.
    """

    peer: Peer
    command: Callable[[Path, int, int], Command]
    note: str = ""
    cores: int = 1
    connections: int | None = None

    @property
    def name(self) -> str:
        return self.label()

    def label(self, version: str = "") -> str:
        """The version stands before what sets the peer apart, unless it says so itself: `reserve 0.1.0 (compiled)`."""
        name, _, kind = self.peer.name.partition(", ")
        label = f"{name} {version}".rstrip()
        if kind and f"({kind})" not in version:
            label += f", {kind}"
        return f"{label}, {self.note}" if self.note else label

    def on(self, connections: int, note: str = "") -> Server:
        """The same for so many connections."""
        return replace(self, connections=connections, note=note)


class Peer(ABC):
    name: str

    @abstractmethod
    def prepare(self) -> str:
        """Finds the peer and returns its version. Raises `Missing`."""


def find(program: str, package: str) -> str:
    """Where a program is. Raises `Missing`."""
    # Debian keeps nginx in /usr/sbin, which is only in root's path
    found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
    if found is None:
        raise Missing(f"{program} isn't installed: on Debian, apt-get install {package}")
    return found


def output(command: Command, timeout: float = 10) -> str:
    """What a program prints. Its exit status tells nothing: wrk fails when it's asked for its version."""
    try:
        done = subprocess.run(  # noqa: S603  the programs are those of the peers
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{Path(command[0]).name} didn't end within {timeout:g} s") from error
    return done.stdout.strip()
