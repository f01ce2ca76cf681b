"""examples/deployment: the unit's command is one that can be run, and a mirror works behind nginx as it is set up."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

MIRROR = {"match": "^/mirror(/.*)?$", "mirror": "$1", "trusted-proxies": ["127.0.0.1"], "allowed-hosts": ["site.test"]}


def test_the_unit_starts_reloads_and_stops_it(start: Any, ask: Any, write: Any, project: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read(project / "examples" / "deployment" / "reserve.service")
    service = unit["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert Path(program).name == "reserve"
    write({"reserve.json": {"mappings": [{"status": 204}]}})
    running = start(*(argument.replace("/srv/site/", "") for argument in arguments))
    url = running.ready()
    write({"reserve.json": {"mappings": [{"status": 410}]}})
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    running.signal(signal.SIGHUP)
    while running.line() != "Reloaded: 1 mapping":
        pass
    assert ask(url).status == 410
    assert running.stop() == 0


@pytest.fixture
def behind_nginx(project: Path, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Starts nginx as the example says in front of a server, and returns its URL."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(url: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        site = (project / "examples" / "deployment" / "nginx.conf").read_text()
        site = site.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("127.0.0.1:5000", url.split("/")[2])
        paths = "".join(
            f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (tmp_path / "nginx.conf").write_text(
            f"daemon off;\npid {tmp_path}/nginx.pid;\nerror_log {tmp_path}/nginx.log;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{paths}{site}}}\n"
        )
        processes.append(subprocess.Popen(["nginx", "-p", tmp_path, "-e", "nginx.log", "-c", "nginx.conf"]))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}/"
            time.sleep(0.05)
        pytest.fail((tmp_path / "nginx.log").read_text())

    yield run
    for process in processes:
        process.terminate()
        process.wait(20)


async def test_a_mirror_works_behind_nginx(start: Any, write: Any, behind_nginx: Callable[[str], str]) -> None:
    write({"reserve.json": {"mappings": [MIRROR]}})
    url = f"{behind_nginx(start('--silent').ready())}mirror/"
    host = {"Host": "site.test"}
    async with aiohttp.ClientSession(headers=host, timeout=aiohttp.ClientTimeout(20)) as client:
        async with client.post(f"{url}api/mirrors", json={"code": "hook"}) as answer:
            made = await answer.json()
            assert (answer.status, made["url"]) == (201, "http://site.test/mirror/r/hook")
        async with client.get(f"{url}v/hook") as answer:
            assert answer.status == 200
        async with client.ws_connect(f"{url}ws/hook", origin="http://site.test") as live:
            assert json.loads((await live.receive()).data)["type"] == "hello"
            async with client.post(f"{url}r/hook/path?a=1", data=b"\x00\xff" * 1000) as answer:
                assert (answer.status, await answer.text()) == (200, "OK")
            message = json.loads((await live.receive()).data)
        # Who sent it, not the proxy; and where to.
        (request,) = message["requests"] if "requests" in message else [message["request"]]
        assert (request["method"], request["path"], request["size"]) == ("POST", "/path", 2000)
        assert re.match(r"http://site\.test/mirror/r/hook/path\?a=1$", request["url"])
        assert request["remote"] == "127.0.0.1"
