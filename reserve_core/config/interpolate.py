"""Interpolation: the groups of a match put into a mapping's value.

`$1` is a group by number, `$0` the whole match, `$name` a group by name, `$$` a dollar. A group that doesn't exist or
took no part in the match gives an empty string; a `$` before anything else is a plain dollar. As in REserve, a number
or a name reaches as far as it can: `$10` is group 10, `$ab` the group `ab`. Lists and dicts are interpolated at any
depth, the keys of dicts are not, and what is no string, list or dict is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .environment import pieces_of

Match = re.Match[str]

# What `compile_template` makes: called with a match, it returns the value. Its parts without a `$` are shared.
Template = Callable[[Match], Any]

_TOKEN = re.compile(r"\$(?:\$|([0-9]+)|([^\W\d]\w*))", re.ASCII)
_NUMBER = re.compile("0|[1-9][0-9]{0,5}")


def interpolate(match: Match, pattern: Any) -> Any:
    """`pattern` with the groups of `match` put in."""
    template = compile_template(pattern)
    return pattern if template is None else template(match)


def compile_template(value: Any) -> Template | None:
    """The template of a value, to be used for many matches; None when there is nothing to interpolate in it."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        return _members(value, value.items())
    if isinstance(value, list):
        return _members(value, enumerate(value))
    return None


def _members(value: Any, items: Iterable[tuple[Any, Any]]) -> Template | None:
    """The template of a dict or a list: a copy in which the members that have a template are replaced."""
    templates = [(key, template) for key, member in items if (template := compile_template(member)) is not None]
    if not templates:
        return None

    def members(match: Match) -> Any:
        result = value.copy()
        for key, template in templates:
            result[key] = template(match)
        return result

    return members


def _string(text: str) -> Template | None:
    literals, groups = split_template(text)
    if groups:
        return _one(literals, groups[0]) if len(groups) == 1 else _many(literals, groups)
    return None if literals[0] == text else lambda match: literals[0]


def split_template(text: str) -> tuple[list[str], list[int | str]]:
    """The groups of `text`, and the literals before, between and after them. What is of the environment has none."""
    literals, groups = [""], list[int | str]()
    for piece in pieces_of(text):
        if piece.variable is not None:
            literals[-1] += piece.text
        else:
            _split(piece.text, literals, groups)
    return literals, groups


def _split(text: str, literals: list[str], groups: list[int | str]) -> None:
    """Adds the groups and the literals of a piece."""
    end = 0
    for token in _TOKEN.finditer(text):
        literals[-1] += text[end : token.start()]
        end = token.end()
        number, name = token.groups()
        if number or name:
            # A number that no group can have stays a name, which no group has either.
            groups.append(int(number) if number and _NUMBER.fullmatch(number) else number or name)
            literals.append("")
        else:
            literals[-1] += "$"
    literals[-1] += text[end:]


def _one(literals: list[str], group: int | str) -> Template:
    before, after = literals

    def whole(match: Match) -> str:
        try:
            return match[group] or ""
        except IndexError:
            return ""

    def one(match: Match) -> str:
        try:
            return f"{before}{match[group] or ''}{after}"
        except IndexError:
            return before + after

    return one if before or after else whole


def _many(literals: list[str], groups: list[int | str]) -> Template:
    form = "%s".join(literal.replace("%", "%%") for literal in literals)

    def many(match: Match) -> str:
        try:
            values = match.group(*groups)
            if None not in values:
                return form % values
        except IndexError:
            pass
        return form % tuple(_group(match, group) for group in groups)

    return many


def _group(match: Match, group: int | str) -> str:
    try:
        return match[group] or ""
    except IndexError:
        return ""
