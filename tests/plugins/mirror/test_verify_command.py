"""The command `reserve verify`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from reserve_core.cli import main
from tests.kit.signature_faults import SECRET, github, plain_hmac, stripe
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Site

BODY = b'{"order": 42}'
RIGHT = "valid: The signature is right.\n"
BY_ENV = ("--secret-env", "HOOK_SECRET")

Verify = Callable[..., Result]


@pytest.fixture
def store_kind() -> str:
    return "memory"


@pytest.fixture
def verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Runs `reserve verify` in a folder of its own, with the secret in `$HOOK_SECRET`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, text: bytes = b"", secret: str = SECRET) -> Result:
        environment = {"HOOK_SECRET": secret}
        return CliRunner().invoke(main, ["verify", *arguments], text, environment, catch_exceptions=False)

    return run


def wire(
    headers: list[tuple[str, str]], body: bytes = BODY, line: str = "POST /hook HTTP/1.1", end: str = "\r\n"
) -> bytes:
    """A request as it goes over the wire."""
    return end.join([line, *(f"{name}: {value}" for name, value in headers), "", ""]).encode() + body


def test_all_that_a_mirror_exports(verify: Verify, site: Site, tmp_path: Path) -> None:
    request_id = site.record("/1", BODY, headers=github(SECRET, BODY))
    site.record("/2", b"\xff", headers=github(SECRET, b"\xfe"))
    (tmp_path / "one.json").write_text(json.dumps(site.whole(request_id)))
    (tmp_path / "all.json").write_text(site.get("/api/mirrors/orders/requests.json").text)
    (tmp_path / "wait.json").write_text(json.dumps(site.get("/api/mirrors/orders/wait").json()["requests"]))
    har = site.get("/api/mirrors/orders/requests.har").json()
    (tmp_path / "all.har").write_text(json.dumps(har))
    (tmp_path / "entry.har").write_text(json.dumps(har["log"]["entries"][0]))
    for file in ("one.json", "wait.json", "entry.har"):
        done = verify(file, "--scheme", "github", *BY_ENV)
        assert (done.exit_code, done.stdout, done.stderr) == (0, RIGHT, "")
    for file in ("all.json", "all.har"):
        done = verify(file, *BY_ENV)
        first, second = done.stdout.splitlines()
        assert done.exit_code == 1
        assert first.startswith("valid: The signature is right. (20")
        assert first.endswith("/1)")
        assert second.startswith("invalid: The secret or the body differs: ")


@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["CR LF", "LF"])
def test_a_request_as_it_goes_over_the_wire(verify: Verify, end: str) -> None:
    headers = [("Host", "x"), *github(SECRET, BODY)]
    assert verify("-", *BY_ENV, text=wire(headers, end=end)).stdout == RIGHT
    assert verify("-", *BY_ENV, text=wire(headers, line="POST /hook", end=end)).stdout == RIGHT
    # An editor has ended the file with a line break.
    sized = wire([*headers, ("Content-Length", str(len(BODY)))], BODY + b"\n", end=end)
    assert verify("-", *BY_ENV, text=sized).stdout == RIGHT
    done = verify("-", *BY_ENV, text=wire(headers, BODY + b"\n", end=end))
    assert (done.exit_code, "without the line break at its end" in done.stdout) == (1, True)
    short = verify("-", *BY_ENV, text=wire([*headers, ("Content-Length", "14")], end=end))
    assert "The file has only 13 of the 14 bytes of the body." in short.stdout
    empty = wire(github(SECRET, b""), b"", end=end)
    assert verify("-", *BY_ENV, text=empty).stdout == RIGHT


def test_without_a_time_of_receipt_the_time_is_not_checked(verify: Verify) -> None:
    done = verify("-", "--scheme", "stripe", *BY_ENV, text=wire(stripe(SECRET, BODY)))
    assert (done.exit_code, done.stdout) == (
        0,
        "valid: The signature is right. When the request came isn't known, so its time wasn't checked.\n",
    )


def test_an_hmac_of_ones_own(verify: Verify) -> None:
    text = wire(plain_hmac(SECRET, BODY))
    options = ("--signature-header", "x-mine", "--algorithm", "sha512", "--encoding", "base64", *BY_ENV)
    assert verify("-", *options, text=text).stdout == RIGHT
    assert verify("-", "--scheme", "hmac", *options, "--prefix", "v1=", text=text).stdout.startswith("invalid: ")


def test_the_secret_of_a_file(verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "request").write_bytes(wire(github(SECRET, BODY)))
    assert verify("request", "--secret-file", "secret").stdout == RIGHT
    done = verify("request", "--secret-file", "secret", *BY_ENV, secret="other")
    assert done.stdout == RIGHT


@pytest.mark.usefixtures("followed")
def test_the_secret_is_asked_for_and_not_shown(command: Path, tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(wire(github("typed", BODY)))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [command, "verify", "request"], cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        assert b"Secret" in os.read(ours, 1000)
        os.write(ours, b"typed\n")
        assert process.stdout is not None
        assert process.stdout.read().endswith(RIGHT)
        assert process.wait(PATIENCE) == 0
        shown = os.read(ours, 1000)
        os.close(ours)
    assert b"typed" not in shown


@pytest.mark.parametrize(
    ("text", "arguments", "part"),
    [
        (
            b"",
            BY_ENV,
            "Error: The standard input is empty: neither a mirror's export, nor HAR, nor lines that begin with",
        ),
        (b"\n", BY_ENV, "Error: The standard input is empty: neither"),
        (
            b"hello\n",
            BY_ENV,
            "Error: The standard input is no request: neither a mirror's export, nor HAR, nor lines that",
        ),
        (b"PK\x03\x04\x14", BY_ENV, "The standard input is an archive: unpack it, and name one of its files"),
        (b"{", BY_ENV, "The standard input is not valid JSON"),
        (b"[" * 100_000, BY_ENV, "The standard input is not valid JSON"),
        (b"[]", BY_ENV, "The standard input has no request in it"),
        (wire(github()), ("--secret-file", "-"), "The standard input, which should have the secret, is empty"),
        (b'{"a": 1}', BY_ENV, "has no request of the form of the mirror's exports, or of HAR, without 'body'\n"),
        (b'{"log": {"entries": [5]}}', BY_ENV, "has no request of the form of the mirror's exports"),
        (b"POST / HTTP/1.1\nno header\n\n", BY_ENV, "a line among its headers that is none"),
        (wire([("X-A", "1")]), BY_ENV, "There is no header of a known scheme"),
        (wire(github()), (), "Name the secret: --secret-env NAME"),
        (wire(github()), ("--secret-env", "NOT_SET_HERE"), "$NOT_SET_HERE, which should have the secret, isn't set"),
        (wire(github()), ("--secret-file", "none"), "none can't be read: No such file"),
        (wire(github()), ("--secret-file", "empty"), "empty, which should have the secret, is empty"),
        (wire(github()), ("--secret-file", "binary"), "binary has no secret: it isn't UTF-8"),
        (
            wire(github()),
            ("--scheme", "hmac", *BY_ENV),
            "name the header in which the signature is: --signature-header",
        ),
        (
            wire(github()),
            ("--scheme", "github", "--prefix", "x", *BY_ENV),
            "prefix can only be chosen with the scheme hmac",
        ),
        (wire(github()), ("--scheme", "gitlab", *BY_ENV), "'gitlab'"),
    ],
)
def test_what_cannot_be_used_is_named(
    verify: Verify, tmp_path: Path, text: bytes, arguments: tuple[str, ...], part: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    done = verify("-", *arguments, text=text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert part in done.stderr
    assert SECRET not in done.stderr


def test_what_a_sender_has_sent_does_not_reach_the_terminal(verify: Verify) -> None:
    text = wire([("X-Hub-Signature-256", "sha256=\x1b[31m")])
    done = verify("-", *BY_ENV, text=text)
    assert "\x1b" not in done.stdout
    assert done.exit_code == 1


def test_a_cut_body_is_not_judged(verify: Verify) -> None:
    record: dict[str, Any] = {
        "time": "2026-01-31T12:00:00.000Z",
        "method": "POST",
        "path": "",
        "headers": [list(pair) for pair in github(SECRET, BODY)],
        "size": 13,
        "truncated": True,
        "body": "cut",
        "body_encoding": "utf-8",
        "decoded": None,
    }
    done = verify("-", *BY_ENV, text=json.dumps(record).encode())
    assert done.stdout == "invalid: It can't be verified. The file has only 3 of the 13 bytes of the body.\n"
    done = verify("-", *BY_ENV, text=json.dumps({**record, "size": 3}).encode())
    assert "The body was cut." in done.stdout
