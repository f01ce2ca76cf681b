"""The mapping table: which mappings may apply to a URL on a host, found without trying them all."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from .hosts import parents_of
from .literals import ANYTHING, Parts, Texts, needs

if TYPE_CHECKING:
    from ..errors import Problem
    from .mapping import Mapping

# Mappings held in the candidate tuples that are kept for later requests, all tuples together.
_KEPT = 1 << 18
# Mappings that are tried sooner than the texts they need are looked for.
_FEW = 10
_POSITION = attrgetter("index")


class _IndexEntry(NamedTuple):
    """What the text that a mapping matches begins with, and the parts that it has besides."""

    beginning: str
    parts: Sequence[Texts]
    position: int


class _Beginnings:
    """Entries by the literal text that what their mappings match begins with.

    Where many need the same beginning, or none, those that need some text behind it are found by this one.
    """

    __slots__ = ("folds", "keys", "outer", "owned", "parts")

    def __init__(self, entries: Iterable[_IndexEntry], folds: bool) -> None:
        """With `folds`, the entries have casefolded text, which is looked for in casefolded texts."""
        by_beginning: dict[str, list[_IndexEntry]] = {"": []}
        for entry in entries:
            by_beginning.setdefault(entry.beginning, []).append(entry)
        self.folds: bool = folds
        # In a sorted list, the longest prefix of a text is the key before the text, or a prefix of that key. The key ""
        # is the last one: -1, where each way out ends.
        self.keys: list[str] = sorted(filter(None, by_beginning))
        self.outer: list[int] = _outer(self.keys)
        self.owned: list[list[int]] = []
        self.parts: list[tuple[Parts, ...]] = []
        for key in (*self.keys, ""):
            tried, found = _divided(by_beginning[key])
            self.owned.append([entry.position for entry in tried])
            self.parts.append((Parts([(entry.parts, entry.position) for entry in found]),) if found else ())
        for index, outer in enumerate(self.outer):
            self.parts[index] += self.parts[outer]


class _Index:
    """Mappings by their beginnings: those that may match a text are found at once."""

    __slots__ = ("_folds", "_kept", "_keys", "_outer", "_owned", "_parts", "_room", "mappings")

    def __init__(self, mappings: tuple[Mapping, ...], beginnings: _Beginnings) -> None:
        self.mappings: tuple[Mapping, ...] = mappings
        self._folds: bool = beginnings.folds
        self._keys: list[str] = beginnings.keys
        self._outer: list[int] = beginnings.outer
        self._owned: list[list[int]] = beginnings.owned
        self._parts: list[tuple[Parts, ...]] = beginnings.parts
        self._kept: list[tuple[Mapping, ...] | None] = []
        self._room: int = 0
        self._forget()

    def candidates(self, text: str) -> tuple[Mapping, ...]:
        """The mappings that may match `text`, in the table's order. Those left out can't match it."""
        if self._folds:
            text = text.casefold()
        keys = self._keys
        index = bisect_right(keys, text) - 1
        while index >= 0 and not text.startswith(keys[index]):
            index = self._outer[index]
        found = self._kept[index]
        if found is None:
            found = self._build(index)
        for parts in self._parts[index]:
            if own := parts.within(text):
                found = _in_order(found + tuple([self.mappings[position] for position in own]))
        return found

    def _forget(self) -> None:
        self._kept = [None] * len(self._owned)
        self._room = _KEPT

    def _build(self, index: int) -> tuple[Mapping, ...]:
        positions = list(self._owned[-1])
        key = index
        while key >= 0:
            positions += self._owned[key]
            key = self._outer[key]
        positions.sort()
        built = tuple([self.mappings[position] for position in positions])
        if len(built) > self._room:
            self._forget()
        self._room -= len(built)
        self._kept[index] = built
        return built


class _Conditions:
    """What mappings are found by: their beginnings, and those of the ones for hosts with a name, behind these."""

    __slots__ = ("asks_host", "by_host", "everywhere", "hosts", "parents")

    def __init__(self, mappings: Sequence[Mapping]) -> None:
        folds = any(mapping.pattern.flags & re.IGNORECASE for mapping in mappings)
        everywhere: list[_IndexEntry] = []
        by_host: list[_IndexEntry] = []
        names: set[str] = set()
        for position, mapping in enumerate(mappings):
            beginnings, parts = ANYTHING if mapping.invert else needs(mapping.pattern, folds)
            hosts = mapping.host
            if hosts is None or hosts.pattern is not None or mapping.invert:
                everywhere += [_IndexEntry(text, parts, position) for text in beginnings]
            else:
                names |= hosts.keys
                by_host += [_IndexEntry(f"{key} {text}", parts, position) for key in hosts.keys for text in beginnings]
        self.everywhere: _Beginnings = _Beginnings(everywhere, folds)
        self.by_host: _Beginnings = _Beginnings(by_host, folds)
        self.hosts: frozenset[str] = frozenset(names)
        self.parents: frozenset[str] = frozenset([name.removeprefix("*.") for name in names if name.startswith("*.")])
        self.asks_host: bool = any(mapping.host is not None for mapping in mappings)


class Table(_Index):
    """The mappings of a configuration, in order. Nothing in it changes: a reload makes a new one.

    Most patterns need literal text: `^/api/` at the beginning of a URL, `^/(en|de)/` one of two, `\\.js$` somewhere.
    The table is an index by such text, so that the cost of `candidates` does not grow with the number of mappings. A
    second one has the mappings for hosts with a name, by the name and the text. What shows none, and what is inverted,
    is always a candidate. `asks_host` says whether any mapping has a `host`: only then `candidates_on` is of use.
    `warnings` say what in the mappings is legal and can't do what it says.
    """

    __slots__ = ("_by_host", "_conditions", "_hosts", "_parents", "asks_host", "warnings")

    def __init__(
        self,
        mappings: Iterable[Mapping] = (),
        warnings: Iterable[Problem] = (),
        conditions: _Conditions | None = None,
    ) -> None:
        """`conditions`: those of the mappings, where they are known."""
        mappings = tuple(mappings)
        if conditions is None:
            conditions = _Conditions(mappings)
        super().__init__(mappings, conditions.everywhere)
        self.warnings: tuple[Problem, ...] = tuple(warnings)
        self.asks_host: bool = conditions.asks_host
        self._conditions = conditions
        self._by_host = _Index(mappings, conditions.by_host)
        self._hosts: frozenset[str] = conditions.hosts
        self._parents: frozenset[str] = conditions.parents

    def __len__(self) -> int:
        return len(self.mappings)

    def with_mappings(self, mappings: tuple[Mapping, ...]) -> Table:
        """The same with these in the places of its mappings, whose conditions they have."""
        return Table(mappings, self.warnings, self._conditions)

    def candidates_on(self, host: str, url: str) -> tuple[Mapping, ...]:
        """The mappings that may match `url` on `host`; `candidates` has those for a request that names no host."""
        found = self.candidates(url)
        own = self._by_host.candidates(f"{host} {url}") if host in self._hosts else ()
        if self._parents:
            for parent in parents_of(host):
                if parent in self._parents:
                    own += self._by_host.candidates(f"*.{parent} {url}")
        return _in_order(found + own) if own else found


def _in_order(mappings: tuple[Mapping, ...]) -> tuple[Mapping, ...]:
    return tuple(sorted(mappings, key=_POSITION))


def _divided(entries: list[_IndexEntry]) -> tuple[list[_IndexEntry], list[_IndexEntry]]:
    """Those that are tried for each text, and those that are found by their parts, which pays for many only."""
    found = [entry for entry in entries if entry.parts] if len(entries) > _FEW else []
    return ([entry for entry in entries if not entry.parts], found) if len(found) > _FEW else (entries, [])


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
