"""Parses TOML by Python's own `tomllib`, which tells no places: the lines are found in the text, once it is known to be
right."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from ..errors import ConfigError, Problem
from .positions import Parsed, Path

# How tomllib calls the place of an error.
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

# How tomllib calls a property in an error: ('limits', 'max-body').
_NAMES = re.compile(r"\('(.*)',?\)")

# How tomllib calls an error, and how to mend it.
_MENDS = {
    "Invalid value": "Strings stand in quotes",
    "Expected '=' after a key": "Write name = value; a name with more than letters, digits, _ and - stands in quotes",
    "Cannot overwrite a value": "It is written twice: remove one of the two",
    "Cannot declare": "It is written twice: remove one of the two",
    "Cannot mutate": "It is written twice: remove one of the two",
    "Unescaped '\\' in a string": r"Write a backslash twice, or use single quotes: '\d'",
}

# Mappings as one table: each is a table of a list.
MAPPINGS_MEND = "Write [[mappings]], in double brackets, above each mapping"
_ONE_TABLE = re.compile(r"^[ \t]*\[[ \t]*mappings[ \t]*\]", re.MULTILINE)

_BLANK = re.compile(r"(?:\s|#[^\n]*)*+")
_NAME = re.compile(r"[ \t]*+(?:(\"(?:[^\"\\]|\\.)*+\"|'[^']*')|([\w-]+))[ \t]*+(\.)?")
_SCALAR = re.compile(
    r'"""(?s:[^\\]|\\.)*?"""(?:"{1,2}(?!"))?'
    r"|'''(?s:.)*?'''(?:'{1,2}(?!'))?"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*'"
    r"|[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?"  # a date may have a space before its time
)


def parse(text: str, file: str) -> Parsed:
    """The value of a TOML text (https://toml.io/en/v1.0.0) that has no dates.

    `file` is its name for the messages. Raises `ConfigError` with the problems, each with its line.
    """
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_explained(str(error), text, file)) from error
    except RecursionError as error:
        raise ConfigError(Problem("Nested too deeply", "Write it with fewer levels", file)) from error
    except ValueError as error:  # an integer with more digits than Python converts
        raise ConfigError(Problem("A number has too many digits", "Write a smaller number", file)) from error
    dates = list(_dates(value))
    if dates:
        lines = locate(text)
        hint = "Write it in quotes"
        raise ConfigError(
            Problem(f"{each} is a date: there are none here", hint, file, lines[at]) for at, each in dates
        )
    return Parsed(value, lambda: locate(text))


def _explained(error: str, text: str, file: str) -> Problem:
    place = _PLACE.search(error)
    what = _NAMES.sub(_dotted, error[: place.start()] if place else error)
    mend = next((mend for start, mend in _MENDS.items() if what.startswith(start)), "Check the brackets and the quotes")
    if what.startswith("Cannot") and _ONE_TABLE.search(text):
        mend = MAPPINGS_MEND
    if place is None or place[1] is None:
        if not what.startswith("Cannot"):
            mend = "Close the brackets and the quotes; a name needs a value"
        return Problem(f"Invalid TOML: {what} at the end of the text", mend, file, text.count("\n") + 1)
    return Problem(f"Invalid TOML at column {place[2]}: {what}", mend, file, int(place[1]))


def _dotted(names: re.Match[str]) -> str:
    return '"' + names[1].replace("', '", ".") + '"'


def _dates(value: Any) -> Iterator[tuple[Path, date | time]]:
    """The dates and times in a value, each with its path."""
    rest: list[tuple[Path, Any]] = [((), value)]
    while rest:
        path, value = rest.pop()
        if isinstance(value, dict):
            rest += [((*path, name), member) for name, member in reversed(value.items())]
        elif isinstance(value, list):
            rest += [((*path, index), member) for index, member in reversed(list(enumerate(value)))]
        elif isinstance(value, date | datetime | time):
            yield path, value


def locate(text: str) -> dict[Path, int]:
    """The line of every value in a valid TOML text, counted from 1, by its path: `("mappings", 0, "match")`."""
    return _Scanner(text).scanned()


class _Scanner:
    """Goes through a valid text once. What it doesn't have to tell apart, it passes over."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._lines: dict[Path, int] = {(): 1}
        self._counts: dict[Path, int] = {}  # of the tables of each array of tables

    def scanned(self) -> dict[Path, int]:
        table: Path = ()
        self._pass(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._array_table()
            elif self._text[self._at] == "[":
                self._advance(1)
                table = self._noted((), self._names())
                self._advance(1)
            else:
                self._member(table)
            self._pass(_BLANK)
        return self._lines

    def _array_table(self) -> Path:
        """The table that a `[[header]]` begins."""
        self._advance(2)
        path = self._noted((), self._names(), last=False)
        self._advance(2)
        self._lines.setdefault(path, self._line)
        index = self._counts.get(path, 0)
        self._counts[path] = index + 1
        self._lines[*path, index] = self._line
        return (*path, index)

    def _member(self, table: Path) -> None:
        """`name = value`; dots in the name go through tables."""
        path = self._noted(table, self._names())
        self._advance(1)  # =
        self._value(path)

    def _value(self, path: Path) -> None:
        self._pass(_BLANK)
        mark = self._text[self._at]
        if mark not in "[{":
            self._pass(_SCALAR)
            return
        index = 0
        self._advance(1)
        self._pass(_BLANK)
        while self._text[self._at] not in "]}":
            if mark == "{":
                self._member(path)
            else:
                self._lines[*path, index] = self._line
                self._value((*path, index))
                index += 1
            self._pass(_BLANK)
            if self._text[self._at] == ",":
                self._advance(1)
                self._pass(_BLANK)
        self._advance(1)

    def _names(self) -> list[str]:
        """The names between dots that stand here."""
        names = []
        while True:
            name = _NAME.match(self._text, self._at)
            assert name is not None
            self._at = name.end()
            quoted, plain, dot = name.groups()
            names.append(plain if quoted is None else str(tomllib.loads(f"name = {quoted}")["name"]))
            if dot is None:
                return names

    def _noted(self, path: Path, names: list[str], last: bool = True) -> Path:
        """The path of `names` from `path` on, through the last table of each array; their lines are noted.

        Without `last`, that of the array itself.
        """
        for number, name in enumerate(names):
            path = (*path, name)
            self._lines.setdefault(path, self._line)
            if path in self._counts and (last or number < len(names) - 1):
                path = (*path, self._counts[path] - 1)
        return path

    def _pass(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        assert found is not None
        self._line += found[0].count("\n")
        self._at = found.end()

    def _advance(self, count: int) -> None:
        self._at += count
