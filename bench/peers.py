"""The servers that are compared: where each one is found, and how it's started with what a case has it serve."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
REFERENCE_VERSION = "2.3.8"
INSTALL_WITHIN = 120  # seconds
BACKEND = "BACKEND_PORT"  # stands in mappings for the port of the case's backend

Command = list[str]


class Missing(Exception):
    """Something the benchmark needs isn't on this machine: says what, and how to install it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A peer and what a case has it serve.

    `command` gives what starts it: its arguments are the folder with the content, where it may write a configuration,
    the port, and the port of the case's backend, 0 if there is none. `note` tells two servers of one peer apart. With 2
    `cores` it has wrk's too.
    """

    peer: Peer
    command: Callable[[Path, int, int], Command]
    note: str = ""
    cores: int = 1

    @property
    def name(self) -> str:
        return self.label()

    def label(self, version: str = "") -> str:
        label = f"{self.peer.name} {version}".rstrip()
        return f"{label}, {self.note}" if self.note else label


class Peer(ABC):
    name: str

    @abstractmethod
    def prepare(self) -> str:
        """Finds the peer and returns its version. Raises `Missing`."""


class Reserve(Peer):
    """This project: the installed command."""

    name = "reserve"
    _executable = Path(sysconfig.get_path("scripts"), "reserve")

    def prepare(self) -> str:
        if not self._executable.exists():
            raise Missing("reserve isn't installed for this Python: pip install -e .")
        return version("reserve-core")

    def serves(self, *mappings: dict[str, Any], note: str = "", workers: int = 1) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            configuration = _configuration(folder, port, backend, mappings)
            return [str(self._executable), "--silent", "--workers", str(workers), "--config", configuration]

        return Server(self, command, note, cores=workers)


class Reference(Peer):
    """REserve, from npm. It's kept in a cache folder of the user, so that a second run needs no network."""

    name = "REserve (Node.js)"
    _package = Path(
        os.environ.get("XDG_CACHE_HOME") or "~/.cache", f"reserve-bench/reserve-{REFERENCE_VERSION}"
    ).expanduser()
    _executable = _package / "node_modules/reserve/dist/cli.js"

    def prepare(self) -> str:
        _find("node", "nodejs")
        if not self._executable.exists():
            self._install()
        return REFERENCE_VERSION

    def serves(self, *mappings: dict[str, Any]) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            configuration = _configuration(folder, port, backend, mappings)
            return [_find("node", "nodejs"), str(self._executable), "--silent", "--config", configuration]

        return Server(self, command)

    def _install(self) -> None:
        package = f"reserve@{REFERENCE_VERSION}"
        npm = [_find("npm", "npm"), "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        self._package.mkdir(parents=True, exist_ok=True)
        output = _output([*npm, "--prefix", str(self._package), package], INSTALL_WITHIN)
        if not self._executable.exists():
            raise Missing(f"npm can't install {package}: {output}")


class Node(Peer):
    """Node's own http module, which has neither mappings nor files."""

    name = "Node's http"

    def prepare(self) -> str:
        return _output([_find("node", "nodejs"), "--version"]).lstrip("v")

    def serves_hello(self) -> Server:
        return Server(self, lambda folder, port, backend: [_find("node", "nodejs"), "node_http.js", str(port)])


class Tornado(Peer):
    """An Application of tornado.web, which answers all the cases."""

    name = "tornado.web"

    def prepare(self) -> str:
        return version("tornado")

    def serves(self, rules_before: int = 0) -> Server:
        return Server(
            self, lambda folder, port, backend: [sys.executable, "tornado_web.py", str(port), str(rules_before)]
        )


class Uvicorn(Peer):
    """uvicorn with uvloop and httptools, which is what its extra `standard` brings."""

    name = "uvicorn"

    def prepare(self) -> str:
        return version("uvicorn")

    def serves(self, app: str) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
            return [sys.executable, "-m", "uvicorn", app, "--host", HOST, "--port", str(port), *options]

        return Server(self, command)


class Nginx(Peer):
    """nginx with one worker and the settings for files that Debian gives it."""

    name = "nginx"

    def prepare(self) -> str:
        return _output([_find("nginx", "nginx"), "-v"]).rpartition("/")[2]

    def serves(self, *locations: str) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            configuration = folder / f"nginx-{port}.conf"
            configuration.write_text(
                _NGINX.format(
                    # root's workers would else be nobody's, who may not read the folder
                    user="user root;" if os.geteuid() == 0 else "",
                    listen=f"{HOST}:{port}",
                    port=port,
                    upstream=_UPSTREAM.format(server=f"{HOST}:{backend}") if backend else "",
                    locations="\n".join(locations),
                )
            )
            return [_find("nginx", "nginx"), "-e", "stderr", "-p", str(folder), "-c", str(configuration)]

        return Server(self, command)


class Redis(Peer):
    """Redis, which writes what it holds to a file once a second: a backend only."""

    name = "Redis"

    def prepare(self) -> str:
        words = _output([_find("redis-server", "redis-server"), "--version"]).split()
        return next((word.removeprefix("v=") for word in words if word.startswith("v=")), "unknown")

    def serves(self) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            redis = [_find("redis-server", "redis-server"), "--bind", HOST, "--port", str(port), "--dir", str(folder)]
            return [*redis, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]

        return Server(self, command)


RESERVE = Reserve()
REFERENCE = Reference()
NODE = Node()
TORNADO = Tornado()
UVICORN = Uvicorn()
NGINX = Nginx()
REDIS = Redis()

# Without it nginx would connect anew for every request.
_UPSTREAM = "upstream backend {{ server {server}; keepalive 64; keepalive_requests 1000000000; }}"

# wrk keeps its connections for the whole run, as it may with the other peers: nginx alone would end them every 1,000
# requests. All paths are relative to the folder given with -p.
_NGINX = """\
daemon off;
{user}
worker_processes 1;
pid nginx-{port}.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    client_body_temp_path nginx-{port}-body;
    proxy_temp_path nginx-{port}-proxy;
    fastcgi_temp_path nginx-{port}-fastcgi;
    uwsgi_temp_path nginx-{port}-uwsgi;
    scgi_temp_path nginx-{port}-scgi;
    {upstream}
    server {{
        listen {listen};
        root .;
        {locations}
    }}
}}
"""


def wrk() -> str:
    """Where wrk is. Raises `Missing`."""
    return _find("wrk", "wrk")


def wrk_version() -> str:
    return _output([wrk(), "--version"]).split()[1]


def _configuration(folder: Path, port: int, backend: int, mappings: tuple[dict[str, Any], ...]) -> str:
    file = folder / f"reserve-{port}.json"
    content = json.dumps({"hostname": HOST, "port": port, "mappings": mappings})
    file.write_text(content.replace(BACKEND, str(backend)))
    return str(file)


def _find(program: str, package: str) -> str:
    # Debian keeps nginx in /usr/sbin, which is only in root's path
    found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
    if found is None:
        raise Missing(f"{program} isn't installed: on Debian, apt-get install {package}")
    return found


def _output(command: Command, timeout: float = 10) -> str:
    """What a program prints. Its exit status tells nothing: wrk fails when it's asked for its version."""
    try:
        done = subprocess.run(  # noqa: S603  the programs are the ones above
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{Path(command[0]).name} didn't answer within {timeout:g} s") from error
    return done.stdout.strip()
