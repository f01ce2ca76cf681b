"""Where the local authority is, told without reading it."""

from __future__ import annotations

from pathlib import Path

from .private_files import NoFolder, data_folder

# How the names of all authorities begin.
NAME = "reserve local authority"


def cert_file() -> Path:
    """Raises `NoFolder`."""
    return data_folder() / "authority.pem"


def key_file() -> Path:
    """Raises `NoFolder`."""
    return data_folder() / "authority-key.pem"


def is_there() -> bool:
    """Whether `reserve trust` has made one."""
    try:
        return key_file().is_file()
    except (NoFolder, OSError):  # another user's: it is as good as none
        return False
