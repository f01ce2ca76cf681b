"""Imported nginx configurations answer as the real nginx does; what differs is said where the requests are.

Each file of `nginx/` is what stands in an `http` block, with the ports to put in, and in comments what an import leaves
over and the requests: `# GET /path @ host    differs: why`.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from reserve_core import Request
from reserve_core.cli import main
from reserve_core.testing import StartServer
from tests.kit.client import ReceivedResponse, ask
from tests.kit.nginx import nginx

CONFIGURATIONS = sorted((Path(__file__).parent / "nginx").glob("*.conf"))
REQUEST = re.compile(r"^# ([A-Z]+) (\S+)(?: @ (\S+))?(?:    differs: (.+))?$", re.MULTILINE)
LEFTOVER = re.compile(r"^# leftover (\d+): (.+)$", re.MULTILINE)
HOST = "compared.example"
NGINX_OWN_PAGE = b"<hr><center>nginx"
# What nginx's list of types calls otherwise.
SAME_TYPES = {"application/javascript": "text/javascript", "image/x-icon": "image/vnd.microsoft.icon"}

# Headers that the configurations add or hide.
ADDED = ("x-frame-options", "x-content-type-options", "x-app", "link", "x-powered-by", "set-cookie", "server-timing")

FILES = {
    "www/index.html": "<h1>Home</h1>",
    "www/404.html": "<h1>Nothing here</h1>",
    "www/maintenance.html": "<h1>Back soon</h1>",
    "www/about.html": "<h1>About</h1>",
    "www/robots.txt": "User-agent: *",
    "www/favicon.ico": "icon",
    "www/docs/index.html": "<h1>Docs</h1>",
    "www/docs/guide.html": "<h1>Guide</h1>",
    "www/empty/note.txt": "note",
    "www/app/index.html": "<h1>App</h1>",
    "www/assets/app.3f2a.js": "run()",
    "www/assets/app.css": "p {}",
    "www/img/logo.png": "logo",
    "www/files/a.note": "a note",
    "www/both/index.html": "<h1>This one</h1>",
    "www/both/index.htm": "<h1>Not this one</h1>",
    "www/both/only/index.htm": "<h1>The only one</h1>",
    "www/old-site/index.htm": "<h1>Old</h1>",
    "www/wp-content/uploads/a.jpg": "a picture",
    "www/.env": "SECRET=1",
    "www/index.php": "<?php ?>",
    "www/slow/index.html": "<h1>Slow</h1>",
    "data/acme/.well-known/acme-challenge/token": "token",
    "data/images/cat.png": "cat",
    "data/images/sub/dog.png": "dog",
    "data/downloads/note.txt": "to download",
    "htpasswd": "ada:x",
    # As nginx has them, wherever it is installed.
    "mime.types": """types {
        text/html html htm; text/css css; text/plain txt; application/javascript js;
        image/png png; image/jpeg jpg; image/x-icon ico;
    }""",
}


class Case(NamedTuple):
    method: str
    target: str
    host: str
    differs: str

    def __str__(self) -> str:
        return f"{self.method} {self.target} @ {self.host}"


def seen(request: Request) -> list[str]:
    """What an upstream server sees of a request."""
    return [f"{request.method} {request.raw_target} @ {request.headers['host']}\n"]


@pytest.fixture
def backend(reserve_server: StartServer) -> str:
    """The address of a server that tells what it is asked."""
    headers = {"x-powered-by": "tests", "x-frame-options": "DENY"}
    server = reserve_server(
        {"mappings": [{"custom": lambda request, response: [seen(request)[0], {"headers": headers}]}]}
    )
    return f"127.0.0.1:{server.port}"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda path: path.stem)
def test_an_imported_configuration_answers_as_nginx_does(
    configuration: Path, site: Path, backend: str, reserve_server: StartServer
) -> None:
    text = configuration.read_text().replace("BACKEND", backend)
    types = "" if re.search(r"^types ", text, re.MULTILINE) else "include mime.types;"
    with nginx(site, f"{types} root none; {text}") as port:
        source = site / "site.conf"
        source.write_text(text.replace("PORT", str(port)))
        output = site / "reserve.json"
        result = CliRunner().invoke(main, ["import", str(source), "--output", str(output)])
        assert not isinstance(result.exception, Exception), result.exception
        told = re.findall(r'site\.conf:(\d+): "(.*)" isn\'t taken over: ', result.stderr)
        assert told == [(line, shown.replace("BACKEND", backend)) for line, shown in LEFTOVER.findall(text)]
        assert result.exit_code == (1 if told else 0)
        ours = reserve_server(output)
        cases = [Case(*found) for found in REQUEST.findall(text)]
        assert cases
        compared = {
            case: compare(
                response(port, case),
                response(ours.port, case),
                case.host or HOST,
            )
            for case in cases
        }
    assert {str(case): different for case, different in compared.items() if different and not case.differs} == {}
    assert [str(case) for case, different in compared.items() if case.differs and not different] == []


def test_any_locations_are_chosen_as_nginx_does(site: Path, reserve_server: StartServer) -> None:
    """Sites with locations at random, each of which answers with its number, and URLs at random."""
    random = Random(1)
    sites = {f"site{number}.example": some_locations(random) for number in range(40)}
    servers = [f"server {{ listen 127.0.0.1:PORT; server_name {host}; {text} }}" for host, text in sites.items()]
    text = "\n".join(servers)
    with nginx(site, text) as port:
        source, output = site / "site.conf", site / "reserve.json"
        source.write_text(text.replace("PORT", str(port)))
        result = CliRunner().invoke(main, ["import", str(source), "--output", str(output)])
        assert (result.exit_code, result.stderr) == (0, "")
        ours = reserve_server(output)
        cases = [Case("GET", some_url(random), host, "") for host in sites for _ in range(25)]
        different = {
            f"{case} in {sites[case.host]}": found
            for case in cases
            if (found := compare(response(port, case), response(ours.port, case), case.host))
        }
    assert different == {}


def some_locations(random: Random) -> str:
    paths = sorted({some_path(random) for _ in range(random.randint(1, 6))})
    chosen = [f"{random.choice(['', '', '^~ '])}{path}" for path in paths]
    chosen += [f"= {path}" for path in {some_path(random) for _ in range(random.randint(0, 2))}]
    expressions = ["a$", "^/a", "b/", "/b.*a", "^/(a|b)/b$", "/$", "^/[^/]+$", "ab?/(?!a)"]
    chosen += [f"{random.choice(['~', '~*'])} {text}" for text in random.sample(expressions, random.randint(0, 3))]
    random.shuffle(chosen)
    return " ".join(f'location {each} {{ return 200 "{number}"; }}' for number, each in enumerate(chosen))


def some_path(random: Random) -> str:
    names = [random.choice(["a", "b", "ab", "A"]) for _ in range(random.randint(0, 3))]
    return "/" + "/".join(names) + ("/" if names and random.random() < 0.4 else "")


def some_url(random: Random) -> str:
    return some_path(random) + random.choice(["", "", "a", ".a", "?a", "?/b/a", "?x=a/"])


def response(port: int, case: Case) -> ReceivedResponse:
    return ask(f"http://127.0.0.1:{port}{case.target}", case.method, headers={"Host": case.host or HOST})


def compare(theirs: ReceivedResponse, ours: ReceivedResponse, host: str) -> dict[str, tuple[object, object]]:
    """What differs: nginx's and ours."""
    facts: list[tuple[str, object, object]] = [
        ("status", theirs.status, ours.status),
        ("location", location(theirs, host), location(ours, host)),
    ]
    if theirs.status < 400:  # what nginx adds to errors, too, a test looks at by itself
        facts += [(name, theirs.headers.getall(name, []), ours.headers.getall(name, [])) for name in ADDED]
    if NGINX_OWN_PAGE not in theirs.body and theirs.status != 204:
        facts += [("type", content_type(theirs), content_type(ours)), ("body", theirs.body, ours.body)]
    return {name: (nginx_s, own) for name, nginx_s, own in facts if nginx_s != own}


def location(response: ReceivedResponse, host: str) -> str | None:
    """Where it leads, without the host if that is the one that was asked: nginx writes it out, with its port."""
    value = response.headers.get("location")
    if value is None:
        return None
    parts = urlsplit(value)
    is_same = parts.scheme == "http" and parts.hostname == host.lower()
    return parts._replace(scheme="", netloc="").geturl() if is_same else value


def content_type(response: ReceivedResponse) -> str:
    essence = response.headers.get("content-type", "").partition(";")[0]
    return SAME_TYPES.get(essence, essence)
