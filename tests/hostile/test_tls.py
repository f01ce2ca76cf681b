"""TLS: what sslyze, a scanner, finds against Mozilla's intermediate profile (https://wiki.mozilla.org/Security/Server_Side_TLS).

The scan runs with `make hostile`; what it is about is tested quickly, too, with Python's own client.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

if TYPE_CHECKING:
    from tests.hostile.conftest import Score
    from tests.hostile.program import Launch, Program

# Curves as strong as the profile's. Before Python 3.15 a server can't name several, and one alone would be fewer.
OTHERS_AS_STRONG = {"X448", "secp521r1"}
KEYS: dict[str, Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]] = {
    "ECDSA": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


def certificate(folder: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, str]:
    """The setting `ssl` with a certificate for 90 days, as the public authorities give them, of its own authority."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}


async def shaken(port: int, ciphers: str = "DEFAULT@SECLEVEL=0", version: ssl.TLSVersion | None = None) -> str:
    """The cipher suite that a handshake ends with, "" when the server refuses it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version or ssl.TLSVersion.TLSv1_2
    try:
        async with asyncio.timeout(10):
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except (ssl.SSLError, ConnectionError):
        return ""
    cipher: str = writer.get_extra_info("cipher")[0]
    writer.close()
    return cipher


@pytest.fixture(params=KEYS)
async def program(request: pytest.FixtureRequest, launch: Launch, tmp_path: Path) -> Program:
    return await launch([{"status": 200}], ssl=certificate(tmp_path, KEYS[request.param]()))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
async def test_only_what_is_safe_is_spoken(program: Program, score: Score) -> None:
    accepted = {
        name
        for name in (cipher["name"] for cipher in ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).get_ciphers())
        if not name.startswith("TLS_") and await shaken(program.port, f"{name}:@SECLEVEL=0")
    }
    bad = {
        name
        for name in accepted
        if not name.startswith("ECDHE-") or not name.endswith(("-GCM-SHA256", "-GCM-SHA384", "-POLY1305"))
    }
    old = [
        version
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
        if await shaken(program.port, version=version)
    ]
    score(
        f"cipher suites of TLS 1.2: {len(accepted)}, "
        f"{len(bad)} of them without forward secrecy or authenticated encryption"
    )
    assert len(accepted) == 3
    assert (bad, old) == (set(), [])
    assert (await shaken(program.port, version=ssl.TLSVersion.TLSv1_3)).startswith("TLS_")


@pytest.mark.hostile
@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of a certificate that sslyze knows
async def test_mozillas_intermediate_profile(program: Program, score: Score) -> None:
    found = await asyncio.to_thread(scan, program.port)
    curves = found.pop("tls_curves", "")
    assert "CN=localhost" in found.pop("certificate_path_validation")  # its authority is its own
    score(
        f"sslyze, Mozilla's intermediate profile: {found or 'nothing found'}{f'; besides: {curves}' if curves else ''}"
    )
    assert found == {}
    assert not curves or {each for each in OTHERS_AS_STRONG if each in curves}
    assert curves.count("'") <= 2 * len(OTHERS_AS_STRONG)


def scan(port: int) -> dict[str, str]:
    """What is not as the profile wants it, by the name of the check."""
    # Only `make hostile` installs it.
    from sslyze import Scanner, ServerNetworkLocation, ServerScanRequest
    from sslyze.mozilla_tls_profile.tls_config_checker import (
        MozillaTlsConfiguration,
        ServerNotCompliantWithTlsConfiguration,
        TlsConfigurationEnum,
        check_server_against_tls_configuration,
    )

    scanner = Scanner()
    location = ServerNetworkLocation(hostname="localhost", ip_address="127.0.0.1", port=port)
    scanner.queue_scans([ServerScanRequest(server_location=location)])
    (result,) = scanner.get_results()
    try:
        check_server_against_tls_configuration(
            result, MozillaTlsConfiguration.get(TlsConfigurationEnum.MOZILLA_INTERMEDIATE)
        )
    except ServerNotCompliantWithTlsConfiguration as error:
        return dict(error.issues)
    return {}
