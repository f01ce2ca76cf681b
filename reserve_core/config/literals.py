"""The literal text that a pattern needs, and texts of which those that occur in another one are found at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from re import _constants as codes  # type: ignore[attr-defined, unused-ignore]
from typing import NamedTuple

from .pattern import Item, syntax

# Alternatives that are expanded, of one pattern: `^/(a|b)/(c|d)/` has four.
_MANY = 64

_BEGINNINGS = (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING)
_NO_WIDTH = frozenset((codes.AT, codes.ASSERT, codes.ASSERT_NOT))
_GRAM = 3

# Alternatives: a match has one of them.
Texts = Sequence[str]
# Three characters in a row.
Gram = tuple[str, ...]


class Needs(NamedTuple):
    """What every text that a pattern matches has: one of the `beginnings`, and one of each of the `parts` behind it.

    The beginnings are sorted, and none of them begins with another one. Parts have three characters at least.
    """

    beginnings: Texts
    parts: Sequence[Texts] = ()


ANYTHING = Needs(("",))


def needs(pattern: re.Pattern[str], folds: bool = False) -> Needs:
    """What the syntax of `pattern` shows of the text that it needs; with `folds` what the casefolded text has.

    Only this can be said of a pattern that ignores the case, and not of one that ignores it as Unicode does: to it, a
    dotless i is an I, which no casefolding makes of it.
    """
    if pattern.flags & re.IGNORECASE and not (folds and pattern.flags & re.ASCII):
        return ANYTHING
    items = list(_flat(syntax(pattern)))
    is_anchored = bool(items) and items[0][0] is codes.AT and items[0][1] in _BEGINNINGS
    runs = list(_runs(items))
    if folds:
        runs = [[text.casefold() for text in texts] for texts in runs]
    beginnings = _shortest(runs.pop(0)) if is_anchored and not pattern.flags & re.MULTILINE else ANYTHING.beginnings
    return Needs(beginnings, [texts for texts in runs if min(map(len, texts)) >= _GRAM])


def required_prefix(pattern: re.Pattern[str]) -> str:
    """The literal text that every URL matched by `pattern` begins with; "" when its syntax doesn't show one."""
    beginnings = needs(pattern).beginnings
    first, last = beginnings[0], beginnings[-1]  # sorted: what these two have in common, those between them have, too
    size = next((index for index, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first[:size]


class Parts:
    """Positions of mappings by the text that they need somewhere: those that may match a text are found at once.

    Each text is known by the three characters in a row that the fewest of the others have.
    """

    __slots__ = ("_grams", "_owned")

    def __init__(self, entries: Iterable[tuple[Sequence[Texts], int]]) -> None:
        """`entries` are the `parts` of what mappings need, each with the position of its mapping."""
        entries = list(entries)
        counts = Counter(
            gram
            for parts, _ in entries
            for gram in {gram for texts in parts for text in texts for gram in _grams(text)}
        )

        def rarest(text: str) -> Gram:
            return min(_grams(text), key=counts.__getitem__)

        self._owned: dict[Gram, list[tuple[str, int]]] = {}
        for parts, position in entries:
            for text in min(parts, key=lambda texts: max(counts[rarest(text)] for text in texts)):
                self._owned.setdefault(rarest(text), []).append((text, position))
        self._grams = frozenset(self._owned)

    def within(self, text: str) -> Set[int]:
        """The positions of the mappings that may match `text`."""
        found = self._grams.intersection(_grams(text))
        if not found:
            return frozenset()
        return {position for gram in found for part, position in self._owned[gram] if part in text}


def _grams(text: str) -> Iterator[Gram]:
    return zip(text, text[1:], text[2:], strict=False)


def _flat(items: Iterable[Item]) -> Iterator[Item]:
    """Items without the groups around them, but for groups that have flags of their own. A literal is a whole text."""
    text = ""
    for code, argument in items:
        if code is codes.LITERAL:
            text += chr(argument)
            continue
        if text:
            yield codes.LITERAL, text
            text = ""
        if code is codes.SUBPATTERN and not (argument[1] or argument[2]):
            yield from _flat(argument[3])
        else:
            yield code, argument
    if text:
        yield codes.LITERAL, text


def _runs(items: Iterable[Item]) -> Iterator[list[str]]:
    """The texts along flat `items`, each time until something stops them: no text, or too many alternatives.

    A match has one of each, in their order; it begins with one of the first.
    """
    texts = [""]
    for item in items:
        more, goes_on = _texts(item)
        if len(texts) * len(more) > _MANY:
            more, goes_on = [""], False
        if more != [""]:
            texts = [text + its for text in texts for its in more]
        if not goes_on:
            yield texts
            texts = [""]
    yield texts


def _texts(item: Item) -> tuple[list[str], bool]:
    """The texts that what an item matches begins with, and whether they are all of it."""
    code, argument = item
    if code is codes.LITERAL:
        return [argument], True
    if code in _NO_WIDTH:
        return [""], True
    if code is codes.IN and len(argument) <= _MANY and all(each is codes.LITERAL for each, _ in argument):
        return [chr(char) for _, char in argument], True
    if code is codes.BRANCH and len(argument[1]) <= _MANY:
        branches = [list(_runs(_flat(items))) for items in argument[1]]
        return [text for runs in branches for text in runs[0]], all(len(runs) == 1 for runs in branches)
    return [""], False


def _shortest(texts: Iterable[str]) -> Texts:
    """Those of the texts that begin with none of the others."""
    found: list[str] = []
    for text in sorted(texts):
        if not found or not text.startswith(found[-1]):
            found.append(text)
    return found
