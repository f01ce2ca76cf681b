"""A running server explains requests over a socket of its user's."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Start, start

__all__ = ["start"]

pytestmark = pytest.mark.usefixtures("followed")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reserve.json").write_text('{ "port": 0, "mappings": [\n{ "match": "^/one", "status": 200 } ] }')
    (tmp_path / "other.json").write_text('{ "port": 0, "mappings": [\n\n{ "match": "^/two", "status": 202 } ] }')
    return tmp_path


def last(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.splitlines()[-1]


def test_the_running_server_is_asked(reserve: Run, start: Start, folder: Path) -> None:
    server = start("--explain", "./x.sock", cwd=folder)
    server.ready()
    done = reserve("explain", "/one", "--server", "./x.sock")
    assert (last(done), done.returncode) == ("reserve.json:2 responds with 200", 0)
    assert stat.S_IMODE((folder / "x.sock").stat().st_mode) == 0o600
    done = reserve("explain", "POST", "http://h/two", "--server", "./x.sock", "--json")
    explanation = json.loads(done.stdout)
    assert (explanation["method"], explanation["outcome"], done.returncode) == ("POST", "nothing", 1)
    assert server.stop() == 0
    assert not (folder / "x.sock").exists()
    done = reserve("explain", "/one", "--server", "./x.sock")
    assert done.returncode == 2
    assert "No server explains requests at x.sock: No such file or directory" in done.stderr
    assert "Start one with reserve serve --explain ./x.sock" in done.stderr


def test_it_explains_what_it_serves_now(reserve: Run, start: Start, folder: Path) -> None:
    server = start("--explain", "./x.sock", "--watch", cwd=folder)
    server.ready()
    (folder / "reserve.json").write_text('{ "port": 0, "mappings": [\n\n\n{ "match": "^/one", "status": 204 } ] }')
    assert server.line() == "Reloaded: 1 mapping"
    assert last(reserve("explain", "/one", "--server", "./x.sock")) == "reserve.json:4 responds with 204"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_of_several_configurations_one_is_named(reserve: Run, start: Start, folder: Path, workers: str) -> None:
    server = start("--config", "reserve.json,other.json", "--workers", workers, "--explain", "./x.sock", cwd=folder)
    server.ready()
    server.ready()
    two = ("explain", "/two", "--server", "./x.sock")
    assert reserve(*two).returncode == 1
    assert last(reserve(*two, "--config", "other.json")) == "other.json:3 responds with 202"
    done = reserve(*two, "--config", "third.json")
    assert done.returncode == 2
    assert "The server has no configuration third.json: it serves reserve.json, other.json" in done.stderr


def test_a_name_is_one_of_the_runtime_folder(
    reserve: Run, start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
    start("--explain", "dev", cwd=folder).ready()
    assert stat.S_ISSOCK((folder / "run" / "reserve" / "dev.sock").stat().st_mode)
    assert stat.S_IMODE((folder / "run" / "reserve").stat().st_mode) == 0o700
    assert reserve("explain", "/one", "--server", "dev").returncode == 0


def test_a_socket_that_nobody_listens_on_is_taken_over(reserve: Run, start: Start, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "x.sock"))
    start("--explain", "./x.sock", cwd=folder).ready()
    assert reserve("explain", "/one", "--server", "./x.sock").returncode == 0


def test_one_that_is_in_use_is_not(reserve: Run, start: Start, folder: Path) -> None:
    start("--explain", "./x.sock", cwd=folder).ready()
    done = reserve("--explain", "./x.sock", env={})
    assert done.returncode == 1
    assert done.stderr == "Error: --explain: x.sock can't be a socket: another server listens there\n"
    assert reserve("explain", "/one", "--server", "./x.sock").returncode == 0  # the other one still does


def test_a_file_is_not_replaced(reserve: Run, folder: Path) -> None:
    (folder / "notes").write_text("mine")
    done = reserve("--explain", "./notes", env={})
    assert done.returncode == 1
    assert done.stderr == "Error: --explain: notes can't be a socket: it's there, and is no socket\n"
    assert (folder / "notes").read_text() == "mine"


@pytest.mark.parametrize("data", [b"", b"\n", b"hello\n", b"{}\n", b"[]\n", b'{"config": 1'])
def test_whoever_sends_nonsense_gets_no_reply(reserve: Run, start: Start, folder: Path, data: bytes) -> None:
    server = start("--explain", "./x.sock", cwd=folder)
    server.ready()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(folder / "x.sock"))
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert reserve("explain", "/one", "--server", "./x.sock").returncode == 0
    assert server.stop() == 0
    assert "Traceback" not in server.said


@pytest.mark.parametrize(("option", "message"), [("--run", "leave --run out"), ("--all", "leave --all out")])
def test_a_server_only_explains_requests(reserve: Run, option: str, message: str) -> None:
    words = ["explain", "--server", "dev", option, *(["/one"] if option == "--run" else [])]
    done = reserve(*words)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_path_longer_than_a_socket_may_have(reserve: Run, folder: Path) -> None:
    done = reserve("--explain", f"./{'x' * 200}", env={})
    assert done.returncode == 1
    assert "can't be a socket" in done.stderr
    assert "Traceback" not in done.stderr
    assert not os.path.lexists(folder / ("x" * 200))
