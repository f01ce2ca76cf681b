"""Stores that we don't change, but can tell the commands for: the system's own, which only root may, and Windows'."""

from __future__ import annotations

import shlex
from pathlib import Path

from .authority_files import NAME

# Where systems take further authorities from, how a file there must end, and what puts their store together.
_SYSTEMS = (
    ("usr/local/share/ca-certificates", ".crt", "update-ca-certificates"),  # Debian, Ubuntu, Alpine
    ("etc/pki/ca-trust/source/anchors", ".pem", "update-ca-trust"),  # Fedora, Red Hat
    ("etc/ca-certificates/trust-source/anchors", ".pem", "update-ca-trust"),  # Arch
    ("etc/pki/trust/anchors", ".pem", "update-ca-certificates"),  # openSUSE
)


# Where Linux runs in Windows (WSL), and can run programs of it.
_WINDOWS = Path("/proc/sys/fs/binfmt_misc/WSLInterop")


class SystemStore:
    """Where curl and most programs look: that of the system whose files are below `root`.

    Of a system that isn't known here there are no commands.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        known = ((root / folder, suffix, update) for folder, suffix, update in _SYSTEMS)
        folder, suffix, self._update = next((each for each in known if each[0].is_dir()), (None, "", ""))
        self._file = None if folder is None else folder / f"reserve-local-authority{suffix}"

    def additions(self, cert: Path) -> list[str]:
        """What root has to run so that it has the authority in the file `cert`; nothing if it has. Raises OSError."""
        if self._file is None or (self._file.is_file() and self._file.read_bytes() == cert.read_bytes()):
            return []
        return [f"sudo cp {shlex.quote(str(cert))} {self._file}", f"sudo {self._update}"]

    def removals(self) -> list[str]:
        """What root has to run so that it has no authority of ours; nothing if it has none."""
        if self._file is None or not self._file.exists():
            return []
        return [f"sudo rm {self._file}", f"sudo {self._update}"]


def windows_additions(cert: Path) -> list[str]:
    """What to run so that the browsers of Windows have the authority in the file `cert`; nothing elsewhere."""
    return [f'certutil.exe -user -addstore Root "$(wslpath -w {shlex.quote(str(cert))})"'] if _WINDOWS.exists() else []


def windows_removals() -> list[str]:
    """What to run so that the browsers of Windows have no authority of ours; nothing elsewhere."""
    return [f'certutil.exe -user -delstore Root "{NAME}"'] if _WINDOWS.exists() else []
