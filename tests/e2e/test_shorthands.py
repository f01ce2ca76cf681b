"""`reserve serve FOLDER` and the options that add to a configuration, as a user has them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tornado.websocket import websocket_connect

from tests.e2e.conftest import starting
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.usefixtures("forks")

NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ANYTHING = {"Accept": "*/*"}

SITE = {
    "dist/index.html": "<h1>The page</h1>",
    "dist/app.js": "run()",
    "dist/.env": "secret",
    "dist/.well-known/assetlinks.json": "[]",
    "dist/assets/logo.txt": "logo",
    "dist/docs/index.html": "<h1>The manual</h1>",
}
# A server behind the proxy: it tells what it was asked, and echoes what comes by WebSocket.
BACKEND = {
    "mappings": [
        {"match": "/api/echo", "custom": "./backend.py:echo"},
        {"custom": "./backend.py:seen"},
    ]
}
BACKEND_CODE = """
def seen(request, response):
    names = ("host", "x-forwarded-host")
    return [{"method": request.method, "url": request.url, **{name: request.headers[name] for name in names}}]

async def echo(request, response):
    websocket = await request.upgrade()
    async for message in websocket:
        await websocket.send(message)
"""


@pytest.fixture(scope="module")
def backend(command: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server behind the proxy is, without a slash at the end."""
    folder = tmp_path_factory.mktemp("backend")
    (folder / "reserve.json").write_text(json.dumps(BACKEND))
    (folder / "backend.py").write_text(BACKEND_CODE)
    with starting(command, folder) as start:
        yield start("--silent").ready().rstrip("/").replace("127.0.0.1", "localhost")


def test_a_folder_is_served(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("serve", "./dist")
    url = running.ready()
    page = ask(url)
    assert (page.status, page.text) == (200, "<h1>The page</h1>")
    assert page.headers["cache-control"] == "no-cache"
    assert ask(url, headers={"If-None-Match": page.headers["etag"]}).status == 304
    assert ask(f"{url}app.js").text == "run()"
    assert ask(f"{url}missing").status == 404
    assert ask(f"{url}.env").status == 404
    assert ask(f"{url}.well-known/assetlinks.json").json() == []
    assert ask(url, "POST").status == 404
    assert running.errors == ""


@pytest.mark.parametrize("options", [(), ("--spa",)], ids=str)
def test_a_folder_is_at_its_address_with_a_slash(start: Any, ask: Any, write: Any, options: tuple[str, ...]) -> None:
    write(SITE)
    url = start("serve", "./dist", *options).ready()
    moved = ask(f"{url}docs?x=1", headers=NAVIGATION)
    assert (moved.status, moved.headers["location"]) == (301, "/docs/?x=1")
    assert moved.headers["cache-control"] == "no-store"
    assert ask(f"{url}docs/?x=1", headers=NAVIGATION).text == "<h1>The manual</h1>"
    assert ask(f"{url}/docs").headers["location"] == "/docs/"


def test_a_folder_without_a_page_is_listed(start: Any, ask: Any, write: Any) -> None:
    write({**SITE, "dist/assets/.hidden": ""})
    listing = ask(f"{start('serve', 'dist').ready()}assets/")
    assert listing.headers["content-type"].startswith("text/html")
    assert "logo.txt" in listing.text
    assert ".hidden" not in listing.text


def test_a_folder_may_have_a_page_for_what_is_not_there(start: Any, ask: Any, write: Any) -> None:
    write({"my $1/404.html": "<p>Lost", "my $1/a.txt": "a"})
    url = start("./my $1").ready()
    lost = ask(f"{url}nothing", headers={"accept": "text/html"})
    assert (lost.status, lost.text, lost.headers["content-type"]) == (404, "<p>Lost", "text/html; charset=utf-8")
    assert ask(f"{url}nothing").text == "Not found"
    assert ask(f"{url}a.txt", headers={"accept": "text/html"}).text == "a"


@pytest.mark.parametrize("argument", [".", "./", "../dist"])
def test_a_path_needs_no_command(start: Any, ask: Any, write: Any, tmp_path: Path, argument: str) -> None:
    write(SITE)
    url = start(argument, cwd=tmp_path / "dist").ready()
    assert ask(f"{url}app.js").text == "run()"


def test_a_configuration_in_the_folder_is_a_file_like_any_other(start: Any, ask: Any, write: Any) -> None:
    write({**SITE, "dist/reserve.json": {"mappings": [{"status": 418}]}})
    running = start("serve", "dist")
    url = running.ready()
    assert ask(f"{url}app.js").text == "run()"
    assert ask(f"{url}reserve.json").json() == {"mappings": [{"status": 418}]}
    assert "dist/reserve.json is a file like any other here; --config dist/reserve.json" in running.errors


@pytest.mark.parametrize("name", ["a$1", "a b", "ä#?", "$"])
def test_a_folder_may_have_any_name(start: Any, ask: Any, write: Any, name: str) -> None:
    write({f"{name}/index.html": "page", "index.html": "another"})
    url = start("serve", name, "--spa").ready()
    assert ask(url).text == "page"
    assert ask(f"{url}else", headers=NAVIGATION).text == "page"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dist", "--config", "reserve.json"], "FOLDER and --config exclude each other: leave one out"),
        (["missing"], "there is no folder missing"),
        (["dist/app.js"], "dist/app.js is no folder; --config dist/app.js serves a configuration"),
        (["--proxy", "/api=3000"], "write '/api=http://localhost:3000'"),
        (["--proxy", "/a=http://x", "--proxy", "/a/=http://y"], "/a is given twice"),
        (
            ["--proxy", "/=http://x"],
            "--proxy / goes with FOLDER\n    In a configuration, make this the last mapping: {",
        ),
        (["--spa"], "--spa goes with FOLDER\n    In a configuration, put this before the last mapping: {"),
        (["--config", "a.json,b.json", "--show-config"], "--show-config shows one configuration"),
        (["--show-config", "--config", "faulty.json"], "one mistake in the configuration"),
    ],
)
def test_what_does_not_go_together_is_named(write: Any, reserve: Any, arguments: list[str], said: str) -> None:
    write({**SITE, "reserve.json": {"mappings": [{"status": 404}]}, "faulty.json": {"prot": 1}})
    run = reserve("serve", *arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_a_path_is_asked_of_another_server(start: Any, ask: Any, write: Any, backend: str) -> None:
    write(SITE)
    targets = {"/api": "", "/rest": "/", "/old": "/v1", "/a$b.c": ""}
    proxies = [f"--proxy={path}={backend}{target}" for path, target in targets.items()]
    url = start("serve", "dist", *proxies).ready()
    seen = {
        "api/books?by=calvino": "/api/books?by=calvino",
        "api": "/api",
        "rest/books?by=calvino": "/books?by=calvino",
        "rest": "/",
        "rest?by=calvino": "/?by=calvino",
        "old/books": "/v1/books",
        "old": "/v1",
        "a$b.c/x": "/a$b.c/x",
    }
    host = url.removeprefix("http://").rstrip("/")
    for asked, target in seen.items():
        response = ask(f"{url}{asked}", "POST").json()
        assert response == {"method": "POST", "url": target, "host": host, "x-forwarded-host": host}
    assert ask(f"{url}app.js").text == "run()"
    assert ask(f"{url}apis").status == 404


def test_the_longest_path_wins(start: Any, ask: Any, write: Any, backend: str) -> None:
    write(SITE)
    url = start("serve", "dist", "--proxy", f"/api={backend}/short", "--proxy", f"/api/v2={backend}/long").ready()
    assert ask(f"{url}api/v1/x").json()["url"] == "/short/v1/x"
    assert ask(f"{url}api/v2/x").json()["url"] == "/long/x"


def test_websockets_are_passed_on(start: Any, write: Any, backend: str) -> None:
    write(SITE)
    url = start("serve", "dist", "--proxy", f"/api={backend}").ready()

    async def talk() -> Any:
        websocket = await websocket_connect(f"{url.replace('http', 'ws')}api/echo")
        await websocket.write_message("hello")
        response = await websocket.read_message()
        websocket.close()
        return response

    assert asyncio.run(talk()) == "hello"


def test_a_proxy_for_everything_gets_what_the_folder_does_not_have(
    start: Any, ask: Any, write: Any, backend: str
) -> None:
    write(SITE)
    url = start("serve", "dist", "--proxy", f"/={backend}").ready()
    assert ask(f"{url}app.js").text == "run()"
    assert ask(f"{url}assets/").json()["url"] == "/assets/"
    assert ask(f"{url}app.js", "PUT").json()["method"] == "PUT"


def test_a_proxy_for_everything_alone_serves_no_folder(start: Any, ask: Any, write: Any, backend: str) -> None:
    write({"app.js": "run()"})
    running = start("--proxy", f"/={backend}")
    assert ask(f"{running.ready()}app.js").json()["url"] == "/app.js"
    assert running.errors == ""


def test_an_application_gets_its_page_for_its_own_paths(start: Any, ask: Any, write: Any, backend: str) -> None:
    write(SITE)
    url = start("serve", "dist", "--spa", "--proxy", f"/api={backend}").ready()
    for path in ("", "books/42", "assets/", "users/ada.lovelace"):
        page = ask(f"{url}{path}", headers=NAVIGATION)
        assert (page.status, page.text) == (200, "<h1>The page</h1>"), path
        assert page.headers["cache-control"] == "no-cache"
    assert ask(f"{url}app.js", headers=NAVIGATION).text == "run()"
    assert ask(f"{url}.well-known/assetlinks.json", headers=NAVIGATION).json() == []
    assert ask(f"{url}missing.js", headers=ANYTHING).status == 404
    assert ask(f"{url}books/42", headers=ANYTHING).status == 404
    assert ask(f"{url}books/42", "POST", headers=NAVIGATION).status == 404
    head = ask(f"{url}books/42", "HEAD", headers=NAVIGATION)
    assert (head.status, head.body) == (200, b"")
    assert ask(f"{url}api/books", headers=NAVIGATION).json()["url"] == "/api/books"


def test_an_application_without_a_page_is_told(start: Any, ask: Any, write: Any) -> None:
    write({"dist/app.js": ""})
    running = start("serve", "dist", "--spa")
    url = running.ready()
    assert ask(f"{url}books", headers=NAVIGATION).status == 404
    assert "dist has no index.html yet" in running.errors
    write({"dist/index.html": "page"})
    assert ask(f"{url}books", headers=NAVIGATION).text == "page"


def test_pages_of_other_origins_may_read_every_response(start: Any, ask: Any, write: Any, backend: str) -> None:
    write(SITE)
    url = start("serve", "dist", "--cors", "--proxy", f"/api={backend}").ready()
    page = ask(url)
    for response in (
        page,
        ask(url, headers={"If-None-Match": page.headers["etag"]}),
        ask(f"{url}missing"),
        ask(f"{url}assets/"),
        ask(f"{url}api/books"),
    ):
        assert response.headers.getall("access-control-allow-origin") == ["*"], response.status
    preflight = {
        "Origin": "http://app.example",
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization",
    }
    response = ask(f"{url}api/books", "OPTIONS", headers=preflight)
    assert (response.status, response.headers["access-control-allow-headers"]) == (204, "authorization")
    assert response.headers["access-control-allow-methods"] == "DELETE"


def test_additions_come_before_the_mappings_of_a_configuration(start: Any, ask: Any, write: Any, backend: str) -> None:
    write({"reserve.json": {"mappings": [{"match": "/api", "status": 410}, {"status": 418}]}})
    url = start("--cors", "--proxy", f"/api={backend}").ready()
    assert ask(f"{url}api/books").json()["url"] == "/api/books"
    other = ask(f"{url}other")
    assert (other.status, other.headers["access-control-allow-origin"]) == (418, "*")


def test_mistakes_of_a_configuration_keep_their_places(write: Any, reserve: Any) -> None:
    write({"reserve.json": {"mappings": [{"status": 404}, {"statsu": 404}]}})
    run = reserve("--cors", "--proxy", "/api=http://localhost:1")
    assert run.returncode == 2
    assert "reserve.json:7: mapping 2: " in run.stderr


def test_additions_outlast_a_reload(start: Any, ask: Any, write: Any) -> None:
    write({"reserve.json": {"mappings": [{"status": 410}]}})
    running = start("--cors")
    url = running.ready()
    assert ask(url).status == 410
    write({"reserve.json": {"mappings": [{"status": 418}]}})
    running.signal(signal.SIGHUP)
    wait_until(lambda: ask(url).status == 418)
    assert ask(url).headers["access-control-allow-origin"] == "*"


def test_workers_serve_what_is_added(start: Any, ask: Any, write: Any, backend: str) -> None:
    write(SITE)
    running = start("serve", "dist", "--cors", "--proxy", f"/api={backend}", "--workers", "2", "--host", "0.0.0.0")
    local = running.ready().replace("0.0.0.0", "127.0.0.1")
    assert running.line() == f"    on this machine  {local}"
    assert ask(f"{local}app.js").headers["access-control-allow-origin"] == "*"
    assert ask(f"{local}api/books").json()["url"] == "/api/books"


Save = Callable[..., None]


@pytest.fixture
def save(reserve: Any, tmp_path: Path) -> Save:
    """Saves what `--show-config` prints, valid by the schema, as a file of the current folder."""

    def save(name: str, *arguments: str) -> None:
        run = reserve(*arguments, "--show-config")
        assert run.returncode == 0, run.stderr
        schema = json.loads(reserve("schema").stdout)
        Draft202012Validator(schema).validate(json.loads(run.stdout))
        (tmp_path / name).write_text(run.stdout)

    return save


def test_what_is_shown_answers_as_the_options_do(start: Any, ask: Any, write: Any, save: Save, backend: str) -> None:
    write(SITE)
    arguments = ["serve", "dist", "--spa", "--cors", "--proxy", f"/api={backend}", "--proxy", f"/v2={backend}/"]
    save("reserve.json", *arguments)
    servers = [start(*arguments).ready(), start().ready()]
    requests: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "", {}),
        ("GET", "app.js", {}),
        ("GET", "books/1", NAVIGATION),
        ("GET", "books/1", ANYTHING),
        ("GET", "missing.js", {}),
        ("GET", ".env", {}),
        ("GET", "assets/", {}),
        ("POST", "api/x?y=1", {}),
        ("GET", "v2/x?y=1", {}),
        ("OPTIONS", "api/x", {"Access-Control-Request-Method": "PUT"}),
        ("DELETE", "app.js", {}),
    ]
    for method, path, headers in requests:
        one, other = (ask(f"{url}{path}", method, headers=headers) for url in servers)
        ports = [url.rpartition(":")[2].rstrip("/") for url in servers]
        assert one.status == other.status, path
        assert one.text.replace(*ports) == other.text, path
        responses = [{name: value for name, value in a.headers.items() if name.lower() != "date"} for a in (one, other)]
        assert responses[0] == responses[1], path


@pytest.mark.parametrize("at", ["reserve.json", "sub/reserve.json"])
def test_a_configuration_is_shown_with_what_is_added(
    start: Any, ask: Any, write: Any, save: Save, tmp_path: Path, at: str
) -> None:
    folder = str(Path(at).parent)
    write(
        {
            at: {"extends": "./base.json", "cwd": "www", "mappings": [{"match": "^/files/(.*)", "file": "./$1"}]},
            f"{folder}/base.json": {"mappings": [{"match": "^/own/(.*)", "file": "./$1"}, {"status": 410}]},
            f"{folder}/www/a.txt": "a of www",
            f"{folder}/a.txt": "a",
        }
    )
    save("reserve.json", "--config", at, "--cors", "--host", "127.0.0.1")
    assert json.loads((tmp_path / "reserve.json").read_text())["hostname"] == "127.0.0.1"
    url = start().ready()
    assert ask(f"{url}files/a.txt").text == "a of www"
    assert ask(f"{url}own/a.txt").text == "a"
    gone = ask(url)
    assert (gone.status, gone.headers["access-control-allow-origin"]) == (410, "*")


@pytest.mark.parametrize("at", ["reserve.json", "sub/reserve.json"])
@pytest.mark.parametrize("cwd", [{}, {"cwd": "www"}, {"extends": "./base.json"}])
def test_a_configuration_without_mappings_serves_its_folder(
    start: Any, ask: Any, write: Any, save: Save, at: str, cwd: dict[str, str]
) -> None:
    folder = Path(at).parent
    www = folder if not cwd else folder / "www"
    write({at: cwd, f"{folder}/base.json": {"cwd": "www"}, f"{www}/a.txt": "a"})
    url = start("--config", at, "--cors").ready()
    assert ask(f"{url}a.txt").text == "a"
    save("saved.json", "--config", at, "--cors")
    url = start("--config", "saved.json").ready()
    assert ask(f"{url}a.txt").text == "a"


def test_the_addresses_of_a_wildcard_are_listed(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("serve", "dist", "--host", "0.0.0.0")
    url = running.ready()
    assert url.startswith("http://0.0.0.0:")
    local = url.replace("0.0.0.0", "127.0.0.1")
    assert running.line() == f"    on this machine  {local}"
    assert ask(f"{local}app.js").text == "run()"
    running.stop()
    others = [line for line in running.output if "from elsewhere" in line]
    assert all(line.startswith("    from elsewhere   http://") for line in others)


def test_silence_leaves_the_one_line(start: Any, write: Any) -> None:
    write(SITE)
    running = start("serve", "dist", "--host", "0.0.0.0", "--silent")
    running.ready()
    running.stop()
    assert len(running.output) == 1


def test_it_is_opened_in_the_browser(start: Any, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    # As a browser in the terminal does, it stays: the server answers all the same.
    browser.write_text(
        f'#!/bin/sh\nprintf %s "$1" > {opened}.new && mv {opened}.new {opened}\nexec sleep 5 >/dev/null\n'
    )
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    write(SITE)
    running = start("serve", "dist", "--host", "0.0.0.0", "--open", "--silent")
    url = running.ready()
    wait_until(opened.exists)
    assert opened.read_text() == url.replace("0.0.0.0", "127.0.0.1")
    assert running.stop() == 0


def test_without_a_browser_the_server_goes_on(
    start: Any, ask: Any, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER", str(tmp_path / "none"))
    # Nor are there any that are installed here.
    monkeypatch.setenv("PATH", str(tmp_path))
    write(SITE)
    running = start("serve", "dist", "--open")
    url = running.ready()
    wait_until(lambda: running.errors != "")
    assert running.errors == f"No browser could be opened: go to {url}\n"
    assert ask(f"{url}app.js").text == "run()"
