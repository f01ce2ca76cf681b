"""Where a listener stands in a mirror: kept in a file, so that the next run goes on from there."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reserve_core.kit import NoFolder, state_folder

_SHORT = 16  # characters of a hash that tells listeners apart


class UnusableFile(Exception):
    """The file can't be used: why, and what to do, in a sentence."""


@dataclass(slots=True)
class Cursor:
    """The id of the last request that was passed, None before the first run; when the mirror was made; and how many it
    had received until then, those that it has dropped included, None where nobody knows.
    """

    after: str | None = None
    created: str = ""
    passed: int | None = None


class CursorFile:
    """The cursor of the requests that a mirror's `url` sends on to another, those that meet `conditions`."""

    def __init__(self, path: Path, url: str, to: str, conditions: list[str]) -> None:
        self.path = path
        self._of = {"mirror": url, "to": to, "when": sorted(conditions)}
        self.cursor = Cursor()

    @classmethod
    def named_after(cls, url: str, to: str, conditions: list[str]) -> CursorFile:
        """The one in the state folder of the user. Raises `UnusableFile`."""
        try:
            folder = state_folder() / "listen"
        except NoFolder as error:
            raise UnusableFile(
                "There is no home folder to keep in it how far the mirror is sent on: name a file by --state"
            ) from error
        file = cls(folder, url, to, conditions)
        digest = hashlib.sha256(json.dumps(file._of).encode()).hexdigest()[:_SHORT]
        file.path = folder / f"{url.rpartition('/')[2]}-{digest}.json"
        return file

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Reads the cursor, and keeps other listeners away meanwhile. Raises `UnusableFile`."""
        with ExitStack() as stack:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = stack.enter_context(self.path.with_name(f"{self.path.name}.lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._read()
            except BlockingIOError as error:
                raise UnusableFile(
                    "Another reserve listen sends this on already: stop it, or give this one another --state than"
                    f" {self.path}"
                ) from error
            except OSError as error:
                raise self._unusable(error) from error
            yield

    def _read(self) -> None:
        try:
            kept: dict[str, Any] = json.loads(self.path.read_bytes())
            of = kept.pop("of")
            self.cursor = Cursor(**kept)
        except FileNotFoundError:
            return
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnusableFile(
                f"{self.path} isn't what reserve listen has written: remove it, or name another one by --state"
            ) from error
        if of != self._of:
            raise UnusableFile(
                f"{self.path} says how far {of['mirror']} is sent on to {of['to']}, and nothing else:"
                " name another one by --state"
            )

    def save(self) -> None:
        """Writes the cursor: the file has either this one or the one before. Raises `UnusableFile`."""
        temporary = self.path.with_name(f"{self.path.name}.new")
        try:
            temporary.write_text(json.dumps({"of": self._of, **asdict(self.cursor)}))
            temporary.replace(self.path)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> UnusableFile:
        return UnusableFile(f"{self.path} can't be used: {error.strerror}. Name another one by --state")
