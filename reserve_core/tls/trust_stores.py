"""The user's stores in which browsers look for authorities: those of NSS, and the login keychain of macOS.

Each is changed by its system's own command, with the rights of the user.
"""

from __future__ import annotations

import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .authority_files import NAME
from .private_files import home

# Seconds for a command: the one of macOS asks the user.
_PATIENCE = 120


class StoreError(Exception):
    """Why a store can't be read or changed."""


class TrustStore(ABC):
    """A store in the file or folder `place`. `label` says whose it is, `tool` is the command that changes it, and
    `source` what it comes with."""

    tool: str
    source: str

    def __init__(self, place: Path, label: str) -> None:
        self.place = place
        self.label = label

    @abstractmethod
    def authorities(self) -> dict[str, bool]:
        """The authorities of ours that are in it, by name, and whether it trusts them. Raises `StoreError`."""

    @abstractmethod
    def addition(self, name: str, cert: Path) -> list[str]:
        """The command that adds an authority, whose certificate is in the file `cert`."""

    @abstractmethod
    def removal(self, name: str) -> list[str]:
        """The command that removes an authority."""

    def add(self, name: str, cert: Path) -> None:
        """Adds one, unless it is there, and removes others of ours. Raises `StoreError`: it hasn't the new one then."""
        found = self.authorities()
        if not found.get(name):
            try:
                self._run(self.addition(name, cert))
            except StoreError:
                with suppress(StoreError):  # it may not have come so far
                    self._run(self.removal(name))
                raise
        for other in found.keys() - {name}:
            self._run(self.removal(other))

    def clear(self) -> bool:
        """Removes all of ours; returns whether there were any. Raises `StoreError`."""
        found = self.authorities()
        for name in found:
            self._run(self.removal(name))
        return bool(found)

    def _run(self, command: list[str]) -> str:
        try:
            done = subprocess.run(  # noqa: S603  # of our own making
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE,
                start_new_session=True,  # without a terminal nothing asks there for a password, and waits
                check=True,
            )
        except FileNotFoundError as error:
            raise StoreError(f"the command {self.tool} is missing; {self.source}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(f"{self.tool}: {error}") from error
        except subprocess.CalledProcessError as error:
            if "SEC_ERROR_BAD_PASSWORD" in error.stderr:
                raise StoreError("a password protects it") from error
            raise StoreError(f"{self.tool}: {' '.join(error.stderr.split()) or error.returncode}") from error
        return done.stdout


class NssStore(TrustStore):
    """A database of NSS: that of Chromium and its kin on Linux, and each profile of Firefox."""

    tool = "certutil"
    source = "it comes with libnss3-tools on Debian and Ubuntu, nss-tools on Fedora, nss on Arch and Homebrew"

    def authorities(self) -> dict[str, bool]:
        if not (self.place / "cert9.db").is_file():
            return {}
        listed = self._run([self.tool, "-L", "-d", self._database])
        found = re.findall(rf"^({NAME} \w+) +(\S+) *$", listed, re.MULTILINE)
        return {name: flags.startswith("C") for name, flags in found}

    def addition(self, name: str, cert: Path) -> list[str]:
        # C: an authority for servers, and for nothing else.
        return [self.tool, "-A", "-d", self._database, "-n", name, "-t", "C,,", "-i", str(cert)]

    def removal(self, name: str) -> list[str]:
        return [self.tool, "-D", "-d", self._database, "-n", name]

    def add(self, name: str, cert: Path) -> None:
        if not (self.place / "cert9.db").is_file():
            try:
                self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(error.strerror or str(error)) from error
            self._run([self.tool, "-N", "-d", self._database, "--empty-password"])
        super().add(name, cert)

    @property
    def _database(self) -> str:
        return f"sql:{self.place}"


class Keychain(TrustStore):
    """The login keychain of macOS, where Safari and Chrome look, and Firefox as well."""

    tool = "security"
    source = "it is macOS's own"

    def authorities(self) -> dict[str, bool]:
        listed = self._run([self.tool, "find-certificate", "-a", "-c", NAME, str(self.place)])
        return dict.fromkeys(re.findall(rf'"labl"<blob>="({NAME} \w+)"', listed), True)

    def addition(self, name: str, cert: Path) -> list[str]:
        return [self.tool, "add-trusted-cert", "-r", "trustRoot", "-p", "ssl", "-k", str(self.place), str(cert)]

    def removal(self, name: str) -> list[str]:
        # -t: with what is trusted of it.
        return [self.tool, "delete-certificate", "-t", "-c", name, str(self.place)]


# Where browsers of Linux keep their database, below the home folder; those of a Snap or a Flatpak in its own.
_CHROMIUM = (".local/share/pki/nssdb", "snap/*/current/.pki/nssdb", ".var/app/*/.pki/nssdb")
_FIREFOX = (
    ".mozilla/firefox/*",
    ".config/mozilla/firefox/*",
    "snap/firefox/common/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox/*",
    "Library/Application Support/Firefox/Profiles/*",
)


def stores() -> Iterator[TrustStore]:
    """Those of this user. Raises `NoFolder`."""
    own = home()
    if sys.platform == "darwin":
        yield Keychain(own / "Library/Keychains/login.keychain-db", "Safari, Chrome and Edge (login keychain)")
    else:
        # Made where there is none: browsers that aren't installed yet take it.
        yield NssStore(own / ".pki/nssdb", "Chromium, Chrome and Edge")
        for place in _databases(own, _CHROMIUM):
            yield NssStore(place, f"Chromium ({place.relative_to(own)})")
    for place in _databases(own, _FIREFOX):
        yield NssStore(place, f"Firefox ({place.name})")


def _databases(own: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        for place in sorted(own.glob(pattern)):
            if (place / "cert9.db").is_file():
                yield place
