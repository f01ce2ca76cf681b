"""examples/deployment: the unit's command is one that can be run, and a mirror works behind nginx as it is set up."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import signal
from pathlib import Path
from typing import Any

import aiohttp

from tests.kit.nginx import nginx
from tests.kit.waiting import PATIENCE

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


async def test_a_mirror_works_behind_nginx(start: Any, write: Any, project: Path, tmp_path: Path) -> None:
    write({"reserve.json": {"mappings": [MIRROR]}})
    address = start("--silent").ready().split("/")[2]
    example = (project / "examples" / "deployment" / "nginx.conf").read_text()
    example = example.replace("listen 8080", "listen 127.0.0.1:PORT").replace("127.0.0.1:5000", address)
    headers, timeout = {"Host": "site.test"}, aiohttp.ClientTimeout(PATIENCE)
    with nginx(tmp_path, example) as port:
        url = f"http://127.0.0.1:{port}/mirror/"
        await use_the_mirror(url, aiohttp.ClientSession(headers=headers, timeout=timeout))


async def use_the_mirror(url: str, session: aiohttp.ClientSession) -> None:
    async with session as client:
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
