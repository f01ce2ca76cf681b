"""`reserve serve`: a folder, a Python function and a status, as a user has them served."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.kit.waiting import PATIENCE, wait_until

SITE: dict[str, Any] = {
    "reserve.json": {
        "mappings": [
            {"match": "^/hello/(.*)", "custom": "./hello.py"},
            {"match": "/gone", "status": 410},
            {"match": "^/(.*)", "file": "./www/$1"},
            {"status": 404},
        ]
    },
    "hello.py": "def handler(request, response, name):\n    return [{'hello': name}]\n",
    "www/index.html": "<h1>Welcome</h1>",
    "www/notes/today.txt": "quiet",
}

# Sends back what it gets as it gets it: such a request lasts as long as its client likes.
ECHO: dict[str, Any] = {
    "reserve.json": {"mappings": [{"custom": "./echo.py"}]},
    "echo.py": """
async def handler(request, response):
    async for chunk in request.stream():
        await response.write(chunk)
    await response.end()
""",
}


def test_it_serves_files_a_function_and_a_status(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("--config", "reserve.json")
    url = running.ready()
    assert url.startswith("http://127.0.0.1:")

    welcome = ask(url)
    assert (welcome.status, welcome.text) == (200, "<h1>Welcome</h1>")
    assert welcome.headers["content-type"].startswith("text/html")
    assert ask(f"{url}notes/today.txt").text == "quiet"
    assert ask(f"{url}hello/Ada").json() == {"hello": "Ada"}
    assert ask(f"{url}gone").status == 410
    assert (ask(f"{url}missing").status, ask(f"{url}missing").text) == (404, "Not found")
    assert ask(f"{url}..%2fhello.py").status == 404

    assert running.stop() == 0
    assert running.errors == ""


def test_two_hosts_on_one_port(start: Any, ask: Any, write: Any) -> None:
    mappings = [
        {"host": "shop.example", "match": "^/(.*)", "file": "./shop/$1"},
        {"host": ["blog.example", "*.blog.example"], "match": "^/(.*)", "file": "./blog/$1"},
        {"host": ["shop.example", "blog.example"], "invert-match": True, "status": 421},
        {"status": 404},
    ]
    write({"reserve.json": {"mappings": mappings}, "shop/index.html": "shop", "blog/index.html": "blog"})
    running = start()
    url = running.ready()

    def on(host: str, path: str = "") -> tuple[int, str]:
        response = ask(url + path, headers={"Host": host, "X-Forwarded-Host": "shop.example"})
        return response.status, response.text

    assert [on("shop.example"), on("SHOP.example.:80")] == [(200, "shop")] * 2
    assert [on("blog.example"), on("de.blog.example:8080")] == [(200, "blog")] * 2
    assert on("shop.example", "missing") == (404, "Not found")
    assert [on(host)[0] for host in ("", "other.example", "127.0.0.1", "xshop.example")] == [421] * 4

    def status(request: str) -> int:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port), PATIENCE) as client:
            client.sendall(f"{request}\r\n\r\n".encode())
            return int(client.makefile("rb").readline().split()[1])

    # The authority of a target in absolute-form is the host: the header must say the same.
    assert status("GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\nConnection: close") == 200
    assert status("GET http://shop.example/ HTTP/1.1\r\nHost: blog.example\r\nConnection: close") == 400
    assert status("GET / HTTP/1.0") == 421

    assert running.stop() == 0
    assert running.errors == ""


def test_reserve_json_is_what_it_serves_when_nothing_else_is_said(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    assert ask(f"{start().ready()}gone").status == 410


def test_without_a_configuration_it_serves_the_files_of_the_folder(start: Any, ask: Any, write: Any) -> None:
    write({"notes.txt": "quiet"})
    running = start()
    url = running.ready()
    assert ask(f"{url}notes.txt").text == "quiet"
    assert ask(f"{url}other.txt").status == 404
    assert "no reserve.json" in running.errors


def test_paths_are_those_of_the_configuration_not_of_the_shell(
    start: Any, ask: Any, write: Any, tmp_path: Path
) -> None:
    write(SITE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    url = start("--config", "../reserve.json", cwd=elsewhere).ready()
    assert ask(f"{url}notes/today.txt").text == "quiet"
    assert ask(f"{url}hello/Ada").json() == {"hello": "Ada"}


@pytest.mark.parametrize("arguments", [["--config", "a.json,b.json"], ["--config", "a.json", "--config", "b.json"]])
def test_several_configurations_run_several_servers(start: Any, ask: Any, write: Any, arguments: list[str]) -> None:
    write({f"{name}.json": {"mappings": [{"status": status}]} for name, status in (("a", 410), ("b", 418))})
    running = start(*arguments)
    first, second = running.ready(), running.ready()
    assert (ask(first).status, ask(second).status) == (410, 418)
    assert running.stop() == 0


def test_the_mistakes_of_all_configurations_are_named_and_nothing_starts(reserve: Any, write: Any) -> None:
    write(
        {
            "a.json": {"mappings": [{"statsu": 404}]},
            "b.json": {"mappings": [{"status": 404}], "prot": 1},
        }
    )
    run = reserve("--config", "a.json,b.json")
    assert (run.returncode, run.stdout) == (2, "")
    assert "a.json:4: " in run.stderr
    assert "b.json:7: " in run.stderr
    assert "Error: 2 mistakes in the configuration\n" in run.stderr


def test_host_and_port_of_the_command_line_win(start: Any, ask: Any, write: Any) -> None:
    write({"reserve.json": {"hostname": "192.0.2.1", "port": 1, "mappings": [{"status": 204}]}})
    url = start("--host", "127.0.0.1", "--port", "0").ready()
    assert ask(url).status == 204


def test_a_plugin_can_be_left_out(start: Any, ask: Any, write: Any, reserve: Any) -> None:
    write({"reserve.json": {"mappings": [{"match": "^/a", "status": 410}]}})
    assert ask(f"{start('--no-plugin', 'file').ready()}a").status == 410
    run = reserve("--no-plugin", "status")
    assert run.returncode == 2
    assert "reserve.json:" in run.stderr


def test_requests_are_logged_unless_it_is_silent(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    for arguments, logged in (((), True), (("--silent",), False)):
        running = start(*arguments)
        ask(f"{running.ready()}gone")
        assert running.stop() == 0
        assert (any("GET /gone 410" in line for line in running.output)) == logged


def test_verbose_traces_each_step(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("--verbose")
    ask(f"{running.ready()}gone")
    running.stop()
    traced = "\n".join(running.output)
    assert all(step in traced for step in ("INCMG", "RDRCT", "SERVE"))


def test_a_busy_port_is_named_with_what_to_do(start: Any, write: Any, reserve: Any) -> None:
    write(SITE)
    port = urlsplit(start().ready()).port
    run = reserve("--port", str(port))
    assert (run.returncode, run.stdout) == (1, "")
    assert f"127.0.0.1:{port} is in use already: stop the other program, or choose another port: " in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=" ".join)
def test_instead_of_a_busy_port_the_next_free_one_is_named(
    start: Any, write: Any, reserve: Any, options: tuple[str, ...]
) -> None:
    write(SITE)
    with two_ports_in_a_row() as port:
        run = reserve("-p", str(port), *options)
    assert run.returncode == 1
    named = re.search(r"another port: (\d+) is free\n    --port \1 takes that one\n$", run.stderr)
    assert named is not None, run.stderr
    assert int(named[1]) > port + 1
    assert start("--port", named[1]).ready() == f"http://127.0.0.1:{named[1]}/"


@contextmanager
def two_ports_in_a_row() -> Iterator[int]:
    """The first of two ports that somebody listens on."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as one, ExitStack() as stack:
            port = one.getsockname()[1]
            try:
                stack.enter_context(socket.create_server(("127.0.0.1", port + 1)))
            except (OSError, OverflowError):
                continue
            yield port
            return


def test_of_several_servers_the_one_whose_port_is_taken_is_named(start: Any, write: Any, reserve: Any) -> None:
    """--port would go to all of them."""
    write(SITE)
    port = urlsplit(start().ready()).port
    write({"busy.json": {"port": port}, "free.json": {"port": 0}})
    run = reserve("-c", "free.json", "-c", "busy.json")
    assert run.returncode == 1
    assert "is free" in run.stderr
    assert "--port" not in run.stderr


def test_a_busy_port_stops_the_servers_beside_it(start: Any, write: Any, reserve: Any) -> None:
    write(SITE)
    port = urlsplit(start().ready()).port
    write({"free.json": {"port": 0, "mappings": [{"status": 204}]}, "busy.json": {"port": port}})
    run = reserve("--config", "free.json,busy.json")
    assert run.returncode == 1
    assert f"127.0.0.1:{port} is in use" in run.stderr


@pytest.mark.parametrize(
    ("host", "code", "told"), [("192.0.2.1", 1, "192.0.2.1:0"), ("not..a..host", 2, "'not..a..host' is no host name")]
)
def test_a_host_that_is_not_here_is_named(write: Any, reserve: Any, host: str, code: int, told: str) -> None:
    write(SITE)
    run = reserve("--host", host, "--port", "0")
    assert run.returncode == code
    assert told in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("error", ["KeyError: 'lost'", "SystemExit: 3", "KeyboardInterrupt: lost"])
def test_a_startup_that_fails_is_named_and_traced_when_asked(write: Any, reserve: Any, error: str) -> None:
    kind, _, value = error.partition(": ")
    code = f"def open(server):\n    raise {kind}({value if kind != 'KeyboardInterrupt' else repr(value)})\n"
    write({"reserve.json": {"listeners": ["./shop.py:open"]}, "shop.py": code})
    run = reserve("--port", "0")
    assert (run.returncode, run.stderr) == (1, f"Error: The server did not start: {error} (shop.py:2 in open)\n")
    assert "shop.py" in reserve("--port", "0", "--verbose").stderr


@pytest.mark.parametrize("error", ["ConnectionRefusedError: the database is down", "KeyError: 'lost'"])
def test_a_lifespan_that_fails_is_named_with_its_mapping(write: Any, reserve: Any, error: str) -> None:
    kind, _, value = error.partition(": ")
    code = f"""
from reserve_core import hookimpl
@hookimpl
def schema(): return {{"properties": {{"shop": {{}}}}}}
@hookimpl
async def redirect(): return 204
@hookimpl
async def lifespan():
    raise {kind}({value.strip("'")!r})
    yield
"""
    write({"reserve.json": {"handlers": {"shop": "./shop.py"}, "mappings": [{"shop": ""}]}, "shop.py": code})
    run = reserve("--port", "0")
    assert run.returncode == 1
    assert run.stderr == (
        f"Error: The server did not start: {error} (shop.py:9 in lifespan)\n"
        '    It was raised by the lifespan of mapping 1, "shop"\n'
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_at_work_finish(start: Any, write: Any, number: int) -> None:
    write(ECHO)
    running = start()
    with _Upload(running.ready()) as upload:
        assert upload.exchange(b"before") == b"before"
        running.signal(number)
        upload.wait_until_nobody_listens()
        assert upload.exchange(b" after") == b" after"
        assert upload.finish()
    assert running.wait() == 0
    assert running.errors == ""


def test_what_does_not_finish_in_time_is_cut(start: Any, write: Any) -> None:
    write(ECHO)
    write({"reserve.json": {**ECHO["reserve.json"], "limits": {"shutdown-timeout": 0.2}}})
    running = start()
    with _Upload(running.ready()) as upload:
        upload.exchange(b"before")
        running.signal()
        assert running.wait() == 0
        assert upload.cut()
    assert "ABORT POST / cut, because the server stops" in running.output


def test_a_second_signal_cuts_at_once(start: Any, write: Any) -> None:
    write(ECHO)
    write({"reserve.json": {**ECHO["reserve.json"], "limits": {"shutdown-timeout": 3600}}})
    running = start()
    with _Upload(running.ready()) as upload:
        upload.exchange(b"before")
        running.signal()
        assert running.line() == "Waiting for 1 request, up to 3600 s; Ctrl-C again cuts it"
        running.signal()
        assert running.wait() == 0
        assert upload.cut()
    assert "ABORT POST / cut, because the server stops" in running.output


def test_it_runs_as_a_module_too(write: Any, start: Any, ask: Any, command: Path) -> None:
    write(SITE)
    running = start("-m", "reserve_core", command=command.with_name("python"))
    assert ask(f"{running.ready()}gone").status == 410


class _Upload:
    """A request whose body comes in chunks, to a server that sends each one back."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._socket = socket.create_connection(self._address, timeout=PATIENCE)
        self._socket.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._received = self._socket.makefile("rb")
        self._head = False

    def __enter__(self) -> _Upload:
        return self

    def __exit__(self, *exc: object) -> None:
        self._received.close()
        self._socket.close()

    def exchange(self, chunk: bytes) -> bytes:
        """Sends a chunk, and returns the one that comes back."""
        self._socket.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if not self._head:
            self._head = True
            while self._received.readline().strip():
                pass
        size = int(self._received.readline(), 16)
        return self._received.read(size + 2)[:-2]

    def finish(self) -> bool:
        """Ends the body; whether the response ends too."""
        self._socket.sendall(b"0\r\n\r\n")
        return self._received.readline() == b"0\r\n"

    def cut(self) -> bool:
        """Whether the connection ends without the response's end."""
        try:
            return self._received.read() == b""
        except ConnectionResetError:
            return True

    def wait_until_nobody_listens(self) -> None:
        while True:
            try:
                socket.create_connection(self._address, timeout=PATIENCE).close()
            except (ConnectionRefusedError, ConnectionResetError):
                return


@pytest.mark.parametrize("mapping", [{"use": "./waits.py:wsgi"}, {"custom": "./waits.py:plain", "thread": True}])
def test_a_thread_that_hangs_keeps_it_from_nothing(
    start: Any, write: Any, tmp_path: Path, mapping: dict[str, Any]
) -> None:
    code = """
import time
from pathlib import Path

def plain(request, response):
    Path("arrived").touch()
    time.sleep(3600)

def wsgi(environ, start_response):
    return plain(None, None)
"""
    write({"waits.py": code, "reserve.json": {"mappings": [mapping], "limits": {"shutdown-timeout": 0.1}}})
    running = start()
    parts = urlsplit(running.ready())
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as client:
        client.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until((tmp_path / "arrived").exists)
        assert running.stop() == 0
    assert "ABORT GET /x cut, because the server stops" in running.output
