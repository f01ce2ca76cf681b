"""Certificates for this machine, kept in the user's state folder: made anew when they aren't of use any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from cryptography.x509 import Certificate

from . import authority, x509_building
from .permitted_names import TooManyNames, is_permitted, is_permitted_domain
from .private_files import locked
from .x509_building import Issuer, has_signed, lasts

# How long before its end a certificate is replaced.
RENEWAL = timedelta(days=30)
# In one certificate: clients ask for any name.
MOST_NAMES = 100


class LocalCertificate:
    """The certificate in the file `cert` and its key beside it, with the `names` that it had when last looked at.

    `is_vouched` tells whether it is the local authority's. All methods raise OSError, and `NoFolder`.
    """

    def __init__(self, cert: Path) -> None:
        self.cert: Path = cert
        self.key: Path = cert.with_name(f"{cert.stem}-key.pem")
        self.names: list[str] = []
        self.is_vouched: bool = False

    def make_for(self, names: Iterable[str]) -> bool:
        """Sees to it that it has these names. Returns whether it was made anew.

        Raises ValueError for a name that no certificate can have.
        """
        wanted = list(dict.fromkeys(map(x509_building.spelling, names)))
        return self._make(lambda _: wanted)

    def lacks(self, name: str) -> bool:
        """Whether it could have this name, in lower case, and hasn't."""
        return self.is_vouched and name not in self.names and is_permitted_domain(name)

    def add(self, name: str) -> None:
        """Sees to it that it has another name, in lower case. Raises `TooManyNames`."""
        if len(self.names) >= MOST_NAMES:
            raise TooManyNames(f"it has {MOST_NAMES} names; it begins anew without the file, after a restart")
        self._make(lambda names: list(dict.fromkeys([*names, name])))

    def renew(self) -> None:
        """Sees to it that it lasts, and is the authority's if there is one by now."""
        self._make(lambda names: names)

    def _make(self, wanted: Callable[[list[str]], list[str]]) -> bool:
        """Makes it anew unless it is of use: `wanted` gives the names it needs, from those that it has."""
        with locked(self.cert.parent):
            found = authority.read_pair(self.cert, self.key)
            has = self.names if found is None else x509_building.names_of(found[0])
            needed = wanted(has)
            issuer = authority.present() if all(map(is_permitted, needed)) else None
            self.is_vouched = issuer is not None
            self.names = has
            if found is not None and set(needed) <= set(has) and _is_usable(found[0], issuer):
                return False
            made = x509_building.self_signed(needed) if issuer is None else x509_building.vouched(needed, issuer)
            authority.write_pair(self.cert, self.key, made)
            self.names = needed
            return True


def _is_usable(certificate: Certificate, issuer: Issuer | None) -> bool:
    """Whether it lasts, and comes from `issuer`; for None, from itself."""
    origin = certificate if issuer is None else issuer[0]
    return lasts(certificate, RENEWAL) and has_signed(origin, certificate)
