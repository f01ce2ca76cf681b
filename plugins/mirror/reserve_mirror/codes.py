"""The codes of mirrors: what can be one, and new ones."""

from __future__ import annotations

import re

# A dot at the beginning could make a segment that no path keeps. The backslashes are for browsers.
CODE = r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,127}"
CODE_RULE = "up to 128 letters (a to z, A to Z), digits, -, _ and, but for the first, dots"

# Of a group of listeners, and of one of them.
GROUP = "[A-Za-z0-9_-]{1,64}"
GROUP_RULE = "up to 64 letters (a to z, A to Z), digits, - and _"

_CODE = re.compile(CODE, re.ASCII)
_NO_CODE_CHARACTER = r"[^A-Za-z0-9_.-]"
_SHOWN = 40  # characters of a code that is none


def is_code(text: str) -> bool:
    """Whether `text` can be the code of a mirror."""
    return _CODE.fullmatch(text) is not None


def why_no_code(text: str) -> str:
    """What is wrong with a text that can't be the code of a mirror, a sentence."""
    other = re.search(_NO_CODE_CHARACTER, text)
    because = f", because of {other[0]!r}" if other is not None else ""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"{shown!r} can't be the code of a mirror{because}: a code has {CODE_RULE}"


def new_code() -> str:
    """A code that nobody can guess: 128 bits."""
    from secrets import token_urlsafe

    return token_urlsafe(16)
