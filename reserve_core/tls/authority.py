"""The local authority: kept in the user's data folder, made by `reserve trust`, used by servers."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from . import x509_building
from .authority_files import NAME, cert_file, key_file
from .private_files import write
from .x509_building import Issuer, lasts

# How long before its end `reserve trust` makes another one: users have to do it.
RENEWAL = timedelta(days=90)
# How long it must be valid to be used: what it vouches for ends with it, and is renewed a month before its end.
_USABLE = timedelta(days=31)


def present(lasting: timedelta = _USABLE) -> Issuer | None:
    """The authority, None without one that can be read and is valid for so long. Raises `NoFolder`."""
    found = read_pair(cert_file(), key_file())
    return found if found is not None and lasts(found[0], lasting) else None


def make() -> Issuer:
    """A new authority, which takes the place of the former. Raises OSError, and `NoFolder`."""
    # Each has a name of its own: of two with one name, browsers may take the wrong one. Servers show it to everybody,
    # so it tells nothing of the user.
    made = x509_building.authority(f"{NAME} {secrets.token_hex(4)}")
    write_pair(cert_file(), key_file(), made)
    return made


def read_pair(cert: Path, key: Path) -> Issuer | None:
    """The certificate and the key of two files; None where there are none that can be read and belong together."""
    try:
        certificate = load_pem_x509_certificate(cert.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(private, EllipticCurvePrivateKey) or private.public_key() != certificate.public_key():
        return None
    return certificate, private


def write_pair(cert: Path, key: Path, pair: Issuer) -> None:
    """Replaces both. Who reads between the two finds none that belong together. Raises OSError."""
    certificate, private = pair
    write(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write(cert, certificate.public_bytes(Encoding.PEM), 0o644)
