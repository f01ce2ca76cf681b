"""Which URLs and methods come to a mapping, as far as its pattern proves it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from re import _constants as codes, _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, NamedTuple

from .search import flat, is_all
from .table import required_prefix

if TYPE_CHECKING:
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # told, or not, when the pattern was compiled
        items = flat(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    if items and items[0][0] is codes.AT and items[0][1] in _BEGINNINGS:
        del items[0]
    size = next((index for index, (code, _) in enumerate(items) if code is not codes.LITERAL), len(items))
    prefix, rest = "".join(chr(argument) for _, argument in items[:size]), items[size:]
    whole_word = bool(rest) and _is_no_word(rest[0])
    rest = rest[whole_word:]
    if len(rest) > 1 and rest[-1][0] is codes.AT and rest[-1][1] in _ENDS:
        del rest[-1]
    return Area(prefix, whole_word) if all(map(is_all, rest)) else None


def unreached(mappings: Iterable[Mapping]) -> Iterator[tuple[Mapping, Mapping]]:
    """The mappings that no request comes to, each with an earlier one that ends all requests it could get.

    Only what is proven: the earlier one has no condition but its method and its match, and these hold all of the later
    one's.
    """
    by_prefix: dict[str, list[tuple[Area, Mapping]]] = {}
    by_pattern: dict[re.Pattern[str], list[Mapping]] = {}

    def before(mapping: Mapping) -> Iterator[Mapping]:
        if not mapping.invert:
            yield from by_pattern.get(mapping.pattern, ())
        prefix = "" if mapping.invert else required_prefix(mapping.pattern)
        for length in range(len(prefix) + 1):
            yield from (other for its, other in by_prefix.get(prefix[:length], ()) if its.holds(prefix))

    for mapping in mappings:
        methods = mapping.handler.methods if mapping.invert else mapping.methods
        by = next((other for other in before(mapping) if _includes(other.methods, methods)), None)
        if by is not None:
            yield mapping, by
        elif mapping.final and not mapping.invert and mapping.if_match is None:
            by_pattern.setdefault(mapping.pattern, []).append(mapping)
            its = area(mapping.pattern)
            if its is not None:
                by_prefix.setdefault(its.prefix, []).append((its, mapping))


def _includes(all_of_them: frozenset[str] | None, methods: frozenset[str] | None) -> bool:
    return all_of_them is None or (methods is not None and methods <= all_of_them)


def _is_no_word(item: tuple[Any, Any]) -> bool:
    r"""Whether an item is `(?!\w)`, the end of a simple path."""
    code, argument = item
    return code is codes.ASSERT_NOT and argument[0] > 0 and list(argument[1]) == _NO_WORD
