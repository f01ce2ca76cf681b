"""What the local authority can vouch for, by OpenSSL's judgement: whoever steals its key gains little."""

from __future__ import annotations

import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from reserve_core.tls import authority, x509_building
from reserve_core.tls.authority_files import cert_file, is_there, key_file
from reserve_core.tls.permitted_names import is_permitted
from reserve_core.tls.private_files import locked
from tests.tls.conftest import After


@pytest.fixture
def issuer(home: Path) -> x509_building.Issuer:
    """A new authority, whose key the test has got hold of."""
    with locked(cert_file().parent):
        return authority.make()


def judgement(certificate: x509.Certificate, folder: Path, *options: str) -> str:
    """What OpenSSL says of a server's certificate where the authority is trusted."""
    (folder / "leaf.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(cert_file()), *options]
    done = subprocess.run([*command, str(folder / "leaf.pem")], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("localhost", "shop.localhost", "a.b.localhost", "shop.test"),
        *("127.0.0.1", "127.8.9.10", "10.1.2.3", "172.31.0.1", "192.168.1.7", "169.254.3.4"),
        *("::1", "fd12::7", "fe80::1%eth0"),
    ],
)
def test_names_of_this_machine_and_its_neighbours_are_vouched_for(
    issuer: x509_building.Issuer, tmp_path: Path, name: str
) -> None:
    assert is_permitted(name)
    leaf, _ = x509_building.vouched([name], issuer)
    kind = "-verify_ip" if x509_building.spelling(name)[-1].isdigit() else "-verify_hostname"
    assert judgement(leaf, tmp_path, kind, x509_building.spelling(name)).endswith("leaf.pem: OK\n")


@pytest.mark.parametrize(
    "name", ["example.com", "localhost.example.com", "xlocalhost", "8.8.8.8", "172.32.0.1", "2001:db8::1", "ff02::1"]
)
def test_others_are_not_whoever_has_its_key(issuer: x509_building.Issuer, tmp_path: Path, name: str) -> None:
    assert not is_permitted(name)
    leaf, _ = x509_building.vouched([name], issuer)
    assert "permitted subtree violation" in judgement(leaf, tmp_path)
    both, _ = x509_building.vouched(["localhost", name], issuer)
    assert "permitted subtree violation" in judgement(both, tmp_path)


def test_it_makes_no_other_authorities(issuer: x509_building.Issuer, tmp_path: Path) -> None:
    ca, key = issuer
    below, below_key = x509_building.authority("another one")
    builder = x509.CertificateBuilder(
        ca.subject,
        below.subject,
        below_key.public_key(),
        x509.random_serial_number(),
        below.not_valid_before_utc,
        below.not_valid_after_utc,
    )
    for extension in below.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    signed = x509_building._signed(builder, key)
    (tmp_path / "below.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    leaf, _ = x509_building.vouched(["localhost"], (signed, below_key))
    assert "path length constraint exceeded" in judgement(leaf, tmp_path, "-untrusted", str(tmp_path / "below.pem"))


def test_one_without_names_has_none(issuer: x509_building.Issuer) -> None:
    assert x509_building.names_of(issuer[0]) == []


def test_two_are_told_apart(home: Path, issuer: x509_building.Issuer) -> None:
    former, _ = issuer
    assert authority.make()[0].subject != former.subject


def test_nobody_else_reads_its_key(issuer: x509_building.Issuer) -> None:
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file().parent.stat().st_mode) == 0o700


def test_it_is_used_until_its_end_is_near(issuer: x509_building.Issuer, after: After) -> None:
    assert (authority.present() or [None])[0] == issuer[0]
    after(timedelta(days=3650 - 92))
    assert authority.present(authority.RENEWAL) is not None
    after(timedelta(days=3650 - 89))
    assert authority.present(authority.RENEWAL) is None
    leaf, _ = x509_building.vouched(["localhost"], authority.present() or pytest.fail("It is of use still"))
    assert leaf.not_valid_after_utc == issuer[0].not_valid_after_utc  # not later than its own
    after(timedelta(days=3650 - 30))
    assert authority.present() is None


def test_files_that_do_not_belong_together_are_none(issuer: x509_building.Issuer) -> None:
    key = key_file().read_bytes()
    authority.make()
    key_file().write_bytes(key)
    assert authority.present() is None
    key_file().write_text("no key")
    assert authority.present() is None
    key_file().unlink()
    assert authority.present() is None
    assert not is_there()
    key_file().mkdir()  # as little to be read as another user's
    assert authority.present() is None


def test_without_a_home_there_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    assert not is_there()
