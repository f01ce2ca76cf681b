"""Where certificates and their keys are kept, and how they are written: as a whole, and read by nobody else."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoFolder(Exception):
    """There is no place to keep them, in a sentence that says what to do."""


def state_folder() -> Path:
    """For certificates of servers (XDG Base Directory Specification). Raises `NoFolder`."""
    return _folder("XDG_STATE_HOME", ".local/state")


def data_folder() -> Path:
    """For the local authority (XDG Base Directory Specification). Raises `NoFolder`."""
    return _folder("XDG_DATA_HOME", ".local/share")


def home() -> Path:
    """The user's. Raises `NoFolder`."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise NoFolder("There is no home folder: name one by HOME") from error


def _folder(variable: str, default: str) -> Path:
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named / "reserve"
    try:
        return home() / default / "reserve"
    except NoFolder as error:
        raise NoFolder(f"There is no home folder to keep a certificate in: name one by {variable}") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder, and keeps other processes from changing what is in it meanwhile. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write(path: Path, data: bytes, mode: int) -> None:
    """Replaces a file as a whole; nobody without the right reads it meanwhile. Raises OSError."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
        file.write(data)
    temporary.replace(path)
