"""Parses JSON, with comments and trailing commas (JSONC), and explains what is wrong with it.

Comments are `//` to the end of the line and `/* */`, as in JavaScript; a comma may stand behind the last member.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import ConfigError, Problem
from .positions import Parsed, locate

# A literal that Python's parser takes but JSON hasn't; strings are matched so as to be passed over.
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<constant>NaN|-?Infinity)')
_WORD = re.compile(r"[^\W\d][\w-]*")

# Strings are matched so as to be passed over, those without an end too.
_STRING = r'"(?:[^"\\]|\\.)*+"?'
_COMMENT = re.compile(rf"{_STRING}|(?P<blank>//[^\n]*|/\*(?s:.*?)\*/)")
# The comma behind a last member. One that has no member before it stays.
_TRAILING = re.compile(rf"{_STRING}|[\[{{,:]\s*+,|(?P<blank>,)(?=\s*+[}}\]])")


def parse(text: str, file: str) -> Parsed:
    """The value of a JSON text (RFC 8259), which may have comments and trailing commas, without duplicate properties.

    `file` is its name for the messages. Raises `ConfigError` with every problem found, each with its line.
    """
    try:
        return _parsed(text, file)
    except ConfigError:
        plain = _blanked(_TRAILING, _blanked(_COMMENT, text))
        if plain == text:
            raise
    return _parsed(plain, file)


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """`text` with spaces instead of what is `blank` in it: all else stays where it is."""

    def blank(found: re.Match[str]) -> str:
        return found[0] if found["blank"] is None else re.sub(r"[^\n]", " ", found[0])

    return pattern.sub(blank, text)


def _parsed(text: str, file: str) -> Parsed:
    has_duplicates = False

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_duplicates
        members = dict(pairs)
        has_duplicates |= len(members) < len(pairs)
        return members

    try:
        value = json.loads(text, object_pairs_hook=collect, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message, hint, position = _explain(text, error)
        raise ConfigError(_problem(text, position, message, hint, file)) from error
    except _ConstantError as error:
        position = next((found.start() for found in _CONSTANT.finditer(text) if found["constant"]), 0)
        raise ConfigError(_problem(text, position, f"{error} is not a JSON number", "Write a number", file)) from error
    except RecursionError as error:
        raise ConfigError(Problem("Nested too deeply", "Write it with fewer levels", file)) from error
    except ValueError as error:  # an integer with more digits than Python converts
        raise ConfigError(Problem("A number has too many digits", "Write a smaller number", file)) from error
    if has_duplicates:
        raise ConfigError(duplicate.problem(file) for duplicate in locate(text)[1])
    return Parsed(value, lambda: locate(text)[0])


class _ConstantError(ValueError):
    """NaN or an infinity was met."""


def _refuse_constant(name: str) -> Any:
    raise _ConstantError(name)


def _problem(text: str, position: int, message: str, hint: str, file: str) -> Problem:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return Problem(f"Invalid JSON at column {column}: {message}", hint, file, line)


def _explain(text: str, error: json.JSONDecodeError) -> tuple[str, str, int]:
    """What is wrong, how to mend it, and where; in the same words for every version of Python."""
    position = error.pos
    before = text[:position].rstrip()
    if before.endswith(",") and text[position : position + 1] in ("}", "]"):
        position = len(before) - 1  # the comma, where later versions of Python point at
    rest = text[position:]
    if not rest.strip():
        return (
            "the text ends too early",
            "A closing bracket or a value is missing; the smallest configuration is {}",
            position,
        )
    if _LAST_COMMA.match(rest):
        return "a comma before the closing bracket", "Remove the comma", position
    for start, (message, hint) in (_BY_TEXT | _BY_ERROR).items():
        if rest.startswith(start) or error.msg.startswith(start):
            return message, hint, position
    if rest.startswith(","):
        return "a comma too many", "Remove it", position
    word = _WORD.match(rest)
    what = "a property's name" if error.msg.startswith("Expecting property name") else "a value"
    return f"{what} is expected", f'Write "{word[0]}"' if word else "Write it in double quotes", position


_LAST_COMMA = re.compile(r",\s*[}\]]")

# What stands at the place of an error, or how Python calls the error: what it is, and how to mend it.
_BY_TEXT = {
    "/*": ("a comment without its end", "End it with */"),
    "#": ("a comment of another language", "Begin it with //"),
    "'": ("a single quote", "Strings and names stand in double quotes"),
    "True": ("True is not JSON", "Write true"),
    "False": ("False is not JSON", "Write false"),
    "None": ("None is not JSON", "Write null"),
    "undefined": ("undefined is not JSON", "Write null, or leave the property out"),
}
_BY_ERROR = {
    "Invalid \\": ("an unknown escape in a string", r'Write a backslash twice: "\\d"'),
    "Invalid control": ("a line break or a tab in a string", r"Close the string, or write \n or \t"),
    "Unterminated string": ("a string without its closing double quote", "Close the string"),
    "Extra data": ("more text after the end of the configuration", "Remove it, or check the brackets"),
    "Expecting ',' delimiter": ("a comma or a closing bracket is missing", "Write it before this place"),
    "Expecting ':' delimiter": ("a colon is missing", "Write it between the property's name and its value"),
}
