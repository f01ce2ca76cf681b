"""Which URLs, methods and hosts come to a mapping, as far as its pattern proves it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from re import _constants as codes  # type: ignore[attr-defined, unused-ignore]
from typing import TYPE_CHECKING, NamedTuple

from .literals import required_prefix
from .pattern import Item, syntax
from .search import flat, is_all

if TYPE_CHECKING:
    from .hosts import Hosts
    from .mapping import Mapping

_BEGINNINGS = (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING)
_ENDS = (codes.AT_END, codes.AT_END_STRING)
_NO_WORD = [(codes.IN, [(codes.CATEGORY, codes.CATEGORY_WORD)])]


class Area(NamedTuple):
    """The URLs that begin with `prefix`; with `whole_word` those only in which no letter, digit or `_` follows it."""

    prefix: str
    whole_word: bool = False

    def holds(self, prefix: str) -> bool:
        """Whether every URL that begins with `prefix` is in it."""
        rest = prefix.removeprefix(self.prefix)
        return prefix.startswith(self.prefix) and (not self.whole_word or re.match(r"\W", rest) is not None)


def area(pattern: re.Pattern[str]) -> Area | None:
    """The URLs that `pattern` matches whatever they end with: those below /api/ for `^/api/(.*)`, all for `(.*)`.

    None when it asks for more than a beginning.
    """
    items = flat(syntax(pattern))
    if items and items[0][0] is codes.AT and items[0][1] in _BEGINNINGS:
        del items[0]
    size = next((index for index, (code, _) in enumerate(items) if code is not codes.LITERAL), len(items))
    prefix, rest = "".join(chr(argument) for _, argument in items[:size]), items[size:]
    whole_word = bool(rest) and _is_no_word(rest[0])
    rest = rest[whole_word:]
    if len(rest) > 1 and rest[-1][0] is codes.AT and rest[-1][1] in _ENDS:
        del rest[-1]
    return Area(prefix, whole_word) if all(map(is_all, rest)) else None


def unreached(mappings: Iterable[Mapping]) -> Iterator[tuple[Mapping, list[Mapping]]]:
    """The mappings that no request comes to, each with the earlier ones that end all requests it could get."""
    for mapping, ended in endings(mappings):
        if all_ended(mapping, ended):
            by = {each.index: each for each in ended.values()}
            yield mapping, [by[index] for index in sorted(by)]


def endings(mappings: Iterable[Mapping]) -> Iterator[tuple[Mapping, dict[str | None, Mapping]]]:
    """Each mapping with the methods whose requests never come to it, each with the earlier mapping that ends them.

    The method None stands for all. Only what is proven: the earlier mappings have no condition but their method, their
    match and the hosts of the later one, and each match holds all of the later one's.
    """
    ends: dict[tuple[Hosts | None, Area | re.Pattern[str]], dict[str | None, Mapping]] = {}
    lengths: set[int] = set()  # of the prefixes in it

    def before(mapping: Mapping) -> Iterator[tuple[str | None, Mapping]]:
        prefix = "" if mapping.invert else required_prefix(mapping.pattern)
        for hosts in {None, None if mapping.invert else mapping.host}:
            if not mapping.invert and (hosts, mapping.pattern) in ends:
                yield from ends[hosts, mapping.pattern].items()
            for length in (each for each in lengths if each <= len(prefix)):
                for its in (Area(prefix[:length]), Area(prefix[:length], whole_word=True)):
                    if (hosts, its) in ends and its.holds(prefix):
                        yield from ends[hosts, its].items()

    for mapping in mappings:
        methods = _methods(mapping)
        ended: dict[str | None, Mapping] = {}
        for method, by in before(mapping):
            if method is None or methods is None or method in methods:
                ended[method] = min(by, ended.get(method, by), key=lambda each: each.index)
        if None in ended:
            ended = {None: ended[None]}
        yield mapping, ended
        if mapping.final and not mapping.invert and mapping.if_match is None and not all_ended(mapping, ended):
            for key in (mapping.pattern, area(mapping.pattern)):
                if isinstance(key, Area):
                    lengths.add(len(key.prefix))
                if key is not None:
                    for method in mapping.methods or (None,):
                        ends.setdefault((mapping.host, key), {}).setdefault(method, mapping)


def _methods(mapping: Mapping) -> frozenset[str] | None:
    """The methods of the requests that may come to a mapping."""
    return mapping.handler.methods if mapping.invert else mapping.methods


def all_ended(mapping: Mapping, ended: dict[str | None, Mapping]) -> bool:
    """Whether these, as `endings` gives them, are all requests that a mapping could get."""
    methods = _methods(mapping)
    return None in ended or (methods is not None and methods <= ended.keys())


def _is_no_word(item: Item) -> bool:
    r"""Whether an item is `(?!\w)`, the end of a simple path."""
    code, argument = item
    return code is codes.ASSERT_NOT and argument[0] > 0 and list(argument[1]) == _NO_WORD
