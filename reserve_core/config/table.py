"""The mapping table: which mappings may apply to a URL on a host, found without trying them all."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from copy import copy
from operator import attrgetter
from re import _constants as codes  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Self

from .hosts import parents_of
from .pattern import Item, syntax

if TYPE_CHECKING:
    from ..errors import Problem
    from .mapping import Mapping

# Mappings held in the candidate tuples that are kept for later requests, all tuples together.
_KEPT = 1 << 18
_POSITION = attrgetter("index")


class _Index:
    """Mappings by the literal text that what they match begins with: those that may match a text are found at once."""

    __slots__ = ("_always", "_everywhere", "_kept", "_keys", "_outer", "_owned", "_room", "mappings")

    def __init__(self, mappings: tuple[Mapping, ...], entries: Iterable[tuple[str, int]]) -> None:
        """`entries` are the required beginnings, each with the position of its mapping, in the order of positions."""
        self.mappings: tuple[Mapping, ...] = mappings
        owned: dict[str, list[int]] = {}
        for prefix, position in entries:
            owned.setdefault(prefix, []).append(position)
        self._always = owned.pop("", [])
        self._everywhere = tuple(mappings[position] for position in self._always)
        # In a sorted list, the longest prefix of a text is the key before the text, or a prefix of that key.
        self._keys = sorted(owned)
        self._owned = [owned[key] for key in self._keys]
        self._outer = _outer(self._keys)
        self._kept: list[tuple[Mapping, ...] | None] = [None] * len(self._keys)
        self._room = _KEPT

    def candidates(self, text: str) -> tuple[Mapping, ...]:
        """The mappings that may match `text`, in the table's order. Those left out can't match it."""
        keys = self._keys
        index = bisect_right(keys, text) - 1
        while index >= 0:
            if text.startswith(keys[index]):
                return self._kept[index] or self._build(index)
            index = self._outer[index]
        return self._everywhere

    def with_mappings(self, mappings: tuple[Mapping, ...]) -> Self:
        """The same with these in the places of its mappings, whose conditions they have."""
        index = copy(self)
        index.mappings = mappings
        index._everywhere = tuple(mappings[position] for position in self._always)
        index._kept = [None] * len(self._keys)
        index._room = _KEPT
        return index

    def _build(self, index: int) -> tuple[Mapping, ...]:
        positions = list(self._always)
        key = index
        while key >= 0:
            positions += self._owned[key]
            key = self._outer[key]
        positions.sort()
        built = tuple(self.mappings[position] for position in positions)
        if len(built) > self._room:
            self._kept = [None] * len(self._keys)
            self._room = _KEPT
        self._room -= len(built)
        self._kept[index] = built
        return built


class Table(_Index):
    """The mappings of a configuration, in order. Nothing in it changes: a reload makes a new one.

    Most patterns begin with literal text (`^/api/`), which a URL must begin with too. The table is an index by that
    prefix, so that the cost of `candidates` doesn't grow with the number of mappings. A second one has the mappings for
    hosts with a name, by the name and the prefix. `asks_host` says whether any mapping has a `host`: only then
    `candidates_on` is of use. `warnings` say what in the mappings is legal and can't do what it says.
    """

    __slots__ = ("_by_host", "_hosts", "_parents", "asks_host", "warnings")

    def __init__(self, mappings: Iterable[Mapping] = (), warnings: Iterable[Problem] = ()) -> None:
        mappings = tuple(mappings)
        everywhere: list[tuple[str, int]] = []
        by_host: list[tuple[str, int]] = []
        for position, mapping in enumerate(mappings):
            prefix = "" if mapping.invert else required_prefix(mapping.pattern)
            hosts = mapping.host
            if hosts is None or hosts.pattern is not None or mapping.invert:
                everywhere.append((prefix, position))
            else:
                by_host += ((f"{key} {prefix}", position) for key in hosts.keys)
        super().__init__(mappings, everywhere)
        self.warnings: tuple[Problem, ...] = tuple(warnings)
        self.asks_host: bool = any(mapping.host is not None for mapping in mappings)
        self._by_host = _Index(mappings, by_host)
        self._hosts = frozenset(key.partition(" ")[0] for key, _ in by_host)
        self._parents = frozenset(host.removeprefix("*.") for host in self._hosts if host.startswith("*."))

    def __len__(self) -> int:
        return len(self.mappings)

    def with_mappings(self, mappings: tuple[Mapping, ...]) -> Self:
        table = super().with_mappings(mappings)
        table._by_host = self._by_host.with_mappings(mappings)
        return table

    def candidates_on(self, host: str, url: str) -> tuple[Mapping, ...]:
        """The mappings that may match `url` on `host`; `candidates` has those for a request that names no host."""
        found = self.candidates(url)
        own = self._by_host.candidates(f"{host} {url}") if host in self._hosts else ()
        if self._parents:
            for parent in parents_of(host):
                if parent in self._parents:
                    own += self._by_host.candidates(f"*.{parent} {url}")
        return tuple(sorted(found + own, key=_POSITION)) if own else found


def _outer(keys: list[str]) -> list[int]:
    """For each of the sorted `keys` the index of the longest other one that it begins with, -1 for none."""
    outer: list[int] = []
    open_keys: list[int] = []
    for index, key in enumerate(keys):
        while open_keys and not key.startswith(keys[open_keys[-1]]):
            open_keys.pop()
        outer.append(open_keys[-1] if open_keys else -1)
        open_keys.append(index)
    return outer


def required_prefix(pattern: re.Pattern[str]) -> str:
    """The literal text that every URL matched by `pattern` begins with; "" when its syntax doesn't show one."""
    if pattern.flags & (re.IGNORECASE | re.MULTILINE):
        return ""
    items = syntax(pattern)
    if not items or items[0][0] is not codes.AT or items[0][1] not in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING):
        return ""
    return _literal(items[1:])[0]


def _literal(items: Iterable[Item]) -> tuple[str, bool]:
    """The literal text that parsed `items` begin with, and whether it's all of them."""
    text = ""
    for code, argument in items:
        if code is codes.LITERAL:
            text += chr(argument)
        elif code is codes.SUBPATTERN and not (argument[1] or argument[2]):  # no flags of its own
            inner, is_all = _literal(argument[3])
            text += inner
            if not is_all:
                return text, False
        else:
            return text, False
    return text, True
