"""Programs of the system: servers, what stands behind them, and wrk."""

from __future__ import annotations

import os
from pathlib import Path

from .base import BACKEND, HOST, Command, Peer, Server, find, output


def wrk() -> str:
    """Where wrk is. Raises `Missing`."""
    return find("wrk", "wrk")


def wrk_version() -> str:
    return output([wrk(), "--version"]).split()[1]


class Nginx(Peer):
    """nginx with one worker and the settings for files that Debian gives it."""

    name = "nginx"

    def prepare(self) -> str:
        return output([find("nginx", "nginx"), "-v"]).rpartition("/")[2]

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
            return [find("nginx", "nginx"), "-e", "stderr", "-p", str(folder), "-c", str(configuration)]

        return Server(self, command)


class Redis(Peer):
    """Redis, which writes what it holds to a file once a second: a backend only."""

    name = "Redis"

    def prepare(self) -> str:
        words = output([find("redis-server", "redis-server"), "--version"]).split()
        return next((word.removeprefix("v=") for word in words if word.startswith("v=")), "unknown")

    def serves(self) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            redis = [find("redis-server", "redis-server"), "--bind", HOST, "--port", str(port), "--dir", str(folder)]
            return [*redis, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]

        return Server(self, command)


class Caddy(Peer):
    """Caddy with the given directives; it keeps nothing of its own."""

    name = "Caddy"

    def prepare(self) -> str:
        return output([find("caddy", "caddy"), "version"]).split()[0].lstrip("v")

    def serves(self, *directives: str) -> Server:
        def command(folder: Path, port: int, backend: int) -> Command:
            configuration = folder / f"Caddyfile-{port}"
            lines = "\n    ".join(directives).replace(BACKEND, str(backend))
            configuration.write_text(_CADDY.format(host=HOST, port=port, folder=folder, directives=lines))
            return [find("caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", str(configuration)]

        return Server(self, command)


NGINX = Nginx()
REDIS = Redis()
CADDY = Caddy()

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
events {{ worker_connections 4096; }}
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

_CADDY = """\
{{
    admin off
    auto_https off
    storage file_system {folder}/caddy
}}
http://{host}:{port} {{
    bind {host}
    {directives}
}}
"""
