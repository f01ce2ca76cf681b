"""`reserve listen`: what comes to a mirror is sent on, in order and at least once."""

from __future__ import annotations

import base64
import hashlib
import json
import pwd
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kit.hook_target import OK, HookTarget
from tests.kit.ports import free_port
from tests.kit.waiting import wait_until

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site
    from tests.plugins.mirror.listen.conftest import Listen, StartListening


def fail(status: int) -> bytes:
    return b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status


def test_what_came_arrives_as_it_was_sent(listen: Listen, site: Site, target: HookTarget) -> None:
    body = bytes(range(256))
    headers = [("x-SIGNATURE", "a=b; c"), ("Cookie", "a=1"), ("X-Two", "1"), ("x-two", "2"), ("X-Latin", "caf\xe9")]
    site.record("/a%2Fb/%7Ec?x=1&x=%20", body, headers=[*headers, ("Connection", "keep-alive, X-Hop"), ("X-Hop", "1")])
    done = listen()
    assert (done.returncode, done.stderr) == (0, "")
    (request,) = target.requests
    assert request.line == "POST /hook/a%2Fb/%7Ec?x=1&x=%20 HTTP/1.1"
    assert hashlib.sha256(request.body).hexdigest() == site.requests()[0]["sha256"]
    own = [("Host", target.url.removeprefix("http://")), ("Connection", "close")]
    recorded = [(name, value) for name, value in site.requests()[0]["headers"] if name.lower() != "host"]
    kept = [(name, value) for name, value in recorded if name not in ("Connection", "X-Hop")]
    assert request.headers == [own[0], *kept, own[1]]


def test_a_line_tells_of_each_request(listen: Listen, site: Site, target: HookTarget) -> None:
    site.record("/a%E2%80%AE", method="PUT")
    line = listen().stdout.split(" ", 1)[1]
    assert line.startswith("PUT /a\\u202e → 200 ")
    assert line.endswith(" ms\n")


def test_json_tells_of_each_request(listen: Listen, site: Site) -> None:
    first = site.record("/a?x=1")
    told = json.loads(listen("--json").stdout)
    assert told.pop("duration") > 0
    assert told == {
        "id": first,
        "time": site.requests()[0]["time"],
        "method": "POST",
        "path": "/a",
        "outcome": "delivered",
        "to": "/hook/a?x=1",
        "tries": 1,
        "status": 200,
    }


def test_the_response_is_kept_with_the_request(listen: Listen, site: Site, target: HookTarget) -> None:
    target.responses = [b"HTTP/1.1 418 Teapot\r\nX-A: 1\r\nContent-Length: 100000\r\n\r\n" + b"\xff" * 100_000]
    request_id = site.record("/a?x=1")
    listen()
    forwarded = site.whole(request_id)["forwarded"]
    assert forwarded.pop("duration") > 0
    assert forwarded == {
        "to": f"{target.url}/hook/a?x=1",
        "status": 418,
        "headers": [["X-A", "1"], ["Content-Length", "100000"]],
        "body": base64.b64encode(b"\xff" * 65536).decode(),
        "body_encoding": "base64",
        "size": 100_000,
    }


def test_the_next_run_goes_on(listen: Listen, site: Site, target: HookTarget) -> None:
    site.record("/1")
    listen()
    assert listen().stdout == ""
    site.record("/2")
    site.record("/3")
    listen()
    assert target.paths == ["/hook/1", "/hook/2", "/hook/3"]


def test_each_target_and_each_choice_has_a_place_of_its_own(listen: Listen, site: Site, target: HookTarget) -> None:
    site.record("/1")
    for options in ((), ("--when", "path=/1"), ("--when", "method=GET")):
        for path in ("/a", "/b"):
            listen(*options, path=path)
    assert target.paths == ["/a/1", "/b/1"] * 2


def test_it_begins_again_when_told_to(listen: Listen, site: Site, target: HookTarget) -> None:
    site.record("/1")
    listen()
    listen("--from-start")
    listen("--since", "1h")
    listen("--since", (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert target.paths == ["/hook/1"] * 3


def test_conditions_pick_requests(listen: Listen, site: Site, target: HookTarget) -> None:
    for n in range(3):
        site.record(f"/orders/{n}", b'{"id": %d}' % n)
    site.record("/other", b'{"id": 2}')
    listen("--when", "path=/orders/*", "--when", "json.id=2")
    assert target.paths == ["/hook/orders/2"]


def test_any_response_is_a_delivery(listen: Listen, site: Site, target: HookTarget) -> None:
    site.record("/1")
    site.record("/2")
    target.responses = [fail(500), b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"]
    done = listen()
    assert done.returncode == 0
    assert target.paths == ["/hook/1", "/hook/2"]


def test_statuses_are_tried_again_when_told_to(listen: Listen, site: Site, target: HookTarget) -> None:
    site.record("/1")
    site.record("/2")
    target.responses = [fail(503), fail(429), OK]
    done = listen("--retry-status", "5xx", "--retry-status", "429", "--json")
    assert [json.loads(line)["tries"] for line in done.stdout.splitlines()] == [3, 1]
    assert target.paths == ["/hook/1"] * 3 + ["/hook/2"]
    assert f"{target.url}/hook: it responds with 503; trying again\n" in done.stderr


def test_a_request_that_gets_no_response_does_not_block_the_rest(
    listen: Listen, site: Site, target: HookTarget
) -> None:
    site.record("/poison")
    site.record("/2")
    target.responses = [b"", b"", OK]
    done = listen("--tries", "2")
    assert done.returncode == 1
    assert "POST /poison skipped: the connection was closed before the end of a response; attempts: 2" in done.stdout
    assert done.stderr.endswith("Error: Not all of it was sent on\n")
    assert target.paths == ["/hook/poison"] * 2 + ["/hook/2"]
    assert listen().returncode == 0


def test_a_cut_body_is_never_sent_as_whole(serve: Serve, listen: Listen, target: HookTarget) -> None:
    site = serve("/mirror", max_body_size=4)
    site.record("/1", b"12345")
    site.record("/2", b"1234")
    done = listen(at=site)
    assert done.returncode == 1
    assert "POST /1 skipped: the mirror hasn't kept its body to the end" in done.stdout
    assert target.paths == ["/hook/2"]


def test_what_broke_off_is_never_sent(listen: Listen, site: Site, target: HookTarget) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port)) as client:
        client.sendall(b"POST /mirror/r/orders/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12")
    wait_until(site.requests)
    done = listen()
    assert done.returncode == 1
    assert "POST /1 skipped: it isn't whole: The sender closed the connection, after 2 of 5 bytes" in done.stdout
    assert target.requests == []


def test_what_the_mirror_has_dropped_is_counted(serve: Serve, listen: Listen, target: HookTarget) -> None:
    site = serve("/mirror", max_requests=3)
    for n in range(5):
        site.record(f"/{n}")
    assert listen(at=site).returncode == 0  # what was there before the first run isn't missed
    for n in range(5, 10):
        site.record(f"/{n}")
    done = listen("--json", at=site)
    assert done.returncode == 1
    assert {"outcome": "lost", "count": 2} in map(json.loads, done.stdout.splitlines())
    site.record("/10")
    assert "lost" not in listen(at=site).stdout
    site.ask("DELETE", "/api/mirrors/orders/requests/" + site.record("/11"))
    assert "One request is lost" in listen(at=site).stdout
    assert target.paths == [f"/hook/{n}" for n in (2, 3, 4, 7, 8, 9, 10)]


def test_a_mirror_that_was_made_anew_is_noticed(listen: Listen, site: Site, target: HookTarget) -> None:
    site.record("/1")
    listen()
    site.ask("DELETE", "/api/mirrors/orders")
    site.record("/2")
    done = listen()
    assert done.returncode == 1
    assert "The mirror isn't the one of the last time" in done.stderr
    assert target.paths == ["/hook/1", "/hook/2"]


def test_it_sends_on_what_comes_until_it_is_stopped(
    start_listening: StartListening, site: Site, target: HookTarget, state_home: Path
) -> None:
    site.record("/before")
    for number, path in ((signal.SIGINT, "/1"), (signal.SIGTERM, "/2")):
        listening = start_listening()
        wait_until(lambda: list(state_home.rglob("*.json")))
        site.record(path)
        assert f" POST {path} → 200 " in listening.line()
        listening.signal(number)
        assert listening.wait() == 0
        assert "Traceback" not in listening.errors
    assert "1 came before: --from-start sends them on, too\n" in (state_home.parent / "stderr-0").read_text()
    assert target.paths == ["/hook/1", "/hook/2"]


def test_it_waits_for_a_target_and_goes_on_where_it_was_killed(
    start_listening: StartListening, site: Site, target: HookTarget
) -> None:
    target.stop()
    site.record("/1")
    listening = start_listening("--from-start")
    wait_until(lambda: f"{target.url}/hook: nothing listens there; trying again\n" in listening.errors)
    listening.signal(signal.SIGKILL)
    listening.wait()
    target.start()
    site.record("/2")
    listening = start_listening()
    wait_until(lambda: len(target.requests) == 2)
    assert listening.stop() == 0
    assert target.paths == ["/hook/1", "/hook/2"]


def test_the_sender_may_get_the_response_of_the_target(
    start_listening: StartListening, serve: Serve, target: HookTarget, state_home: Path
) -> None:
    site = serve("/other", respond="listener")
    start_listening(url=f"{site.url}/r/orders")
    wait_until(lambda: list(state_home.rglob("*.json")))
    target.responses = [b"HTTP/1.1 418 Teapot\r\nContent-Length: 3\r\n\r\ntea"]
    response = site.ask("POST", "/r/orders", b"x")
    assert (response.status, response.body) == (418, b"tea")


def test_two_do_not_do_the_same(start_listening: StartListening, listen: Listen, state_home: Path) -> None:
    start_listening()
    wait_until(lambda: list(state_home.rglob("*.json")))
    done = listen()
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Another reserve listen sends this on already: stop it, or give this one")


def test_it_ends_with_the_mirror(start_listening: StartListening, serve: Serve, state_home: Path) -> None:
    site = serve("/other", codes=["orders"])
    site.ask_json("POST", "/api/mirrors", {"code": "mine"})
    listening = start_listening(url=f"{site.url}/v/mine")
    wait_until(lambda: list(state_home.rglob("*.json")))
    site.ask("DELETE", "/api/mirrors/mine")
    assert listening.wait() == 1
    assert listening.errors.endswith("/v/mine: The mirror 'mine' does not exist\n")


def test_a_protected_mirror_asks_for_its_token(serve: Serve, reserve: Listen, target: HookTarget) -> None:
    site = serve("/mirror", token="secret-token")
    site.ask("POST", "/r/orders/1")
    arguments = ("listen", f"{site.url}/v/orders?token=x", "--to", target.url, "--once")
    refused = reserve(*arguments)
    assert refused.returncode == 2
    assert "protected by a token" in refused.stderr
    assert reserve(*arguments, "--token", "secret-token").returncode == 0
    assert target.paths == ["/1"]


def test_a_public_mirror_is_named_by_its_page(serve: Serve, reserve: Listen, target: HookTarget) -> None:
    site = serve("/mirror", public=True, codes=[])
    made = site.ask("POST", "/api/mirrors").json()
    site.ask("POST", f"/r/{made['code']}/1")
    refused = reserve("listen", made["url"], "--to", target.url, "--once")
    assert refused.returncode == 2
    assert "of a public mirror, give the address of its page" in refused.stderr
    for page in (made["page"], made["share"]):
        endless = reserve("listen", page, "--to", made["url"], "--once")
        assert endless.returncode == 2
        assert "is the mirror itself" in endless.stderr
    assert reserve("listen", made["page"], "--to", target.url, "--once").returncode == 0
    assert target.paths == ["/1"]


def test_a_mirror_that_is_away_is_waited_for_or_told(
    start_listening: StartListening, reserve: Listen, target: HookTarget, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{free_port()}/r/orders"
    listening = start_listening(url=url)
    wait_until(lambda: "The mirror doesn't respond: nothing listens there; trying again\n" in listening.errors)
    assert listening.stop() == 0
    done = reserve("listen", url, "--to", f"{target.url}/once", "--once")
    assert done.returncode == 1
    assert done.stderr.endswith(f"Error: The mirror {url} doesn't respond: nothing listens there\n")


def test_a_file_of_its_own_is_kept_where_it_is_told(
    listen: Listen, site: Site, target: HookTarget, tmp_path: Path
) -> None:
    site.record("/1")
    listen("--state", "here/state.json")
    assert json.loads((tmp_path / "here/state.json").read_text())["after"] == site.requests()[-1]["id"]
    other = listen("--state", "here/state.json", path="/other")
    assert other.returncode == 2
    assert f"is sent on to {target.url}/hook, and nothing else: name another one by --state" in other.stderr


def test_without_a_home_a_file_is_asked_for(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # who has no home folder is in no list of users either
    done = listen()
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no home folder" in done.stderr
    assert "name a file by --state" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["http://localhost/other", "--to", "http://localhost"], "http://localhost/other is not the URL of a mirror"),
        (["http://localhost/r/a/b", "--to", "http://localhost"], "--when 'path=/hook/*' picks a path below it"),
        (["http://localhost/r/a?x=1", "--to", "http://localhost"], "is not the URL of a mirror"),
        (["http://localhost/v/a/b", "--to", "http://localhost"], "http://localhost/v/a/b is not the URL of a mirror"),
        (
            ["http://localhost/r/a", "--to", "localhost:3000"],
            "localhost:3000 is not a URL as http://localhost:3000/hook",
        ),
        (
            ["http://localhost/r/a", "--to", "http://localhost:99999"],
            "--to http://localhost:99999: Port out of range 0-65535",
        ),
        (["http://localhost/r/a", "--to", "http://a:b@localhost"], "and nothing else"),
        (["http://localhost/r/a", "--to", "http://localhost?x"], "and nothing else"),
        (["http://localhost/r/a", "--to", "http://localhost:80/r/a"], "http://localhost:80/r/a is the mirror itself"),
        (["https://localhost/m/v/a", "--to", "https://127.0.0.1/m/r/a/b/"], "is the mirror itself"),
        (["http://localhost/r/a"], "Missing option '--to'"),
        (["http://localhost/r/a", "--to", "http://localhost", "--when", "x"], "--when x: write WORD=VALUE"),
        (["http://localhost/r/a", "--to", "http://localhost", "--when", "jsn.a=1"], "There is no condition 'jsn.a'"),
        (["http://localhost/r/a", "--to", "http://localhost", "--when", "signature=valid"], "only the mirror knows"),
        (["http://localhost/r/a", "--to", "http://localhost", "--since", "soon"], "'soon' is not a time ago as 90s"),
        (["http://localhost/r/a", "--to", "http://localhost", "--retry-status", "6xx"], "'6xx' is not a status as 503"),
        (["http://localhost/r/a", "--to", "http://localhost", "--tries", "0"], "--tries"),
        (
            ["http://localhost/r/a", "--to", "http://localhost", "--since", "1h", "--from-start"],
            "--from-start and --since exclude each other",
        ),
    ],
)
def test_what_cannot_be_used_is_named(reserve: Listen, arguments: list[str], part: str) -> None:
    done = reserve("listen", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert part in done.stderr


def test_a_state_file_that_cannot_be_used_is_named(listen: Listen, site: Site, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{}")
    done = listen("--state", "state.json")
    assert done.returncode == 2
    assert "state.json isn't what reserve listen has written: remove it" in done.stderr
    done = listen("--state", "state.json/x")
    assert done.returncode == 2
    assert "state.json/x can't be used: " in done.stderr
