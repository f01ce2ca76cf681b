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
# What the engine says of patterns, in plain words, with what to write; by how far the character that is meant is behind
# the engine's position, None where that is the end.
_FAULTS = {
    "missing )": (r"a ( is not closed; write ) behind its group, or \( for itself", None),
    "unterminated character set": (r"a [ is not closed; write ] behind its characters, or \[ for itself", None),
    "unbalanced parenthesis": (r"the ) closes no group; write \) for itself", 1),
    "nothing to repeat": (r"there is nothing in front of it to repeat; write .* for any text, or \ before it", 1),
    "multiple repeat": (r"what is repeated already can't be repeated; leave it out, or write \ before it", 1),
    "bad escape (end of pattern)": (r"a \ at the end; write \\ for itself", None),
    "min repeat greater than max repeat": ("of {least,most} the least is more than the most", 1),
    "bad character range": ("a range goes from the lower character to the higher, as [a-z]", 0),
}
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
            raise ValueError(f"{text!r} is no regular expression: {_fault(error, len(text))}") from None
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


def _fault(error: Exception, length: int) -> str:
    """What is wrong with a pattern of this length, where, and what to write instead."""
    reason, position = getattr(error, "msg", str(error)), getattr(error, "pos", None)
    words, behind = _FAULTS.get(reason, (reason, 1))
    return words if behind is None or position is None else f"at character {min(position + behind, length)} {words}"
