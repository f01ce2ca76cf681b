"""What an import has not taken over, each with its place, its reason and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reserve_core import Problem

if TYPE_CHECKING:
    from .nginx_reader import Directive

Mapping = dict[str, Any]


class Untranslatable(Exception):
    """What can't be said in a configuration of this server: the reason, and what to write instead.

    `directive` is the one that it is about, if that isn't the whole block.
    """

    directive: Directive | None = None

    def __init__(self, reason: str, instead: str | None = None) -> None:
        super().__init__(reason)
        self.instead = instead


class Leftovers:
    """Collects them in the order of the lines. What several servers come upon is told once."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, int, str], Problem] = {}

    def add(self, file: str, line: int, text: str, reason: str, instead: str | None = None) -> None:
        """`text` is how the line has it, `reason` the end of a sentence."""
        line_of_it = text.replace("\n", "\\n")
        shown = line_of_it if len(line_of_it) <= 80 else f"{line_of_it[:77]}..."
        message = f'"{shown}" isn\'t taken over: {reason}'
        self._problems.setdefault((file, line, text), Problem(message, instead, file, line))

    @property
    def problems(self) -> list[Problem]:
        return sorted(self._problems.values(), key=lambda problem: (problem.file or "", problem.line or 0))
