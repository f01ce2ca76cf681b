"""Where the values of a configuration's text stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import Problem

Path = tuple[str | int, ...]

# Levels of a configuration. More are a mistake, such as a dict that contains itself.
MAX_LEVELS = 100

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class Parsed(NamedTuple):
    """The value of a text, and what finds the line of every value in it, counted from 1, by its path."""

    value: Any
    lines: Callable[[], dict[Path, int]]


class Duplicate(NamedTuple):
    """A property written a second time in one object, and the line of the first."""

    path: Path
    line: int
    first_line: int

    def problem(self, file: str) -> Problem:
        """What to say of it; `file` is the text's name."""
        message = f'"{self.path[-1]}" is written twice in one object, first on line {self.first_line}'
        return Problem(message, "Remove one of the two", file, self.line)


def locate(text: str) -> tuple[dict[Path, int], list[Duplicate]]:
    """The line of every value in a valid JSON text, by its path, and the duplicate properties.

    Lines count from 1. A member of an object stands where its name stands, a path is `("mappings", 0, "match")`.
    """
    lines: dict[Path, int] = {(): 1}
    duplicates: list[Duplicate] = []
    path: list[str | int] = []
    opened: list[dict[str, int] | None] = []  # the names and lines of each open object's members; None for an array
    is_name = False
    line, end = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", end, token.start())
        end = token.start()
        mark = text[end]
        members = opened[-1] if opened else None
        if is_name and mark == '"':
            is_name = False
            assert members is not None
            path[-1] = name = json.loads(token[0])
            if name in members:
                duplicates.append(Duplicate(tuple(path), line, members[name]))
            members[name] = lines[tuple(path)] = line
            continue
        if opened and members is None and mark not in ",]":
            lines[tuple(path)] = line
        if mark in "{[":
            is_name = mark == "{"
            opened.append({} if is_name else None)
            path.append(0)
        elif mark in "}]":
            is_name = False
            opened.pop()
            path.pop()
        elif mark == ",":
            if members is None:
                path[-1] = int(path[-1]) + 1
            else:
                is_name = True
    return lines, duplicates
