"""`reserve trust` and `--tls`, `--cert` and `--key`, as browsers and other clients find them.

The browser is Chromium on Linux, whose store certutil changes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from reserve_core.cli import tls_setting
from reserve_core.tls import authority, x509_building
from tests.e2e.conftest import starting
from tests.e2e.test_tls import ask
from tests.kit import node
from tests.kit.running import Running
from tests.kit.waiting import PATIENCE


@contextmanager
def at_home(home: Path) -> Iterator[None]:
    """A user whose home is that folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, command: Path) -> Iterator[Path]:
    """That of a user who has said `reserve trust`."""
    home = tmp_path_factory.mktemp("home")
    (home / "dist").mkdir()
    (home / "dist/index.html").write_text("<p>page</p>")
    with at_home(home):
        subprocess.run([command, "trust"], check=True, stdout=subprocess.DEVNULL)
        yield home


@pytest.fixture(scope="module")
def ca(home: Path) -> Path:
    """The certificate of the authority."""
    return home / ".local/share/reserve/authority.pem"


@pytest.fixture(scope="module")
def run(home: Path, command: Path) -> Iterator[Callable[..., Running]]:
    """Starts the command in the user's home."""
    with starting(command, home) as run:
        yield run


@pytest.fixture(scope="module")
def running(run: Callable[..., Running]) -> Running:
    """A server for a page by `--tls`."""
    running = run("serve", "dist", "--tls", "--silent")
    running.ready()
    return running


@pytest.fixture(scope="module")
def port(running: Running) -> int:
    return int(running.output[0].rsplit(":", 1)[1].strip("/"))


def browse(url: str, home: Path) -> str:
    """The document that Chromium shows, or why it shows none, as a user with this home gets it."""
    chromium = shutil.which("chromium-headless-shell")
    assert chromium, "These tests need Chromium: apt install chromium-headless-shell"
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", f"--user-data-dir={home}/profile"]
    known = "--host-resolver-rules=MAP example.com 127.0.0.1"
    done = subprocess.run(
        [chromium, *options, known, "--dump-dom", url],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout + "".join(line for line in done.stderr.splitlines() if "net::ERR" in line)


def test_chromium_opens_a_site_without_a_warning(port: int, home: Path, tmp_path: Path) -> None:
    url = f"https://shop.localhost:{port}/"
    assert "<p>page</p>" in browse(url, home)
    assert "net::ERR_CERT_AUTHORITY_INVALID" in browse(url, tmp_path)  # another user


def test_what_a_thief_of_the_key_makes_for_others_is_refused(
    run: Callable[..., Running], home: Path, tmp_path: Path
) -> None:
    """In the same browser, by the same authority: only the name is another one."""
    issuer = authority.present()
    assert issuer
    seen = {}
    for name in ("example.com", "shop.localhost"):
        leaf, key = x509_building.vouched([name], issuer)
        (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
        (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        files = ("--cert", f"{tmp_path}/leaf.pem", "--key", f"{tmp_path}/key.pem")
        running = run("serve", "dist", "--silent", *files)
        port = running.ready().rsplit(":", 1)[1]
        seen[name] = browse(f"https://{name}:{port}", home)
        running.stop()
    assert "<p>page</p>" in seen["shop.localhost"]
    assert "net::ERR_CERT_" in seen["example.com"]
    assert "page" not in seen["example.com"]


def test_other_clients_trust_it(port: int, ca: Path) -> None:
    for name in ("localhost", "127.0.0.1"):
        assert ask(f"https://127.0.0.1:{port}/", ca, name) == "<p>page</p>"
    for name in ("shop.localhost", "shop.test"):
        url = f"https://{name}:{port}/"
        at = f"{name}:{port}:127.0.0.1"
        curl = ["curl", "--silent", "--show-error", "--cacert", str(ca), "--resolve", at, url]
        assert subprocess.run(curl, capture_output=True, text=True, check=False).stdout == "<p>page</p>"
    fetch = f"fetch('https://localhost:{port}/').then((page) => page.text()).then(console.log)"
    done = node.run("env", f"NODE_EXTRA_CA_CERTS={ca}", "node", "-e", fetch)
    assert done.stdout == "<p>page</p>\n", done.stderr


def test_workers_present_names_that_are_asked_for(run: Callable[..., Running], ca: Path) -> None:
    running = run("serve", "dist", "--tls", "--silent", "--workers", "2")
    port = int(running.ready().rsplit(":", 1)[1].strip("/"))
    context = ssl.create_default_context(cafile=ca)
    for number in range(8):
        with (
            socket.create_connection(("127.0.0.1", port), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=f"{number % 4}.localhost") as secure,
        ):
            assert secure.version() == "TLSv1.3"
    assert "has changed" not in running.errors


def test_addresses_of_the_network_are_vouched_for_public_ones_are_left_out(
    reserve: Any, home: Path, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ["127.0.0.1", "192.168.1.7", "203.0.113.9"]
    monkeypatch.setattr("reserve_core.cli.tls_certificate.addresses_of", lambda hostname: addresses)
    run = reserve("--tls", "--host", "0.0.0.0", "--show-config")
    cert = json.loads(run.stdout)["ssl"]["cert"]
    assert run.stderr == (
        "There is no reserve.json here: serving the files of this folder\n"
        f"Made a certificate of the local authority for localhost, 127.0.0.1, ::1, 192.168.1.7: {cert}\n"
    )
    subprocess.run(["openssl", "verify", "-CAfile", ca, cert], stdout=subprocess.DEVNULL, check=True)


def test_a_name_that_it_can_not_vouch_for_has_a_self_signed_one(reserve: Any, home: Path) -> None:
    run = reserve("--tls", "--host", "dev.example", "--show-config")
    assert "Made a self-signed certificate for localhost, 127.0.0.1, ::1, dev.example: " in run.stderr


def test_an_authority_that_ends_soon_is_told(
    reserve: Any, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = x509_building.now() + timedelta(days=3650 - 89)
    monkeypatch.setattr(x509_building, "now", lambda: now)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    run = reserve("--tls", "--show-config")
    assert "The local authority has ended, or will soon: reserve trust makes another one\n" in run.stderr


def test_commands_of_plugins_have_the_same_options(home: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = {
        "cert": f"{home}/.local/state/reserve/localhost.pem",
        "key": f"{home}/.local/state/reserve/localhost-key.pem",
    }
    monkeypatch.chdir(files)
    assert tls_setting("localhost", tls=False, cert=None, key=None) == {}
    assert tls_setting("localhost", tls=True, cert=None, key=None) == {"ssl": local}
    own = {"cert": str(files / "own.pem"), "key": str(files / "own.key")}
    assert tls_setting("localhost", tls=False, cert="own.pem", key="own.key") == {"ssl": own}


def test_a_mirror_serves_https_as_well(run: Callable[..., Running], ca: Path) -> None:
    url = run("mirror", "--code", "demo", "--tls", "--silent").ready()
    assert url.startswith("https://")
    assert "<html" in ask(url, ca)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of certificates."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("own", "other"):
        cert, key = x509_building.self_signed(["localhost"])
        authority.write_pair(folder / f"{name}.pem", folder / f"{name}.key", (cert, key))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (folder / "encrypted.key").write_bytes(secret)
    return folder


@pytest.mark.parametrize("what", ["serve", "mirror"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--cert own.pem", "--cert needs --key: give both files"),
        ("--key own.key", "--key needs --cert: give both files"),
        ("--cert no.pem --key own.key", "Invalid value for '--cert': there is no file no.pem"),
        ("--cert own.pem --key other.key", "--key isn't the certificate's own key. Name the key that belongs to it"),
        ("--cert own.key --key own.key", "--cert holds no certificate in PEM. Name the file of the certificate"),
        ("--cert own.pem --key encrypted.key", "--key is encrypted. Decrypt it: openssl pkey -in KEY -out PLAIN_KEY"),
        (
            "--tls --cert own.pem --key own.key",
            "--tls makes a certificate, --cert and --key name one: give one or the other",
        ),
    ],
)
def test_files_that_are_of_no_use_are_told(
    reserve: Any, files: Path, tmp_path: Path, what: str, options: str, message: str
) -> None:
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    run = reserve(what, *options.split())
    assert run.returncode == 2
    assert run.stderr.endswith(f"Error: {message}\n")


def test_files_stand_in_the_configuration(reserve: Any, files: Path, tmp_path: Path) -> None:
    shutil.copytree(files, tmp_path / "tls")
    run = reserve("--cert", "tls/own.pem", "--key", f"{files}/own.key", "--show-config")
    assert json.loads(run.stdout)["ssl"] == {"cert": "./tls/own.pem", "key": f"{files}/own.key"}
