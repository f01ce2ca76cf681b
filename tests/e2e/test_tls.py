"""`reserve serve --tls`: a certificate that clients can verify, made once and kept."""

from __future__ import annotations

import json
import os
import ssl
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("forks")

MADE = "Made a self-signed certificate for "
WARNED = "Browsers warn of this server's self-signed certificate: reserve trust makes them trust this machine's\n"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the certificates are, not there yet; there is no local authority."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "reserve"


@pytest.fixture
def serve(start: Any, write: Any) -> Callable[..., Any]:
    """Starts a server of https for a folder with a page."""

    def serve(*arguments: str) -> Any:
        write({"dist/index.html": "page"})
        return start("serve", "dist", "--tls", *arguments)

    return serve


def ask(url: str, trusted: Path, host: str | None = None) -> str:
    """The page of a server whose certificate has to be valid for its host, or another name of the same machine."""
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=trusted)
    connection = HTTPSConnection(host or parts.hostname or "", parts.port, timeout=PATIENCE, context=context)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_client_that_trusts_the_certificate_is_content(serve: Any, state: Path) -> None:
    running = serve()
    url = running.ready()
    assert url.startswith("https://127.0.0.1:")
    cert = state / "localhost.pem"
    assert running.errors == f"{WARNED}{MADE}localhost, 127.0.0.1, ::1: {cert}\n"
    assert ask(url, cert) == "page"
    assert ask(url, cert, "localhost") == "page"


def test_others_are_not(serve: Any, state: Path, tmp_path: Path) -> None:
    url = serve().ready()
    other = ec.generate_private_key(ec.SECP256R1())
    remade(state / "localhost.pem", other, tmp_path / "other.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(url, tmp_path / "other.pem")


def test_it_is_of_a_kind_that_browsers_take(serve: Any, state: Path) -> None:
    serve().ready()
    certificate = loaded(state / "localhost.pem")
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=397)
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_nobody_else_reads_the_key(serve: Any, state: Path) -> None:
    before = os.umask(0)
    try:
        serve().ready()
    finally:
        os.umask(before)
    assert stat.S_IMODE((state / "localhost-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_it_is_made_once(serve: Any, state: Path) -> None:
    serve().ready()
    made = (state / "localhost.pem").read_bytes()
    again = serve()
    again.ready()
    assert (state / "localhost.pem").read_bytes() == made
    assert again.errors == WARNED


def remade(cert: Path, key: ec.EllipticCurvePrivateKey, to: Path, days: int = 300, names: int = 3) -> None:
    """Writes a certificate like `cert`, but with this key, so many of its names, and so many days left."""
    old = loaded(cert)
    alternatives = list(old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)[:names]
    end = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=397))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    to.write_bytes(made.public_bytes(Encoding.PEM))


def own_key(state: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key((state / "localhost-key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


SPOILED: dict[str, Callable[[Path, Path], object]] = {
    "ends soon": lambda cert, state: remade(cert, own_key(state), cert, days=29),
    "names too few": lambda cert, state: remade(cert, own_key(state), cert, names=2),
    "has another key": lambda cert, state: remade(cert, ec.generate_private_key(ec.SECP256R1()), cert),
    "is none": lambda cert, state: cert.write_bytes(b"nonsense"),
    "is not there": lambda cert, state: cert.unlink(),
    "has lost its key": lambda cert, state: (state / "localhost-key.pem").write_bytes(b""),
}


@pytest.mark.parametrize("how", SPOILED)
def test_one_that_is_of_no_use_is_made_anew(serve: Any, reserve: Any, state: Path, how: str) -> None:
    assert reserve("--tls", "--show-config").returncode == 0
    cert = state / "localhost.pem"
    SPOILED[how](cert, state)
    running = serve()
    assert ask(running.ready(), cert) == "page"
    assert running.errors.startswith(WARNED + MADE)


def test_one_that_lasts_is_kept(serve: Any, reserve: Any, state: Path) -> None:
    """What the one above changes, but with a month to go: so it is these changes that count."""
    assert reserve("--tls", "--show-config").returncode == 0
    cert = state / "localhost.pem"
    remade(cert, own_key(state), cert, days=31)
    running = serve()
    running.ready()
    assert running.errors == WARNED


def test_on_other_addresses_it_is_for_those_too(serve: Any, state: Path) -> None:
    running = serve("--host", "0.0.0.0")
    url = running.ready()
    assert ask(url, state / "0.0.0.0.pem", "127.0.0.1") == "page"
    running.stop()
    others = [line.split()[-1] for line in running.output if "from elsewhere" in line]
    assert all(str(urlsplit(other).hostname) in running.errors for other in others)
    assert not (state / "localhost.pem").exists()


def test_the_configurations_hostname_counts(write: Any, reserve: Any, state: Path) -> None:
    write({"reserve.json": {"hostname": "dev.example", "mappings": [{"status": 404}]}})
    run = reserve("--tls", "--show-config")
    assert json.loads(run.stdout)["ssl"] == {
        "cert": str(state / "dev.example.pem"),
        "key": str(state / "dev.example-key.pem"),
    }
    assert "dev.example" in run.stderr


def test_without_cryptography_it_says_how_to_get_it(reserve: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    run = reserve("--tls")
    assert (run.returncode, run.stdout) == (2, "")
    assert "Error: --tls needs the package cryptography: pip install 'reserve-core[tls]'\n" in run.stderr


def test_a_folder_that_can_not_be_written_is_named(
    reserve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    run = reserve("--tls")
    assert (run.returncode, run.stdout) == (1, "")
    assert f"The certificate can't be kept in {tmp_path}/file/reserve: Not a directory" in run.stderr
    assert "Traceback" not in run.stderr


def test_without_a_home_it_says_what_to_do(reserve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    run = reserve("--tls")
    assert run.returncode == 1
    assert "Error: There is no home folder to keep a certificate in: name one by XDG_STATE_HOME\n" in run.stderr


def test_a_name_that_no_certificate_can_have_is_named(reserve: Any, state: Path) -> None:
    run = reserve("--tls", "--host", "bücher.example")
    assert run.returncode == 2
    assert "--tls: bücher.example can't stand in a certificate: write it in ASCII (xn--...)" in run.stderr
