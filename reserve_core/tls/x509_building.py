"""Makes the certificates: of the authority, of servers that it vouches for, and self-signed ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .permitted_names import DOMAINS, NETWORKS

Issuer = tuple[x509.Certificate, EllipticCurvePrivateKey]

# Of the authority, which users have to add to their browsers: seldom.
AUTHORITY_VALIDITY = timedelta(days=3650)
# Of a server's certificate that the authority vouches for, and the most that browsers accept, for one trusted by hand.
VALIDITY = timedelta(days=90)
SELF_SIGNED_VALIDITY = timedelta(days=397)

# A clock that is a little behind must not find it invalid.
_TOLERANCE = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


def lasts(certificate: x509.Certificate, time: timedelta) -> bool:
    """Whether it is valid now, and for so much longer."""
    return certificate.not_valid_before_utc <= now() < certificate.not_valid_after_utc - time


def authority(name: str) -> Issuer:
    """The certificate of an authority for servers of this machine and its neighbours, and its key."""
    key = generate_private_key(SECP256R1())
    subject = _named(name)
    permitted: list[x509.GeneralName] = [*map(x509.DNSName, DOMAINS), *map(x509.IPAddress, NETWORKS)]
    return _signed(
        _builder(subject, key, AUTHORITY_VALIDITY)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True),
        key,
    ), key


def self_signed(names: Iterable[str]) -> Issuer:
    """A certificate for names and addresses, and its key. Raises ValueError for a name that no certificate can have.

    It is no authority: whoever trusts it trusts this server, and nothing that its key could sign.
    """
    key = generate_private_key(SECP256R1())
    builder = _of_server(_builder(_SERVER, key, SELF_SIGNED_VALIDITY), names)
    return _signed(builder.issuer_name(_SERVER), key), key


def vouched(names: Iterable[str], issuer: Issuer) -> Issuer:
    """A certificate for names and addresses that the authority `issuer` vouches for, and its key."""
    key = generate_private_key(SECP256R1())
    ca, ca_key = issuer
    left = ca.not_valid_after_utc - (now() - _TOLERANCE)
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _of_server(_builder(_SERVER, key, min(VALIDITY, left)), names)
        .issuer_name(ca.subject)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    return _signed(builder, ca_key), key


def has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether one certificate was signed with the key of the other."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def spelling(name: str) -> str:
    """How `names_of` says a name or an address. Raises ValueError for one that no certificate can have."""
    return str(_general_name(name).value)


def names_of(certificate: x509.Certificate) -> list[str]:
    """The names and addresses that it is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


_SERVER = _named("reserve, a development server")


def _builder(subject: x509.Name, key: EllipticCurvePrivateKey, validity: timedelta) -> x509.CertificateBuilder:
    start = now() - _TOLERANCE
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + validity)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _of_server(builder: x509.CertificateBuilder, names: Iterable[str]) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.SubjectAlternativeName(list(map(_general_name, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
    )


def _signed(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name.partition("%")[0]))  # a zone is this machine's own affair
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise ValueError(f"{name} can't stand in a certificate: write it in ASCII (xn--...)") from error
