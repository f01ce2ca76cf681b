"""Searching a URL, or a host, for the pattern of a mapping: whatever the URL, within a bound.

A backtracking engine tries every way to divide a URL among the repetitions of an expression before it says no:
`^/(a+)+$` takes twice as long with each letter, `^/(.*)/(.*)\\.js$` with 8,000 slashes takes a second, and nobody else
is served meanwhile. Most expressions, and most URLs, can't do harm, which is known beforehand. What might is left to an
engine that gives up when its time is over.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from re import _constants as codes  # type: ignore[attr-defined, unused-ignore]
from typing import Any

from ..errors import HTTPError
from .pattern import Item, syntax

Search = Callable[[str], "re.Match[str] | None"]

logger: logging.Logger = logging.getLogger("reserve")

# Seconds that a search may take.
PATIENCE = 0.03
# A repetition with no more than so many choices is none that matters.
FEW = 10
# Characters of a URL for which an expression takes a few milliseconds at most, by how many of its repetitions can be
# divided anew within each other.
HARMLESS = {2: 1000, 3: 140}
MANY = 4
HARMLESS_MANY = 40
_ENDLESS = 1000  # repetitions of repetitions

# By the property that the pattern is: what its search takes too long for, and the status of the response.
_TOO_LONG = {
    "match": ("URLs", 414, "The request target is too long for this server's rules"),
    "host": ("hosts", 400, "The Host header is too long for this server's rules"),
}

_REPEATS = frozenset((codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT))
_ONE_CHARACTER = frozenset((codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN))
_CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}


def searcher(pattern: re.Pattern[str], label: str, name: str = "match") -> Search:
    """What `pattern.search` is, within a bound: when the search takes too long, it raises `HTTPError`.

    `label` names the mapping in the log, `name` is the property that the pattern is: `match` (414) or `host` (400).
    """
    items = flat(syntax(pattern))
    begins_with_all = bool(items) and is_all(items[0]) and not pattern.flags & re.MULTILINE
    nested = _nested(items)
    if not begins_with_all and not _is_anchored(items, pattern.flags) and _repeats(items):
        nested += 1  # it is tried anew from each character on
    if nested <= 1:
        return _once(pattern) if begins_with_all and len(items) > 1 else pattern.search
    longest = 0 if nested >= _ENDLESS else HARMLESS.get(nested, HARMLESS_MANY)
    return _bounded(pattern, label, name, longest)


def _once(pattern: re.Pattern[str]) -> Search:
    """Of a pattern that begins with `.*`: if it doesn't match from the beginning on, it does so from nowhere."""

    def search(url: str) -> re.Match[str] | None:
        match = pattern.match(url)
        return pattern.search(url) if match is None and "\n" in url else match

    return search


def _bounded(pattern: re.Pattern[str], label: str, name: str, longest: int) -> Search:
    import regex  # only where it's needed

    flags = regex.V0
    for flag in ("A", "I", "M", "S", "X"):
        if pattern.flags & getattr(re, flag):
            flags |= getattr(regex, flag)
    try:
        careful = regex.compile(pattern.pattern, flags)
    except regex.error:  # an oddity that Python alone knows
        return pattern.search
    warned = False

    def search(url: str) -> Any:
        nonlocal warned
        if len(url) <= longest:
            return pattern.search(url)
        try:
            return careful.search(url, timeout=PATIENCE)
        except TimeoutError:
            what, status, reason = _TOO_LONG[name]
            if not warned:
                warned = True
                logger.warning(
                    '%s: its "%s" takes too long for some %s: they are answered with %d\n'
                    "Let no two repetitions take the same characters: [^/]* instead of .*, a+ instead of (a+)+",
                    *(label, name, what, status),
                )
            raise HTTPError(status, reason) from None

    return search


def flat(items: Any) -> list[Item]:
    """Items without the groups around them."""
    found: list[Item] = []
    for code, argument in items:
        if code is codes.SUBPATTERN:
            found += flat(argument[3])
        elif code is codes.ATOMIC_GROUP:
            found += flat(argument)
        else:
            found.append((code, argument))
    return found


def _is_anchored(items: Sequence[Item], flags: int) -> bool:
    if not items or items[0][0] is not codes.AT:
        return False
    where = items[0][1]
    return where is codes.AT_BEGINNING_STRING or (where is codes.AT_BEGINNING and not flags & re.MULTILINE)


def is_all(item: Item) -> bool:
    """Whether an item is `.*`."""
    code, argument = item
    if code is not codes.MAX_REPEAT:
        return False
    low, high, body = argument
    return low == 0 and high is codes.MAXREPEAT and [code for code, _ in flat(body)] == [codes.ANY]


def _is_wide(item: Item) -> bool:
    return item[0] in _REPEATS and item[1][1] - item[1][0] > FEW


def _repeats(items: Sequence[Item]) -> bool:
    """Whether there is a repetition that matters, anywhere."""
    return any(_is_wide(item) or any(_repeats(flat(inner)) for inner in _inner(item)) for item in items)


def _inner(item: Item) -> list[Any]:
    """The sequences that an item consists of."""
    code, argument = item
    if code in _REPEATS:
        return [argument[2]]
    if code is codes.BRANCH:
        return list(argument[1])
    if code in (codes.ASSERT, codes.ASSERT_NOT):
        return [argument[1]]
    if code is codes.GROUPREF_EXISTS:
        return [part for part in argument[1:] if part is not None]
    return []


def _nested(items: Sequence[Item], after: Sequence[Item] = ()) -> int:
    """How many repetitions can be divided anew within each other, at most. `after` is what follows the items."""
    nested = 0
    for index, item in enumerate(items):
        code, argument = item
        if code is codes.GROUPREF:
            nested += 1
        inner = _inner(item)
        if not inner:
            continue  # before the rest is copied: that of each character of a long word takes minutes
        rest = [*items[index + 1 :], *after]
        if code not in _REPEATS:
            nested += max(_nested(flat(each), rest) for each in inner)
        elif not _is_wide(item):
            nested += _nested(flat(argument[2]), rest) * min(argument[1], FEW)
        elif any(each not in _ONE_CHARACTER for each, _ in flat(argument[2])):
            return _ENDLESS
        elif not _ends_by_itself(flat(argument[2]), rest):
            nested += 1
    return min(nested, _ENDLESS)


def _ends_by_itself(body: Sequence[Item], rest: Sequence[Item]) -> bool:
    """Whether a repetition has only one end: what follows can't be part of it, or nothing follows."""
    if not rest:
        return True
    if len(body) != 1:
        return False
    code, argument = rest[0]
    if code is codes.AT:
        return body[0][0] is codes.ANY and len(rest) == 1
    if code is not codes.LITERAL:
        return False
    char = chr(argument)
    # Upper and lower case may be the same, and be two characters (ß).
    return not any(_takes(body[0], each) for each in {char, *char.lower(), *char.upper()})


def _takes(item: Item, char: str) -> bool:
    """Whether an item that matches one character matches `char`, for all that is known."""
    code, argument = item
    if code is codes.LITERAL:
        return bool(argument == ord(char))
    if code is codes.NOT_LITERAL:
        return bool(argument != ord(char))
    if code is not codes.IN:
        return True
    negated = argument[0][0] is codes.NEGATE
    return negated != any(_is_among(each, char) for each in argument[negated:])


def _is_among(member: Item, char: str) -> bool:
    code, argument = member
    if code is codes.LITERAL:
        return bool(argument == ord(char))
    if code is codes.RANGE:
        return bool(argument[0] <= ord(char) <= argument[1])
    return re.match(_CATEGORIES[argument], char) is not None
