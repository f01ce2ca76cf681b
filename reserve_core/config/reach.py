"""Which URLs, methods and hosts come to a mapping, as far as its pattern proves it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from re import _constants as codes  # type: ignore[attr-defined]
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
    """The mappings that no request comes to, each with the earlier ones that end all requests it could get.

    Only what is proven: the earlier ones have no condition but their method, their match and the hosts of the later
    one, and each match holds all of the later one's.
    """
    ends: dict[tuple[Hosts | None, Area | re.Pattern[str]], _Ends] = {}

    def before(mapping: Mapping) -> Iterator[_Ends]:
        prefix = "" if mapping.invert else required_prefix(mapping.pattern)
        for hosts in {None, None if mapping.invert else mapping.host}:
            if not mapping.invert and (hosts, mapping.pattern) in ends:
                yield ends[hosts, mapping.pattern]
            for length in range(len(prefix) + 1):
                for its in (Area(prefix[:length]), Area(prefix[:length], whole_word=True)):
                    if (hosts, its) in ends and its.holds(prefix):
                        yield ends[hosts, its]

    for mapping in mappings:
        by = _ending(list(before(mapping)), mapping.handler.methods if mapping.invert else mapping.methods)
        if by:
            yield mapping, by
        elif mapping.final and not mapping.invert and mapping.if_match is None:
            for key in (mapping.pattern, area(mapping.pattern)):
                if key is not None:
                    for method in mapping.methods or (None,):
                        ends.setdefault((mapping.host, key), {}).setdefault(method, mapping)


# The first mapping that ends all requests of a method; None stands for all methods.
_Ends = dict[str | None, "Mapping"]


def _ending(ends: list[_Ends], methods: frozenset[str] | None) -> list[Mapping]:
    """The mappings that end the requests of all the methods, in their order; none if one of these is left."""
    by_all = next((each[None] for each in ends if None in each), None)
    if by_all is not None:
        return [by_all]
    found = [next((each[method] for each in ends if method in each), None) for method in methods or (None,)]
    by = {mapping.index: mapping for mapping in found if mapping is not None}
    return [by[index] for index in sorted(by)] if None not in found else []


def _is_no_word(item: Item) -> bool:
    r"""Whether an item is `(?!\w)`, the end of a simple path."""
    code, argument = item
    return code is codes.ASSERT_NOT and argument[0] > 0 and list(argument[1]) == _NO_WORD
