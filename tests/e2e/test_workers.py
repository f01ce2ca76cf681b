"""`--workers`: several processes behind one address, kept at work by the one that started them."""

from __future__ import annotations

import http.client
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.kit.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.usefixtures("followed")

CODE = """
import os, time

def pid(request, response):
    return [str(os.getpid())]

def slow(request, response):
    time.sleep(0.3)
    return [str(os.getpid())]

async def long(request, response):
    import asyncio
    await response.write(str(os.getpid()).encode())
    while not os.path.exists("go"):
        await asyncio.sleep(0.02)
    await response.end(b" done")
"""

SITE = {
    "reserve.json": {
        "mappings": [
            {"match": "/pid", "custom": "./code.py:pid"},
            {"match": "/slow", "custom": "./code.py:slow"},
            {"match": "/long", "custom": "./code.py:long"},
            {"match": "/hello", "custom": ["one"]},
            {"status": 404},
        ]
    },
    "code.py": CODE,
}


def workers(running: Any) -> list[int]:
    """The processes that serve: the children of the one that was started."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    return sorted(map(int, children))


def ask_until_all_respond(ask: Any, url: str, pids: list[int]) -> int:
    """Asks a URL that tells its process, several times at once, until all processes have responded, and no other one
    has; returns how often. TimeoutError: some never did.
    """
    responses: list[int] = []
    with ThreadPoolExecutor(8) as pool:

        def have_responded() -> bool:
            responses.extend(int(text) for text in pool.map(lambda _: ask(url).text, range(8)))
            return set(responses) >= set(pids)

        wait_until(have_responded)
    assert set(responses) == set(pids)
    return len(responses)


def test_they_share_the_address_and_the_work(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("--workers", "2")
    url = running.ready()
    pids = workers(running)
    assert len(pids) == 2
    count = ask_until_all_respond(ask, f"{url}slow", pids)
    assert running.stop() == 0
    # On a busy machine a handler that sleeps holds the others up for longer than it means to, and is named for that.
    assert [line for line in running.errors.splitlines() if "has held up all others" not in line] == []
    assert running.output.count(f"Server running at {url}") == 1
    served = [line for line in running.output if re.fullmatch(r"SERVE GET /slow 200 \d+ ms", line)]
    assert len(served) == count
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_lines_of_the_log_are_whole(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("--workers", "2")
    url = running.ready()
    names = [f"{number:03}{'x' * 7000}" for number in range(120)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: ask(f"{url}{name}").status, names))
    assert running.stop() == 0
    lines = [line for line in running.output if line.startswith("SERVE")]
    assert len(lines) == len(names)
    # A URL that is longer than a pipe takes at once is cut.
    served = [re.fullmatch(r"SERVE GET /(\d{3})x{3800,}… 404 \d+ ms", line) for line in lines]
    assert {match and match[1] for match in served} == {name[:3] for name in names}


def test_auto_takes_one_for_each_processor(start: Any, write: Any) -> None:
    write(SITE)
    running = start("--workers", "auto")
    running.ready()
    count = len(os.sched_getaffinity(0))
    assert len(workers(running)) == (count if count > 1 else 0)
    assert running.stop() == 0


def test_one_that_is_killed_is_replaced(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("--workers", "2")
    url = running.ready()
    first, second = workers(running)
    os.kill(first, signal.SIGKILL)
    # The other one answers meanwhile.
    assert ask(f"{url}pid").text == str(second)
    wait_until(lambda: len(workers(running)) == 2 and first not in workers(running))
    os.kill(second, signal.SIGKILL)
    assert int(ask(f"{url}pid").text) not in (first, second)
    assert f"The worker {first} ended with SIGKILL: another one takes its place" in running.errors
    assert running.stop() == 0


class Client:
    """A connection with one request at work: the head of its response is there."""

    def __init__(self, stack: ExitStack, url: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        stack.callback(self.connection.close)
        self.connection.request("GET", parts.path)
        self.response = stack.enter_context(self.connection.getresponse())

    def wait_until_it_stops(self) -> None:
        """The server closes a connection without a request as soon as it is to stop."""
        self.response.read()
        assert self.connection.sock.recv(1) == b""


def test_requests_at_work_finish_when_it_stops(start: Any, write: Any, tmp_path: Path) -> None:
    write(SITE)
    running = start("--workers", "2", "--silent")
    url = running.ready()
    with ExitStack() as stack:
        idle = Client(stack, f"{url}hello")
        clients = [Client(stack, f"{url}long") for _ in range(6)]
        running.signal()
        idle.wait_until_it_stops()
        (tmp_path / "go").touch()
        assert [client.response.read().endswith(b" done") for client in clients] == [True] * 6
    assert running.wait() == 0


def test_a_second_signal_cuts_what_is_at_work(start: Any, write: Any) -> None:
    write(SITE)
    running = start("--workers", "2", "--silent")
    url = running.ready()
    pids = workers(running)
    with ExitStack() as stack:
        idle = Client(stack, f"{url}hello")
        client = Client(stack, f"{url}long")
        running.signal()
        idle.wait_until_it_stops()
        assert running.process.poll() is None
        assert running.stop() == 0
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            client.response.read()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_sighup_reloads_all_of_them(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("--workers", "2")
    url = running.ready()
    pids = workers(running)
    write({"reserve.json": {"mappings": [{"match": "/who", "custom": "./code.py:slow"}, {"status": 404}]}})
    running.signal(signal.SIGHUP)
    while running.line() != "Reloaded: 2 mappings":
        pass
    ask_until_all_respond(ask, f"{url}who", pids)
    # A mistake is told once, and all go on as they were.
    write({"reserve.json": {"mappings": [{"statu": 404}]}})
    running.signal(signal.SIGHUP)
    wait_until(lambda: "stays in use" in running.errors)
    assert running.errors.count("Unknown handler") == 1
    assert ask(f"{url}who").status == 200
    assert running.stop() == 0


def test_watch_reloads_all_of_them(start: Any, ask: Any, write: Any) -> None:
    write(SITE)
    running = start("--workers", "2", "--watch")
    url = running.ready()
    write({"code.py": CODE.replace("str(os.getpid())", "'new'")})
    while not running.line().startswith("Reloaded"):
        pass
    assert {ask(f"{url}pid").text for _ in range(10)} == {"new"}
    assert running.stop() == 0


def test_they_end_with_the_process_that_keeps_them(
    start: Any, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    write(SITE)
    running = start("--workers", "2")
    running.ready()
    pids = workers(running)
    assert len(list(temporary.glob("reserve-*/0/*"))) == 2
    running.signal(signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("mapping", [{"match": "^/m(/.*)?$", "mirror": "$1"}, {"match": "/api", "tap": "api"}])
def test_a_store_in_memory_is_refused(start: Any, write: Any, mapping: dict[str, Any]) -> None:
    mirror = {"match": "^/mirror(/.*)?$", "mirror": "$1"}
    write({"reserve.json": {"mappings": [mapping, mirror]}})
    running = start("--workers", "2")
    assert running.wait() == 2
    assert "Each of 2 workers would keep what it records in a memory of its own" in running.errors
    assert "Name a Redis for all" in running.errors
    assert "Traceback" not in running.errors


def test_what_keeps_one_from_starting_is_told_once(start: Any, write: Any) -> None:
    app = "async def app(scope, receive, send):\n    if scope['type'] == 'lifespan':\n        await receive()\n"
    app += "        await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n"
    write({"reserve.json": {"mappings": [{"use": "./app.py"}]}, "app.py": app})
    running = start("--workers", "2")
    assert running.wait() in (1, 2)
    assert running.errors.count("no database") == 1
    assert running.output == []


def test_an_address_that_is_taken_is_told(start: Any, write: Any) -> None:
    write(SITE)
    first = start("--workers", "2")
    port = first.ready().rstrip("/").rpartition(":")[2]
    second = start("--workers", "2", "--port", port)
    assert second.wait() == 1
    assert "in use already" in second.errors
    assert first.stop() == 0


@pytest.mark.parametrize("number", ["0", "-1", "two", "1000"])
def test_a_number_that_is_none_is_refused(start: Any, write: Any, number: str) -> None:
    write(SITE)
    running = start("--workers", number)
    assert running.wait() == 2
    assert "neither auto nor a number from 1 to 256" in running.errors
