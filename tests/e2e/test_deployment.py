"""examples/deployment: the unit's command is one that can be run, and a mirror works behind nginx as it is set up.

What runs many servers is valid by its schemas, its probes are there, and it has the settings of `.env`. That it works,
and holds when parts of it die, tests/hostile/test_nodes.py shows.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.kit.nginx import nginx
from tests.kit.waiting import PATIENCE

MIRROR = {"match": "^/mirror(/.*)?$", "mirror": "$1", "allowed-hosts": ["site.test"]}
SITES = ("nginx.conf", "nginx-cluster.conf")
WHO = {"match": "/who", "custom": "./who.py"}
WHO_PY = """
def handler(request, response):
    return [[request.client, request.headers.get("forwarded")]]
"""
MADE_UP = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.test",
    "Forwarded": "for=6.6.6.6;proto=https;host=evil.test",
}


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
def example(start: Any, write: Any, project: Path) -> str:
    """The site of nginx, in front of a server with our mappings."""
    write({"reserve.json": {"trusted-proxies": ["127.0.0.1"], "mappings": [MIRROR, WHO]}, "who.py": WHO_PY})
    address = start("--silent").ready().split("/")[2]
    example = (project / "examples" / "deployment" / "nginx.conf").read_text()
    return example.replace("listen 8080", "listen 127.0.0.1:PORT").replace("127.0.0.1:5000", address)


@pytest.mark.parametrize(
    "change",
    [
        ("", ""),
        # The chain grows; and a Forwarded that the client has made up comes through.
        ("X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"),
        ('proxy_set_header Forwarded "";', ""),
    ],
)
async def test_nginx_says_who_the_client_is(example: str, tmp_path: Path, ask: Any, change: tuple[str, str]) -> None:
    """Whatever the client says of itself. It is 127.0.0.2, and nginx 127.0.0.1."""
    assert change[0] in example
    example = example.replace(*change).replace("proxy_pass ", "proxy_bind 127.0.0.1; proxy_pass ")
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE))
    with nginx(tmp_path, example) as port:
        async with session, session.get(f"http://127.0.0.1:{port}/who", headers=MADE_UP) as response:
            client, forwarded = await response.json()
    assert client == ["127.0.0.2", "http", f"127.0.0.1:{port}", True, ["127.0.0.1"]]
    assert forwarded == (None if "Forwarded" in example.replace("X-Forwarded", "") else MADE_UP["Forwarded"])


async def test_a_mirror_works_behind_nginx(example: str, tmp_path: Path) -> None:
    headers, timeout = {"Host": "site.test"}, aiohttp.ClientTimeout(PATIENCE)
    with nginx(tmp_path, example) as port:
        url = f"http://127.0.0.1:{port}/mirror/"
        await use_the_mirror(url, aiohttp.ClientSession(headers=headers, timeout=timeout))


async def use_the_mirror(url: str, session: aiohttp.ClientSession) -> None:
    async with session as client:
        async with client.post(f"{url}api/mirrors", json={"code": "hook"}) as response:
            made = await response.json()
            assert (response.status, made["url"]) == (201, "http://site.test/mirror/r/hook")
        async with client.get(f"{url}v/hook") as response:
            assert response.status == 200
        async with client.ws_connect(f"{url}ws/hook", origin="http://site.test") as live:
            assert json.loads((await live.receive()).data)["type"] == "hello"
            async with client.post(f"{url}r/hook/path?a=1", data=b"\x00\xff" * 1000) as response:
                assert (response.status, await response.text()) == (200, "OK")
            message = json.loads((await live.receive()).data)
        # Who sent it, not the proxy; and where to.
        (request,) = message["requests"] if "requests" in message else [message["request"]]
        assert (request["method"], request["path"], request["size"]) == ("POST", "/path", 2000)
        assert re.match(r"http://site\.test/mirror/r/hook/path\?a=1$", request["url"])
        assert request["remote"] == "127.0.0.1"


@pytest.fixture(scope="module")
def deployment(project: Path) -> Path:
    return project / "examples/deployment"


@pytest.fixture(scope="module")
def manifests(deployment: Path) -> dict[str, dict[str, Any]]:
    """The objects of kubernetes.yaml by their kinds and names: `Deployment/mirror`."""
    found = yaml.safe_load_all((deployment / "kubernetes.yaml").read_text())
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


def test_the_manifests_are_valid(manifests: dict[str, dict[str, Any]]) -> None:
    import kubernetes_validate  # here, as it takes long, and each process of a run collects all tests

    assert len(manifests) == 7
    for name, manifest in manifests.items():
        # The newest version that the package has, as `strict` a kubectl would be.
        assert kubernetes_validate.validate(manifest, "1.37", strict=True), name
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifests["Service/mirror"], "specs": {}}, "1.37", strict=True)


@pytest.mark.parametrize("path", ["compose.yaml", "examples/deployment/compose-cluster.yaml"])
def test_the_compose_files_are_valid_and_have_the_settings_of_env(project: Path, path: str) -> None:
    from compose_pydantic import ComposeSpecification  # as above

    file = yaml.safe_load((project / path).read_text())
    # What begins so may be anything.
    found = ComposeSpecification.model_validate(
        {name: part for name, part in file.items() if not name.startswith("x-")}
    )
    assert found.services is not None
    servers = [each for each in file["services"].values() if "REDIS_URL" in each.get("environment", ())]
    assert len(servers) == (1 if path == "compose.yaml" else 3)
    for server in servers:
        for name in ("EXPIRATION_TIME", "MAX_REQUESTS"):
            assert server["environment"][name].startswith(f"${{{name}:-")


def test_nginx_has_the_same_site_before_many_servers(deployment: Path) -> None:
    one, many = (re.split(r"^}$", (deployment / name).read_text(), maxsplit=1, flags=re.MULTILINE) for name in SITES)
    assert one[1] == many[1]
    servers = re.findall(r"server (server-\d):5000", many[0])
    compose = yaml.safe_load((deployment / "compose-cluster.yaml").read_text())
    assert servers == [name for name in compose["services"] if name.startswith("server-")]
    assert {port for each in compose["services"].values() for port in each.get("ports", ())} == {"127.0.0.1:8080:8080"}


def test_the_cluster_runs_the_same_by_compose_and_on_kubernetes(
    deployment: Path, manifests: dict[str, dict[str, Any]]
) -> None:
    services = yaml.safe_load((deployment / "compose-cluster.yaml").read_text())["services"]
    server, redis = pod(manifests["Deployment/mirror"]), pod(manifests["StatefulSet/redis"])
    assert server["command"] == services["server-1"]["command"]
    program, *options = services["redis-1"]["command"]
    pairs, others = (dict(zip(each[::2], each[1::2], strict=True)) for each in (options, redis["args"]))
    assert redis["command"] == [program]
    assert others.pop("--cluster-announce-ip") == "$(POD_IP)"
    assert {**others, "--maxmemory": ""} == {**pairs, "--maxmemory": ""}
    assert manifests["StatefulSet/redis"]["spec"]["replicas"] == sum(name.startswith("redis-") for name in services)


def test_the_probes_ask_what_a_server_has(
    start: Any,
    ask: Any,
    write: Any,
    deployment: Path,
    manifests: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    container = pod(manifests["Deployment/mirror"])
    probes = [container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")]
    assert {probe["port"] for probe in probes} == {port["name"] for port in container["ports"]}
    monkeypatch.setenv("METRICS_TOKEN", "long-and-secret")
    site = json.loads((deployment / "mirror.json").read_text())
    del site["mappings"][-1]["redis-wait"]  # here it has no Redis
    write({"mirror.json": site})
    url = start("--config", "mirror.json").ready().rstrip("/")
    assert [ask(f"{url}{probe['path']}").status for probe in probes] == [200, 200]


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    """The container of its pods."""
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return container  # type: ignore[no-any-return]
