"""The list of mappings as a whole: how each is found, and which requests never come to it. Only what is proven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..config.literals import needs
from ..config.reach import all_ended, endings
from .reasons import alternatives

if TYPE_CHECKING:
    from ..config import Configuration, Mapping
    from ..errors import Problem


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping of the list.

    `beginnings` are texts: each URL that it matches begins with one of them, by which it is found. Without any it is
    tried for all URLs. `ended` has the methods whose requests an earlier mapping ends, with the place of that one; `*`
    stands for all methods. `warnings` are those of `reserve check`.
    """

    mapping: str
    file: str | None
    line: int | None
    place: str
    prefix: str
    beginnings: tuple[str, ...]
    ended: dict[str, str]
    reached: bool
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Its members."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n    ".join((f"{self.place}  {self.prefix}  {self.mapping}", *self._notes()))

    def _notes(self) -> Iterator[str]:
        if self.beginnings:
            yield f"for URLs that begin with {alternatives(self.beginnings)}"
        else:
            yield "tried for all URLs: no beginning is common to those it matches"
        places: dict[str, list[str]] = {}
        for method, place in self.ended.items():
            places.setdefault(place, []).append(method)
        if not self.reached:
            yield f"NEVER REACHED: all its requests end at {alternatives(list(places), 'and')}"
        else:
            yield from (f"no {alternatives(methods)} comes here: {place} ends it" for place, methods in places.items())
        yield from (f"Warning: {warning}" for warning in self.warnings)


def overview(configuration: Configuration) -> list[Entry]:
    """The mappings of `configuration`, in order."""
    return [_entry(mapping, ended, configuration.warnings) for mapping, ended in endings(configuration.mappings)]


def _entry(mapping: Mapping, ended: dict[str | None, Mapping], warnings: tuple[Problem, ...]) -> Entry:
    found = () if mapping.invert else filter(None, needs(mapping.pattern).beginnings)
    beginnings = tuple(map(mapping.masked, found))
    return Entry(
        *(mapping.label, mapping.file, mapping.line, mapping.place, mapping.handler.prefix, beginnings),
        ended=dict(sorted((method or "*", by.place) for method, by in ended.items())),
        reached=not all_ended(mapping, ended),
        warnings=tuple(each.message for each in warnings if _is_of(each, mapping)),
    )


def _is_of(warning: Problem, mapping: Mapping) -> bool:
    return (warning.mapping, warning.file) == (mapping.label, mapping.file)
