"""The self-signed certificate of `--tls`: made once, kept in the user's own folder, and used until it nears its end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exit_codes import CannotRun, Unusable
from .server_urls import LOOPBACK, addresses_of, is_loopback

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, GeneralName

# What browsers accept at most, and when a new one is made.
VALIDITY = timedelta(days=397)
RENEWAL = timedelta(days=30)

# A clock that is a little behind must not find it invalid.
_TOLERANCE = timedelta(days=1)


def certificate(hostname: str) -> dict[str, str]:
    """The setting `ssl` of a server on `hostname`: the files of a certificate for loopback and its own addresses.

    Raises `Unusable` without the package cryptography, and `CannotRun` when the files can't be had.
    """
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise Unusable("--tls needs the package cryptography: pip install 'reserve-core[tls]'") from error
    local = is_loopback(hostname)
    names = [*LOOPBACK] if local else list(dict.fromkeys([*LOOPBACK, *addresses_of(hostname)]))
    folder = _folder()
    name = "localhost" if local else re.sub(r"[^\w.-]", "_", hostname)
    cert, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder / ".lock"):
            if not _is_usable(cert, key, {str(_general_name(name).value) for name in names}):
                _make(cert, key, names)
                click.echo(f"Made a self-signed certificate for {', '.join(names)}: {cert}", err=True)
    except OSError as error:
        raise CannotRun(
            f"The certificate can't be kept in {folder}: {error.strerror or error};"
            " name another folder by XDG_STATE_HOME"
        ) from error
    return {"cert": str(cert), "key": str(key)}


def _folder() -> Path:
    """Where state of the user's programs is kept (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_STATE_HOME", "")
    try:
        state = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise CannotRun("There is no home folder to keep a certificate in: name one by XDG_STATE_HOME") from error
    return state / "reserve"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keeps other commands from making the same certificate meanwhile."""
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_usable(cert: Path, key: Path, names: set[str]) -> bool:
    """Whether the files hold a certificate for all the names, which stays valid for a while, and its key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificate

    try:
        found = load_pem_x509_certificate(cert.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return False
    now = datetime.now(UTC)
    is_current = found.not_valid_before_utc <= now < found.not_valid_after_utc - RENEWAL
    return is_current and private.public_key() == found.public_key() and _names(found) >= names


def _names(certificate: Certificate) -> set[str]:
    from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return set()
    return {*names.get_values_for_type(DNSName), *map(str, names.get_values_for_type(IPAddress))}


def _make(cert: Path, key: Path, names: list[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reserve, a development server")])
    start = datetime.now(UTC) - _TOLERANCE
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALIDITY)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        # No authority: whoever trusts it trusts this server, and nothing that its key could sign.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _write(cert, made.public_bytes(Encoding.PEM), 0o644)


def _general_name(name: str) -> GeneralName:
    from cryptography.x509 import DNSName, IPAddress

    try:
        return IPAddress(ip_address(name.partition("%")[0]))  # a zone is this machine's own affair
    except ValueError:
        pass
    try:
        return DNSName(name)
    except ValueError as error:
        raise Unusable(f"--tls: {name} can't stand in a certificate: write it in ASCII (xn--...)") from error


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replaces a file as a whole; nobody without the right reads it meanwhile."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
        file.write(data)
    temporary.replace(path)
