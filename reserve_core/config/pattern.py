"""The `match` of a mapping, compiled.

Two spellings: a **simple** string is a path (`/books/:id`), anything with one of ``()^$[]|\\?+*{}`` is a regular
expression, searched in path and query. JavaScript's spelling of groups is accepted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from re import _parser as parser  # type: ignore[attr-defined, unused-ignore]
from typing import Any

from ..errors import ConfigError
from .environment import pieces_of
from .migration import of_expression

DEFAULT = "(.*)"

Item = tuple[Any, Any]

_SPECIAL = re.compile(r"[()^$\[\]|\\?+*{}]")
_PARAMETER = re.compile(r":([^\W\d]\w*)", re.ASCII)
# One token of a JavaScript expression that Python may spell otherwise; escapes and classes pass whole. `[^]` is any
# character where it can't begin a class of Python's.
_JAVASCRIPT = re.compile(
    r"\\k<([^>]*)>|(\[\^\])(?=[*+?{)|$]|$)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<(?![=!])", re.DOTALL
)
_ESCAPE = "write a backslash before it; in JSON, two"
_REPEATED = f"A * repeats what stands before it: .* is anything, [^/]* a name. To mean one of *+?{{}} itself, {_ESCAPE}"
_REPEATS = {"nothing to repeat": _REPEATED, "multiple repeat": _REPEATED}
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "u": re.NOFLAG, "g": re.NOFLAG}


def compile_match(match: Any = DEFAULT) -> re.Pattern[str]:
    """The pattern of a mapping's `match`: a string, a dict `{"re": ..., "flags": ...}` or a compiled pattern.

    `\\d`, `\\w` and `\\b` are ASCII, as in JavaScript, but for a pattern that comes compiled.
    Raises `ConfigError`, which says where in the expression the mistake is.
    """
    if isinstance(match, str):
        own = "".join(piece.text for piece in pieces_of(match) if piece.variable is None)
        return compile_expression({"re": match}) if _SPECIAL.search(own) else _simple(match)
    if isinstance(match, dict | re.Pattern):
        return compile_expression(match)
    raise ConfigError('"match" must be a string, {"re": ...} or a compiled pattern', 'Write "/path" or "^/(.*)"')


def compile_expression(
    value: dict[str, Any] | re.Pattern[Any], name: str = "match", flags: re.RegexFlag = re.NOFLAG
) -> re.Pattern[str]:
    """The pattern of `{"re": ..., "flags": ...}`, the property `name`, or a compiled one, with these `flags` besides.

    Raises `ConfigError`, as `compile_match`.
    """
    if not isinstance(value, re.Pattern):
        return _regex(value["re"], value.get("flags", ""), name, flags)
    if not isinstance(value.pattern, str):
        message = f'"{name}" is a pattern of bytes: a {"URL" if name == "match" else name} is a str'
        raise ConfigError(message, 'Compile it from a str: re.compile(r"...")')
    return re.compile(value.pattern, value.flags | flags) if flags else value


@lru_cache(maxsize=1)  # what is asked about a pattern is asked in a row
def syntax(pattern: re.Pattern[str]) -> tuple[Item, ...]:
    """What `pattern` consists of, as Python's own parser tells it: codes of the module `re._constants`, with what each
    of them is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # told, or not, when the pattern was compiled
        return tuple(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))


def _simple(path: str) -> re.Pattern[str]:
    """`/path` is that path and all below it: `/path`, `/path/x`, `/path?x`, but not `/pathx`. `/path/` is all below it.

    `:name` is a group up to the next `/` or the query. The last group is what follows the path.
    """
    if not path.startswith("/"):
        raise ConfigError(
            f'"{path}" can never match: a URL starts with "/"', f'Write "/{path}", or "(.*)" for all URLs'
        )
    names: list[str] = []

    def expression(piece: str) -> str:
        parts = _PARAMETER.split(piece)
        names.extend(parts[1::2])
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (f"(?P<{name}>[^/?]+)" for name in parts[1::2])
        return "".join(parts)

    beginning = _with_variables_escaped(path, expression)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f'"{path}" has the group ":{twice}" twice', "Give each group a name of its own")
    # REserve ends with \b. It means "not in the middle of a word", but fails after a "-" and would cut an "é" off.
    end = "" if path.endswith("/") else r"(?!\w)"
    return re.compile(f"^{beginning}{end}(.*)")


def _with_variables_escaped(text: str, expression: Callable[[str], str]) -> str:
    """The `expression` of a text, in which what is of the environment stands for itself."""
    return "".join(
        expression(piece.text) if piece.variable is None else re.escape(piece.text) for piece in pieces_of(text)
    )


def _regex(text: str, letters: str, name: str, flags: re.RegexFlag) -> re.Pattern[str]:
    unknown = [flag for flag in letters if flag not in _FLAGS]
    if unknown:
        raise ConfigError(
            f'"{unknown[0]}" is not a flag of "{name}"', "The flags are i, m and s; u and g change nothing"
        )
    options = re.ASCII | flags
    for flag in letters:
        options |= _FLAGS[flag]
    python = _JAVASCRIPT.sub(_translate, _with_variables_escaped(text, str))
    try:
        with warnings.catch_warnings():
            # Of "[[a]" and the like, which Python may read otherwise one day.
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(python, options)
    except re.error as error:
        reason = error.msg if error.pos is None else f"{error.msg} at character {_position(text, error.pos) + 1}"
        raise _invalid(name, text, reason, of_expression(error.msg) or _REPEATS.get(error.msg)) from error
    except (OverflowError, RecursionError) as error:
        raise _invalid(name, text, str(error)) from error


def _translate(token: re.Match[str]) -> str:
    if token[0] == "(?<":
        return "(?P<"
    if token[2]:
        return r"[\s\S]"
    return f"(?P={token[1]})" if token[1] else token[0]


def _position(text: str, position: int) -> int:
    """The index in `text` of an index in its translation, where translated tokens are some characters longer."""
    for token in _JAVASCRIPT.finditer(text):
        if token.end() >= position:
            break
        position -= len(_translate(token)) - len(token[0])
    return position


def _invalid(name: str, text: str, reason: str, hint: str | None = None) -> ConfigError:
    mend = hint or rf"To mean one of ()^$[]|\?+*{{}} itself, {_ESCAPE}"
    return ConfigError(f'"{name}": "{text}" is not a regular expression: {reason}', mend)
