"""Regular expressions of users, which never hold up a server: one that takes too long on a text is given up."""

from __future__ import annotations

import time
from typing import Any

MAX_LENGTH = 500
# Seconds that a search may take, and the characters for which it gets a second more.
PATIENCE = 0.03
_CHARACTERS = 10_000_000
# After one that took too long there is none for so many times as long, up to so many seconds: as many patterns as the
# rules of a mirror have take a tenth of the time then.
REST = 1000
LONGEST_REST = 60.0
# Characters from which on others may use the interpreter while one is searched.
_LARGE = 50_000


class TooSlow(Exception):
    """The search took too long, or one did just before."""


class BoundedPattern:
    """A regular expression in Python's syntax, found anywhere in a text. Raises ValueError for what is none."""

    def __init__(self, text: str) -> None:
        import regex  # the engine that can be told when to give up; only where it's needed

        if len(text) > MAX_LENGTH:
            raise ValueError(f"A regular expression has up to {MAX_LENGTH} characters, not {len(text)}")
        try:
            self._pattern: Any = regex.compile(text, regex.V0)
        except (regex.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{text!r} is no regular expression: {error}") from None
        self._rests_until = 0.0

    def found_in(self, text: str) -> bool:
        """Whether it is found in the text. Raises `TooSlow`."""
        if time.monotonic() < self._rests_until:
            raise TooSlow
        patience = PATIENCE + len(text) / _CHARACTERS
        try:
            return self._pattern.search(text, timeout=patience, concurrent=len(text) > _LARGE) is not None
        except TimeoutError:
            self._rests_until = time.monotonic() + min(REST * patience, LONGEST_REST)
            raise TooSlow from None
