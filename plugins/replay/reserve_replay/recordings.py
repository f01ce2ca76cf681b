"""Where recorded exchanges are: a HAR, a folder of pairs, or a ZIP archive of either."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from reserve_core import ConfigError, Problem

from .har_reader import read_har
from .pair_files import REQUEST, RESPONSE, read_pairs
from .recorded_exchange import RecordedExchange

Stamp = tuple[int, int, int]
_ENDS = (REQUEST, RESPONSE)

# What tells files from later ones, by their names.
Stamps = dict[str, Stamp | None]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was read: the exchanges in their order, and in words what of it can't be replayed."""

    exchanges: list[RecordedExchange] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_exchanges(path: str | Path) -> Recording:
    """The exchanges of a HAR, a folder of pairs, or a ZIP archive of either.

    Raises `ConfigError` with every mistake in them.
    """
    path = Path(path)
    recording = Recording()
    problems: list[Problem] = []
    try:
        if path.is_dir():
            files = {name: (path / name).read_bytes() for name in stamps(path)}
            recording.exchanges.extend(read_pairs(files, path.name, problems))
        elif zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
            _read_archive(path, recording, problems)
        else:
            har = read_har(path.read_bytes(), path.name, _Beside(path).get, problems, recording.left_out)
            recording.exchanges.extend(har)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # the latter: it is encrypted
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"{path.name} can't be read: {reason}", "Name a HAR, a folder of pairs, or a ZIP") from error
    if problems:
        raise ConfigError(problems)
    return recording


def stamps(path: Path) -> Stamps:
    """The files that exchanges are read from, as they are now; empty if there are none."""
    if not path.is_dir():
        found = stamp(path)
        return {} if found is None else {path.name: found}
    try:
        with os.scandir(path) as entries:  # a quarter of the time that paths take, and there may be thousands
            pairs = (each for each in entries if each.name.endswith(_ENDS) and not each.name.startswith("."))
            return {each.name: _stamp(each.stat()) for each in pairs}
    except OSError:
        return {}


def stamp(path: Path) -> Stamp | None:
    """What tells a file or a folder from what it is later; None if there is none."""
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_archive(path: Path, recording: Recording, problems: list[Problem]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        files = {PurePosixPath(member.filename).name: archive.read(member) for member in members}
    for name in sorted(files):
        if name.endswith(".har"):
            place = f"{path.name}/{name}"
            recording.exchanges.extend(read_har(files[name], place, files.get, problems, recording.left_out))
    recording.exchanges.extend(read_pairs(files, path.name, problems))


class _Beside:
    """The files in the folder of a HAR."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent

    def get(self, name: str) -> bytes | None:
        """What a file of that name holds; None if there is none."""
        file = self._folder / name
        return file.read_bytes() if Path(name).name == name and file.is_file() else None
