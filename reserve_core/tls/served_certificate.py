"""The certificate that a server presents, read again when its files change."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..file_watch import stamp
from .permitted_names import TooManyNames
from .private_files import NoFolder, locked, state_folder

if TYPE_CHECKING:
    from .local_certificate import LocalCertificate

logger: logging.Logger = logging.getLogger("reserve")


class UnusableCertificate(Exception):
    """Files that no server can use: which one (`cert`, `key`, "" for both together), why, and the mend."""

    def __init__(self, member: str, reason: str, hint: str) -> None:
        super().__init__(f"the {member} {reason}" if member else reason)
        self.member = member
        self.reason = reason
        self.hint = hint


class ServedCertificate:
    """The certificate in the file `cert`, whose key is in the file `key`. Raises `UnusableCertificate`.

    `context` is what a handshake begins with. A certificate of this machine, as `--tls` makes it, is renewed, and gets
    the names that clients ask for.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._files = cert, key
        self._stamps = self._look()
        self.context: ssl.SSLContext = _context(cert, key)
        self._local = _local(cert, key)
        self._is_failing = False  # so that not each handshake tries, and tells

    def refresh(self) -> None:
        """Renews a certificate of this machine in time, and takes up files that have changed.

        Of those that can't be used it is told once, and the former ones stay in use.
        """
        self._is_failing = False
        if self._local is not None:
            self._change(self._local.renew)
        self._take_up()

    def for_name(self, name: str | None) -> ssl.SSLContext:
        """What the handshake of a client begins with that wants to reach `name`."""
        local = self._local
        if local is not None and name is not None and not self._is_failing and local.lacks(name.lower()):
            self._change(partial(local.add, name.lower()))
            self._take_up()
        return self.context

    def _change(self, change: Callable[[], object]) -> None:
        try:
            change()
        except (OSError, NoFolder, TooManyNames) as error:
            self._is_failing = True
            logger.warning("The certificate %s stays as it is: %s", self._files[0], error)

    def _take_up(self) -> None:
        # Other processes write a certificate of this machine, too: not between the reading of its two files.
        alone = nullcontext() if self._local is None else locked(self._files[0].parent)
        try:
            with alone:
                stamps = self._look()
                if stamps != self._stamps:
                    self._stamps = stamps
                    self.context = _context(*self._files)
        except OSError:
            pass  # of the folder, which has been told
        except UnusableCertificate as error:
            logger.warning("%s has changed, and can't be used: %s; the former one stays in use", self._files[0], error)

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [stamp(file) for file in self._files]


def _local(cert: Path, key: Path) -> LocalCertificate | None:
    """The certificate as one of this machine; None for one that others have made."""
    try:
        if cert.parent != state_folder():
            return None
        from .local_certificate import LocalCertificate
    except (NoFolder, ImportError):
        return None
    local = LocalCertificate(cert)
    return local if local.key == key else None


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Mozilla's intermediate profile (https://wiki.mozilla.org/Security/Server_Side_TLS).
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(cert, key, _refuse_password)
    except OSError as error:  # ssl.SSLError is one
        raise _explained(error, cert, key) from error
    return context


def _refuse_password() -> NoReturn:
    # Without it OpenSSL would ask at the terminal.
    raise UnusableCertificate("key", "is encrypted", "Decrypt it: openssl pkey -in KEY -out PLAIN_KEY")


def _explained(error: OSError, cert: Path, key: Path) -> UnusableCertificate:
    """Why the files can't be used, which OpenSSL tells in words of its own, and not of which file."""
    for member, file, begin in (("cert", cert, b"-----BEGIN CERTIFICATE-----"), ("key", key, b"PRIVATE KEY-----")):
        try:
            holds = begin in file.read_bytes()
        except OSError as unreadable:
            return UnusableCertificate(member, f"can't be read: {unreadable.strerror or unreadable}", f"See to {file}")
        if not holds:
            what = "certificate" if member == "cert" else "private key"
            return UnusableCertificate(member, f"holds no {what} in PEM", f"Name the file of the {what}")
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return UnusableCertificate("key", "isn't the certificate's own key", "Name the key that belongs to it")
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return UnusableCertificate("", f"the certificate can't be used: {reason}", "Give a certificate and its key in PEM")
