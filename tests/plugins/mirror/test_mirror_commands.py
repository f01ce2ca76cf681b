"""The commands `reserve mirror` and `reserve wait`, as they are installed."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from tests.kit.redis_server import RedisServer
    from tests.plugins.mirror.conftest import Serve, Site

pytestmark = pytest.mark.usefixtures("followed")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Mirror:
    """A running `reserve mirror`: the server's `url`, and the lines it has written."""

    def __init__(self, process: subprocess.Popen[str], codes: int) -> None:
        self.process = process
        assert process.stdout is not None
        self.url = process.stdout.readline().removeprefix("Server running at ").rstrip()
        self.lines = [process.stdout.readline().rstrip("\n") for _ in range(2 * codes)]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as response:
            return json.load(response)

    def status(self, path: str, **headers: str) -> int:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://").rstrip("/"), timeout=PATIENCE)
        with closing(connection):
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


Start = Callable[..., Mirror]


@pytest.fixture
def start(command: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `reserve mirror` on a free port: `start("--code", "orders", codes=1)`."""
    with ExitStack() as stack:

        def run(*arguments: str, codes: int = 1, env: dict[str, str] | None = None) -> Mirror:
            process = subprocess.Popen(
                [command, "mirror", "--port", "0", *arguments],
                cwd=tmp_path,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.kill)  # does nothing once it has ended
            return Mirror(process, codes)

        yield run


def test_one_command_shows_a_page_and_a_line_to_try(start: Start) -> None:
    mirror = start()
    shown = re.fullmatch(r"The requests to ([\w-]{22}) are shown at (\S+)", mirror.lines[0])
    assert shown is not None
    code, page = shown.groups()
    assert page == f"{mirror.url}v/{code}"
    with urllib.request.urlopen(page, timeout=PATIENCE) as response:
        assert response.headers["content-type"].startswith("text/html")
    line = mirror.lines[1].split()
    assert subprocess.run([*line, "--silent"], capture_output=True, check=True, timeout=PATIENCE).stdout == b"OK"
    (request,) = mirror.get(f"api/mirrors/{code}/wait")["requests"]
    assert request["body"] == "hello"
    assert mirror.get(f"api/mirrors/{code}")["expires_at"] is not None
    assert mirror.stop() == 0


def test_where_nothing_can_be_written_it_serves_and_opens_its_page(command: Path, tmp_path: Path) -> None:
    """Standard output is a pipe that nobody reads any more, as behind `reserve mirror | head -1`."""
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [command, "mirror", "--port", "0", "--code", "orders", "--open"],
        cwd=tmp_path,
        env={**os.environ, "BROWSER": str(browser)},
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writing)
        try:
            wait_until(opened.exists)
            with urllib.request.urlopen(opened.read_text(), timeout=PATIENCE) as response:
                assert response.status == 200
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=PATIENCE)[1] == ""
        finally:
            process.kill()


def test_names_and_limits_are_given(start: Start) -> None:
    mirror = start(
        "--code", "a", "--code", "b", "--code", "a", "--max-requests", "7", "--expiration-time", "9", codes=2
    )
    assert mirror.lines == [
        f"The requests to a are shown at {mirror.url}v/a",
        f"    curl -d hello {mirror.url}r/a",
        f"The requests to b are shown at {mirror.url}v/b",
        f"    curl -d hello {mirror.url}r/b",
    ]
    found = mirror.get("api/mirrors/a")
    assert (found["max_requests"], found["expires_at"]) == (7, None)
    request = urllib.request.Request(f"{mirror.url}api/mirrors", b"", method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        assert json.load(response)["expiration_time"] == 9
    assert mirror.stop() == 0


def test_it_is_silent_or_tells_every_step(start: Start) -> None:
    for options, told in (([], ["SERVE"]), (["--silent"], []), (["--verbose"], ["INCMG", "RDRCT", "SERVE"])):
        mirror = start("--code", "a", *options)
        mirror.get("api/mirrors/a")
        assert mirror.process.stdout is not None
        mirror.process.send_signal(signal.SIGTERM)
        lines = [line.split()[0] for line in mirror.process.stdout]
        assert [line for line in lines if line != "CLOSE"] == told
        assert mirror.stop() == 0


@pytest.mark.parametrize("by_option", [True, False], ids=["option", "environment"])
def test_names_and_a_token_let_browsers_in(start: Start, by_option: bool) -> None:
    names, token = ["mine.example", ".sub.example"], "a-secret-of-mine"
    if by_option:
        options = [*(part for name in names for part in ("--allowed-hosts", name)), "--token", token]
        mirror = start("--code", "a", *options, env={"RESERVE_MIRROR_TOKEN": "", "RESERVE_MIRROR_ALLOWED_HOSTS": " "})
    else:
        env = {"RESERVE_MIRROR_TOKEN": token, "RESERVE_MIRROR_ALLOWED_HOSTS": " ".join(names)}
        mirror = start("--code", "a", env=env)
    assert mirror.status("/v/a", Host="mine.example") == 401
    for host, status in {"mine.example": 200, "x.sub.example": 200, "other.example": 403, "127.0.0.1": 200}.items():
        assert mirror.status("/api/mirrors/a", Host=host, Authorization=f"Bearer {token}") == status
    assert mirror.stop() == 0


def test_on_all_addresses_those_are_told_that_can_be_reached(start: Start) -> None:
    mirror = start("--host", "0.0.0.0", "--code", "a", codes=0)
    assert mirror.process.stdout is not None
    lines = [mirror.process.stdout.readline()]
    while lines[-1] and "curl" not in lines[-1]:
        lines.append(mirror.process.stdout.readline())
    url = f"http://127.0.0.1:{mirror.url.rstrip('/').rpartition(':')[2]}/"
    assert lines[0] == f"    on this machine  {url}\n"
    assert sum("on this machine" in line for line in lines) == 1
    assert lines[-2:] == [
        f"The requests to a are shown at {url}v/a\n",
        f"    curl -d hello {url}r/a\n",
    ]
    with urllib.request.urlopen(f"{url}v/a", timeout=PATIENCE) as response:
        assert response.status == 200
    assert mirror.stop() == 0


def test_a_public_mirror_has_a_page_to_share(start: Start) -> None:
    mirror = start("--public")
    shown, shared = mirror.lines
    assert mirror.process.stdout is not None
    tried = mirror.process.stdout.readline()
    found = re.fullmatch(rf"The requests to ([\w-]{{22}}) are shown at {mirror.url}v/(read-[\w-]{{22}})", shown)
    looked = re.fullmatch(rf"For those who may only look: {mirror.url}v/(share-[\w-]{{22}})", shared)
    assert found is not None
    assert looked is not None
    assert tried == f"    curl -d hello {mirror.url}r/{found[1]}\n"
    assert mirror.get(f"api/mirrors/{found[2]}")["share"] == f"{mirror.url}v/{looked[1]}"
    assert mirror.status(f"/v/{looked[1]}") == 200
    assert mirror.status(f"/v/{found[1]}") == 404
    assert mirror.stop() == 0


def test_empty_variables_ask_for_nothing(start: Start) -> None:
    mirror = start("--code", "a", env={"RESERVE_MIRROR_TOKEN": "", "RESERVE_MIRROR_ALLOWED_HOSTS": ""})
    assert mirror.status("/api/mirrors/a") == 200
    assert mirror.stop() == 0


@pytest.mark.parametrize("by_option", [True, False], ids=["option", "environment"])
def test_two_processes_share_a_redis(start: Start, redis_server: RedisServer, by_option: bool) -> None:
    arguments = ["--code", "orders", *(["--redis-url", redis_server.url] if by_option else [])]
    env = {} if by_option else {"REDIS_URL": redis_server.url}
    one, two = start(*arguments, env=env), start(*arguments, env=env)
    connection = http.client.HTTPConnection(one.url.removeprefix("http://").rstrip("/"))
    connection.request("POST", "/r/orders/x", b"shared")
    assert connection.getresponse().read() == b"OK"
    connection.close()
    (request,) = two.get("api/mirrors/orders/wait")["requests"]
    assert request["body"] == "shared"
    assert one.stop() == two.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--code", "a b"], "'a b'"),
        (["--token", "secret"], "--token"),
        (["--allowed-hosts", "mine.example:80"], "'mine.example:80'"),
        (["--redis-url", "http://localhost"], "not the URL of a Redis"),
        (["--redis-url", "redis://localhost?timeout=3"], "It may have db, username, password"),
        (["--redis-url", "redis://localhost?ssl=true"], "TLS is for rediss:// only"),
        (["--redis-url", "redis://localhost/abc"], "a database that is no number"),
        (["--redis-wait", "1"], "Error: --redis-wait has no effect on what is kept in memory"),
        (["--redis-wait", "1"], "Leave it out, or name a Redis in --redis-url"),
        (["--resend-to", "localhost"], "Error: --resend-to must be of the form "),
        (["--max-requests", "0"], "--max-requests"),
        (["--port", "http"], "--port"),
    ],
)
def test_what_cannot_be_used_is_named(reserve: Run, arguments: list[str], part: str) -> None:
    done = reserve("mirror", *arguments)
    assert done.returncode == 2
    assert part in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def store_kind() -> str:
    """The site that is waited on."""
    return "memory"


def test_wait_prints_what_came(reserve: Run, site: Site) -> None:
    request_id = site.record("/hook", b'{"total": 42}', headers=[("X-Event", "paid")])
    addresses = ("/r/orders", "/r/orders/", "/r/orders/hook", "/r/orders/h%6Fok", "/v/orders", "/v/orders#x")
    for address in (*addresses, "/v/orders?token=x", "/api/mirrors/orders"):
        done = reserve("wait", f"{site.url}{address}")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == [site.whole(request_id)]


def test_wait_takes_criteria(reserve: Run, site: Site) -> None:
    ids = [site.record("/hook", b"total: 42", headers=[("X-Event", "paid: yes")]) for _ in range(3)]
    criteria = ["--method", "post", "--path", "/hook", "--header", "x-event: paid: yes", "--header", "host"]
    criteria += ["--body-contains", ": 42", "--count", "2", "--timeout", "5.5"]
    done = reserve("wait", f"{site.url}/r/orders", *criteria)
    assert [request["id"] for request in json.loads(done.stdout)] == ids[:2]


def test_wait_takes_the_words_of_conditions(reserve: Run, site: Site) -> None:
    ids = [site.record(f"/orders/{n}?page=2", b'{"items": [{"sku": "a=b", "id": %d}]}' % n) for n in range(3)]
    words = ["path=/orders/*", "query.page=2", "json.items[?@.sku=='a=b'].id=1", "json.$.items[0].sku="]
    done = reserve("wait", f"{site.url}/r/orders", *(part for word in words for part in ("--when", word)))
    assert [request["id"] for request in json.loads(done.stdout)] == [ids[1]]


def test_wait_may_expect_none(reserve: Run, site: Site) -> None:
    none = reserve("wait", f"{site.url}/r/orders/paid", "--never", "--timeout", "0.1")
    assert (none.returncode, none.stdout, none.stderr) == (0, "[]\n", "")
    request_id = site.record("/paid")
    done = reserve("wait", f"{site.url}/r/orders/paid", "--never", "--timeout", "60")
    assert (done.returncode, done.stderr) == (1, "Error: A matching request came, and there was to be none\n")
    assert [request["id"] for request in json.loads(done.stdout)] == [request_id]


def test_the_path_of_the_url_counts(reserve: Run, site: Site) -> None:
    site.record("/paid")
    done = reserve("wait", f"{site.url}/r/orders/nothing", "--timeout", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "POST /paid: path is /paid, not /nothing" in done.stderr


@pytest.mark.parametrize(
    ("address", "path"), [("", "paid"), ("", "/paid"), ("", "/p%61id"), ("/paid", "paid"), ("/", "/paid")]
)
def test_a_path_is_taken_as_people_write_it(reserve: Run, site: Site, address: str, path: str) -> None:
    request_id = site.record("/paid")
    done = reserve("wait", f"{site.url}/r/orders{address}", "--path", path)
    assert [request["id"] for request in json.loads(done.stdout)] == [request_id]


def test_wait_goes_on_after_a_request(reserve: Run, site: Site) -> None:
    first = site.record("/paid")
    assert [request["id"] for request in json.loads(reserve("wait", f"{site.url}/r/orders").stdout)] == [first]
    for after in (first, "now"):
        assert reserve("wait", f"{site.url}/r/orders", "--after", after, "--timeout", "0").returncode == 1
    second = site.record("/paid")
    done = reserve("wait", f"{site.url}/r/orders", "--after", first)
    assert [request["id"] for request in json.loads(done.stdout)] == [second]


@pytest.mark.parametrize(
    ("address", "options", "part"),
    [
        ("/r/orders/a?x=1", [], "leave ?x=1 out of the URL"),
        ("/r/orders?x=1", [], "leave ?x=1 out of the URL"),
        (
            "/v/orders/a/b",
            [],
            "The address of a mirror's page ends with its code: leave /a/b out; --path /hook, or http://",
        ),
        ("/api/mirrors/orders/requests", [], "leave /requests out;"),
        ("/r/orders/a", ["--path", "/b"], "The URL says the path /a, --path says /b: give one of them"),
        ("/r/orders", ["--path", "/b?x=1"], "has a query, which isn't compared"),
        ("/r/orders", ["--path", "/100%"], "'/100%' can't be the path of a request"),
        ("/r/orders", ["--when", "json.id"], "--when json.id: write WORD=VALUE"),
        ("/r/orders", ["--when", "jsn.id=1"], "--when jsn.id=1: There is no condition 'jsn.id': method, path"),
        ("/r/orders", ["--when", "never=true"], "--when never=true: There is no condition 'never'"),
        ("/r/orders", ["--when", "body=~["], "The condition body: '[' is no regular expression"),
        ("/r/orders", ["--never", "--count", "2"], "never means not a single one: leave count out"),
        ("/r/orders", ["--after", "yesterday"], "'yesterday' is not the id of a request: after is one, or now"),
    ],
)
def test_what_wait_cannot_look_for_is_said(
    reserve: Run, site: Site, address: str, options: list[str], part: str
) -> None:
    done = reserve("wait", f"{site.url}{address}", *options)
    assert done.returncode == 2
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_wait_fails_with_the_nearest_misses(reserve: Run, site: Site) -> None:
    site.record("/hook")
    site.record("/other")
    done = reserve("wait", f"{site.url}/r/orders", "--path", "/hook", "--count", "2", "--timeout", "0.1")
    assert done.returncode == 1
    assert [request["path"] for request in json.loads(done.stdout)] == ["/hook"]
    assert done.stderr == (
        "Error: 1 of 2 matching requests came within 0.1 seconds\n"
        "The nearest of those that came instead:\n"
        "  POST /other: path is /other, not /hook\n"
    )


def test_wait_hides_nothing_that_others_have_sent(reserve: Run, site: Site) -> None:
    site.record("/a%E2%80%AE%E3%85%A4b")
    done = reserve("wait", f"{site.url}/r/orders", "--path", "/ab", "--timeout", "0")
    assert done.stderr.splitlines()[-1] == "  POST /a\\u202e\\u3164b: path is /a\\u202e\\u3164b, not /ab"
    refused = reserve("wait", "http://\x1b[31mred\n\u202e")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("Error: http://\\x1b[31mred\n\\u202e is not the URL of a mirror")


def test_wait_says_that_nothing_came(reserve: Run, site: Site) -> None:
    done = reserve("wait", f"{site.url}/r/orders", "--timeout", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: 0 of 1 matching requests came within 0 seconds\n"


def test_wait_may_need_a_token(reserve: Run, serve: Serve) -> None:
    site = serve(token="correct-horse")
    assert site.ask("POST", "/r/orders").status == 200
    url = f"{site.url}/r/orders"
    assert reserve("wait", url, "--token", "correct-horse").returncode == 0
    assert reserve("wait", url, env={"RESERVE_MIRROR_TOKEN": "correct-horse"}).returncode == 0
    done = reserve("wait", url)
    assert done.returncode == 2
    assert "token" in done.stderr


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://127.0.0.1:1/r/orders", "There is no mirror at http://127.0.0.1:1/api/mirrors/orders"),
        ("orders", "is not the URL of a mirror"),
        ("ftp://localhost/r/orders", "is not the URL of a mirror"),
        ("http://localhost/orders", "is not the URL of a mirror"),
    ],
)
def test_wait_says_that_there_is_no_mirror(reserve: Run, url: str, part: str) -> None:
    done = reserve("wait", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_wait_says_that_the_code_is_unknown(reserve: Run, site: Site) -> None:
    done = reserve("wait", f"{site.url}/r/missing")
    assert done.returncode == 2
    assert "The mirror 'missing' does not exist" in done.stderr
