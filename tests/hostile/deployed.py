"""The services of examples/deployment/compose-cluster.yaml as processes: each has a loopback address of its own."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import redis
import yaml

from tests.kit.waiting import wait_until

REDIS_PORT, SERVER_PORT = 6379, 5000

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")
_HOST = re.compile(r"\b(?:redis|server)-[0-9]\b")


class Deployed:
    """What the file says, without containers: `redis` and `servers` are the names of its services of these kinds.

    A container's address is one of 127.0.0.0/8 here, all of which is this machine, so that ports are as the file has
    them. `nginx` is its configuration.
    """

    def __init__(self, deployment: Path, folder: Path, **variables: str) -> None:
        text = (deployment / "compose-cluster.yaml").read_text()
        self._services = yaml.safe_load(_VARIABLE.sub(lambda match: variables.get(match[1], match[2] or ""), text))[
            "services"
        ]
        self._deployment = deployment
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._network = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
        self.redis = [name for name in self._services if name.startswith("redis-")]
        self.servers = [name for name in self._services if name.startswith("server-")]
        site = (deployment / "nginx-cluster.conf").read_text().replace("listen 8080", "listen 127.0.0.1:PORT")
        # By default it closes a connection after 1,000 requests, whatever has come behind them (RFC 9112 9.6).
        self.nginx = f"keepalive_requests 1000000; {self._placed(site)}"

    def start(self) -> None:
        """Starts all but nginx, in their order, and waits until the servers listen."""
        for name in self.redis:
            self.run(name)
        for name in self.redis:
            self.wait(name)
        program, option, script = self._services["cluster"]["command"]
        subprocess.run([program, option, self._placed(script)], check=True, timeout=60, stdout=subprocess.DEVNULL)
        for name in self.servers:
            self.run(name)
        for name in self.servers:
            self.wait(name)

    def run(self, name: str) -> None:
        """Starts a service, for the first time or again."""
        service = self._services[name]
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        command = [self._placed(argument).replace("0.0.0.0", self.address(name)) for argument in service["command"]]
        if command[0] == "redis-server":
            # The image has it off, too: it would refuse the others.
            command += ["--dir", str(folder), "--protected-mode", "no"]
            command += ["--bind", self.address(name), "--bind-source-addr", self.address(name)]
        else:
            command[0] = str(Path(sys.executable).with_name(command[0]))
            for volume in service["volumes"]:
                source, target, _ = volume.split(":")
                shutil.copy(self._deployment / source, folder)
                command = [str(folder / source) if argument == target else argument for argument in command]
        environment = {name: self._placed(str(value)) for name, value in service.get("environment", {}).items()}
        with (folder / "log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait(self, name: str) -> None:
        """Waits until a service listens."""
        place = self.address(name), REDIS_PORT if name in self.redis else SERVER_PORT

        def listens() -> bool:
            assert self._processes[name].poll() is None, self.log(name)
            with socket.socket() as probe:
                return probe.connect_ex(place) == 0

        wait_until(listens)

    def kill(self, name: str) -> None:
        """Ends a service at once, as a crash would."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Ends all: the servers as they are told to, Redis at once."""
        for name in self.servers:
            if name in self._processes:
                self._processes[name].terminate()
        for name in [*self.servers, *self.redis]:
            if name in self._processes:
                if name in self.redis:
                    self._processes[name].kill()
                self._processes[name].wait()

    def address(self, name: str) -> str:
        """Where a service listens."""
        return f"{self._network}.{1 + list(self._services).index(name)}"

    def log(self, name: str) -> str:
        return (self._folder / name / "log").read_text()

    def ask(self, name: str, *command: str) -> Any:
        """Asks a node of Redis."""
        with redis.Redis(host=self.address(name), port=REDIS_PORT) as client:
            return client.execute_command(*command)

    def masters(self) -> list[str]:
        """The nodes that run and are masters now."""
        running = [name for name in self.redis if name in self._processes]
        return [name for name in running if self.ask(name, "ROLE")[0] == b"master"]

    def _placed(self, text: str) -> str:
        return _HOST.sub(lambda match: self.address(match[0]), text)
