"""The command `reserve resend`."""

from __future__ import annotations

import base64
import hmac
import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from reserve_core.cli import main
from reserve_mirror.signatures import SCHEMES, SignedRequest, verify
from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.kit.hook_target import HookTarget
    from tests.plugins.mirror.conftest import Serve, Site

HEADERS = [("X-Event", "paid"), ("Authorization", "Bearer t"), ("x-event", "two")]
BODY = b'{"order": 1.0}\r\n'
SECRET = "open sesame"

Resend = Callable[..., Result]


@pytest.fixture
def resend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resend:
    """Runs `reserve resend` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["resend", *arguments], env={"HOOK_SECRET": SECRET}, catch_exceptions=False)

    return run


def sent(target: HookTarget) -> tuple[str, list[tuple[str, str]], bytes]:
    """What has been sent, once."""
    request = target.requests.pop()
    assert target.requests == []
    own = [pair for pair in request.headers if pair[0] not in ("Host", "Connection", "Content-Length")]
    return request.line, own, request.body


WHOLE = ("PUT /hook/a%20b?x HTTP/1.1", HEADERS, BODY)


def test_a_record_is_sent_as_it_came(site: Site, target: HookTarget, resend: Resend) -> None:
    request_id = site.record("/a%20b?x", BODY, "PUT", HEADERS)
    site.record("/newer")
    to = ("--to", f"{target.url}/hook")
    for url in (f"/v/orders#{request_id}", f"/r/orders#{request_id}", f"/api/mirrors/orders/requests/{request_id}"):
        done = resend(site.url + url, *to)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.startswith(f"PUT {target.url}/hook/a%20b?x → 200 OK, ")
        assert done.stdout.endswith(" ms\nok\n")
        assert sent(target) == WHOLE
    assert resend(f"{site.url}/v/orders", *to).exit_code == 0
    assert sent(target)[0] == "POST /hook/newer HTTP/1.1"
    assert resend(f"{site.url}/v/orders#{request_id}", *to, "--path", "/b?y").exit_code == 0
    assert sent(target)[0] == "PUT /hook/b?y HTTP/1.1"


def test_a_file_is_sent_as_it_came(site: Site, target: HookTarget, resend: Resend, tmp_path: Path) -> None:
    request_id = site.record("/a%20b?x", BODY, "PUT", HEADERS)
    (tmp_path / "one.json").write_text(json.dumps(site.whole(request_id)))
    for kind in ("json", "har"):
        (tmp_path / f"all.{kind}").write_bytes(site.get(f"/api/mirrors/orders/requests.{kind}").body)
    for file in ("one.json", "all.json", "all.har"):
        done = resend(file, "--to", f"{target.url}/hook")
        assert done.exit_code == 0, done.stderr
        assert sent(target) == WHOLE, file
    archive = zipfile.ZipFile(io.BytesIO(site.get("/api/mirrors/orders/requests.zip").body))
    (name,) = [each for each in archive.namelist() if each.endswith(".request.http")]
    (tmp_path / name).write_bytes(archive.read(name))
    assert resend(name, "--to", target.url).exit_code == 0
    assert sent(target) == ("PUT /mirror/r/orders/a%20b?x HTTP/1.1", HEADERS, BODY)
    assert resend(name, "--to", target.url, "--path", "/hook/a%20b?x").exit_code == 0
    assert sent(target) == WHOLE


def test_all_requests_of_a_file_are_sent_in_order(
    site: Site, target: HookTarget, resend: Resend, tmp_path: Path
) -> None:
    for path in ("/1", "/2", "/3"):
        site.record(path)
    (tmp_path / "all.json").write_bytes(site.get("/api/mirrors/orders/requests.json").body)
    done = resend("all.json", "--to", target.url, "--json")
    assert target.paths == ["/1", "/2", "/3"]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["status"], each["body"], each["body_encoding"]) for each in results] == [(200, "ok", "utf-8")] * 3
    assert all(each["duration_ms"] > 0 and each["headers"] == [["Content-Length", "2"]] for each in results)


def test_a_har_of_a_browser_is_sent(target: HookTarget, resend: Resend, tmp_path: Path) -> None:
    headers = [{"name": ":authority", "value": "x.example"}, {"name": "accept", "value": "*/*"}]
    request = {"method": "GET", "url": "https://x.example/a/b?c#d", "headers": headers, "bodySize": 0}
    entry = {"startedDateTime": "2026-01-31T12:00:00.000Z", "request": request}
    (tmp_path / "x.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    assert resend("x.har", "--to", target.url).exit_code == 0
    assert sent(target) == ("GET /a/b?c HTTP/1.1", [("accept", "*/*")], b"")
    request["url"] = "https://x.example/%zz"
    (tmp_path / "x.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    done = resend("x.har", "--to", target.url)
    assert done.exit_code == 2
    assert "x.har has a path that is none: " in done.stderr


def test_a_redirect_and_bytes_are_told(site: Site, target: HookTarget, resend: Resend) -> None:
    target.responses = [b"HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 2\r\n\r\n\xff\x1b"]
    site.record("/a")
    done = resend(f"{site.url}/v/orders", "--to", target.url)
    assert done.exit_code == 0
    assert " → 302 Found, " in done.stdout
    assert done.stdout.endswith("\n2 bytes\n")
    assert target.paths == ["/a"]


def test_it_is_signed_anew(site: Site, target: HookTarget, resend: Resend) -> None:
    site.record("/a", BODY, headers=[("Stripe-Signature", "t=1,v1=00"), ("X-Event", "paid")])
    signing = ("--scheme", "stripe", "--secret-env", "HOOK_SECRET")
    assert resend(f"{site.url}/v/orders", "--to", target.url, *signing).exit_code == 0
    _, headers, body = sent(target)
    assert [name for name, _ in headers] == ["X-Event", "Stripe-Signature"]
    assert verify(SCHEMES["stripe"], [SECRET], SignedRequest(headers, body))["valid"]


@pytest.mark.parametrize("scheme", [("--scheme", "hmac"), ()])
def test_it_is_signed_anew_in_any_header(
    site: Site, target: HookTarget, resend: Resend, scheme: tuple[str, ...]
) -> None:
    site.record("/a", BODY, headers=[("X-Sum", "sha512=00"), ("X-Event", "paid")])
    details = ("--signature-header", "X-Sum", "--algorithm", "sha512", "--encoding", "base64", "--prefix", "sha512=")
    signing = (*scheme, *details, "--secret-env", "HOOK_SECRET")
    assert resend(f"{site.url}/v/orders", "--to", target.url, *signing).exit_code == 0
    _, headers, body = sent(target)
    own = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha512")).decode()
    assert headers == [("X-Event", "paid"), ("X-Sum", f"sha512={own}")]


def test_what_is_not_whole_is_not_sent(serve: Serve, target: HookTarget, resend: Resend, tmp_path: Path) -> None:
    site = serve(max_body_size=3)
    site.record("/cut", b"12345")
    site.record("/whole", b"123")
    (tmp_path / "all.json").write_bytes(site.get("/api/mirrors/orders/requests.json").body)
    done = resend("all.json", "--to", target.url)
    assert done.exit_code == 1
    assert f"POST {target.url}/cut isn't sent: The file has only 3 of the 5 bytes of the body." in done.stderr
    assert "Not all of it was sent again" in done.stderr
    assert target.paths == ["/whole"]


def test_no_response_is_told(site: Site, resend: Resend) -> None:
    site.record("/a")
    to = f"http://127.0.0.1:{free_port()}"
    done = resend(f"{site.url}/v/orders", "--to", to)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"POST {to}/a: nothing listens there" in done.stderr


def test_what_cannot_be_used_is_told(site: Site, target: HookTarget, resend: Resend, tmp_path: Path) -> None:
    (tmp_path / "hook.txt").write_text("hello")
    page = f"{site.url}/v/orders"
    to = ("--to", target.url)
    for arguments, problem in {
        (page, *to): "this mirror has no request yet",
        (f"{page}#1-1", *to): "has no request 1-1",
        (f"{site.url}/v/other", *to): "The mirror 'other' does not exist",
        ("http://localhost/", *to): "is not the URL of a request",
        (f"{site.url}/r/orders/paid", *to): "/r/orders/paid is not the URL of a request: http://HOST/v/CODE#ID",
        (f"{page}?x=1", *to): "is not the URL of a request",
        (f"http://127.0.0.1:{free_port()}/v/orders", *to): "There is no mirror at",
        ("missing.har", *to): "missing.har can't be read: No such file",
        ("hook.txt", *to): "hook.txt is no request",
        ("hook.txt", "--to", "localhost:3000"): "is not a URL as http://localhost:3000/hook",
    }.items():
        done = resend(*arguments)
        assert (done.exit_code, problem in done.stderr) == (2, True), done.stderr
    site.record("/a")
    for options, problem in {
        ("--path", "a b"): "is no path",
        ("--secret-env", "HOOK_SECRET"): "add --scheme",
        ("--scheme", "github"): "Add --secret-env",
        ("--scheme", "hmac", "--secret-env", "HOOK_SECRET"): "name the header in which the signature is: --signature-h",
        ("--scheme", "github", "--prefix", "a"): "prefix can only be chosen with the scheme hmac",
        ("--signature-header", "X-Sum"): "Add --secret-env",
        ("--scheme", "github", "--secret-env", "UNSET_HERE"): "$UNSET_HERE, which should have the secret, isn't set",
        ("--scheme", "standard-webhooks", "--secret-env", "HOOK_SECRET"): "has a secret in base64",
    }.items():
        done = resend(page, *to, *options)
        assert (done.exit_code, problem in done.stderr) == (2, True), done.stderr
    assert target.requests == []


@pytest.mark.usefixtures("followed")
def test_the_installed_command_has_the_token(serve: Serve, target: HookTarget, command: Path, tmp_path: Path) -> None:
    token = "correct-horse-battery"
    site = serve(token=token)
    assert site.ask("POST", "/r/orders/a", BODY).status == 200
    arguments: list[str | Path] = [command, "resend", f"{site.url}/v/orders", "--to", target.url]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2
    assert "protected by a token" in done.stderr
    assert "--token" in done.stderr
    done = subprocess.run(
        [*arguments, "--token", token], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert sent(target)[::2] == ("POST /a HTTP/1.1", BODY)
