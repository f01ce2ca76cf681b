"""A running server takes over what has changed: by SIGHUP, with `--watch`, and without a request that fails."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import ssl
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from tests.kit.endless import ENDLESS
from tests.kit.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.usefixtures("followed", "forks")

HELLO = "def handler(request, response):\n    return ['{}']\n"


def configuration(*mappings: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {**settings, "mappings": [*mappings, {"status": 404}]}


def hang_up(running: Any, line: str = "Reloaded: ") -> None:
    running.signal(signal.SIGHUP)
    while not running.line().startswith(line):
        pass


@pytest.mark.parametrize("options", [[], ["--workers", "2"], ["--silent"]], ids=" ".join)
def test_a_start_and_a_reload_warn_once(start: Any, write: Any, options: list[str]) -> None:
    write({"reserve.json": configuration({"match": "/img/*", "status": 410})})
    running = start(*options)
    running.ready()
    assert running.errors.count("reserve.json:") == running.errors.count("mapping 1 (/img/*)") == 1
    write({"reserve.json": configuration({"match": "/img/*", "status": 410}, {"match": "^/a", "status": 302})})
    running.signal(signal.SIGHUP)
    wait_until(lambda: "mapping 2 (^/a)" in running.errors)
    assert running.errors.count("mapping 1 (/img/*)") == 2
    assert running.stop() == 0
    assert running.errors.count("mapping 2 (^/a)") == 1


def test_sighup_reads_configuration_custom_code_and_local_handlers_again(start: Any, ask: Any, write: Any) -> None:
    shout = """
from reserve_core import hookimpl

@hookimpl
def schema():
    return {{"type": "object", "properties": {{"shout": {{"type": "string"}}}}}}

@hookimpl
async def redirect(response, redirect):
    response.send(redirect.upper() + "{}")
"""
    write(
        {
            "reserve.json": configuration({"match": "/hello", "custom": "./hello.py"}),
            "hello.py": "from words import WORD\n\ndef handler(request, response):\n    return [WORD]\n",
            "words.py": "WORD = 'one'\n",
            "shout.py": shout.format("!"),
        }
    )
    running = start()
    url = running.ready()
    assert ask(f"{url}hello").text == "one"
    write(
        {
            "reserve.json": configuration(
                {"match": "/hello", "custom": "./hello.py"},
                {"match": "^/shout/(.*)", "shout": "$1"},
                handlers={"shout": "./shout.py"},
            ),
            "words.py": "WORD = 'two'\n",
        }
    )
    assert ask(f"{url}hello").text == "one"  # nobody has asked for it yet
    hang_up(running, "Reloaded: 3 mappings")
    assert ask(f"{url}hello").text == "two"
    assert ask(f"{url}shout/hey").text == "HEY!"
    write({"shout.py": shout.format("?")})
    hang_up(running)
    assert ask(f"{url}shout/hey").text == "HEY?"
    assert running.stop() == 0
    assert running.errors == ""


def test_code_that_has_not_changed_keeps_its_state(start: Any, ask: Any, write: Any) -> None:
    counter = "seen = []\n\ndef handler(request, response):\n    seen.append(1)\n    return [str(len(seen))]\n"
    write({"reserve.json": configuration({"match": "/count", "custom": "./count.py"}), "count.py": counter})
    running = start()
    url = running.ready()
    assert ask(f"{url}count").text == "1"
    write({"reserve.json": configuration({"match": "/visits", "custom": "./count.py"})})
    hang_up(running)
    assert (ask(f"{url}visits").text, ask(f"{url}count").status) == ("2", 404)


def test_an_invalid_configuration_is_told_and_the_former_one_goes_on(start: Any, ask: Any, write: Any) -> None:
    write({"reserve.json": configuration({"match": "/a", "custom": "./hello.py"}), "hello.py": HELLO.format("one")})
    running = start()
    url = running.ready()
    write(
        {
            "hello.py": "def handler(request, response:\n",
            "reserve.json": configuration({"match": "/a", "custom": "./hello.py"}, {"match": "/b", "statu": 200}),
        }
    )
    running.signal(signal.SIGHUP)
    wait_until(lambda: "stays in use" in running.errors)
    assert "SyntaxError" in running.errors
    assert 'Did you mean "status"?' in running.errors
    assert "2 mistakes in the configuration" in running.errors
    assert "Traceback" not in running.errors
    assert (ask(f"{url}a").text, ask(f"{url}b").status) == ("one", 404)
    # Code that was right and is imported by the one that was not is the former one too.
    write({"hello.py": HELLO.format("two")})
    running.signal(signal.SIGHUP)
    wait_until(lambda: running.errors.count("stays in use") == 2)
    assert ask(f"{url}a").text == "one"
    write({"reserve.json": configuration({"match": "/a", "custom": "./hello.py"})})
    hang_up(running)
    assert ask(f"{url}a").text == "two"


LIFE = """
import asyncio
from pathlib import Path
from reserve_core import hookimpl

@hookimpl
def schema():
    return {"properties": {"life": {"type": "string"}}}

@hookimpl
async def lifespan(mapping, resources):
    if mapping.value == "fails":
        raise ConnectionRefusedError("no database")
    if mapping.value == "hangs":
        Path("hangs").touch()
        await asyncio.Event().wait()
    yield
    Path("ended").touch()

@hookimpl
async def redirect(response, redirect):
    response.send(redirect)
"""


def test_a_lifespan_that_fails_keeps_its_own_server_only(start: Any, ask: Any, write: Any, tmp_path: Path) -> None:
    def settings(value: str) -> dict[str, Any]:
        return configuration({"life": value}, handlers={"life": "./life.py"})

    write({"life.py": LIFE, "one.json": settings("one"), "two.json": settings("two")})
    running = start("--config", "one.json,two.json")
    urls = [running.ready(), running.ready()]
    write({"one.json": settings("fails"), "two.json": settings("other")})
    hang_up(running)
    assert [ask(url).text for url in urls] == ["one", "other"]
    assert running.errors.count("ERROR") == running.errors.count("ERROR The reload failed") == 1
    assert "no database (life.py:13 in lifespan)" in running.errors
    # A stop needn't wait for one that hangs.
    write({"one.json": settings("hangs")})
    running.signal(signal.SIGHUP)
    wait_until((tmp_path / "hangs").exists)
    assert running.stop() == 0
    assert running.errors.count("ERROR") == 1
    assert (tmp_path / "ended").exists()


def test_what_takes_a_new_start_is_told(start: Any, ask: Any, write: Any) -> None:
    write({"reserve.json": {"hostname": "127.0.0.1", "mappings": [{"status": 404}]}})
    running = start()
    url = running.ready()
    write({"reserve.json": {"hostname": "127.0.0.2", "mappings": [{"status": 204}]}})
    hang_up(running)
    assert ask(url).status == 204
    assert '"hostname" has changed: that requires a restart' in running.errors


def test_watch_takes_over_what_is_saved(start: Any, ask: Any, write: Any, tmp_path: Path) -> None:
    write(
        {
            "reserve.json": {"extends": "conf/base.json", "mappings": [{"match": "/a", "custom": "./hello.py"}]},
            "conf/base.json": configuration({"match": "/b", "status": 201}),
            "hello.py": "from deep.words import WORD\n\ndef handler(request, response):\n    return [WORD]\n",
            "deep/__init__.py": "",
            "deep/words.py": "WORD = 'one'\n",
        }
    )
    running = start("--watch")
    url = running.ready()
    assert (ask(f"{url}a").text, ask(f"{url}b").status) == ("one", 201)

    write({"deep/words.py": "WORD = 'two'\n"})
    wait_until(lambda: ask(f"{url}a").text == "two")
    write({"conf/base.json": configuration({"match": "/b", "status": 202})})
    wait_until(lambda: ask(f"{url}b").status == 202)
    # As editors do it: another file takes the place of the former one.
    write({"new": "from deep.words import WORD\n\ndef handler(request, response):\n    return [WORD * 2]\n"})
    (tmp_path / "new").replace(tmp_path / "hello.py")
    wait_until(lambda: ask(f"{url}a").text == "twotwo")

    write({"reserve.json": "{"})
    wait_until(lambda: "stays in use" in running.errors)
    # What was missing comes, and all is well.
    write({"reserve.json": configuration({"match": "/a", "custom": "./other.py"})})
    wait_until(lambda: "other.py" in running.errors)
    assert ask(f"{url}a").text == "twotwo"
    write({"other.py": HELLO.format("other")})
    wait_until(lambda: ask(f"{url}a").text == "other")
    assert running.stop() == 0


def test_watch_is_not_stirred_by_what_a_server_writes(start: Any, ask: Any, write: Any) -> None:
    writer = "from pathlib import Path\n\ndef handler(request, response):\n"
    writer += "    Path('data.json').write_text('1')\n    return ['ok']\n"
    write({"reserve.json": configuration({"custom": "./write.py"}), "write.py": writer})
    running = start("--watch", "--silent")
    url = running.ready()
    for _ in range(3):
        ask(url)
        time.sleep(0.7)
    assert running.stop() == 0
    assert (running.output, running.errors) == ([f"Server running at {url}"], "")


async def test_no_request_fails_and_nothing_open_is_cut(start: Any, write: Any, tmp_path: Path) -> None:
    """20 reloads under load, with an event stream, a WebSocket and a long download open."""

    def version(number: int) -> dict[str, Any]:
        return configuration(
            {"match": "/version", "custom": [str(number)]},
            {"match": "/code", "custom": "./code.py"},
            {"match": "/events", "custom": "./open.py:events"},
            {"match": "/echo", "custom": "./open.py:talk"},
            {"match": "^/(.*)", "file": "./$1"},
        )

    write({"reserve.json": version(0), "open.py": ENDLESS, "code.py": HELLO.format(0)})
    content = os.urandom(1 << 20) * 24
    (tmp_path / "large.bin").write_bytes(content)
    running = start("--silent")
    url = running.ready()
    failures: list[Any] = []
    answered = 0
    stop = asyncio.Event()

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(2 * PATIENCE)) as client:

        async def load() -> None:
            nonlocal answered
            while not stop.is_set():
                try:
                    async with client.get(f"{url}version") as response:
                        if response.status != 200:
                            failures.append(response.status)
                        await response.read()
                        answered += 1
                except aiohttp.ClientError as error:
                    failures.append(error)

        async def text(path: str) -> str:
            async with client.get(url + path) as response:
                return await response.text()

        async def seen(path: str, expected: str) -> None:
            async with asyncio.timeout(PATIENCE):
                while await text(path) != expected:
                    pass

        async def download() -> bytes:
            async with client.get(f"{url}large.bin") as response:
                parts = []
                async for part in response.content.iter_chunked(1 << 16):
                    parts.append(part)
                    await asyncio.sleep(0.005)
                return b"".join(parts)

        loads = [asyncio.create_task(load()) for _ in range(4)]
        downloading = asyncio.create_task(download())
        async with client.get(f"{url}events") as events, client.ws_connect(f"{url}echo") as socket:
            for number in range(1, 21):
                write({"reserve.json": version(number), "code.py": HELLO.format(number)})
                running.signal(signal.SIGHUP)
                await seen("version", str(number))
                assert await text("code") == str(number)
                await socket.send_str(str(number))
                assert (await socket.receive()).data == str(number)
                assert (await events.content.readuntil(b"\n\n")).startswith(b"data: ")
            assert await downloading == content
        stop.set()
        await asyncio.gather(*loads)
    assert failures == []
    assert answered > 20
    assert running.stop() == 0
    assert running.errors == ""


async def test_a_renewed_certificate_is_presented_and_open_connections_stay(
    start: Any, write: Any, tmp_path: Path
) -> None:
    authority = trustme.CA()

    def issue() -> int:
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(tmp_path / "key.pem")
        (tmp_path / "cert.pem").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        from cryptography import x509

        return x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).serial_number

    first = issue()
    write({"reserve.json": configuration({"custom": ["ok"]}, ssl={"cert": "cert.pem", "key": "key.pem"})})
    running = start()
    parts = running.ready()
    port = int(parts.rstrip("/").rpartition(":")[2])
    context = ssl.create_default_context()
    authority.configure_trust(context)

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        return reader, writer, int(writer.get_extra_info("peercert")["serialNumber"], 16)

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        return head.partition(b"\r\n")[0]

    reader, writer, serial = await connect()
    assert serial == first
    assert await answered(reader, writer) == b"HTTP/1.1 200 OK"
    second = issue()
    hang_up(running)
    assert await answered(reader, writer) == b"HTTP/1.1 200 OK"
    newer_reader, newer_writer, serial = await connect()
    assert serial == second
    assert await answered(newer_reader, newer_writer) == b"HTTP/1.1 200 OK"
    # A certificate that can't be used changes nothing.
    (tmp_path / "key.pem").write_text("none")
    running.signal(signal.SIGHUP)
    wait_until(lambda: '"ssl.key" holds no private key in PEM' in running.errors)
    _, newest_writer, serial = await connect()
    assert serial == second
    for open_writer in (writer, newer_writer, newest_writer):
        open_writer.close()
    assert running.stop() == 0


def test_a_terminal_that_is_closed_ends_the_server(command: Path, tmp_path: Path) -> None:
    (tmp_path / "reserve.json").write_text(json.dumps(configuration(port=0)))
    pid, terminal = pty.fork()
    if pid == 0:  # the shell's part
        os.chdir(tmp_path)
        os.execv(command, [str(command)])
    output = b""
    while b"Server running" not in output:
        try:
            output += os.read(terminal, 1000)
        except OSError:
            pytest.fail(output.decode())
    os.close(terminal)
    try:
        wait_until(lambda: os.waitpid(pid, os.WNOHANG) != (0, 0))
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        pytest.fail("the server lives on without its terminal")
