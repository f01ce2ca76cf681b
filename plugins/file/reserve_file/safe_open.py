"""Opening local files and folders so that no name, symbolic link or race leads out of the root."""

from __future__ import annotations

import errno
import os
import stat
import sys

from .paths import is_hidden

Identity = tuple[int, int, int, int, int]

# Not blocking: if a FIFO takes the place of a file, opening it would wait for its writer.
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
# To pass through a folder takes the right to search it; where there is no O_PATH, opening it takes that to read it too.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC | os.O_DIRECTORY

# Whether the system's file systems take `A.txt` for `a.txt`, as a rule.
FOLDS_CASE = sys.platform == "darwin"

# These tell nothing about the name: the machine is out of something, or broken.
_FAILURES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})


def identity(status: os.stat_result) -> Identity:
    """What changes when a file is edited or replaced."""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)


def stat_or_none(path: str) -> os.stat_result | None:
    """The status of what `path` leads to; None when it's missing, out of reach or no valid path.

    Raises OSError when the machine fails.
    """
    try:
        return os.stat(path)  # noqa: PTH116 - Path takes three times as long
    except (OSError, ValueError) as error:
        _raise_failure(error)
        return None


def is_same(path: str, other: str) -> bool:
    """Whether both lead to the same file or folder. Raises OSError when the machine fails."""
    one, two = stat_or_none(path), stat_or_none(other)
    return one is not None and two is not None and os.path.samestat(one, two)


def open_beneath(root: str, path: str, *, follow: bool, dotfiles: bool) -> int | None:
    """Opens what `path` leads to and returns its descriptor; None when there is nothing that may be served.

    Symbolic links must stay below `root`, and off dotfiles, unless `follow`. The links are resolved first, then the
    result is walked folder by folder from a descriptor to the next without following any, so that exchanging a folder
    for a link meanwhile makes it fail. Raises OSError when the machine fails.
    """
    try:
        anchor, real = os.path.realpath(root), os.path.realpath(path)
        if follow:
            anchor = "/"
        elif not _within(real, anchor):
            return None
        names = [name for name in real[len(anchor) :].split("/") if name]
        if not (follow or dotfiles) and _leads_to_dotfile(names, root, path):
            return None
        return _walk(anchor, names)
    except (OSError, ValueError) as error:
        _raise_failure(error)
        return None


def open_file(root: str, path: str, *, follow: bool, dotfiles: bool) -> tuple[int, os.stat_result] | None:
    """Opens a regular file as `open_beneath` does: its descriptor and its status."""
    descriptor = open_beneath(root, path, follow=follow, dotfiles=dotfiles)
    if descriptor is None:
        return None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status
    os.close(descriptor)
    return None


def reopen(path: str, known: Identity) -> int | None:
    """Opens a file that `open_file` found before; None when `path` leads elsewhere or the file has changed."""
    try:
        descriptor = os.open(path, _FILE)
    except OSError as error:
        _raise_failure(error)
        return None
    if identity(os.fstat(descriptor)) == known:
        return descriptor
    os.close(descriptor)
    return None


def read_all(descriptor: int, size: int) -> bytes:
    """The first bytes of a file: at most `size`, fewer if it has shrunk."""
    data = os.pread(descriptor, size, 0)
    while len(data) < size and (more := os.pread(descriptor, size - len(data), len(data))):
        data += more
    return data


def _raise_failure(error: OSError | ValueError) -> None:
    if isinstance(error, OSError) and error.errno in _FAILURES:
        raise error


def _within(real: str, anchor: str) -> bool:
    return real == anchor or real.startswith(anchor if anchor.endswith("/") else anchor + "/")


def _leads_to_dotfile(names: list[str], root: str, path: str) -> bool:
    """Whether a symbolic link leads to a dotfile. One that is named openly was allowed before."""
    asked = [name for name in path[len(root) :].split("/") if name]
    return names != asked and any(is_hidden(name) for name in names)


def _walk(anchor: str, names: list[str]) -> int:
    if not names:
        return os.open(anchor, _FILE | os.O_NOFOLLOW)
    folder = os.open(anchor, _FOLDER | os.O_NOFOLLOW)
    try:
        for name in names[:-1]:
            _check_case(folder, name)
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        _check_case(folder, names[-1])
        mode = os.stat(names[-1], dir_fd=folder, follow_symlinks=False).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), names[-1])
        return os.open(names[-1], _FILE | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def _check_case(folder: int, name: str) -> None:
    if FOLDS_CASE and name not in os.listdir(folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
