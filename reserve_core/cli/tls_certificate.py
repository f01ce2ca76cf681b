"""The certificate of `--tls`, kept in the user's own folder: of the local authority, or self-signed without one."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from ..tls import authority_files
from ..tls.permitted_names import is_permitted
from ..tls.private_files import NoFolder, state_folder
from .exit_codes import CannotRun, Unusable
from .server_urls import LOOPBACK, addresses_of, is_localhost, is_loopback


def notice() -> str | None:
    """What whoever gives `--tls` may not know. Raises `Unusable` without the package cryptography."""
    if not authority_files.is_there():
        return "Browsers warn of this server's self-signed certificate: reserve trust makes them trust this machine's"
    need_cryptography("--tls")
    from ..tls.authority import RENEWAL, present

    if present(RENEWAL) is None:
        return "The local authority has ended, or will soon: reserve trust makes another one"
    return None


def need_cryptography(what: str) -> None:
    """Raises `Unusable` without the package cryptography."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise Unusable(f"{what} needs the package cryptography: pip install 'reserve-core[tls]'") from error


def certificate(hostname: str) -> dict[str, str]:
    """The setting `ssl` of a server on `hostname`: the files of a certificate for loopback and its own addresses.

    Raises `Unusable` without the package cryptography, and `CannotRun` when the files can't be had.
    """
    need_cryptography("--tls")
    from ..tls.local_certificate import LocalCertificate

    name = "localhost" if _is_usual(hostname) else re.sub(r"[^\w.-]", "_", hostname)
    try:
        local = LocalCertificate(state_folder() / f"{name}.pem")
        if local.make_for(_names(hostname)):
            kind = "certificate of the local authority" if local.is_vouched else "self-signed certificate"
            click.echo(f"Made a {kind} for {', '.join(local.names)}: {local.cert}", err=True)
    except ValueError as error:
        raise Unusable(f"--tls: {error}") from error
    except NoFolder as error:
        raise CannotRun(str(error)) from error
    except OSError as error:
        raise CannotRun(
            f"The certificate can't be kept in {state_folder()}: {error.strerror or error};"
            " name another folder by XDG_STATE_HOME"
        ) from error
    return {"cert": str(local.cert), "key": str(local.key)}


def _names(hostname: str) -> Iterable[str]:
    """Those of a server on `hostname`. A wildcard's public addresses are left out where there is a local authority,
    which can't vouch for them, and the others would be lost with them."""
    if _is_usual(hostname):
        return LOOPBACK
    addresses = addresses_of(hostname)
    if addresses != [hostname] and authority_files.is_there():
        addresses = [*filter(is_permitted, addresses)]
    return [*LOOPBACK, *addresses]


def _is_usual(hostname: str) -> bool:
    """Whether the certificate for loopback will do: a name below localhost is one more."""
    return hostname == "localhost" or (is_loopback(hostname) and not is_localhost(hostname))
